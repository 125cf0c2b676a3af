from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcome import Outcome
from training.censoring import Undefined, censoring, ipcw


def follow_up(n: int, seed: int) -> Outcome:
    rng = np.random.default_rng(seed)
    return Outcome.right_censored(rng.integers(1, 15, n), rng.choice([0, 1, 2], n), ("a", "b"))


def test_events_of_a_day_leave_before_the_censorings_of_that_day() -> None:
    g = censoring(Outcome.right_censored([1, 2, 2, 2, 3], [1, 1, 0, 0, 1]))
    assert g.before(2) == 1.0
    assert g.at(2) == pytest.approx(1 / 3)  # three were at risk of being censored on day 2: the event had left


@given(st.integers(2, 60), st.integers(0, 10_000), st.integers(1, 16))
@settings(max_examples=80, deadline=None)
def test_those_whose_status_is_known_stand_for_everybody(n: int, seed: int, horizon: int) -> None:
    outcome = follow_up(n, seed)
    try:
        weights = ipcw(outcome, horizon, censoring(outcome))
    except Undefined:
        return
    known = (outcome.event > 0) & (outcome.right_days <= horizon) | (outcome.right_days > horizon)
    if (outcome.right_days > horizon).any():
        assert weights.sum() == pytest.approx(n)
        assert not weights[~known].any()


def test_at_an_administrative_cut_off_the_day_before_it_is_read() -> None:
    cut = Outcome.right_censored([2, 3, 5, 5, 5], [1, 0, 0, 0, 1])
    late = Outcome.right_censored([2, 3, 6, 6, 5], [1, 0, 0, 0, 1])
    assert ipcw(cut, 5, censoring(cut)) == pytest.approx(ipcw(late, 5, censoring(late)))


def test_a_horizon_after_follow_up_is_refused_unless_everybody_has_had_an_event() -> None:
    outcome = Outcome.right_censored([2, 3, 5], [1, 1, 0])
    with pytest.raises(Undefined, match="as long as this horizon"):
        ipcw(outcome, 6, censoring(outcome))
    over = Outcome.right_censored([2, 3, 5], [1, 0, 1])
    assert ipcw(over, 6, censoring(over)).sum() == pytest.approx(3)


def test_resampled_weights_are_those_of_the_resampled_patients() -> None:
    outcome, rng = follow_up(40, 3), np.random.default_rng(0)
    drawn = rng.multinomial(40, np.full(40, 1 / 40), size=5).T.astype(float)
    together = ipcw(outcome, 7, censoring(outcome, drawn))
    for b in range(5):
        rows = np.repeat(np.arange(40), drawn[:, b].astype(int))
        copied = outcome.take(rows)
        assert together[rows, b] == pytest.approx(ipcw(copied, 7, censoring(copied)))


def test_entering_after_others_have_left_is_refused_and_a_common_landmark_is_not() -> None:
    late = Outcome(np.array([0.0, 5.0]), np.array([3.0, 9.0]), np.array([3.0, 9.0]), np.array([1, 0]), ("a",))
    with pytest.raises(Undefined, match="left truncation"):
        censoring(late)
    landmark = Outcome(np.full(2, 2.0), np.array([3.0, 9.0]), np.array([3.0, 9.0]), np.array([0, 1]), ("a",))
    assert censoring(landmark).at(4) == pytest.approx(0.5)
