from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.censoring import Undefined
from training.curves import Curves
from training.metrics.accuracy import brier, integrated_brier, ipa, null_risk


def patients(n: int, seed: int) -> Outcome:
    rng = np.random.default_rng(seed)
    return Outcome.right_censored(rng.integers(1, 30, n), rng.integers(0, 3, n), ("a", "b"))


@pytest.mark.parametrize("cause", [1, 2])
def test_the_null_gains_exactly_nothing_over_itself(cause: int) -> None:
    outcome = patients(80, 1)
    risk = np.full(80, null_risk(outcome, cause, 10.0))
    assert ipa(outcome, risk, cause, horizon=10.0).value == 0.0


def test_without_censoring_brier_is_the_mean_square() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome.right_censored(rng.integers(1, 30, 60), np.ones(60, int))
    risk = rng.uniform(size=60)
    happened = outcome.right_days <= 10
    assert brier(outcome, risk, horizon=10).value == pytest.approx(np.mean((happened - risk) ** 2))
    assert brier(outcome, happened.astype(float), horizon=10).value == 0.0
    assert ipa(outcome, happened.astype(float), horizon=10).value == 1.0


def test_scikit_survival_agrees_on_days_without_ties() -> None:
    from sksurv.metrics import brier_score
    from sksurv.util import Surv

    rng = np.random.default_rng(5)
    died, lost = rng.exponential(size=200), rng.exponential(2, size=200)
    event, time, risk = died <= lost, np.minimum(died, lost), rng.uniform(size=200)
    y = Surv.from_arrays(event, time)
    theirs = brier_score(y, y, (1 - risk)[:, None], [0.7])[1][0]
    outcome = Outcome.right_censored(time, event.astype(int))
    assert brier(outcome, risk, horizon=0.7).value == pytest.approx(theirs, abs=1e-9)


def test_a_weight_of_two_is_a_patient_standing_twice() -> None:
    outcome, rng = patients(60, 3), np.random.default_rng(1)
    risk, weights = rng.uniform(size=60), rng.integers(1, 4, 60).astype(float)
    rows = np.repeat(np.arange(60), weights.astype(int))
    copied = outcome.take(rows)
    weighted = brier(outcome, risk, horizon=12, weights=weights)
    assert weighted.value == pytest.approx(brier(copied, risk[rows], horizon=12).value, abs=1e-12)
    assert ipa(outcome, risk, horizon=12, weights=weights).value == pytest.approx(
        ipa(copied, risk[rows], horizon=12).value, abs=1e-12
    )


def test_the_integral_of_a_constant_curve_lies_between_its_smallest_and_largest_value() -> None:
    outcome = patients(100, 4)
    times = np.arange(1.0, 25.0)
    curves = Curves(times, ("a", "b"), np.full((100, 2, 24), 0.25))
    values = [brier(outcome, np.full(100, 0.25), horizon=float(t)).value for t in times]
    found = integrated_brier(outcome, curves, until=24.0).value
    assert min(*values, 0.0) < found < max(values)


def test_a_horizon_that_nobody_reached_has_no_number() -> None:
    outcome = Outcome.right_censored([3, 4, 5], [1, 0, 0])
    with pytest.raises(Undefined, match="as long as this horizon"):
        brier(outcome, np.full(3, 0.5), horizon=9)
