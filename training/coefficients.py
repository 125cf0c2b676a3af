"""What a fitted model says of its predictors, as tables for evidence: ratios with intervals, importance, members.

Every ratio is told for a step a reader thinks in: ten years, one level higher, from one value to another where the
effect bends. Where effects change over time, for each interval of days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.encoding import ColumnReading, Encoding
from training.baseline_hazard import BaselineHazard
from training.families.boosted_pooled import BoostedPeriods
from training.families.cause_specific import FittedCauses
from training.families.family import FittedFamily, FittedHazard
from training.families.forest import FittedForest
from training.families.piecewise import PiecewiseHazards
from training.families.pooled_logistic import PooledHazards
from training.families.proportional import Boosted, Linear, ProportionalHazards
from training.families.spline_cox import BentHazard
from training.families.splines import Bends
from training.families.super_learner import Blend

Floats = NDArray[np.float64]
Rows = list[dict[str, Any]]


def tables_of(fitted: FittedFamily, encoding: Encoding, times: Floats, level: float) -> dict[str, Rows]:
    """Tables by name; a model that reads no predictor has none.

    "coefficients" with intervals where the family has them, "baseline" (S₀ at the encoding's zero: means, reference
    levels, no), "importance" (each column's share of the gain) of trees, "members" (weight and out-of-fold loss) and
    "recalibration" (parameters, what cross-validation found, whether it acts) of a blend.
    """
    tables: dict[str, Rows] = {"coefficients": [], "baseline": [], "importance": []}
    told = _Teller(encoding, level)
    for hazard in _hazards(fitted):
        tables["coefficients"] += told.hazard(hazard)
        tables["importance"] += told.gains(hazard)
        tables["baseline"] += _baseline(hazard, times)
    if isinstance(fitted, FittedForest):
        for cause in fitted.causes:
            tables["importance"] += told.gain(cause, fitted.gain)
    if isinstance(fitted, BoostedPeriods):
        for cause, gain in zip(fitted.causes, fitted.gain, strict=True):
            tables["importance"] += told.gain(cause, gain)
    if isinstance(fitted, PooledHazards):
        tables["coefficients"] += told.pooled(fitted)
    if isinstance(fitted, Blend):
        tables |= fitted.tables()
    return {name: rows for name, rows in tables.items() if rows}


class _Teller:
    """The rows of one encoding's columns at one level."""

    def __init__(self, encoding: Encoding, level: float) -> None:
        self.readings = encoding.readings
        self.pieces = {name: piece for piece in encoding.pieces for name in piece.names}
        self.level, self.z = level, NormalDist().inv_cdf(0.5 + level / 2)

    def hazard(self, hazard: FittedHazard) -> Rows:
        """Rows of one cause's hazard; none where it is one of trees."""
        if isinstance(hazard, PiecewiseHazards):
            return self._piecewise(hazard)
        if isinstance(hazard, BentHazard) and isinstance(hazard.hazard.score, Linear):
            return [
                self._row(hazard.hazard.cause, one, hazard.hazard.score, step)
                for one, step in self._steps(hazard.bends)
            ]
        if isinstance(hazard, ProportionalHazards) and isinstance(hazard.score, Linear):
            return [self._row(hazard.cause, one, hazard.score, step) for one, step in self._steps(Bends.none())]
        return []

    def _piecewise(self, hazard: PiecewiseHazards) -> Rows:
        """A column whose effect changes has a row for each interval, the others one for all days."""
        rows = []
        bounds = [0.0, *hazard.edges.tolist(), None]
        varying = set(hazard.varying.tolist())
        for j, (reading, step) in enumerate(self._steps(Bends.none())):
            for number, piece in enumerate(hazard.pieces if j in varying else hazard.pieces[:1]):
                if not isinstance(piece.score, Linear):
                    continue
                start, end = (bounds[number], bounds[number + 1]) if j in varying else (0.0, None)
                within = f" (day {start:g} to {end:g})" if end is not None else f" (from day {start:g})"
                row = self._row(hazard.cause, reading, piece.score, step)
                row["label"] += within if j in varying else ""
                rows.append(row | {"from_days": start, "until_days": end})
        return rows

    def _steps(self, bends: Bends) -> Iterator[tuple[ColumnReading, Floats]]:
        """Each column's reading with the change of the (bent) columns that it means: several where it bends."""
        width = len(self.readings)
        for j, reading in enumerate(self.readings):
            knots = sorted(set(bends.knots[bends.column == j].ravel().tolist()))
            places = self._places(reading, knots) if knots else []
            if len(places) < 2:
                step = np.zeros(width + len(bends.column))
                step[j] = reading.scale
                yield reading, step
                continue
            ends = np.zeros((len(places), width))
            ends[:, j] = [place for place, _ in places]
            for k, change in enumerate(np.diff(bends.widened(ends), axis=0)):
                per = f"from {places[k][1]} to {places[k + 1][1]} {reading.unit}".rstrip()
                yield replace(reading, per=per if places[0][1] else reading.per, scale=1.0), change

    def _places(self, reading: ColumnReading, knots: Sequence[float]) -> list[tuple[float, str]]:
        """Where a bent column is read: (encoded, as a clinician would write it); of a yes or no, 0 and 1."""
        piece = self.pieces.get(reading.column)
        if piece is None or piece.kind in ("boolean", "category"):
            return [(0.0, ""), (1.0, "")]
        raw = [knot * piece.scale + piece.mean for knot in knots]
        if piece.kind == "ordinal":
            levels = sorted({min(max(round(value), 0), len(piece.levels) - 1) for value in raw})
            return [((level - piece.mean) / piece.scale, piece.levels[level]) for level in levels]
        if piece.offset is not None:
            raw = [math.exp(value) - piece.offset for value in raw]
        return [(knot, f"{value:.3g}") for knot, value in zip(knots, raw, strict=True)]

    def _row(self, cause: str, reading: ColumnReading, score: Linear, step: Floats) -> dict[str, Any]:
        estimate = float(step @ score.coef)
        half = None if score.covariance is None else self.z * math.sqrt(max(float(step @ score.covariance @ step), 0.0))
        low, high = (None, None) if half is None else (estimate - half, estimate + half)
        return {
            "cause": cause,
            "column": reading.column,
            "field": reading.field,
            "label": reading.label,
            "unit": reading.unit,
            "per": reading.per,
            "estimate": estimate,
            "low": low,
            "high": high,
            "hazard_ratio": float(np.exp(estimate)),
            "hazard_ratio_low": None if low is None else float(np.exp(low)),
            "hazard_ratio_high": None if high is None else float(np.exp(high)),
            "level": None if half is None else self.level,
        }

    def pooled(self, fitted: PooledHazards) -> Rows:
        """Ratios of the odds of each interval's hazard: their mean over the events, in the first interval, in the last.

        Intervals are short, so that odds and hazard ratios hardly differ; a ridge on many columns has no intervals
        here.
        """
        rows = []
        for k, cause in enumerate(fitted.causes):
            for reading, step in self._steps(fitted.bends):
                row = self._row(cause, reading, Linear(fitted.main[k]), step)
                drift = float(step @ fitted.drift[k])
                ends = {
                    f"hazard_ratio_{when}": float(np.exp(row["estimate"] + drift * fitted.position[at]))
                    for when, at in (("first_interval", 0), ("last_interval", -1))
                }
                rows.append(row | {"drift": drift} | ends)
        return rows

    def gains(self, hazard: FittedHazard) -> Rows:
        """What each column brought to a hazard of trees."""
        if not isinstance(hazard, ProportionalHazards) or not isinstance(hazard.score, Boosted):
            return []
        return self.gain(hazard.cause, hazard.score.gain)

    def gain(self, cause: str, gain: Floats) -> Rows:
        """One row per column."""
        return [
            {"cause": cause, "column": r.column, "field": r.field, "label": r.label, "value": float(v)}
            for r, v in zip(self.readings, gain, strict=True)
        ]


def _hazards(fitted: FittedFamily) -> Sequence[FittedHazard]:
    if isinstance(fitted, FittedCauses):
        return fitted.hazards
    return (fitted,) if isinstance(fitted, ProportionalHazards | PiecewiseHazards | BentHazard) else ()


def _baseline(hazard: FittedHazard, times: Floats) -> Rows:
    """S₀ of a hazard that is a sum of columns."""
    if isinstance(hazard, PiecewiseHazards):
        return _curve(hazard.cause, hazard.baseline, times)
    plain = hazard.hazard if isinstance(hazard, BentHazard) else hazard
    if isinstance(plain, ProportionalHazards) and isinstance(plain.score, Linear):
        return _curve(plain.cause, plain.baseline, times)
    return []


def _curve(cause: str, baseline: BaselineHazard, times: Floats) -> Rows:
    return [
        {"cause": cause, "time_days": float(t), "cumulative_hazard": float(h), "S0": float(np.exp(-h))}
        for t, h in zip(times, baseline.cumulative(times), strict=True)
    ]
