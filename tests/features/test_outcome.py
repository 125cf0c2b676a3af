"""Follow-up is checked at birth."""

from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome, OutcomeError


def test_right_censored_follow_up_has_equal_ends_and_starts_at_time_zero() -> None:
    outcome = Outcome.right_censored([3.0, 5.5], [1, 0], ["died"])
    assert outcome.time_days.tolist() == [3.0, 5.5]
    assert outcome.left_days.tolist() == outcome.right_days.tolist()
    assert outcome.entry_days.tolist() == [0.0, 0.0]
    assert not outcome.interval_censored


def test_an_event_seen_at_a_visit_keeps_its_interval() -> None:
    outcome = Outcome(
        np.zeros(2), np.array([0.0, 90.0]), np.array([44.0, 90.0]), np.array([1, 0]), ("recovered", "died")
    )
    assert outcome.interval_censored
    assert outcome.time_days.tolist() == [44.0, 90.0]


@pytest.mark.parametrize(
    ("time", "event", "sentence"),
    [
        ([1.0, np.nan], [1, 0], "1 of 2 rows are not finite"),
        ([0.0, 4.0], [1, 0], "1 of 2 rows end at or before time zero"),
        ([1.0, 4.0], [2, 0], "event codes must be 0 .censored. to 1 .died.; 1 of 2 rows differ"),
        ([1.0, 4.0], [1], "one length"),
    ],
)
def test_follow_up_that_cannot_be_true_is_refused_with_a_count(
    time: list[float], event: list[int], sentence: str
) -> None:
    with pytest.raises(OutcomeError, match=sentence):
        Outcome.right_censored(time, event, ["died"])


def test_a_censored_patient_has_no_interval() -> None:
    with pytest.raises(OutcomeError, match="censored inside an interval"):
        Outcome(np.zeros(1), np.array([1.0]), np.array([2.0]), np.array([0]), ("died",))


def test_arrays_are_copied_in_and_read_only() -> None:
    time = np.array([1.0, 2.0])
    outcome = Outcome.right_censored(time, [1, 0])
    time[0] = 99.0
    assert outcome.time_days[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        outcome.time_days[0] = 5.0


def test_taking_rows_twice_repeats_patients_as_a_bootstrap_does() -> None:
    outcome = Outcome.right_censored([1.0, 2.0], [1, 0]).take([1, 1, 0])
    assert outcome.time_days.tolist() == [2.0, 2.0, 1.0]
    assert outcome.event.tolist() == [0, 0, 1]
