"""Events seen at visits: the incidence that agrees with their intervals, and a day inside each interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcome import Outcome, OutcomeError
from training.interval_times import resolve, self_consistent
from training.nonparametric import aalen_johansen

CAUSES = ("recovered", "died")


def exact(n: int, seed: int) -> Outcome:
    rng = np.random.default_rng(seed)
    return Outcome.right_censored(rng.integers(1, 20, n), rng.choice([0, 1, 2], n, p=[0.3, 0.4, 0.3]), CAUSES)


def at_visits(n: int, seed: int, *, lost_from: float = 40.0, dies_in: float = 400.0) -> Outcome:
    """Recovery at rate 1/60, three visits, death in `dies_in` on average; lost by day 200."""
    rng = np.random.default_rng(seed)
    recovers, dies = rng.exponential(60, n), rng.exponential(dies_in, n)
    visits = np.sort(np.rint(rng.normal([42, 90, 180], [6, 10, 12], (n, 3))), axis=1)
    lost = np.rint(rng.uniform(lost_from, 200, n))
    left, right, event = np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.int64)
    for i in range(n):
        seen = visits[i][visits[i] < min(dies[i], lost[i])]
        after = seen[seen >= recovers[i]]
        if len(after):
            left[i], right[i], event[i] = max([0.0, *seen[seen < recovers[i]]]), after[0], 1
        elif dies[i] < lost[i]:
            left[i] = right[i] = np.ceil(dies[i])
            event[i] = 2
        else:
            left[i] = right[i] = lost[i]
    return Outcome(np.zeros(n), left, right, event, CAUSES)


exactly = st.builds(exact, st.integers(1, 60), st.integers(0, 10_000))
visited = st.builds(at_visits, st.integers(2, 80), st.integers(0, 10_000))


@given(exactly)
@settings(max_examples=15, deadline=None)
def test_with_every_day_known_it_is_aalen_johansen_and_nothing_is_resolved(outcome: Outcome) -> None:
    found, curve = self_consistent(outcome), aalen_johansen(outcome)
    days = np.arange(0.0, 21.0)
    for cause in (1, 2):
        assert found.at(days, cause) == pytest.approx(curve.at(days, cause), abs=1e-12)
    assert resolve(outcome) is outcome


def test_delayed_entry_is_respected_where_every_day_is_known() -> None:
    late = Outcome(np.array([0, 3.0, 1, 0]), *[np.array([2.0, 5, 4, 6])] * 2, np.array([1, 1, 2, 0]), CAUSES)
    assert self_consistent(late).at(np.arange(7.0)) == pytest.approx(aalen_johansen(late).at(np.arange(7.0)))


@given(visited)
@settings(max_examples=15, deadline=None)
def test_every_resolved_day_lies_in_its_interval_and_nothing_else_changes(outcome: Outcome) -> None:
    resolved = resolve(outcome)
    waiting = outcome.left_days < outcome.right_days
    assert not resolved.interval_censored
    assert (resolved.right_days[waiting] > outcome.left_days[waiting]).all()
    assert (resolved.right_days[waiting] <= outcome.right_days[waiting]).all()
    assert (resolved.right_days[~waiting] == outcome.right_days[~waiting]).all()
    assert (resolved.event == outcome.event).all()


@given(visited, st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_the_incidence_is_that_of_the_patients_in_any_order_and_sums_to_at_most_one(
    outcome: Outcome, seed: int
) -> None:
    found = self_consistent(outcome)
    shuffled = self_consistent(outcome.take(np.random.default_rng(seed).permutation(outcome.n)))
    assert shuffled.incidence == pytest.approx(found.incidence, abs=1e-10)
    assert (np.diff(found.incidence, axis=1) >= 0).all()
    assert found.incidence.sum(axis=0).max() <= 1 + 1e-9


@given(visited, st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_without_two_equal_intervals_row_order_says_nothing(outcome: Outcome, seed: int) -> None:
    _, first = np.unique(np.stack([outcome.left_days, outcome.right_days, outcome.event]), axis=1, return_index=True)
    different = outcome.take(first)
    order = np.random.default_rng(seed).permutation(different.n)
    assert resolve(different.take(order)).right_days == pytest.approx(resolve(different).right_days[order], abs=1e-8)


@given(visited, st.sampled_from([7.0, 30.4375, 365.25]))
@settings(max_examples=15, deadline=None)
def test_the_unit_of_time_changes_nothing_but_the_unit(outcome: Outcome, unit: float) -> None:
    scaled = Outcome(
        outcome.entry_days, outcome.left_days / unit, outcome.right_days / unit, outcome.event, outcome.causes
    )
    assert self_consistent(scaled).incidence == pytest.approx(self_consistent(outcome).incidence, abs=1e-10)
    assert resolve(scaled).right_days * unit == pytest.approx(resolve(outcome).right_days, abs=1e-8)


def test_more_sweeps_change_the_incidence_of_the_study_by_less_than_a_tenth_of_its_error() -> None:
    outcome = at_visits(850, 3)
    curve = aalen_johansen(resolve(outcome))
    moved = np.abs(self_consistent(outcome).incidence - self_consistent(outcome, sweeps=5000).incidence).max()
    assert moved < 0.1 * curve.standard_error_at([90.0])[0]


def test_aalen_johansen_of_the_resolved_days_is_the_estimate() -> None:
    outcome = at_visits(850, 1)
    found, curve = self_consistent(outcome), aalen_johansen(resolve(outcome))
    days = found.times[found.times <= 120]
    for cause in (1, 2):
        assert curve.at(days, cause) == pytest.approx(found.at(days, cause), abs=0.02)


def test_recovery_seen_at_visits_is_estimated_without_the_delay_of_being_seen() -> None:
    """Without deaths, and followed for all three visits, the truth is 1 − exp(−t / 60)."""
    days, found, delayed = np.array([42.0, 84.0, 150.0]), [], []
    for seed in range(5):
        outcome = at_visits(800, seed, lost_from=199.0, dies_in=1e9)
        found.append(aalen_johansen(resolve(outcome)).at(days))
        delayed.append(aalen_johansen(outcome).at(days))
    truth = 1 - np.exp(-days / 60)
    assert np.mean(found, axis=0) == pytest.approx(truth, abs=0.03)
    assert np.mean(delayed, axis=0)[0] < truth[0] - 0.15


def test_one_interval_is_shared_evenly_by_all_who_have_it() -> None:
    n = 100
    outcome = Outcome(np.zeros(n), np.full(n, 10.0), np.full(n, 20.0), np.ones(n, dtype=np.int64), ("recovered",))
    days = np.sort(resolve(outcome).right_days)
    assert days == pytest.approx(10 + 10 * (np.arange(n) + 0.5) / n, abs=0.2)


def test_a_day_is_sought_where_others_recover() -> None:
    narrow = [(0.0, 10.0)] * 30 + [(10.0, 20.0)] * 10
    wide = [(0.0, 20.0)] * 20
    left, right = np.array(narrow + wide).T
    outcome = Outcome(np.zeros(60), left, right, np.ones(60, dtype=np.int64), ("recovered",))
    early = (resolve(outcome).right_days[40:] <= 10).mean()
    assert early == pytest.approx(0.75, abs=0.051)


def test_intervals_with_delayed_entry_are_refused_by_count() -> None:
    late = Outcome(np.array([1.0, 0.0]), np.array([2.0, 2.0]), np.array([4.0, 2.0]), np.array([1, 0]), ("recovered",))
    with pytest.raises(OutcomeError, match="1 of 2 rows enter later"):
        resolve(late)
