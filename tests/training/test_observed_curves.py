"""What happened, without a model, and what simpler estimators would have said."""

from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.interval_times import resolve
from training.nonparametric import aalen_johansen
from training.observed_curves import observed_curves


def competing(n: int = 200) -> Outcome:
    rng = np.random.default_rng(1)
    return Outcome.right_censored(rng.integers(1, 100, n), rng.integers(0, 3, n), ("recovered", "died"))


def seen_at_visits() -> Outcome:
    known = competing()
    left = np.where(known.event == 1, np.maximum(known.left_days - 30, 0), known.left_days)
    return Outcome(known.entry_days, left, known.right_days, known.event, known.causes)


def names(rows: list[dict[str, object]]) -> set[tuple[object, object]]:
    return {(row["estimator"], row["cause"]) for row in rows}


def test_one_cause_has_one_curve() -> None:
    one = Outcome.right_censored([*range(1, 61)], [1] * 60, ("died",))
    rows = observed_curves(one, 0.95)
    assert names(rows) == {("kaplan_meier", "died")}
    assert [row["time_days"] for row in rows] == [10.0, 20.0, 30.0, 40.0, 51.0], "as long as ten are at risk"
    assert [row["at_risk"] for row in rows] == [51, 41, 31, 21, 10]


def test_ten_events_lie_between_two_rows_and_no_row_stands_on_a_patient_s_day() -> None:
    rng = np.random.default_rng(5)
    days = rng.exponential(700, 300) + 0.37
    one = Outcome.right_censored(days, (rng.random(300) < 0.7).astype(int), ("died",))
    shown = [row["time_days"] for row in observed_curves(one, 0.95)]
    happened = days[one.event == 1]
    counts = [int((happened <= day).sum()) for day in shown]
    assert min(np.diff([0, *counts])) >= 10
    assert not set(shown) & set(days)


def test_competing_causes_stand_beside_the_estimate_that_ignores_death() -> None:
    rows = observed_curves(competing(), 0.95)
    assert names(rows) == {
        ("aalen_johansen", "recovered"),
        ("aalen_johansen", "died"),
        ("one_minus_kaplan_meier", "recovered"),
    }
    last = {row["estimator"]: row["incidence"] for row in rows if row["cause"] == "recovered"}
    assert last["one_minus_kaplan_meier"] > last["aalen_johansen"]
    assert all(row["low"] <= row["incidence"] <= row["high"] for row in rows if row["estimator"] == "aalen_johansen")


def test_events_seen_at_visits_stand_beside_the_day_they_were_first_seen() -> None:
    outcome = seen_at_visits()
    rows = observed_curves(outcome, 0.95)
    assert names(rows) == {
        ("self_consistent", "recovered"),
        ("self_consistent", "died"),
        ("right_end_of_interval", "recovered"),
        ("one_minus_kaplan_meier", "recovered"),
    }
    resolved, seen = aalen_johansen(resolve(outcome)), aalen_johansen(outcome)
    for row in rows:
        if row["cause"] == "recovered" and row["estimator"] != "one_minus_kaplan_meier":
            curve = resolved if row["estimator"] == "self_consistent" else seen
            assert row["incidence"] == pytest.approx(float(curve.at(row["time_days"])), abs=1e-12)
    assert all(row["at_risk"] >= 10 for row in rows)
