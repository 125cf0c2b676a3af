"""Do predicted risks come true at every level? The observed risk as a smooth function of the predicted one.

One cause: Cox on a restricted cubic spline of the log hazard scale. Competing causes: the mean of the neighbours'
pseudo-observations, or Fine–Gray on the spline. Sources: Austin, Harrell & van Klaveren 2020; van Geloven 2022.
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
from training.nonparametric import incidence_at, pseudo_values
from training.partial_likelihood import PartialLikelihood

Smoother = Callable[[Floats | None, Floats], Floats]
"""(weights or None, risks to read at) → observed risk at those risks."""

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
    knots: tuple[float, ...] = (0.1, 0.5, 0.9),
    subdistribution: bool = False,
    weights: Floats | None = None,
) -> Smoother:
    """Cox (with `subdistribution` Fine–Gray) on a spline of the log hazard scale, knots at quantiles of the risks.

    The knots stay where the whole data put them when the fit is repeated with other weights. Where knots coincide the
    curve is a straight line; where all risks are equal, the observed risk itself.
    """
    x = log_hazard_scale(risk)
    at = np.unique(np.quantile(x, knots))
    likelihood = PartialLikelihood(outcome, cause, subdistribution=subdistribution)

    def basis(values: Floats) -> Floats:
        return spline_basis(values, at) if len(at) > 2 else values[:, None]

    X = basis(x)
    start = likelihood.fit(X, weights=weights).coef

    def smooth(w: Floats | None, risks: Floats) -> Floats:
        own, tolerance = (weights, 1e-10) if w is None else (w, 1e-6)
        fit = likelihood.fit(X, weights=own, start=start, tolerance=tolerance)
        hazard = float(fit.cumulative_hazard(horizon))
        eta = basis(log_hazard_scale(risks)) @ fit.coef
        return np.asarray(-np.expm1(-np.exp(np.clip(eta + np.log(max(hazard, 1e-300)), -700.0, 50.0))))

    return smooth


def neighbours(pseudo: Floats, risk: Floats, read_at: Floats, weights: Floats | None = None) -> Floats:
    """Mean pseudo-observation of the patients whose rank fraction lies within `BANDWIDTH` of that of each risk."""
    w = np.ones(len(risk)) if weights is None else weights
    order = np.argsort(risk, kind="stable")
    sorted_risk, rows = risk[order], w[order]
    up_to = np.concatenate([[0.0], np.cumsum(rows)])
    total = np.concatenate([[0.0], np.cumsum(rows * pseudo[order])])
    size = up_to[-1]
    # A patient's rank is the share of patients with at most that risk; equal risks share it.
    rank = up_to[np.searchsorted(sorted_risk, sorted_risk, side="right")] / size
    wanted = up_to[np.searchsorted(sorted_risk, read_at, side="right")] / size
    low = np.searchsorted(rank, wanted - BANDWIDTH - 1e-12, side="left")
    high = np.searchsorted(rank, wanted + BANDWIDTH + 1e-12, side="right")
    mass = up_to[high] - up_to[low]
    return np.asarray(np.divide(total[high] - total[low], mass, out=np.full(len(mass), np.nan), where=mass > 0))


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
    if len(outcome.causes) == 1:
        return errors(risk, cox_smoother(outcome, risk, horizon, cause)(None, risk))
    return errors(risk, neighbours(pseudo_values(outcome, cause, [horizon])[:, 0], risk, risk))


def _metric(name: str, label: str) -> Metric:
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
        label=label,
        source="Austin 2020; competing causes: van Geloven 2022",
        estimator_competing="pseudo_nearest_neighbours",
    )


METRICS = (
    _metric("ici", "Mean distance between predicted and observed risk"),
    _metric("e50", "Half the patients have a predicted risk closer than this to the observed one"),
    _metric("e90", "Nine of ten patients have a predicted risk closer than this to the observed one"),
    _metric("emax", "Largest distance between predicted and observed risk"),
)
