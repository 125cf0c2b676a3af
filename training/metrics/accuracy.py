"""How far are predicted risks from what happened? Brier(t), its integral, and IPA: the gain over knowing nothing.

Weights are marginal, of the scored data, unless a `g` is given, which is taken as known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Observing, Undefined, censoring, ipcw, reach, through_censoring
from training.curves import Curves
from training.metrics.metric import Floats, Measured, Metric, events_by
from training.nonparametric import incidence_at

_FEW = 10  # who could have been seen on a day; with fewer the integral ends before it


def brier(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    weights: Floats | None = None,
    g: Observing | None = None,
) -> Measured:
    """Mean of w·(1{event by t} − risk)², the weights those of `ipcw`, events of any cause known.

    Over the patients whom `g` says could have been seen at t: all, with marginal weights. Source: Graf 1999; competing
    causes: Schoop 2011; weights given predictors: Gerds & Schumacher 2006.
    """
    w = np.ones(outcome.n) if weights is None else weights
    weigh = g or censoring(outcome, weights)
    seen = w * weigh.seen(horizon)
    known = w * ipcw(outcome, horizon, weigh) * (events_by(outcome, cause, horizon) - risk) ** 2
    size = float(seen.sum())
    if size <= 0:
        raise Undefined("nobody could have been observed as long as this horizon, given the predictors")
    value = float(known.sum()) / size
    held = (known - seen * value) / size
    if g is not None:
        return Measured(value, held)
    return Measured(value, held, through_censoring(outcome, reach(outcome, horizon), known / size, weights))


def null_risk(
    outcome: Outcome, cause: int, horizon: float, weights: Floats | None = None, g: Observing | None = None
) -> float:
    """What a model that knows only the scored data's own incidence would say: Kaplan–Meier, Aalen–Johansen.

    With a `g` that depends on the predictors, the weighted share of those with the event.
    """
    if g is None:
        return float(incidence_at(outcome, cause, [horizon], weights)[0])
    known = ipcw(outcome, horizon, g) * (1.0 if weights is None else weights)
    return float(known @ events_by(outcome, cause, horizon) / known.sum()) if known.sum() > 0 else 0.0


def ipa(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    weights: Floats | None = None,
    g: Observing | None = None,
    null: Floats | None = None,
) -> Measured:
    """Index of prediction accuracy, 1 − Brier/Brier of the null, whose risk is the scored data's own incidence.

    null: another null's risks (n,), such as out-of-fold ones. Source: Kattan & Gerds 2018 ("scaled Brier score").
    Raises `Undefined` where the null is never wrong. The null's own risk moves its Brier only in the second order,
    because that risk is where it is least.
    """
    if null is None:
        null = np.full(outcome.n, null_risk(outcome, cause, horizon, weights, g))
    base = brier(outcome, null, cause, horizon=horizon, weights=weights, g=g)
    if base.value <= 0:
        raise Undefined("everybody or nobody had the event by this horizon, so there is nothing to explain")
    own = brier(outcome, risk, cause, horizon=horizon, weights=weights, g=g)
    ratio = own.value / base.value
    return Measured(1.0 - ratio, (ratio * base.total - own.total) / base.value)


def integrated_brier(
    outcome: Outcome,
    curves: Curves,
    cause: int = 1,
    *,
    until: float,
    weights: Floats | None = None,
    g: Observing | None = None,
    points: int = 100,
) -> Measured:
    """∫ Brier(t) dt / until from 0 to `until`, trapezoids on at most `points` days with an event and the last day.

    Given predictors the integral ends before the first day as long as which fewer than ten could have been seen, and
    is divided by that day. Source: Graf 1999.
    """
    w = np.ones(outcome.n) if weights is None else weights
    weigh = g or censoring(outcome, weights)
    grid = integration_grid(outcome, until, points)
    enough = [bool(np.sum(weigh.seen(float(day)) * np.ones(outcome.n)) >= min(_FEW, outcome.n)) for day in grid]
    grid = grid[: len(grid) if all(enough) else enough.index(False)]
    if not len(grid):
        raise Undefined("hardly anybody could have been observed, given the predictors")
    around = np.concatenate([[0.0], grid, grid[-1:]])
    value, influence = 0.0, np.zeros(outcome.n)
    by_event, survivors = np.zeros(outcome.n), np.zeros(len(grid))
    for k, day in enumerate(grid):  # day by day: a column at a time is all the memory that it takes
        share = (around[k + 2] - around[k]) / (2 * grid[-1])
        place = int(np.searchsorted(curves.times, day, side="right"))
        risk = curves.incidence[:, cause - 1, place - 1] if place else 0.0
        seen = w * weigh.seen(float(day))
        loss = w * ipcw(outcome, float(day), weigh) * (events_by(outcome, cause, float(day)) - risk) ** 2
        loss, size = share * loss / seen.sum(), seen.sum()
        value += float(loss.sum())
        influence += loss - seen * loss.sum() / size
        died = (outcome.event > 0) & (outcome.right_days <= day)
        by_event += np.where(died, loss, 0.0)
        survivors[k] = loss[~died].sum()
    if g is not None:
        return Measured(value, influence)
    just_after = np.where(grid < outcome.right_days.max(), np.nextafter(grid, np.inf), grid)
    days, factor = np.concatenate([outcome.right_days, just_after]), np.concatenate([by_event, survivors])
    return Measured(value, influence, through_censoring(outcome, days, factor, weights))


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
        title="Brier score",
        digits=3,
        how="inverse-censoring-weighted",
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
        title="Integrated Brier score",
        digits=3,
        how="inverse-censoring-weighted",
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
        title="IPA",
        digits=3,
        how="inverse-censoring-weighted, against the null of the scored data",
        label="Share of the squared error that the model removes, compared with telling everybody the average",
        source="Kattan & Gerds 2018",
    ),
)
