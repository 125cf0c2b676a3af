"""The truths of the simulation are truths, and no interval of the evidence goes without one."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.benchmarks import every_interval
from experiments.benchmarks.true_values import (
    observed_at,
    true_auc,
    true_brier,
    true_net_benefit,
    true_values,
)
from experiments.benchmarks.two_cause_world import TwoCoxes, two_cause_patients
from experiments.benchmarks.weibull_world import COEFFICIENTS, HORIZON, fit, patients, risk_of
from training.nonparametric import incidence_at


def test_what_is_expected_is_what_comes_out_when_every_outcome_is_drawn_often():
    rng = np.random.default_rng(1)
    risk, truth = rng.uniform(0.05, 0.6, 60), rng.uniform(0.1, 0.7, 60)
    drawn = rng.random((20_000, 60)) < truth
    assert true_brier(risk, truth) == pytest.approx(np.mean((drawn - risk) ** 2), abs=2e-3)
    worth = np.mean((risk > 0.2) * (drawn - ~drawn * 0.25))
    assert true_net_benefit(risk, truth, 0.2) == pytest.approx(worth, abs=2e-3)
    pair = truth[:, None] * (1 - truth) * ~np.eye(60, dtype=bool)
    assert true_auc(risk, truth) == pytest.approx(np.sum(pair * (risk[:, None] > risk)) / pair.sum(), abs=1e-12)


def test_the_true_risk_behind_a_prediction_is_that_of_the_normal_formula():
    rng = np.random.default_rng(2)
    few, many = patients(rng, 300), patients(rng, 100_000)
    model = fit(few.X, few.outcome)
    # Given the model's linear predictor the true one is normal: an integral over what the model does not know.
    z, b = few.X @ model.coef, model.coef
    rest = np.sqrt(COEFFICIENTS @ COEFFICIENTS - (COEFFICIENTS @ b) ** 2 / (b @ b))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    log_hazard = (COEFFICIENTS @ b / (b @ b)) * z[:, None] + rest * nodes
    formula = -np.expm1(-((1 / 1.6) ** 1.2) * np.exp(log_hazard)) @ (weights / weights.sum())
    found = observed_at(risk_of(model, many.X), many.risk)(risk_of(model, few.X))
    assert np.mean(np.abs(found - formula)) < 1.5e-3
    assert found == pytest.approx(formula, abs=0.02)


def test_true_risks_are_what_happens_where_nobody_is_lost():
    one, two = (make(np.random.default_rng(3), 100_000) for make in (patients, two_cause_patients))
    for world in (one, two):
        for day in (0.5, HORIZON, 3.0):
            assert world.risk_by(day).mean() == pytest.approx(incidence_at(world.whole, 1, [day])[0], abs=5e-3)


def test_a_model_that_is_right_has_nothing_to_be_told():
    ahead = two_cause_patients(np.random.default_rng(4), 40_000)
    model = TwoCoxes.fit(ahead.X, ahead.outcome)
    values = true_values(ahead, model.curves(ahead.X), HORIZON).values
    assert values["oe_ratio", "aalen_johansen_over_mean_risk", "1"] == pytest.approx(1, abs=0.02)
    assert values["calibration_slope", "pseudo_cloglog", "1"] == pytest.approx(1, abs=0.04)
    assert values["ici", "flexible_fine_gray_rcs3", "1"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("work", [every_interval.new_cohort, every_interval.two_causes])
def test_every_interval_of_a_new_cohort_has_its_truth_and_its_line(work, monkeypatch):
    monkeypatch.setattr(every_interval, "RESAMPLES", 4)
    rows = [work((150,), seed, new=4000) for seed in (1, 2)]
    said = list(every_interval.lines("new cohort", rows))
    assert said[0] == "new cohort, n = 150, 2 replicates"
    for name in ("harrell_c", "uno_c", "antolini_c", "auc", "brier", "ibs", "ipa", "rcll", "oe_ratio", "royston_d"):
        assert any(line.strip().startswith(f"{name},") for line in said), name
    for name in ("calibration_slope", "calibration_intercept", "ici", "e50", "e90", "emax", "net_benefit"):
        assert any(line.strip().startswith(f"{name},") for line in said), name
    assert any("decision curve" in line for line in said)


def test_every_corrected_interval_has_its_truth_and_its_line():
    rows = [every_interval.corrected(150, seed, bootstraps=10, new=4000) for seed in (1, 2)]
    said = "\n".join(every_interval.lines("corrected", rows))
    for name in ("auc", "brier", "oe_ratio", "calibration_intercept", "ici", "e50", "e90", "emax", "calibration curve"):
        assert f"  {name}" in said
