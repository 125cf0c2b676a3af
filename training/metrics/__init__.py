"""The yardsticks: one record per metric, one aspect of performance per file."""

from __future__ import annotations

from training.metrics import accuracy, calibration, discrimination, smooth_calibration
from training.metrics.metric import Metric

METRICS: dict[tuple[str, str], Metric] = {
    (metric.name, metric.estimator): metric
    for aspect in (discrimination, accuracy, calibration, smooth_calibration)
    for metric in aspect.METRICS
}
