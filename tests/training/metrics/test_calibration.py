from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.censoring import Undefined
from training.metrics.calibration import (
    cox_slope,
    log_hazard_scale,
    oe_ratio,
    pseudo_calibration,
)
from training.metrics.hazard_calibration import d_calibration, poisson_calibration
from training.nonparametric import pseudo_values


def world(n: int, seed: int, slope: float = 1.0) -> tuple[Outcome, np.ndarray, np.ndarray]:
    """Exponential survival; the prediction's log hazard is the true one divided by `slope`. Risk by day 1."""
    rng = np.random.default_rng(seed)
    eta = rng.normal(-0.5, 0.8, n)
    died, lost = rng.exponential(np.exp(-eta)), rng.uniform(0.5, 4.0, n)
    outcome = Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int))
    said = -0.5 + (eta + 0.5) / slope
    return outcome, 1 - np.exp(-np.exp(said)), said


def test_a_true_prediction_is_calibrated_by_every_estimator() -> None:
    outcome, risk, eta = world(4000, 1)
    ratio, low, high = oe_ratio(outcome, risk, horizon=1.0)
    assert low is not None
    assert high is not None
    assert low < 1 < high
    assert low < ratio < high
    assert abs(cox_slope(outcome, risk).value - 1) < 3 * cox_slope(outcome, risk).standard_error
    found = pseudo_calibration(pseudo_values(outcome, 1, [1.0])[:, 0], risk)
    assert abs(found.slope.value - 1) < 3 * found.slope.standard_error
    assert abs(found.intercept.value) < 3 * found.intercept.standard_error
    assert found.joint_p > 0.001
    poisson = poisson_calibration(outcome, outcome.right_days * np.exp(eta), eta)
    assert abs(poisson.ratio.value) < 3 * poisson.ratio.standard_error
    assert abs(poisson.slope.value - 1) < 3 * poisson.slope.standard_error


def test_risks_twice_too_extreme_have_a_slope_of_one_half() -> None:
    outcome, risk, eta = world(6000, 2, slope=0.5)
    assert cox_slope(outcome, risk).value == pytest.approx(0.5, abs=0.08)
    found = pseudo_calibration(pseudo_values(outcome, 1, [1.0])[:, 0], risk)
    assert found.slope.value == pytest.approx(0.5, abs=0.1)
    assert found.joint_p < 0.001
    assert poisson_calibration(outcome, outcome.right_days * np.exp(eta), eta).slope.value == pytest.approx(
        0.5, abs=0.08
    )


def test_a_patients_rows_together_tell_no_more_than_one_row() -> None:
    outcome, risk, _ = world(500, 3)
    pseudo, twice = pseudo_values(outcome, 1, [1.0])[:, 0], np.repeat(np.arange(500), 2)
    once = pseudo_calibration(pseudo, risk)
    again = pseudo_calibration(pseudo[twice], risk[twice], patients=twice, weights=np.full(1000, 0.5))
    assert again.slope.value == pytest.approx(once.slope.value, abs=1e-8)
    assert again.slope.standard_error == pytest.approx(once.slope.standard_error, abs=1e-8)


def test_a_constant_prediction_has_no_slope() -> None:
    outcome = world(50, 4)[0]
    with pytest.raises(Undefined, match="not estimable"):
        cox_slope(outcome, np.full(50, 0.3))
    with pytest.raises(Undefined, match="not estimable"):
        pseudo_calibration(np.zeros(50), np.full(50, 0.3))


def test_few_events_have_no_slope() -> None:
    outcome = Outcome.right_censored(np.arange(1.0, 31.0), np.r_[np.ones(9, int), np.zeros(21, int)])
    with pytest.raises(Undefined, match="9 events"):
        cox_slope(outcome, np.linspace(0.1, 0.9, 30))


def test_a_ratio_without_events_is_zero_and_has_no_interval() -> None:
    outcome = Outcome.right_censored([3.0, 4.0], [0, 0])
    assert oe_ratio(outcome, np.array([0.2, 0.3]), horizon=2.0) == (0.0, None, None)


def test_the_log_hazard_scale_of_a_cox_model_is_its_linear_predictor() -> None:
    eta = np.linspace(-2, 1, 7)
    assert np.diff(log_hazard_scale(1 - np.exp(-0.4 * np.exp(eta)))) == pytest.approx(np.diff(eta))


def test_survival_at_the_own_time_counts_every_patient_once() -> None:
    rng = np.random.default_rng(0)
    counts, chi2 = d_calibration(rng.uniform(size=5000), rng.uniform(size=5000) < 2)
    assert counts.sum() == pytest.approx(5000)
    assert chi2 < 28  # 99.9 % of chi-square with 9 degrees of freedom
    assert d_calibration(rng.uniform(size=500), rng.uniform(size=500) < 0.5)[0].sum() == pytest.approx(500)
