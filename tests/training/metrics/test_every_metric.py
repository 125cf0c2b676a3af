"""Seven questions to every metric of the register; a new one is asked without a new test."""

from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.censoring import Undefined
from training.curves import Curves
from training.metrics import METRICS, headline_place, metric_of
from training.metrics.metric import Metric

HORIZON = 12.0
EACH = [
    pytest.param(metric, causes, id=f"{metric.name}-{metric.estimator}-{causes}")
    for metric in METRICS.values()
    for causes in ((1,) if metric.causes == "one" else (1, 2))
]
# Regressions on ranks, tied events or leave-one-out values: a patient standing twice changes them in the second order.
SECOND_ORDER = {"pseudo_cloglog", "cox_on_log_hazard", "flexible_cox_rcs3", "cox_on_normal_scores"}
SMOOTH = {"ici", "e50", "e90", "emax", "calibration_slope", "calibration_intercept"}
# A test statistic: it grows with the number of patients, and a prediction without error is not spread evenly.
STATISTIC = {"d_calibration"}
RANKED = [
    each for each in EACH if each.values[0].direction != "target" and each.values[0].name not in SMOOTH | STATISTIC
]


def world(causes: int, n: int = 240, unit: float = 1.0) -> tuple[Outcome, Curves]:
    rng = np.random.default_rng(8)
    x = rng.normal(size=n)
    died, lost = np.ceil(rng.exponential(20 * np.exp(-x))), np.ceil(rng.uniform(5, 60, n))
    event = np.where(died <= lost, rng.integers(1, causes + 1, n), 0)
    names = ("a", "b")[:causes]
    times = np.arange(1.0, 41.0)
    incidence = (1 - np.exp(-times[None, :] / 20 * np.exp(0.8 * x)[:, None])) / causes
    curves = Curves(times / unit, names, np.repeat(incidence[:, None, :], causes, axis=1))
    return Outcome.right_censored(np.minimum(died, lost) / unit, event, names), curves


def value(metric: Metric, outcome: Outcome, curves: Curves, unit: float = 1.0) -> float:
    horizon = None if metric.scope == "range" else HORIZON / unit
    until = curves if horizon is not None else Curves(curves.times[:30], curves.causes, curves.incidence[:, :, :30])
    return metric.measure(outcome, until, 1, horizon, None).value


@pytest.mark.parametrize(("metric", "causes"), EACH)
def test_it_says_what_it_is(metric: Metric, causes: int) -> None:
    assert metric.label
    assert metric.source
    assert metric.how
    assert bool(metric.how_competing) == bool(metric.estimator_competing)
    # One metric has one title and one number of digits, whatever the estimator.
    assert {(m.title, m.digits) for m in METRICS.values() if m.name == metric.name} == {(metric.title, metric.digits)}
    assert metric.estimator_for(world(causes, 20)[0])
    assert metric.range[0] <= metric.best <= metric.range[1]


@pytest.mark.parametrize(("metric", "causes"), EACH)
def test_its_value_lies_in_its_range(metric: Metric, causes: int) -> None:
    assert metric.range[0] <= value(metric, *world(causes)) <= metric.range[1]


@pytest.mark.parametrize(("metric", "causes"), EACH)
def test_the_order_of_rows_does_not_matter(metric: Metric, causes: int) -> None:
    outcome, curves = world(causes)
    order = np.random.default_rng(0).permutation(outcome.n)
    shuffled = value(metric, outcome.take(order), curves.take(order))
    assert shuffled == pytest.approx(value(metric, outcome, curves), abs=1e-8)


@pytest.mark.parametrize(("metric", "causes"), EACH)
def test_the_unit_of_time_does_not_matter(metric: Metric, causes: int) -> None:
    weeks = value(metric, *world(causes, unit=8.0), unit=8.0)
    assert weeks == pytest.approx(value(metric, *world(causes)), abs=1e-8)


@pytest.mark.parametrize(("metric", "causes"), EACH)
def test_every_patient_twice_is_the_same_evidence(metric: Metric, causes: int) -> None:
    outcome, curves = world(causes)
    rows = np.repeat(np.arange(outcome.n), 2)
    twice = value(metric, outcome.take(rows), curves.take(rows)) / (2 if metric.name in STATISTIC else 1)
    tolerance = 0.02 if metric.estimator in SECOND_ORDER else 1e-9
    assert twice == pytest.approx(value(metric, outcome, curves), abs=tolerance)


@pytest.mark.parametrize(("metric", "causes"), EACH)
def test_knowing_nothing_scores_the_null_value_or_is_said_to_be_undefined(metric: Metric, causes: int) -> None:
    outcome, _ = world(causes)
    flat = Curves(np.arange(1.0, 41.0), outcome.causes, np.full((outcome.n, causes, 40), 0.3))
    if metric.name.startswith("calibration"):
        with pytest.raises(Undefined, match="not estimable"):
            value(metric, outcome, flat)
        return
    found = value(metric, outcome, flat)
    if metric.name != "ipa" and metric.null is not None:
        assert found == metric.null
    if metric.name == "ipa":
        assert found <= metric.null


# A target is not beaten; that true risks hit it is tested with the metric.
@pytest.mark.parametrize(("metric", "causes"), RANKED)
def test_perfect_beats_real_beats_opposite(metric: Metric, causes: int) -> None:
    outcome, curves = world(causes)
    outcome = Outcome.right_censored(outcome.right_days, np.maximum(outcome.event, 1), outcome.causes)
    own = (outcome.right_days[:, None] <= curves.times) & (outcome.event == 1)[:, None]
    perfect = np.zeros((outcome.n, causes, len(curves.times)))
    perfect[:, 0] = own
    opposite = np.zeros_like(perfect)
    opposite[:, 0] = np.maximum.accumulate(~own & ~own[:, -1:] | (outcome.right_days > HORIZON)[:, None], axis=1)
    best, real, worst = (
        value(metric, outcome, Curves(curves.times, outcome.causes, c)) for c in (perfect, curves.incidence, opposite)
    )
    sign = 1 if metric.direction == "higher" else -1
    assert sign * best > sign * real > sign * worst


def test_the_worse_end_of_a_difference_follows_the_direction_and_a_target_has_none() -> None:
    assert metric_of("ipa").loses(-0.03, 0.01) == 0.03
    assert metric_of("ici").loses(-0.03, 0.01) == 0.01
    assert metric_of("ici").loses(-0.03, -0.01) == 0.0
    with pytest.raises(ValueError, match="near 1 is better"):
        metric_of("oe_ratio").loses(-0.1, 0.1)


@pytest.mark.parametrize("given", [False, True])
def test_the_headline_has_the_weights_that_the_evidence_puts_first_then_the_first_estimator(given: bool) -> None:
    names = ["ipcw_null_of_scored_data", "ipcw_null_out_of_fold", "ipcw_null_of_scored_data_given_predictors"]
    order = sorted(names, key=lambda name: headline_place("ipa", name, given_predictors=given))
    assert order[0] == names[2 if given else 0]
    slopes = ["poisson_glm", "pseudo_cloglog", "something_else"]
    assert min(slopes, key=lambda name: headline_place("calibration_slope", name, given_predictors=given)) == slopes[1]
    with pytest.raises(KeyError):
        metric_of("wisdom")
