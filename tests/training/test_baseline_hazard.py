"""The sub-steps: by hand, against Aalen and Johansen's own formula, and against duplicated rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import BaselineHazard, efron_baseline, linear_predictor, product_limit

Floats = NDArray[np.float64]


def tied(n: int = 200, causes: int = 2, seed: int = 0) -> Outcome:
    rng = np.random.default_rng(seed)
    names = ("recovered", "died", "lost")[:causes]
    return Outcome.right_censored(rng.integers(1, 13, n), rng.integers(0, causes + 1, n), names)


def aalen_johansen(outcome: Outcome, times: Floats) -> Floats:
    """The textbook's loop over whole tied times."""
    survival, incidence = 1.0, np.zeros(len(outcome.causes))
    steps, values = [0.0], [incidence]
    for t in np.unique(outcome.time_days[outcome.event > 0]):
        at_risk = np.sum(outcome.time_days >= t)
        deaths = np.array([np.sum((outcome.time_days == t) & (outcome.event == k + 1)) for k in range(len(incidence))])
        incidence = incidence + survival * deaths / at_risk
        survival *= 1 - deaths.sum() / at_risk
        steps.append(float(t))
        values.append(incidence)
    return np.array(values)[np.searchsorted(steps, times, side="right") - 1].T


def composed(outcome: Outcome, lp: Floats, times: Floats, weights: Floats | None = None) -> Floats:
    baselines = [efron_baseline(lp, outcome, k + 1, weights) for k in range(len(outcome.causes))]
    hazards = [np.exp(np.zeros((1, 1))) * b.increments[None, :] for b in baselines]
    return product_limit(baselines[0].steps, hazards, times)[0]


