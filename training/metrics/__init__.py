"""The yardsticks: one record per metric, one aspect of performance per file."""

from __future__ import annotations

from training.metrics import (
    accuracy,
    calibration,
    discrimination,
    hazard_calibration,
    likelihood,
    smooth_calibration,
    time_dependent,
    utility,
)
from training.metrics.metric import CORRECTED, GIVEN_PREDICTORS, Metric

METRICS: dict[tuple[str, str], Metric] = {
    (metric.name, metric.estimator): metric
    for aspect in (
        discrimination,
        time_dependent,
        accuracy,
        likelihood,
        calibration,
        hazard_calibration,
        smooth_calibration,
        utility,
    )
    for metric in aspect.METRICS
}


def headline_place(name: str, estimator: str, *, given_predictors: bool) -> tuple[bool, int, bool]:
    """How far from the headline an estimator stands among those of its metric at one horizon; the first is least.

    given_predictors: evidence's fact "headline_weights" says so. Then weights given the predictors come first, else the
    marginal ones; after that the order of the records counts, and of one estimator the number without its optimism
    comes before the other. An estimator that is not among the records comes last.
    """
    weighted = estimator.removesuffix(CORRECTED)
    given, plain = weighted.endswith(GIVEN_PREDICTORS), weighted.removesuffix(GIVEN_PREDICTORS)
    known = [metric for metric in METRICS.values() if metric.name == name]
    place = next((k for k, m in enumerate(known) if plain in (m.estimator, m.estimator_competing)), len(known))
    return given is not given_predictors, place, weighted == estimator


def metric_of(name: str, estimator: str = "") -> Metric:
    """The record of a number in evidence: its own, or that of its name's first estimator.

    Weights given the predictors, a threshold or a correction change an estimator's name, not what the number means.
    Raises `KeyError` for a name without a record.
    """
    own = METRICS.get((name, estimator))
    if own is not None:
        return own
    for metric in METRICS.values():
        if metric.name == name:
            return metric
    raise KeyError(name)
