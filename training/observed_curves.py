"""What happened, without a model: incidence of every cause, and beside it what simpler estimators would have said."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.outcome import Outcome
from training.disclosure import LEAST
from training.interval_times import ESTIMATOR, resolve
from training.nonparametric import aalen_johansen, kaplan_meier

_POINTS = 200
RIGHT_END = "right_end_of_interval"
ONE_MINUS = "one_minus_kaplan_meier"


def observed_curves(outcome: Outcome, level: float) -> list[dict[str, Any]]:
    """Rows {cause, estimator, time_days, incidence, low, high, at_risk}, as long as ten patients are at risk.

    Ten events at least lie between two rows: a step that one patient makes would tell his day.

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
        for day, at_risk in _rows_of(resolved, 1):
            rows.append(_row(outcome.causes[0], ONE_MINUS, day, (1 - float(curve.at(day)), None, None), at_risk))
    return rows


def _incidences(outcome: Outcome, estimator: str, level: float | None) -> list[dict[str, Any]]:
    curve, rows = aalen_johansen(outcome), []
    for k, cause in enumerate(curve.causes, start=1):
        for day, at_risk in _rows_of(outcome, k):
            low, high = (None, None) if level is None else (float(end) for end in curve.interval(day, k, level))
            rows.append(_row(cause, estimator, day, (float(curve.at(day, k)), low, high), at_risk))
    return rows


def _rows_of(outcome: Outcome, cause: int) -> list[tuple[float, int]]:
    """Days of a round grid and how many are at risk there, ten events of the cause at least since the row before."""
    happened = np.sort(outcome.right_days[outcome.event == cause])
    followed = np.sort(outcome.right_days)[::-1]
    if len(happened) < LEAST or len(followed) < LEAST:
        return []
    step = _round(float(followed[LEAST - 1]) / _POINTS)
    grid = step * np.arange(1, int(followed[LEAST - 1] / step + 1e-9) + 1)
    by, rows = np.searchsorted(happened, grid, side="right"), list[int]()
    for place in range(len(grid)):
        if by[place] - (by[rows[-1]] if rows else 0) >= LEAST:
            rows.append(place)
    if rows and by[-1] > by[rows[-1]]:
        rows[-1] = len(grid) - 1  # too few for a row of their own
    days = [float(grid[place]) for place in rows]
    return [(day, int(np.sum((outcome.right_days >= day) & (outcome.entry_days < day)))) for day in days]


def _round(width: float) -> float:
    """The next larger of 1, 2 and 5 times a power of ten: no patient's own number."""
    unit = 10.0 ** np.floor(np.log10(width))
    return float(next(unit * k for k in (1, 2, 5, 10) if unit * k >= width * (1 - 1e-9)))


def _row(
    cause: str, estimator: str, day: float, values: tuple[float, float | None, float | None], at_risk: int
) -> dict[str, Any]:
    incidence, low, high = values
    return {
        "cause": cause,
        "estimator": estimator,
        "time_days": day,
        "incidence": incidence,
        "low": low,
        "high": high,
        "at_risk": at_risk,
    }
