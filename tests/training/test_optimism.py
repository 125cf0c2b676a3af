"""What a development owes to its own patients."""

from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.censoring import GivenPredictors, censoring
from training.conditional_censoring import ConditionalCensoring
from training.curves import Curves
from training.evaluation import Scored, evaluate
from training.measures import accuracy, measures_of
from training.metrics.calibration import cox_slope
from training.metrics.discrimination import harrell_c
from training.optimism import Refits, both_ways, correct, optimism_corrected
from training.partial_likelihood import fit_cox
from training.stability import stability
from training.workers import InProcess

TIMES = np.array([90.0, 365.0])


def world(n: int = 300, p: int = 8, *, causes: int = 1, seed: int = 1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    happens = rng.exponential(400 / np.exp(0.5 * X[:, 0] + 0.3 * X[:, 1]))
    lost = rng.uniform(200, 1200, n)
    cause = rng.integers(1, causes + 1, n)
    names = ("recovered", "died")[:causes] if causes > 1 else ("died",)
    time = np.ceil(np.minimum(happens, lost))
    return X, Outcome.right_censored(time, np.where(happens <= lost, cause, 0), names)


def curves_of(X, outcome, rows) -> Curves:
    parts = []
    for cause in range(1, len(outcome.causes) + 1):
        fit = fit_cox(X[rows], outcome.take(rows), cause, ridge=1.0)
        hazard = np.exp(X @ fit.coef)[:, None] * fit.cumulative_hazard(TIMES)
        parts.append(-np.expm1(-hazard) / len(outcome.causes))
    return Curves(TIMES, outcome.causes, np.stack(parts, axis=1))


def refitted(X, outcome, b: int = 30, seed: int = 2) -> tuple[Curves, Refits]:
    n, rng = outcome.n, np.random.default_rng(seed)
    draws = [np.sort(rng.integers(0, n, n)) for _ in range(b)]
    incidence = np.stack([curves_of(X, outcome, rows).incidence for rows in draws]).astype(np.float32)
    drawn = np.stack([np.bincount(rows, minlength=n).astype(float) for rows in draws])
    return curves_of(X, outcome, np.arange(n)), Refits(TIMES, outcome.causes, drawn, incidence * np.float32(0.999999))


@pytest.fixture(scope="module")
def small():
    X, outcome = world()
    return outcome, *refitted(X, outcome)


def asked(outcome, apparent, refits, **how):
    choices = {"horizons": (90.0, 365.0), "level": 0.95, "model": "chosen", "engine": InProcess()}
    return optimism_corrected(outcome, apparent, refits, **{**choices, **how})


def test_the_correction_is_apparent_minus_mean_optimism():
    own, everybody = np.array([[0.8], [0.7], [0.9]]), np.array([[0.7], [0.65], [0.7]])
    found = correct(np.array([0.75]), own, everybody)
    assert found.value == pytest.approx([0.75 - np.mean([0.1, 0.05, 0.2])])
    assert found.standard_error == pytest.approx([np.std([0.1, 0.05, 0.2], ddof=1) * np.sqrt(4 / 3)])


def test_a_ratio_is_corrected_on_the_log_scale_and_a_number_that_failed_is_left_out():
    own, everybody = np.array([[1.0], [1.0], [np.nan]]), np.array([[2.0], [8.0], [1.0]])
    found = correct(np.array([1.0]), own, everybody, ["ratio"])
    assert found.value == pytest.approx([4.0])
    assert found.refits.tolist() == [2]
    low, high = found.interval(0.95)
    assert low[0] * high[0] == pytest.approx(16.0)


@pytest.mark.parametrize(("signal", "noise"), [(1.0, 0.1), (1.0, 0.5), (0.0, 1.0)])
def test_a_slope_is_corrected_for_the_signal_that_a_sample_seems_to_have(signal, noise):
    own, everybody = np.ones((5, 1)), np.full((5, 1), (signal + noise) / (signal + 2 * noise))
    found = correct(np.ones(1), own, everybody, ["slope"])
    assert found.value == pytest.approx([signal / (signal + noise)])
    half = correct(np.ones(1), own, everybody + np.linspace(-0.1, 0.1, 5)[:, None], ["slope"])
    plain = correct(np.ones(1), own, everybody + np.linspace(-0.1, 0.1, 5)[:, None])
    assert half.standard_error[0] >= plain.standard_error[0]


@pytest.mark.parametrize(("signal", "noise"), [(1.0, 0.1), (1.0, 0.5), (0.0, 1.0)])
def test_a_rank_is_corrected_on_its_way_from_one_half(signal, noise):
    seen, again = signal + noise, signal + 2 * noise
    own, everybody = np.full((5, 1), 0.5 + 0.1 * again**0.5), np.full((5, 1), 0.5 + 0.1 * seen / again**0.5)
    found = correct(np.array([0.5 + 0.1 * seen**0.5]), own, everybody, ["rank"])
    assert found.value == pytest.approx([0.5 + 0.1 * signal / seen**0.5])


def test_a_slope_never_falls_below_zero_for_want_of_signal():
    found = correct(np.ones(1), np.ones((5, 1)), np.full((5, 1), 0.3), ["slope"])
    assert found.value.tolist() == [0.0]


def test_a_draw_is_judged_as_if_its_patients_stood_there_as_often(small):
    outcome, _, refits = small
    rows = np.repeat(np.arange(outcome.n), refits.drawn[0].astype(int))
    risk = refits.curves(0).take(rows).incidence[:, 0, 1]
    again = outcome.take(rows)
    grids = {(1, day): np.linspace(0.1, 0.5, 5) for day in (90.0, 365.0)}
    measures = measures_of(outcome, (90.0, 365.0), grids)
    found = {
        (name, estimator, measure.horizon): value
        for measure, (own, _) in zip(measures, both_ways(measures, refits.some(slice(0, 1))), strict=True)
        for (name, estimator), value in zip(measure.names, own[0], strict=False)
    }
    expected = evaluate(
        again,
        Scored(np.arange(len(rows)), np.zeros(len(rows), int), refits.curves(0).take(rows)),
        horizons=(90.0, 365.0),
        design="d",
        model="m",
        resamples=0,
        level=0.95,
        seed=1,
    )
    assert found["harrell_c", "within_fold_pairs", 365.0] == pytest.approx(harrell_c(again, risk, horizon=365.0).value)
    for (metric, estimator, horizon), value in found.items():
        other = expected.one(metric=metric, estimator=estimator, horizon_days=horizon).value
        # Copies are ties to the Cox fits of slope and curve, which case weights do not make.
        loose = 0.03 if estimator in ("cox_on_log_hazard", "flexible_cox_rcs3") else 1e-6
        assert value == pytest.approx(other, abs=loose), (metric, estimator, horizon)


def test_optimism_makes_the_model_look_better_than_it_is(small):
    outcome, apparent, refits = small
    found = asked(outcome, apparent, refits)
    for row in found.tables["optimism"]:
        if row["metric"] in ("harrell_c", "ipa") or row["estimator"] == "cox_on_log_hazard":
            assert row["optimism"] > 0
            assert row["corrected"] == pytest.approx(row["apparent"] - row["optimism"])
    slope = found.one(metric="calibration_slope", estimator="cox_on_log_hazard_optimism_corrected")
    assert 0.6 < slope.value < 1
    assert slope.low < slope.value < slope.high
    assert (slope.design, slope.n, slope.events) == ("bootstrap", 300, int(outcome.event.sum()))
    assert "30 refits" in slope.method


def test_apparent_numbers_are_those_of_the_evaluation(small):
    outcome, apparent, refits = small
    rows = {
        (r["metric"], r["estimator"], r["horizon_days"]): r for r in asked(outcome, apparent, refits).tables["optimism"]
    }
    risk = apparent.incidence[:, 0, 1]
    slope = cox_slope(outcome, risk).value
    assert rows["calibration_slope", "cox_on_log_hazard", None]["apparent"] == pytest.approx(slope, abs=1e-5)
    assert rows["oe_ratio", "kaplan_meier_over_mean_risk", 365.0]["scale"] == "log"
    said = evaluate(
        outcome,
        Scored(np.arange(outcome.n), np.zeros(outcome.n, int), apparent),
        horizons=(90.0, 365.0),
        design="apparent",
        model="chosen",
        resamples=0,
        level=0.95,
        seed=1,
    )
    for (metric, estimator, horizon), row in rows.items():
        other = said.one(metric=metric, estimator=estimator, horizon_days=horizon).value
        assert row["apparent"] == pytest.approx(other, abs=1e-5)


def test_the_corrected_curve_lies_within_probability_and_has_a_band(small):
    outcome, apparent, refits = small
    rows = [row for row in asked(outcome, apparent, refits).tables["calibration_curve"] if row["horizon_days"] == 365.0]
    assert 20 < len(rows) <= 50
    assert {row["design"] for row in rows} == {"bootstrap"}
    assert all(0 <= row["low"] <= row["observed"] <= row["high"] <= 1 for row in rows)


def test_competing_causes_are_corrected_too():
    X, outcome = world(200, 3, causes=2)
    apparent, refits = refitted(X, outcome, 12)
    found = asked(outcome, apparent, refits, horizons=(365.0,))
    assert {e.cause for e in found.estimates} == {"recovered", "died"}
    assert found.one(metric="ici", cause="died").estimator == "flexible_fine_gray_rcs3_optimism_corrected"
    assert not found.find(estimator="cox_on_log_hazard_optimism_corrected")


@pytest.fixture(scope="module")
def telling(small):
    """The same patients, their follow-up told by a predictor: (censoring given it, evidence with and without)."""
    outcome, apparent, refits = small
    lost = outcome.right_days + np.random.default_rng(4).normal(0, 120, outcome.n)
    fold = np.arange(outcome.n) % 5
    dealt = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
    given = ConditionalCensoring.cross_fitted(lost[:, None], outcome, dealt)
    assert given.headline
    return given, asked(outcome, apparent, refits, censoring=given), asked(outcome, apparent, refits)


def test_weights_given_the_predictors_are_corrected_beside_the_marginal_ones_which_stay_as_they_were(telling):
    _, both, marginal = telling
    more = [one for one in both.estimates if one not in marginal.estimates]
    assert [one for one in both.estimates if one not in more] == list(marginal.estimates)
    assert {one.metric for one in more} == {
        "auc", "brier", "ipa", "oe_ratio", "calibration_slope", "calibration_intercept"
    }  # fmt: skip
    assert all(one.estimator.endswith("_given_predictors_optimism_corrected") for one in more)
    assert all(one.low <= one.value <= one.high and "predictors" in one.method for one in more)
    assert both.tables["calibration_curve"] == marginal.tables["calibration_curve"]


def test_apparent_numbers_given_the_predictors_are_those_of_the_evaluation(small, telling):
    outcome, apparent, _ = small
    given, both, _ = telling
    rows = [row for row in both.tables["optimism"] if row["estimator"].endswith("_given_predictors")]
    choices = {"horizons": (90.0, 365.0), "design": "apparent", "model": "chosen", "resamples": 0, "level": 0.95}
    scored = Scored(np.arange(outcome.n), np.zeros(outcome.n, int), apparent)
    said = evaluate(outcome, scored, seed=1, censoring=given, **choices)
    assert len(rows) == 12
    for row in rows:
        key = {name: row[name] for name in ("metric", "estimator", "horizon_days")}
        assert row["apparent"] == pytest.approx(said.one(**key).value, abs=1e-9), key


def test_a_censoring_that_tells_nothing_of_anybody_corrects_as_the_marginal_one(small):
    outcome, apparent, _ = small
    rest = censoring(outcome)
    total = np.concatenate([[0.0], -np.log(np.maximum(rest.values[1:], 1e-9))])
    flat = GivenPredictors(rest.times, total, np.ones(outcome.n))
    grids = {(1, 365.0): (0.2,)}
    marginal, given = accuracy(outcome, 1, 365.0), accuracy(outcome, 1, 365.0, flat)
    assert given.read(apparent, None)[0] == pytest.approx(marginal.read(apparent, None)[0], abs=1e-12)
    names = {name for one in measures_of(outcome, (365.0,), grids, flat) for name in one.names}
    assert len(names) == len({name for one in measures_of(outcome, (365.0,), grids) for name in one.names}) + 6


def test_what_is_undefined_has_its_reason(small):
    outcome, apparent, refits = small
    constant = Curves(TIMES, ("died",), np.full((outcome.n, 1, 2), 0.3))
    found = asked(outcome, constant, refits)
    slope = found.one(metric="calibration_slope", estimator="cox_on_log_hazard_optimism_corrected")
    assert (slope.state, slope.value) == ("not applicable", None)
    few = asked(outcome, apparent, refits.some(slice(0, 5)))
    assert "5 of 5 refits" in few.one(metric="harrell_c", horizon_days=None).reason
    late = asked(outcome, apparent, refits, horizons=(90.0, 5000.0))
    assert "nobody was observed" in late.one(metric="ici", horizon_days=5000.0).reason


def test_stability_speaks_of_groups_and_grows_with_fewer_patients():
    errors = []
    for n in (200, 800):
        X, outcome = world(n)
        apparent, refits = refitted(X, outcome, 20)
        found = stability(outcome, apparent, refits, horizons=(365.0,), model="chosen")
        again = refits.incidence[:, :, 0, 1].astype(float)
        by_hand = np.abs(again - apparent.incidence[:, 0, 1]).mean()
        errors.append(found.one(metric="mape", estimator="bootstrap_refits").value)
        assert errors[-1] == pytest.approx(by_hand)
        rows = found.tables["stability"]
        assert len(rows) == 20
        assert sum(row["patients"] for row in rows) == n
        assert min(row["patients"] for row in rows) >= 10
        assert all(row["p2_5"] <= row["predicted"] <= row["p97_5"] for row in rows)
    assert errors[0] > errors[1]


def test_a_stable_model_never_moves():
    X, outcome = world(100)
    apparent = curves_of(X, outcome, np.arange(100))
    refits = Refits(TIMES, ("died",), np.ones((10, 100)), np.stack([apparent.incidence] * 10))
    found = stability(outcome, apparent, refits, horizons=(90.0, 365.0), model="chosen")
    assert [e.value for e in found.estimates] == [0.0] * 4
