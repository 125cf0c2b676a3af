"""Hazard ratios that change at given days: against Cox in each interval alone, and under every law of a family."""

from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.families import CauseSpecific
from training.families.cox import Cox
from training.families.family import Design, Family, FamilyError, ModelState
from training.families.piecewise import PiecewiseHazards
from training.families.proportional import Linear, ProportionalHazards
from training.partial_likelihood import fit_cox

DAYS = (42.0, 90.0)
TIMES = np.array([10.0, 42.0, 60.0, 90.0, 200.0, 365.0])
COLUMNS = ("age", "spread", "site=a", "site=b", "site:unknown")


def patients(n: int = 600, causes: int = 1, seed: int = 1) -> tuple[Design, Outcome]:
    """`spread` multiplies the hazard by e^1.2 until day 90, and no more; whole days, so that deaths are tied."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n), rng.integers(0, 2, (n, 2)), rng.integers(0, 2, n)])
    rate, due = np.exp(0.5 * X[:, 0]) / 150, rng.exponential(size=n)
    early = rate * np.exp(1.2 * X[:, 1])
    time = np.where(due < early * 90, due / early, 90 + (due - early * 90) / rate)
    lost = rng.uniform(30, 700, n)
    event = np.where(time <= lost, rng.integers(1, causes + 1, n), 0)
    return Design(X, COLUMNS), Outcome.right_censored(np.ceil(np.minimum(time, lost)), event, tuple("xy"[:causes]))


def family(causes: int = 1, days: tuple[float, ...] = DAYS, **settings: float) -> Family:
    cox = Cox(time_varying=("spread", "site"), change_days=days, **settings)  # type: ignore[arg-type]
    return CauseSpecific(cox) if causes > 1 else cox


def fitted(design: Design, outcome: Outcome, **settings: float) -> PiecewiseHazards:
    hazards = family(**settings).fit(design, outcome, 0)
    assert isinstance(hazards, PiecewiseHazards)
    return hazards


def linear(piece: ProportionalHazards) -> Linear:
    assert isinstance(piece.score, Linear)
    return piece.score


def test_where_every_column_may_change_each_interval_is_a_cox_model_of_its_own() -> None:
    design, outcome = patients()
    X = design.X[:, :2]
    free = Cox(penalty=1e-7, time_varying=("a", "b"), change_days=DAYS).fit(Design(X, ("a", "b")), outcome, 0)
    assert isinstance(free, PiecewiseHazards)
    bounds = [0.0, *DAYS, np.inf]
    for j, piece in enumerate(free.pieces):
        rows = np.flatnonzero(outcome.time_days > bounds[j])
        end = np.minimum(outcome.time_days[rows], bounds[j + 1])
        event = np.where(outcome.time_days[rows] <= bounds[j + 1], outcome.event[rows], 0)
        alone = fit_cox(X[rows], Outcome(np.full(len(rows), bounds[j]), end, end, event, ("x",)))
        assert linear(piece).coef == pytest.approx(alone.coef, abs=1e-5)
        assert linear(piece).covariance == pytest.approx(alone.covariance, rel=1e-3)
        steps = np.unique(piece.steps)
        assert np.array_equal(steps, alone.times)
        assert piece.baseline.cumulative(steps) == pytest.approx(alone.hazard, rel=1e-4)


def test_an_effect_that_ends_is_found_and_one_that_stays_is_shared() -> None:
    design, outcome = patients(n=1500)
    pieces = fitted(design, outcome, penalty=2.0).pieces
    spread = [linear(piece).coef[1] for piece in pieces]
    errors = [np.sqrt(linear(piece).covariance[1, 1]) for piece in pieces]  # type: ignore[index]
    for estimate, error, truth in zip(spread, errors, (1.2, 1.2, 0.0), strict=True):
        assert abs(estimate - truth) < 2.5 * error + 0.1
    assert len({linear(piece).coef[0] for piece in pieces}) == 1
    assert len({linear(piece).coef[4] for piece in pieces}) == 1  # that the site is not known is another column
    gap = fitted(design, outcome, penalty=1e6).pieces
    assert abs(linear(gap[0]).coef[1] - linear(gap[2]).coef[1]) < 1e-3


def predicted(design: Design, outcome: Outcome, X: np.ndarray | None = None, scale: float = 1.0) -> Curves:
    learner = family(len(outcome.causes), tuple(day * scale for day in DAYS))
    return learner.fit(design, outcome, 0).predict(design.X if X is None else X, TIMES * scale)


@pytest.mark.parametrize("causes", [1, 2])
def test_the_order_of_rows_and_the_unit_of_time_are_irrelevant(causes: int) -> None:
    design, outcome = patients(causes=causes)
    straight = predicted(design, outcome)
    order = np.random.default_rng(0).permutation(outcome.n)
    shuffled = predicted(Design(design.X[order], COLUMNS), outcome.take(order), design.X)
    assert np.abs(straight.incidence - shuffled.incidence).max() < 1e-9
    months = Outcome.right_censored(outcome.time_days / 32, outcome.event, outcome.causes)
    assert np.abs(straight.incidence - predicted(design, months, scale=1 / 32).incidence).max() < 1e-9
    assert np.abs(straight.incidence.sum(axis=1) + straight.survival - 1).max() < 1e-12


@pytest.mark.parametrize("causes", [1, 2])
def test_what_leaves_the_house_comes_back_and_answers_the_same_at_its_times(causes: int) -> None:
    design, outcome = patients(causes=causes)
    learner = family(causes)
    model = learner.fit(design, outcome, 0)
    few = np.array([42.0, 200.0])  # one of the days at which effects change is no time of the answers
    coarse = model.coarsened(few)
    assert np.array_equal(coarse.predict(design.X, few).incidence, model.predict(design.X, few).incidence)
    state = coarse.state()
    again = learner.load(ModelState(dict(state.json), {k: v.copy() for k, v in state.arrays.items()}))
    assert np.array_equal(again.predict(design.X, TIMES).incidence, coarse.predict(design.X, TIMES).incidence)
    alone = np.concatenate([again.predict(design.X[i : i + 1], TIMES).incidence for i in range(20)])
    assert np.array_equal(alone, again.predict(design.X[:20], TIMES).incidence)


def test_weights_of_one_are_no_weights_and_a_rowless_weight_is_no_row() -> None:
    design, outcome = patients()
    half = np.flatnonzero(np.arange(outcome.n) % 2 == 0)
    weights = (np.arange(outcome.n) % 2 == 0).astype(float)
    plain = fitted(Design(design.X[half], COLUMNS), outcome.take(half)).predict(design.X, TIMES)
    weighted = fitted(Design(design.X, COLUMNS, weights), outcome).predict(design.X, TIMES)
    assert np.abs(plain.incidence - weighted.incidence).max() < 1e-7


def test_a_day_with_too_few_events_on_one_side_is_passed_over() -> None:
    design, outcome = patients()
    last = float(np.sort(outcome.time_days[outcome.event == 1])[-5])
    kept = Cox(time_varying=("spread",), change_days=(1.0, 42.0, 43.0, last)).fit(design, outcome, 0)
    assert isinstance(kept, PiecewiseHazards)
    assert kept.edges.tolist() == [42.0]
    assert all((outcome.event[np.isin(outcome.time_days, piece.steps)] == 1).sum() >= 10 for piece in kept.pieces)


def test_a_predictor_without_a_column_in_these_rows_changes_nothing() -> None:
    design, outcome = patients()
    plain = Cox().fit(design, outcome, 0)
    absent = Cox(time_varying=("ecog",), change_days=DAYS).fit(design, outcome, 0)
    assert np.array_equal(plain.predict(design.X, TIMES).incidence, absent.predict(design.X, TIMES).incidence)


def test_settings_that_contradict_themselves_are_refused_in_words() -> None:
    with pytest.raises(FamilyError, match=r"time_varying \(predictors\) and change_days belong together"):
        Cox(time_varying=("age",))
    with pytest.raises(FamilyError, match=r"must ascend from above zero, got \[90.0, 42.0\]"):
        Cox(time_varying=("age",), change_days=(90.0, 42.0))
    with pytest.raises(FamilyError, match=r'time_varying must be a list, like \["age"\]'):
        Cox().with_settings({"time_varying": "age", "change_days": [42]})
    with pytest.raises(FamilyError, match=r"change_days must be a list, like \[42, 90\]"):
        Cox().with_settings({"time_varying": ["age"], "change_days": ["42"]})
    assert Cox().with_settings({"time_varying": ["age"], "change_days": [42]}).change_days == (42.0,)