@pytest.mark.parametrize("causes", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_without_predictors_the_sub_steps_are_aalen_and_johansen_exactly(causes: int, seed: int) -> None:
    outcome, times = tied(causes=causes, seed=seed), np.arange(1.0, 15.0)
    assert np.abs(composed(outcome, np.zeros(outcome.n), times) - aalen_johansen(outcome, times)).max() < 1e-14


@pytest.mark.parametrize("causes", [1, 2])
def test_a_coarsened_baseline_says_the_same_at_its_times_and_keeps_nobodys_day(causes: int) -> None:
    rng = np.random.default_rng(4)
    n, times = 600, np.array([20.0, 60.0, 90.0, 180.0, 400.0])
    days = np.round(rng.exponential(200, n), 3) + 0.001
    lp = rng.normal(0, 0.8, n)
    outcome = Outcome.right_censored(days, rng.integers(0, causes + 1, n), ("recovered", "died")[:causes])
    exact = [efron_baseline(lp, outcome, k + 1) for k in range(causes)]
    coarse = [baseline.coarsened(times) for baseline in exact]
    for fine, rough in zip(exact, coarse, strict=True):
        assert len(rough.steps) == len(fine.steps)
        assert (np.diff(rough.steps) >= 0).all()
        assert np.array_equal(rough.cumulative([*times, 1e9]), fine.cumulative([*times, 1e9]))
        assert len(np.intersect1d(rough.steps[rough.steps < fine.steps.max()], days)) == 0
    hazards = np.exp(rng.normal(0, 0.8, (50, 1)))
    answers = [
        product_limit(baselines[0].steps, [hazards * one.increments for one in baselines], times)
        for baselines in (exact, coarse)
    ]
    assert np.array_equal(answers[0], answers[1])


def test_a_coarsened_baseline_spreads_ties_up_to_the_end_of_their_cell() -> None:
    baseline = BaselineHazard(np.array([2.0, 2.0, 5.0]), np.array([0.1, 0.3, 0.2]))
    coarse = baseline.coarsened(np.array([2.0, 4.0]))
    assert coarse.steps.tolist() == [1.0, 2.0, 5.0]
    assert coarse.increments.tolist() == [0.1, 0.3, 0.2]


def test_a_baseline_by_hand() -> None:
    """Two of four die on day 2: 1/R and 1/(R − T/2), R = 2 + 1 + 1 + 1, T = 2 + 1; the last on day 5: 1/1."""
    outcome = Outcome.right_censored([2, 2, 3, 5], [1, 1, 0, 1])
    baseline = efron_baseline(np.log([2.0, 1.0, 1.0, 1.0]), outcome, 1)
    assert baseline.steps.tolist() == [2, 2, 5]
    assert np.allclose(baseline.increments, [1 / 5, 1 / 3.5, 1], rtol=1e-15)
    assert np.allclose(baseline.cumulative(np.array([1.0, 2.0, 4.9, 5.0])), [0, 17 / 35, 17 / 35, 52 / 35], rtol=1e-15)


def test_the_causes_of_a_tied_time_share_its_sub_steps() -> None:
    """Two causes on one day: each carries half of both sub-steps, (1/2)/R and (1/2)/(R − T/2)."""
    outcome = Outcome.right_censored([2, 2, 3], [1, 2, 0], ("a", "b"))
    for cause in (1, 2):
        assert np.allclose(efron_baseline(np.zeros(3), outcome, cause).increments, [0.5 / 3, 0.5 / 2], rtol=1e-15)


@pytest.mark.parametrize("causes", [1, 2])
def test_weights_are_duplicated_rows_where_nothing_is_predicted(causes: int) -> None:
    outcome = tied(60, causes=causes)
    copies = np.random.default_rng(1).integers(0, 4, outcome.n)
    doubled = outcome.take(np.repeat(np.arange(outcome.n), copies))
    times = np.arange(1.0, 14.0)
    weighted = composed(outcome, np.zeros(outcome.n), times, copies.astype(float))
    assert np.abs(weighted - composed(doubled, np.zeros(doubled.n), times)).max() < 1e-13


def test_sub_step_hazards_above_one_are_scaled_and_incidence_and_survival_sum_to_one() -> None:
    steps, times = np.array([1.0, 1.0, 2.0]), np.array([0.5, 1.0, 2.0, 3.0])
    hazards = [np.array([[0.3, 0.9, 0.2]]), np.array([[0.1, 0.6, 0.2]])]
    incidence = product_limit(steps, hazards, times)[0]
    assert incidence[:, 0].tolist() == [0, 0]
    assert abs(incidence[:, 1].sum() - 1) < 1e-15
    assert np.allclose(incidence[:, 1], [0.3 + 0.6 * 0.6, 0.1 + 0.6 * 0.4], rtol=1e-15)
    assert np.array_equal(incidence[:, 1], incidence[:, 3])


def test_shifting_every_log_hazard_changes_no_answer() -> None:
    outcome, lp = tied(), np.random.default_rng(2).normal(size=200)
    low, high = (efron_baseline(lp + shift, outcome, 1) for shift in (-600.0, 600.0))
    middle = efron_baseline(lp, outcome, 1)
    assert np.allclose(low.increments * np.exp(-600), middle.increments, rtol=1e-9)
    assert np.allclose(high.increments * np.exp(600), middle.increments, rtol=1e-9)


def test_an_outcome_without_events_has_no_steps() -> None:
    baseline = efron_baseline(np.zeros(3), Outcome.right_censored([1, 2, 3], [0, 0, 0]), 1)
    assert baseline.cumulative(np.array([1.0, 9.0])).tolist() == [0, 0]


def test_the_linear_predictor_of_one_row_is_that_of_the_batch() -> None:
    rng = np.random.default_rng(3)
    X, coef = rng.normal(size=(300, 37)), rng.normal(size=37)
    batch = linear_predictor(X, coef)
    assert np.array_equal(batch, np.concatenate([linear_predictor(X[i : i + 1], coef) for i in range(300)]))
    assert np.allclose(batch, X @ coef, rtol=1e-12)
