from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Undefined, censoring
from training.metrics.discrimination import auc, harrell_c, royston_d, uno_c

Floats = NDArray[np.float64]


def patients(n: int, seed: int, causes: int = 2) -> tuple[Outcome, Floats, NDArray[np.int64]]:
    """Whole days and coarse risks: ties of every kind."""
    rng = np.random.default_rng(seed)
    event = rng.integers(0, causes + 1, n)
    outcome = Outcome.right_censored(rng.integers(1, 12, n), event, ("a", "b")[:causes])
    return outcome, rng.integers(0, 6, n) / 6, rng.integers(0, 3, n)


def brute_force(
    outcome: Outcome, risk: Floats, group: NDArray[np.int64], horizon: float, *, ipcw: bool
) -> float | None:
    """C of the first cause, pair by pair, from the definition."""
    g = censoring(outcome)
    time, event = outcome.right_days, outcome.event
    right = total = 0.0
    for i in range(outcome.n):
        if event[i] != 1 or time[i] > horizon:
            continue
        for j in range(outcome.n):
            if group[i] != group[j] or i == j:
                continue
            later = time[j] > time[i] or (time[j] == time[i] and event[j] == 0)
            gone = event[j] > 1 and time[j] <= time[i]
            if not later and not gone:
                continue
            weight = 1.0
            if ipcw:
                weight = 1 / float(g.before(time[i])) / float(g.before(time[i] if later else time[j]))
            total += weight
            right += weight * (1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0)
    return right / total if total else None


@given(st.integers(2, 35), st.integers(0, 10_000), st.sampled_from([1, 2]), st.sampled_from([4.0, 20.0]))
@settings(max_examples=80, deadline=None)
def test_c_equals_all_pairs_written_out_ties_included(n: int, seed: int, causes: int, horizon: float) -> None:
    outcome, risk, group = patients(n, seed, causes)
    for measure, ipcw in ((harrell_c, False), (uno_c, True)):
        expected = brute_force(outcome, risk, group, horizon, ipcw=ipcw)
        if expected is None:
            with pytest.raises(Undefined):
                measure(outcome, risk, horizon=horizon, groups=group)
        else:
            assert measure(outcome, risk, horizon=horizon, groups=group).value == pytest.approx(expected, abs=1e-12)


@given(st.integers(5, 30), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_weight_is_as_many_copies_and_the_influence_is_its_derivative(n: int, seed: int) -> None:
    outcome, risk, group = patients(n, seed)
    weights = np.random.default_rng(seed).integers(1, 3, n).astype(float)
    rows = np.repeat(np.arange(n), weights.astype(int))
    copied = outcome.take(rows)
    try:
        plain = [m(copied, risk[rows], groups=group[rows]).value for m in (harrell_c, uno_c)]
        plain.append(auc(copied, risk[rows], horizon=6, groups=group[rows]).value)
        found = [m(outcome, risk, groups=group, weights=weights) for m in (harrell_c, uno_c)]
        found.append(auc(outcome, risk, horizon=6, groups=group, weights=weights))
    except Undefined:
        return
    assert [f.value for f in found] == pytest.approx(plain, abs=1e-12)
    step, one = 1e-6, np.ones(n)
    base, bumped = harrell_c(outcome, risk, groups=group), one.copy()
    bumped[0] += step
    moved = harrell_c(outcome, risk, groups=group, weights=bumped).value
    assert base.influence is not None
    assert (moved - base.value) / step == pytest.approx(base.influence[0], abs=1e-5)
    assert base.influence.sum() == pytest.approx(0.0, abs=1e-12)


def test_scikit_survival_agrees_where_the_conventions_do() -> None:
    from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
    from sksurv.util import Surv

    rng = np.random.default_rng(2)
    risk = rng.normal(size=300)
    died, lost = rng.exponential(np.exp(-risk)), rng.exponential(2.0, 300)
    event, time = died <= lost, np.minimum(died, lost)
    outcome, y = Outcome.right_censored(time, event.astype(int)), Surv.from_arrays(event, time)
    assert harrell_c(outcome, risk).value == pytest.approx(concordance_index_censored(event, time, risk)[0], abs=1e-12)
    tied = Outcome.right_censored(np.ceil(time * 10), event.astype(int))
    theirs = concordance_index_censored(event, np.ceil(time * 10), np.round(risk, 1))[0]
    assert harrell_c(tied, np.round(risk, 1)).value == pytest.approx(theirs, abs=1e-12)
    assert uno_c(outcome, risk, horizon=1.0).value == pytest.approx(
        concordance_index_ipcw(y, y, risk, tau=1.0)[0], abs=1e-9
    )
    assert auc(outcome, risk, horizon=1.0).value == pytest.approx(
        cumulative_dynamic_auc(y, y, risk, [1.0])[0][0], abs=1e-9
    )


def test_knowing_nothing_is_one_half_and_perfect_is_one() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome.right_censored(rng.permutation(50) + 1.0, np.ones(50, int))
    found = harrell_c(outcome, np.zeros(50))
    assert found.value == 0.5
    assert not np.any(found.influence)
    assert harrell_c(outcome, -outcome.right_days).value == 1.0
    assert harrell_c(outcome, outcome.right_days).value == 0.0
    assert auc(outcome, -outcome.right_days, horizon=20).value == 1.0


def test_in_a_world_without_signal_nineteen_of_twenty_intervals_hold_one_half() -> None:
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        outcome = Outcome.right_censored(rng.exponential(size=120), rng.integers(0, 2, 120))
        found = harrell_c(outcome, rng.normal(size=120))
        error = float(np.sqrt(np.sum(np.asarray(found.influence) ** 2)))
        held += abs(found.value - 0.5) <= 1.96 * error
    assert 180 <= held <= 199  # 190 ± three standard errors of a binomial count


def test_a_competing_event_is_no_event_of_this_cause_however_early() -> None:
    outcome = Outcome.right_censored([2.0, 1.0], [1, 2], ("recovered", "died"))
    assert harrell_c(outcome, np.array([0.9, 0.1])).value == 1.0
    assert uno_c(outcome, np.array([0.1, 0.9])).value == 0.0


def test_separation_of_a_random_score_is_about_zero() -> None:
    rng = np.random.default_rng(4)
    outcome = Outcome.right_censored(rng.exponential(size=400), rng.integers(0, 2, 400))
    d, error, explained = royston_d(outcome, rng.normal(size=400))
    assert abs(d) < 3 * error
    assert 0 <= explained < 0.05
