from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.families.family import Design
from training.families.super_learner import Blend, SuperLearner
from training.recalibration import Recalibration, judged_recalibration
from training.stacking import HonestBrier

Floats = NDArray[np.float64]
RATES = np.array([0.7, 0.3])


def world(n: int = 1500, causes: int = 1, seed: int = 2) -> tuple[Floats, Outcome]:
    """Constant hazards of each cause: RATES · exp(X_k)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, causes))
    died = rng.exponential(1.0 / (RATES[:causes] * np.exp(X)))
    censored = rng.uniform(0.3, 4.0, n)
    event = np.where(died.min(axis=1) < censored, died.argmin(axis=1) + 1, 0)
    time = np.minimum(died.min(axis=1), censored)
    return X, Outcome.right_censored(time, event, ("x", "y")[:causes])


def curves(X: Floats, times: Floats, *, spread: float = 1.0, level: float = 1.0) -> Floats:
    """(n, causes, t) of hazards level · RATES · exp(spread · X_k)."""
    hazards = level * RATES[: X.shape[1]] * np.exp(spread * X)
    force = hazards.sum(axis=1)
    return np.asarray(hazards[:, :, None] / force[:, None, None] * -np.expm1(-np.outer(force, times))[:, None, :])


def cohort(X: Floats, times: Floats) -> Floats:
    return np.asarray(curves(X, times).mean(axis=0))


def found(causes: int, *, spread: float = 1.0, level: float = 1.0, seed: int = 2) -> tuple[Recalibration, Floats]:
    X, outcome = world(causes=causes, seed=seed)
    score = HonestBrier.of(X, outcome)
    said = curves(X, score.times, spread=spread, level=level)
    fold = np.arange(outcome.n) % 5
    events = int(np.sum(outcome.event > 0))
    return judged_recalibration(score, said, cohort(X, score.times), fold, events), score.times


@pytest.mark.parametrize("causes", [1, 2])
@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_curves_too_far_apart_or_too_close_are_mended(causes: int, spread: float) -> None:
    one, _ = found(causes, spread=spread)
    assert one.helps
    assert one.gain > 3 * one.error
    assert one.power == pytest.approx(np.full(causes, 1 / spread), rel=0.3)


@pytest.mark.parametrize("causes", [1, 2])
def test_hazards_all_too_high_are_lowered(causes: int) -> None:
    one, times = found(causes, level=1.8)
    assert one.helps
    assert one.level == pytest.approx(np.full(causes, 1 / 1.8), rel=0.25)
    X, _ = world(causes=causes, seed=9)
    wrong, true = curves(X, times, level=1.8), curves(X, times)
    edges = one.edges
    mended = one.applied(wrong, times, curves(X, edges, level=1.8), cohort(X, edges))
    assert np.mean((mended - true) ** 2) < 0.1 * np.mean((wrong - true) ** 2)


@pytest.mark.parametrize("causes", [1, 2])
def test_the_truth_is_left_alone(causes: int) -> None:
    assert sum(found(causes, seed=seed)[0].helps for seed in range(8)) <= 1


def test_no_change_is_no_change() -> None:
    X, _ = world(200, 2)
    edges, times = np.array([0.5, 1.0, 2.0]), np.linspace(0.1, 2.0, 9)
    same = Recalibration(edges, np.ones(2), np.ones(2), gain=1.0, error=0.0)
    said = curves(X, times)
    assert np.abs(same.applied(said, times, curves(X, edges), cohort(X, edges)) - said).max() < 1e-12


@pytest.mark.parametrize(("level", "power"), [((2.5, 0.4), (2.0, 0.5)), ((1.0, 1.0), (2.7, 2.7))])
def test_incidences_rise_and_sum_to_at_most_one_whatever_the_parameters(
    level: tuple[float, ...], power: tuple[float, ...]
) -> None:
    X, _ = world(400, 2)
    edges, times = np.array([0.5, 1.0, 2.0, 40.0]), np.linspace(0.05, 40.0, 200)
    one = Recalibration(edges, np.array(level), np.array(power), gain=1.0, error=0.0)
    mended = one.applied(curves(X, times), times, curves(X, edges), cohort(X, edges))
    assert mended.min() >= 0
    assert np.diff(mended, axis=2).min() > -1e-12
    assert mended.sum(axis=1).max() <= 1 + 1e-12


def test_with_one_cause_in_proportion_the_power_is_that_of_the_hazard_ratios() -> None:
    X, _ = world(300)
    times = np.array([0.4, 0.8, 1.6])
    base = np.asarray(-np.expm1(-RATES[0] * times))[None, :]
    one = Recalibration(times, np.array([1.2]), np.array([1.7]), gain=1.0, error=0.0)
    mended = one.applied(curves(X, times), times, curves(X, times), base)
    assert mended == pytest.approx(-np.expm1(-1.2 * RATES[0] * np.exp(1.7 * X)[:, :, None] * times), abs=1e-9)


def test_what_is_said_of_a_time_does_not_depend_on_the_others() -> None:
    X, _ = world(50, 2)
    edges, times = np.array([0.5, 2.0]), np.linspace(0.1, 2.0, 9)
    one = Recalibration(edges, np.array([1.5, 0.8]), np.array([1.3, 0.7]), gain=1.0, error=0.0)
    at, every = curves(X, edges), cohort(X, edges)
    whole = one.applied(curves(X, times), times, at, every)
    alone = one.applied(curves(X, times[4:5]), times[4:5], at, every)
    assert np.array_equal(whole[:, :, 4:5], alone)


def test_its_state_is_plain_and_comes_back_to_the_last_bit() -> None:
    one, _ = found(2, spread=2.0)
    again = Recalibration.from_json(json.loads(json.dumps(one.json())))
    assert again.table(("x", "y")) == one.table(("x", "y"))
    assert np.array_equal(again.edges, one.edges)


@cache
def overfitted(causes: int, seed: int = 0) -> tuple[Design, Outcome, Blend]:
    """One column per cause that matters, many that do not, and members that nothing holds back."""
    n, columns = (260, 40) if causes == 1 else (200, 25)
    X, outcome = world(n, causes, seed)
    wide = np.column_stack([X, np.random.default_rng(51 + seed).normal(size=(n, columns))])
    design = Design(wide, tuple(map(str, range(wide.shape[1]))))
    return design, outcome, SuperLearner(("cox", "pooled_logistic")).fit(design, outcome, 1)


def test_members_that_overfit_are_drawn_together_and_predict_the_unseen_better() -> None:
    """Cross-validation decides, so that a single data set may go wrong; over several it pays."""
    error = []
    for seed in range(4):
        design, _, blend = overfitted(1, seed)
        assert blend.recalibration is not None
        assert blend.recalibration.helps
        assert blend.recalibration.power.max() < 0.9
        new = np.random.default_rng(77).normal(size=(1000, design.X.shape[1]))
        times = np.linspace(0.1, 0.95 * blend.until, 12)
        true = curves(new[:, :1], times)
        plain = replace(blend, recalibration=None)
        error.append([np.mean((one.predict(new, times).incidence - true) ** 2) for one in (blend, plain)])
    assert np.mean(error, axis=0)[0] < 0.9 * np.mean(error, axis=0)[1]


@pytest.mark.parametrize("causes", [1, 2])
def test_a_mended_blend_keeps_every_promise_of_a_model(causes: int) -> None:
    design, outcome, blend = overfitted(causes)
    times = np.linspace(0.1, 1.3 * blend.until, 20)
    said = blend.predict(design.X, times)
    assert np.abs(said.incidence.sum(axis=1) + said.survival - 1).max() < 1e-12
    again = SuperLearner.load(blend.state())
    assert np.array_equal(again.predict(design.X, times).incidence, said.incidence)
    coarse = blend.coarsened(times)
    assert np.array_equal(coarse.predict(design.X, times).incidence, said.incidence)
    single = np.concatenate([blend.predict(design.X[i : i + 1], times).incidence for i in range(20)])
    assert np.array_equal(single, said.incidence[:20])
    alone = np.concatenate([blend.predict(design.X, times[i : i + 1]).incidence for i in range(20)], axis=2)
    assert np.abs(alone - said.incidence).max() < 1e-12
    happened = outcome.time_days[outcome.event > 0]
    assert not np.isin(blend.recalibration.edges, happened).any()  # type: ignore[union-attr]
    assert [row["applied"] for row in blend.tables()["recalibration"]] == [True] * causes


def test_where_nothing_was_weighed_nothing_is_recalibrated() -> None:
    X, outcome = world(100)
    blend = SuperLearner(("cox",)).fit(Design(X, ("a",)), outcome, 1)
    assert blend.recalibration is None
    assert blend.tables()["recalibration"] == []
