from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.baseline_hazard import efron_baseline
from training.families.person_periods import PersonPeriods, fit_pooled, interval_clock


def patients(n: int = 300, causes: int = 2, seed: int = 5, ties: bool = True) -> tuple[np.ndarray, Outcome]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    latent = rng.exponential(np.exp(-X[:, :1] * 0.7) * 3.0, size=(n, causes))
    censored = rng.uniform(0.5, 9.0, n)
    time = np.minimum(latent.min(axis=1), censored)
    time = np.ceil(time * 8) / 8 if ties else time
    event = np.where(latent.min(axis=1) < censored, latent.argmin(axis=1) + 1, 0)
    return X, Outcome.right_censored(time, event, tuple("xyz"[:causes]))


def written_out(theta: np.ndarray, X: np.ndarray, periods: PersonPeriods, penalty: float, drift: float) -> float:
    """The penalised log-likelihood, patient by patient and interval by interval."""
    causes, n, j = periods.event.shape
    p = X.shape[1]
    parts = theta.reshape(causes, j + 2 * p)
    total = 0.0
    for i in range(n):
        for q in range(j):
            scores = [row[q] + X[i] @ row[j : j + p] + periods.position[q] * (X[i] @ row[j + p :]) for row in parts]
            chances = np.exp(scores) / (1 + np.exp(scores).sum())
            force = -np.log(1 - chances.sum())
            total += sum(periods.event[k, i, q] * np.log(force * chances[k] / chances.sum()) for k in range(causes))
            total -= periods.exposure[i, q] * force
    for row in parts:
        total -= penalty / 2 * np.sum(row[j : j + p] ** 2) + drift / 2 * np.sum(row[j + p :] ** 2)
        total -= 0.05 * np.sum((row[:j] - row[:j].mean()) ** 2)
    return total


@pytest.mark.parametrize("causes", [1, 2])
def test_the_fit_is_the_maximum_of_the_likelihood_written_out(causes: int) -> None:
    X, outcome = patients(n=80, causes=causes)
    X = X - X.mean(axis=0)
    clock, edges = interval_clock(outcome, 4, None)
    periods = PersonPeriods.of(outcome, clock, edges, None)
    fitted = fit_pooled(X, periods, penalty=np.full(3, 2.0), drift=4.0)
    best = np.concatenate(
        [np.concatenate([fitted.intercept[k], fitted.main[k], fitted.drift[k]]) for k in range(causes)]
    )
    top = written_out(best, X, periods, 2.0, 8.0)
    for direction in np.eye(len(best)):
        around = [written_out(best + step * direction, X, periods, 2.0, 8.0) for step in (-1e-3, 1e-3)]
        assert max(around) < top
        assert abs(around[1] - around[0]) / 2e-3 < 1e-4


def test_without_predictors_the_forces_are_efrons_baseline_also_under_ties() -> None:
    _, outcome = patients(causes=1, n=2000)
    clock, edges = interval_clock(outcome, 10, None)
    periods = PersonPeriods.of(outcome, clock, edges, None)
    fitted = fit_pooled(np.zeros((outcome.n, 0)), periods, penalty=np.zeros(0), drift=1.0)
    force = np.log1p(np.exp(fitted.intercept[0]))
    hazard = efron_baseline(np.zeros(outcome.n), outcome, 1).cumulative(edges)
    assert np.abs(np.cumsum(force) / hazard - 1).max() < 2e-3


def test_intervals_share_the_events_evenly_and_the_clock_gains_one_in_each() -> None:
    _, outcome = patients(n=2000, ties=False)
    clock, edges = interval_clock(outcome, 10, None)
    counts = np.histogram(outcome.time_days[outcome.event > 0], np.concatenate([[0], edges]) + 1e-9)[0]
    assert len(edges) == 10
    assert np.ptp(counts) <= 1
    assert np.allclose(clock.cumulative(edges), np.arange(1, 11))


def test_few_events_make_few_intervals() -> None:
    _, outcome = patients(n=20)
    assert len(interval_clock(outcome, 10, None)[1]) <= int(np.sum(outcome.event > 0)) // 5


def test_a_weight_of_two_is_a_patient_standing_twice() -> None:
    X, outcome = patients(n=120)
    clock, edges = interval_clock(outcome, 5, None)
    single, double = (
        PersonPeriods.of(outcome, clock, edges, None),
        PersonPeriods.of(outcome, clock, edges, np.full(120, 2.0)),
    )
    copied = PersonPeriods(np.tile(single.exposure, (2, 1)), np.tile(single.event, (1, 2, 1)), single.position)
    weighted = fit_pooled(X, double, penalty=np.full(3, 2.0), drift=4.0)
    twice = fit_pooled(np.tile(X, (2, 1)), copied, penalty=np.full(3, 2.0), drift=4.0)
    assert np.abs(weighted.main - twice.main).max() < 1e-6
    assert np.abs(weighted.intercept - twice.intercept).max() < 1e-6


def test_more_columns_than_patients_give_the_model_of_the_columns_that_they_are_copies_of() -> None:
    X, outcome = patients(n=40)
    clock, edges = interval_clock(outcome, 4, None)
    periods = PersonPeriods.of(outcome, clock, edges, None)
    ridges = np.linspace(2.0, 30.0, 20)
    once = fit_pooled(X, periods, penalty=np.full(3, 1 / np.sum(1 / ridges)), drift=4.0)
    often = fit_pooled(np.tile(X, 20), periods, penalty=np.repeat(ridges, 3), drift=4.0)
    assert often.main.reshape(2, 20, 3).sum(axis=1) == pytest.approx(once.main, abs=1e-5)
    assert often.drift.reshape(2, 20, 3).sum(axis=1) == pytest.approx(once.drift, abs=1e-5)
    assert often.intercept == pytest.approx(once.intercept, abs=1e-5)
