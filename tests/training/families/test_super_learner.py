from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.outcome import Outcome
from training.families.cross_fitting import _dealt
from training.families.family import Design, FamilyError, ModelState
from training.families.super_learner import MEMBERS, SuperLearner

TWO = ("spline_cox", "pooled_logistic")


def patients(n: int = 400, seed: int = 4) -> tuple[Design, Outcome]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    time, censored = rng.exponential(np.exp(-X[:, 0])), rng.uniform(0.3, 3.0, n)
    return Design(X, ("a", "b", "c")), Outcome.right_censored(np.minimum(time, censored), time < censored)


def test_the_answer_is_the_weighted_mean_of_its_members() -> None:
    design, outcome = patients()
    blend = SuperLearner(TWO).fit(design, outcome, 1)
    times = np.array([0.3, 0.6, 1.0])
    assert blend.weights.sum() == pytest.approx(1.0)
    shares = dict(zip(TWO, blend.weights, strict=True))
    assert {name for name, share in shares.items() if share > 0} == set(blend.fitted)
    parts = [shares[name] * one.predict(design.X, times).incidence for name, one in blend.fitted.items()]
    assert np.allclose(blend.predict(design.X, times).incidence, sum(parts))


def test_rows_that_are_equal_in_everything_stay_on_one_side() -> None:
    design, outcome = patients(100)
    drawn = np.random.default_rng(0).integers(0, 100, 300)
    fold = _dealt(Design(design.X[drawn], design.columns), outcome.take(drawn), 3)
    assert all(np.ptp(fold[drawn == row]) == 0 for row in np.unique(drawn))


def test_every_fold_has_its_share_of_events() -> None:
    design, outcome = patients(203)
    fold = _dealt(design, outcome, 3)
    events = np.bincount(fold, outcome.event)
    assert np.ptp(np.bincount(fold)) <= 2
    assert np.ptp(events) <= 2


def test_with_hardly_any_event_members_count_alike() -> None:
    design, outcome = patients(60)
    event = np.zeros(60, dtype=int)
    event[np.argsort(outcome.time_days)[:6]] = 1
    blend = SuperLearner(TWO).fit(design, Outcome.right_censored(outcome.time_days, event), 1)
    assert blend.weights.tolist() == [0.5, 0.5]


def test_a_member_that_needs_many_events_waits_for_them_unless_it_is_alone() -> None:
    design, outcome = patients(120)
    assert SuperLearner(("spline_cox", "boosted_cox")).fit(design, outcome, 1).names == ("spline_cox",)
    assert SuperLearner(("boosted_cox",)).fit(design, outcome, 1).names == ("boosted_cox",)


def test_unknown_members_are_refused_with_the_nearest() -> None:
    with pytest.raises(FamilyError, match=r'unknown member "spline_coks".*try: "spline_cox"'):
        SuperLearner(("spline_coks",))
    with pytest.raises(FamilyError, match="at least one member, each named once"):
        SuperLearner(("spline_cox", "spline_cox"))
    assert SuperLearner().members == tuple(MEMBERS)


def test_beyond_the_last_events_everybody_goes_on_as_the_cohort_does() -> None:
    design, outcome = patients()
    blend = SuperLearner(TWO).fit(design, outcome, 1)
    happened = outcome.time_days[outcome.event > 0]
    assert 0.01 < np.mean(happened > blend.until) <= 0.02
    assert blend.until not in happened
    times = np.array([0.5 * blend.until, blend.until, 1.1 * blend.until, happened.max()])
    S = blend.predict(design.X, times).survival
    ratio = S[:, 2:] / S[:, 1:2]
    assert np.abs(ratio - ratio[0]).max() < 1e-6
    cohort = blend.cohort.predict(design.X[:1], times).survival[0]
    assert np.allclose(ratio[0], cohort[2:] / cohort[1])
    alone = blend.predict(design.X, times[3:]).survival
    assert np.abs(alone[:, 0] - S[:, 3]).max() == 0


def test_without_time_the_linear_member_and_the_cohort_remain_and_the_others_are_named() -> None:
    design, outcome = patients()
    hurried = SuperLearner(seconds=1e-9).fit(design, outcome, 1)
    assert hurried.names == ("spline_cox", "aalen_johansen")
    assert hurried.left_out == ("cox", "pooled_logistic", "pooled_logistic_held", "pseudo_value_forest")
    assert SuperLearner.load(hurried.state()).left_out == hurried.left_out
    with pytest.raises(FamilyError, match="seconds must be at least 0, got -1"):
        SuperLearner(seconds=-1)


def test_time_enough_changes_nothing() -> None:
    design, outcome = patients()
    times = np.array([0.3, 1.0])
    free, ample = (SuperLearner(TWO, seconds=s).fit(design, outcome, 1) for s in (0, 1e6))
    assert np.array_equal(free.predict(design.X, times).incidence, ample.predict(design.X, times).incidence)


def test_where_hardly_anybody_is_followed_one_late_event_tells_nobody_apart() -> None:
    design, outcome = patients()
    time = np.where(outcome.event > 0, outcome.time_days, np.minimum(outcome.time_days, 0.5))
    time[np.argmax(time * outcome.event)] = 50.0
    blend = SuperLearner(TWO).fit(design, Outcome.right_censored(time, outcome.event), 1)
    assert np.sum(time >= blend.until) < 12
    assert blend.until < 5.0
    S = blend.predict(design.X, np.array([blend.until, 49.0])).survival
    assert np.ptp(S[:, 1] / S[:, 0]) < 1e-9


def test_a_bundle_from_before_recalibration_answers_as_it_did() -> None:
    design, outcome = patients(n=60)
    blend = SuperLearner(members=("cox", "aalen_johansen")).fit(design, outcome, 1)
    state = blend.state()
    older = ModelState({key: value for key, value in state.json.items() if key != "recalibration"}, state.arrays)
    times = np.array([0.5, 1.0])
    again = SuperLearner.load(older)
    assert again.recalibration is None
    plain = replace(blend, recalibration=None)
    assert np.array_equal(again.predict(design.X, times).incidence, plain.predict(design.X, times).incidence)
