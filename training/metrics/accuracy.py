"""How far are predicted risks from what happened? Brier(t), its integral, and IPA: the gain over knowing nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Censoring, Undefined, censoring, ipcw
from training.curves import Curves
from training.metrics.metric import Floats, Measured, Metric, events_by
from training.nonparametric import incidence_at


def brier(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    weights: Floats | None = None,
    g: Censoring | None = None,
) -> Measured:
    """Mean of w·(1{event by t} − risk)², the weights those of `ipcw` in the scored data, events of any cause known.

    Source: Graf 1999; competing causes: Schoop 2011. The influence takes the censoring weights as known.
    """
    w = np.ones(outcome.n) if weights is None else weights
    known = ipcw(outcome, horizon, g or censoring(outcome, weights))
    loss = known * (events_by(outcome, cause, horizon) - risk) ** 2
    value = float(np.average(loss, weights=w))
    return Measured(value, w * (loss - value) / w.sum())


def null_risk(outcome: Outcome, cause: int, horizon: float, weights: Floats | None = None) -> float:
    """What a model that knows only the scored data's own incidence would say (Kaplan–Meier, Aalen–Johansen)."""
    return float(incidence_at(outcome, cause, [horizon], weights)[0])


def ipa(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    weights: Floats | None = None,
    g: Censoring | None = None,
) -> Measured:
    """Index of prediction accuracy, 1 − Brier/Brier of the null, whose risk is the scored data's own incidence.

    Source: Kattan & Gerds 2018 ("scaled Brier score"). Raises `Undefined` where the null is never wrong. The influence
    is the ratio's, censoring weights taken as known; the null's own risk moves its Brier only in the second order,
    because that risk is where it is least.
    """
    g = g or censoring(outcome, weights)
    null = np.full(outcome.n, null_risk(outcome, cause, horizon, weights))
    base = brier(outcome, null, cause, horizon=horizon, weights=weights, g=g)
    if base.value <= 0:
        raise Undefined("everybody or nobody had the event by this horizon, so there is nothing to explain")
    own = brier(outcome, risk, cause, horizon=horizon, weights=weights, g=g)
    ratio = own.value / base.value
    influence = (ratio * np.asarray(base.influence) - np.asarray(own.influence)) / base.value
    return Measured(1.0 - ratio, influence)


def integrated_brier(
    outcome: Outcome, curves: Curves, cause: int = 1, *, until: float, weights: Floats | None = None, points: int = 100
) -> Measured:
    """∫ Brier(t) dt / until from 0 to `until`, trapezoids on at most `points` days with an event and the last day.

    Source: Graf 1999. The influence takes the censoring weights as known.
    """
    w = np.ones(outcome.n) if weights is None else weights
    g = censoring(outcome, weights)
    grid = integration_grid(outcome, until, points)
    around = np.concatenate([[0.0], grid, grid[-1:]])
    own = np.zeros(outcome.n)  # day by day: a column at a time is all the memory that it takes
    for day, share in zip(grid, (around[2:] - around[:-2]) / (2 * until), strict=True):
        place = int(np.searchsorted(curves.times, day, side="right"))
        risk = curves.incidence[:, cause - 1, place - 1] if place else 0.0
        own += share * ipcw(outcome, float(day), g) * (events_by(outcome, cause, float(day)) - risk) ** 2
    value = float(np.average(own, weights=w))
    return Measured(value, w * (own - value) / w.sum())


def integration_grid(outcome: Outcome, until: float, points: int) -> NDArray[np.float64]:
    """Days with an event before `until`, thinned evenly, and `until`."""
    days = np.unique(outcome.right_days[(outcome.event > 0) & (outcome.right_days < until)])
    if len(days) > points - 1:
        days = days[np.unique(np.linspace(0, len(days) - 1, points - 1).round().astype(int))]
    return np.append(days, until)


def _risk(curves: Curves, cause: int, horizon: float | None) -> tuple[Floats, float]:
    if horizon is None:
        raise Undefined("needs a horizon")
    return curves.risk_at(horizon, curves.causes[cause - 1]), horizon


def _brier(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    risk, day = _risk(curves, cause, horizon)
    return brier(outcome, risk, cause, horizon=day)


def _ipa(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    risk, day = _risk(curves, cause, horizon)
    return ipa(outcome, risk, cause, horizon=day)


def _ibs(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    until = float(curves.times[-1]) if horizon is None else horizon
    return integrated_brier(outcome, curves, cause, until=until)


METRICS = (
    Metric(
        "brier",
        "ipcw",
        _brier,
        scope="horizon",
        causes="any",
        direction="lower",
        range=(0.0, np.inf),
        null=None,
        best=0.0,
        groups=False,
        label="Mean squared distance between predicted risk and what happened by then",
        source="Graf 1999; competing causes: Schoop 2011",
    ),
    Metric(
        "ibs",
        "ipcw",
        _ibs,
        scope="range",
        causes="any",
        direction="lower",
        range=(0.0, np.inf),
        null=None,
        best=0.0,
        groups=False,
        label="The same distance, averaged over follow-up",
        source="Graf 1999",
    ),
    Metric(
        "ipa",
        "ipcw_null_of_scored_data",
        _ipa,
        scope="horizon",
        causes="any",
        direction="higher",
        range=(-np.inf, 1.0),
        null=0.0,
        best=1.0,
        groups=False,
        label="Share of the squared error that the model removes, compared with telling everybody the average",
        source="Kattan & Gerds 2018",
    ),
)
