"""What happened, without a model: incidence of every cause, and beside it what simpler estimators would have said."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.outcome import Outcome
from training.interval_times import ESTIMATOR, resolve
from training.metrics.calibration import MIN_EVENTS
from training.nonparametric import aalen_johansen, kaplan_meier

_POINTS = 200
RIGHT_END = "right_end_of_interval"
ONE_MINUS = "one_minus_kaplan_meier"


def observed_curves(outcome: Outcome, level: float) -> list[dict[str, Any]]:
    """Rows {cause, estimator, time_days, incidence, low, high, at_risk}, as long as ten patients are at risk.

    The first estimator is the study's own and has its pointwise band. Beside it, for sensitivity and without a band:
    where events are seen at visits, Aalen–Johansen that counts each on the day it was first seen; where causes
    compete, one minus Kaplan–Meier of the first cause, which takes the others for censoring.
    """
    resolved, several = resolve(outcome), len(outcome.causes) > 1
    own = ESTIMATOR if outcome.interval_censored else "aalen_johansen" if several else "kaplan_meier"
    rows = _incidences(resolved, own, level)
    if outcome.interval_censored:
        waiting = outcome.left_days < outcome.right_days
        late = {outcome.causes[k - 1] for k in np.unique(outcome.event[waiting])}
        bare = _incidences(outcome, RIGHT_END, None)
        rows += [row for row in bare if row["cause"] in late]
    if several:
        curve = kaplan_meier(resolved.right_days, resolved.event == 1, entry=resolved.entry_days)
        for i in _shown(curve.at_risk):
            values = 1 - float(curve.values[i]), None, None
            rows.append(_row(outcome.causes[0], ONE_MINUS, float(curve.times[i]), values, curve.at_risk[i]))
    return rows


def _incidences(outcome: Outcome, estimator: str, level: float | None) -> list[dict[str, Any]]:
    curve, rows = aalen_johansen(outcome), []
    for k, cause in enumerate(curve.causes, start=1):
        band = None if level is None else curve.interval(curve.times, k, level)
        for i in _shown(curve.at_risk):
            low, high = (None, None) if band is None else (float(band[0][i]), float(band[1][i]))
            values = float(curve.incidence[k - 1, i]), low, high
            rows.append(_row(cause, estimator, float(curve.times[i]), values, curve.at_risk[i]))
    return rows


def _shown(at_risk: np.ndarray) -> np.ndarray:
    shown = np.flatnonzero(at_risk >= MIN_EVENTS)
    return np.asarray(shown[np.unique(np.linspace(0, len(shown) - 1, min(len(shown), _POINTS)).round().astype(int))])


def _row(
    cause: str, estimator: str, day: float, values: tuple[float, float | None, float | None], at_risk: float
) -> dict[str, Any]:
    incidence, low, high = values
    return {
        "cause": cause,
        "estimator": estimator,
        "time_days": day,
        "incidence": incidence,
        "low": low,
        "high": high,
        "at_risk": int(at_risk),
    }
