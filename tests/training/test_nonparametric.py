from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcome import Outcome
from training.nonparametric import aalen_johansen, incidence_at, kaplan_meier, median_follow_up, pseudo_values


def follow_up(n: int, seed: int, days: int = 20) -> Outcome:
    rng = np.random.default_rng(seed)
    event = rng.choice([0, 1, 2], n, p=[0.4, 0.4, 0.2])
    return Outcome.right_censored(rng.integers(1, days, n), event, ("recovered", "died"))


outcomes = st.builds(follow_up, st.integers(3, 40), st.integers(0, 10_000), st.integers(3, 40))


def test_a_textbook_curve_by_hand() -> None:
    curve = kaplan_meier([6, 6, 6, 6, 7, 9, 10, 10, 11, 13], [1, 1, 1, 0, 1, 0, 1, 0, 0, 1])
    assert curve.times.tolist() == [6, 7, 10, 13]
    assert curve.values == pytest.approx([0.7, 0.7 * 5 / 6, 0.7 * 5 / 6 * 3 / 4, 0.0])
    assert curve.standard_error([6.0])[0] == pytest.approx(np.sqrt(0.7 * 0.3 / 10))
    assert curve.quantile(0.5) == 10


@given(outcomes)
@settings(max_examples=60, deadline=None)
def test_incidences_and_survival_sum_to_one(outcome: Outcome) -> None:
    aj = aalen_johansen(outcome)
    assert aj.incidence.sum(axis=0) + aj.survival == pytest.approx(np.ones(len(aj.times)), abs=1e-12)


@given(outcomes)
@settings(max_examples=60, deadline=None)
def test_one_cause_is_one_minus_kaplan_meier_with_greenwoods_error(outcome: Outcome) -> None:
    one = Outcome.right_censored(outcome.right_days, np.minimum(outcome.event, 1))
    aj, km = aalen_johansen(one), kaplan_meier(one.right_days, one.event)
    assert 1 - aj.incidence[0] == pytest.approx(km.values, abs=1e-12)
    assert aj.standard_error[0] == pytest.approx(km.standard_error(km.times), abs=1e-7)


@given(outcomes)
@settings(max_examples=40, deadline=None)
def test_pseudo_values_equal_leaving_each_patient_out(outcome: Outcome) -> None:
    times = np.array([0.5, 2.0, 7.0, 15.0, 60.0])
    for cause in (1, 2):
        fast = pseudo_values(outcome, cause, times)
        whole = incidence_at(outcome, cause, times)
        for i in range(outcome.n):
            without = incidence_at(outcome.take(np.delete(np.arange(outcome.n), i)), cause, times)
            assert fast[i] == pytest.approx(outcome.n * whole - (outcome.n - 1) * without, abs=1e-10)


@given(outcomes, st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_a_weight_of_two_is_a_patient_standing_twice(outcome: Outcome, seed: int) -> None:
    weights = np.random.default_rng(seed).integers(0, 3, outcome.n)
    if not weights.any():
        return
    rows = np.repeat(np.arange(outcome.n), weights)
    copied, times = outcome.take(rows), np.array([3.0, 8.0, 30.0])
    weighted, plain = aalen_johansen(outcome, weights), aalen_johansen(copied)
    for cause in (1, 2):
        assert weighted.at(times, cause) == pytest.approx(plain.at(times, cause), abs=1e-12)
        error = plain.standard_error_at(times, cause)
        assert weighted.standard_error_at(times, cause) == pytest.approx(error, abs=1e-7)
        columns = np.stack([weights, np.ones(outcome.n)], axis=1).astype(float)
        both = pseudo_values(outcome, cause, times, columns)
        assert both[rows, :, 0] == pytest.approx(pseudo_values(copied, cause, times), abs=1e-9)
        assert both[:, :, 1] == pytest.approx(pseudo_values(outcome, cause, times), abs=1e-9)
        assert incidence_at(outcome, cause, times, columns)[:, 0] == pytest.approx(plain.at(times, cause), abs=1e-12)


def test_without_censoring_a_pseudo_value_is_the_event_itself_and_the_error_is_binomial() -> None:
    rng = np.random.default_rng(1)
    outcome = Outcome.right_censored(rng.integers(1, 9, 50), rng.integers(1, 3, 50), ("a", "b"))
    happened = (outcome.right_days <= 4) & (outcome.event == 1)
    assert pseudo_values(outcome, 1, [4.0])[:, 0] == pytest.approx(happened.astype(float), abs=1e-12)
    share = happened.mean()
    assert aalen_johansen(outcome).standard_error_at(4.0, 1) == pytest.approx(np.sqrt(share * (1 - share) / 50))


def test_delayed_entry_leaves_the_risk_set_until_it_begins() -> None:
    curve = kaplan_meier([5, 6, 8], [1, 1, 0], entry=[0, 5, 0])
    assert curve.at_risk.tolist() == [2, 2]
    assert curve.values == pytest.approx([0.5, 0.25])


def test_an_event_seen_at_a_visit_counts_on_the_day_of_the_visit() -> None:
    seen = Outcome(np.zeros(2), np.array([1.0, 4.0]), np.array([3.0, 4.0]), np.array([1, 0]), ("recovered",))
    assert aalen_johansen(seen).times.tolist() == [3.0]


def test_follow_up_counts_the_lost_not_the_dead() -> None:
    outcome = Outcome.right_censored([1, 2, 10, 20, 30], [1, 1, 0, 0, 0])
    assert median_follow_up(outcome)[0] == 20
    assert median_follow_up(Outcome.right_censored([1.0, 2.0], [1, 1]))[0] is None
