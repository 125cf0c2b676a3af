from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcome import Outcome
from training.censoring import Undefined
from training.curves import Curves
from training.metrics.discrimination import harrell_c
from training.metrics.time_dependent import antolini_c

TIMES = np.array([2.0, 4.0, 7.0, 9.0, 13.0])


def patients(n: int, seed: int) -> tuple[Outcome, Curves, np.ndarray]:
    """Whole days, crossing curves with ties, three folds, a competing cause."""
    rng = np.random.default_rng(seed)
    outcome = Outcome.right_censored(rng.integers(1, 15, n), rng.integers(0, 3, n), ("a", "b"))
    incidence = np.round(np.cumsum(rng.uniform(size=(n, 2, 5)), axis=2), 1)
    return outcome, Curves(TIMES, ("a", "b"), incidence / (incidence.max() * 2.2)), rng.integers(0, 3, n)


def written_out(outcome: Outcome, curves: Curves, group: np.ndarray, horizon: float) -> float | None:
    """The definition, pair by pair."""
    right = total = 0.0
    for i in np.flatnonzero((outcome.event == 1) & (outcome.right_days <= horizon)):
        column = max(int(np.searchsorted(TIMES, outcome.right_days[i], side="right")) - 1, 0)
        risk = curves.incidence[:, 0, column]
        for j in range(outcome.n):
            after = outcome.right_days[j] > outcome.right_days[i]
            tied = outcome.right_days[j] == outcome.right_days[i] and outcome.event[j] == 0
            if i != j and group[i] == group[j] and (outcome.event[j] > 1 or after or tied):
                total += 1
                right += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    return right / total if total else None


@given(st.integers(2, 40), st.integers(0, 10_000), st.sampled_from([6.0, 20.0]))
@settings(max_examples=60, deadline=None)
def test_it_equals_all_pairs_written_out_ties_and_competing_events_included(n: int, seed: int, horizon: float) -> None:
    outcome, curves, group = patients(n, seed)
    expected = written_out(outcome, curves, group, horizon)
    if expected is None:
        with pytest.raises(Undefined):
            antolini_c(outcome, curves, horizon=horizon, groups=group)
    else:
        assert antolini_c(outcome, curves, horizon=horizon, groups=group).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [60, 2000])
def test_under_proportional_hazards_it_is_harrells(n: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=n)
    outcome = Outcome.right_censored(np.ceil(rng.exponential(9 * np.exp(-x))), rng.integers(0, 2, n))
    curves = Curves.from_survival(TIMES, np.exp(-TIMES / 10 * np.exp(x)[:, None]))
    group = rng.integers(0, 2, n)
    found = antolini_c(outcome, curves, groups=group)
    expected = harrell_c(outcome, x, groups=group)
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert found.total == pytest.approx(expected.total, abs=1e-12)


def test_where_curves_cross_it_ranks_by_the_day_and_harrell_cannot() -> None:
    # One dies early, the other late; each curve is right in its own half of follow-up, and the areas are equal.
    outcome = Outcome.right_censored([1.0, 3.0, 2.0, 4.0], [1, 1, 1, 1])
    early, late = [0.9, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 1.0]
    curves = Curves(np.array([1.0, 2.0, 3.0, 4.0]), ("e",), np.array([early, late, early, late])[:, None, :])
    assert antolini_c(outcome, curves).value > 0.5
