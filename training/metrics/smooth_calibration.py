"""Do predicted risks come true at every level? The observed risk as a smooth function of the predicted one.

One cause: Cox on a restricted cubic spline of the log hazard scale. Competing causes: Fine–Gray on the same spline.
Sources: Austin, Harrell & van Klaveren 2020; Austin, Putter, Giardiello & van Klaveren 2022; van Geloven 2022. The mean
of the neighbours' pseudo-observations, which van Geloven gives beside it, follows noise more: of right risks its mean
distance was 0.053 of 400 patients and 0.031 of 1,500, the spline's 0.024 and 0.015, with intervals half as wide that
held the truth as often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from features.outcome import Outcome
from training.censoring import Undefined, require_follow_up
from training.curves import Curves
from training.metrics.calibration import log_hazard_scale, require_events
from training.metrics.metric import Floats, Measured, Metric
from training.nonparametric import incidence_at
from training.partial_likelihood import PartialLikelihood

Smoother = Callable[[Floats | None], Floats]
"""Weights or None → observed risk at the risks that were asked for."""

BANDWIDTH = 0.05
"""Neighbours are those whose rank, as a fraction of all, is this close (van Geloven 2022)."""


@final
@dataclass(frozen=True)
class Errors:
    """|predicted − observed| over patients: mean, median, 90th percentile, largest, root mean square."""

    ici: float
    e50: float
    e90: float
    emax: float
    root_squared_bias: float


def errors(risk: Floats, observed: Floats, weights: Floats | None = None) -> Errors:
    """Summaries of the distance between predicted and smoothed observed risks."""
    distance = np.abs(risk - observed)
    if weights is not None:
        keep = weights > 0
        distance, weights = distance[keep], weights[keep]
    half, most = _quantiles(distance, (0.5, 0.9), weights)
    mean, square = np.average(distance, weights=weights), np.average(distance**2, weights=weights)
    return Errors(float(mean), half, most, float(distance.max()), float(np.sqrt(square)))


def spline_basis(x: ArrayLike, knots: Floats) -> Floats:
    """Restricted cubic spline, linear beyond the outer knots: columns x and one less than the inner knots more.

    Harrell's parametrisation, scaled by (last − first knot)².
    """
    values = np.asarray(x, float)
    first, before, last = knots[0], knots[-2], knots[-1]

    def cube(at: float) -> Floats:
        return np.asarray(np.clip(values - at, 0.0, None) ** 3)

    columns = [
        (cube(k) - cube(before) * (last - k) / (last - before) + cube(last) * (before - k) / (last - before))
        / (last - first) ** 2
        for k in knots[:-2]
    ]
    return np.stack([values, *columns], axis=1)


def cox_smoother(
    outcome: Outcome,
    risk: Floats,
    horizon: float,
    cause: int = 1,
    *,
    read_at: Floats | None = None,
    knots: tuple[float, ...] = (0.1, 0.5, 0.9),
    subdistribution: bool = False,
    weights: Floats | None = None,
) -> Smoother:
    """Cox (with `subdistribution` Fine–Gray) on a spline of the log hazard scale, knots at quantiles of the risks.

    Read at the risks themselves or at `read_at`. The knots stay where the whole data put them when the fit is repeated
    with other weights. Where knots coincide the curve is a straight line.

    Follow-up ends at the horizon: where hazards are not proportional, what happens later would bend the observed risk
    by the horizon (1,858 real patients: a distance of 0.8 points beside a mean risk 1.8 points too high).
    """
    x = log_hazard_scale(risk)
    at = np.unique(np.quantile(x, knots))
    likelihood = PartialLikelihood(_until(outcome, horizon), cause, subdistribution=subdistribution)

    def basis(values: Floats) -> Floats:
        return spline_basis(values, at) if len(at) > 2 else values[:, None]

    X = basis(x)
    centre = X.mean(axis=0)
    first = likelihood.fit(X - centre, weights=weights)

    asked = (X if read_at is None else basis(log_hazard_scale(read_at))) - centre
    before = int(np.searchsorted(likelihood.times, horizon, side="right"))

    def smooth(w: Floats | None) -> Floats:
        coef, hazard = (first.coef, first.hazard) if w is None else likelihood.refit(X - centre, first.coef, w)
        by = hazard[before - 1] if before else 0.0
        eta = asked @ coef
        return np.asarray(-np.expm1(-np.exp(np.clip(eta + np.log(max(by, 1e-300)), -700.0, 50.0))))

    return smooth


def neighbour_smoother(risk: Floats, read_at: Floats) -> Callable[[Floats, Floats | None], Floats]:
    """(pseudo-observations, weights or None) → observed risk at `read_at`: the mean over near neighbours.

    Near are patients whose rank, as a share of all, lies within `BANDWIDTH` of the share at or below that risk.
    """
    order = np.argsort(risk, kind="stable")
    ordered = risk[order]
    own = np.searchsorted(ordered, ordered, side="right")
    asked = np.argsort(read_at, kind="stable")
    place = np.searchsorted(ordered, read_at[asked], side="right")

    def smooth(pseudo: Floats, weights: Floats | None = None) -> Floats:
        rows = np.ones(len(order)) if weights is None else weights[order]
        mass = np.concatenate([[0.0], np.cumsum(rows)])
        total = np.concatenate([[0.0], np.cumsum(rows * pseudo[order])])
        # A patient's rank is the share of patients with at most that risk; equal risks share it.
        rank, wanted = mass[own] / mass[-1], mass[place] / mass[-1]
        low = np.searchsorted(rank, wanted - BANDWIDTH - 1e-12, side="left")
        high = np.searchsorted(rank, wanted + BANDWIDTH + 1e-12, side="right")
        # Beyond the first or last patient of a small resample the nearest one answers.
        low = np.minimum(low, len(rank) - 1)
        high = np.maximum(high, low + 1)
        size = mass[high] - mass[low]
        result = np.full(len(read_at), total[-1] / mass[-1])
        result[asked] = np.divide(total[high] - total[low], size, out=result[asked], where=size > 0)
        return result

    return smooth


def _until(outcome: Outcome, horizon: float) -> Outcome:
    """The same patients, their follow-up ended at the horizon; who entered later has no event and tells nothing."""
    later = outcome.right_days > horizon
    cut = later & (outcome.entry_days < horizon)
    right = np.where(cut, horizon, outcome.right_days)
    left = np.where(later, right, outcome.left_days)
    return Outcome(outcome.entry_days, left, right, np.where(later, 0, outcome.event), outcome.causes)


def _quantiles(values: Floats, probabilities: tuple[float, ...], weights: Floats | None) -> list[float]:
    """Linear interpolation between order statistics, each standing `weight` times (R's type 7 for equal weights)."""
    if weights is None:
        return [float(q) for q in np.quantile(values, probabilities)]
    order = np.argsort(values, kind="stable")
    w, v = weights[order] / weights.min(), values[order]
    last = np.cumsum(w) - 1
    result = []
    for p in probabilities:
        place = p * last[-1]
        low = v[np.searchsorted(last, np.floor(place + 1e-9), side="left")]
        high = v[min(np.searchsorted(last, np.floor(place + 1e-9) + 1, side="left"), len(v) - 1)]
        result.append(float(low + (place - np.floor(place + 1e-9)) * (high - low)))
    return result


def _errors(outcome: Outcome, curves: Curves, cause: int, horizon: float | None) -> Errors:
    if horizon is None:
        raise Undefined("a calibration curve needs a horizon")
    require_follow_up(outcome, horizon)
    require_events(outcome, cause, horizon)
    risk = curves.risk_at(horizon, curves.causes[cause - 1])
    if np.ptp(risk) < 1e-12:
        return errors(risk, np.full(outcome.n, incidence_at(outcome, cause, [horizon])[0]))
    return errors(risk, cox_smoother(outcome, risk, horizon, cause, subdistribution=len(outcome.causes) > 1)(None))


def _metric(name: str, title: str, label: str) -> Metric:
    def measure(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
        return Measured(float(getattr(_errors(outcome, curves, cause, horizon), name)))

    return Metric(
        name,
        "flexible_cox_rcs3",
        measure,
        scope="horizon",
        causes="any",
        direction="lower",
        range=(0.0, 1.0),
        null=None,
        best=0.0,
        groups=False,
        title=title,
        digits=3,
        how="Cox on a restricted cubic spline of 3 knots",
        how_competing="Fine–Gray on a restricted cubic spline of 3 knots",
        label=label,
        source="Austin 2020; competing causes: Austin 2022",
        estimator_competing="flexible_fine_gray_rcs3",
    )


METRICS = (
    _metric("ici", "ICI", "Mean distance between predicted and observed risk"),
    _metric("e50", "E50", "Half the patients have a predicted risk closer than this to the observed one"),
    _metric("e90", "E90", "Nine of ten patients have a predicted risk closer than this to the observed one"),
    _metric("emax", "Emax", "Largest distance between predicted and observed risk"),
)
