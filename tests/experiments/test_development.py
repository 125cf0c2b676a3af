"""The times at which models answer."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.development import LEAST_EVENTS, evaluation_times
from features.outcome import Outcome

HORIZONS = (42.0, 90.0, 365.0)


@pytest.mark.parametrize("n", [0, 5, 60, 400, 3_000])
def test_between_two_times_lie_ten_events_unless_the_study_itself_asks_there(n: int) -> None:
    rng = np.random.default_rng(n)
    days = np.ceil(rng.exponential(300, n))
    outcome = Outcome.right_censored(days, rng.integers(0, 2, n), ("died",))
    grid = evaluation_times(outcome, HORIZONS)
    happened = days[outcome.event > 0]
    assert set(HORIZONS) <= set(grid)
    assert (np.diff(grid) > 0).all()
    asked = np.isin(grid, [*HORIZONS, happened.max(initial=0)])
    events_by = np.array([0, *((happened <= day).sum() for day in grid)])
    before, after = np.diff(events_by), np.append(np.diff(events_by)[1:], LEAST_EVENTS)
    assert (before[~asked] >= LEAST_EVENTS).all()
    assert (after[~asked] >= LEAST_EVENTS).all()
    assert len(grid) > 0.7 * min(50, len(happened) // LEAST_EVENTS)
