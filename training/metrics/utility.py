"""Is acting on the prediction better than treating all or none? Net benefit at thresholds that somebody chose."""

from __future__ import annotations

import numpy as np

from features.outcome import Outcome
from training.censoring import Undefined, require_follow_up
from training.curves import Curves
from training.metrics.metric import Floats, Measured, Metric
from training.nonparametric import incidence_influence

THRESHOLDS: tuple[float, ...] = tuple(round(0.01 * percent, 2) for percent in range(1, 51))
"""Of a decision curve where the study states none: 1 % to 50 %."""

STATED: tuple[float, ...] = (0.1, 0.2, 0.3)
"""Where net benefit is an estimate of its own, and the study states no thresholds."""


def net_benefit(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    threshold: float,
    weights: Floats | None = None,
) -> Measured:
    """Share of true positives less the share of false ones at the odds of the threshold, per patient.

    Positive is a risk above the threshold; what happened to the positives is their own Kaplan–Meier or, with competing
    causes, Aalen–Johansen risk. With every risk at 1 this is "treat all"; "treat none" is 0. The influence is that of
    both the share and the risk. Source: Vickers 2008; competing causes: van Geloven 2022.
    """
    if not 0 < threshold < 1:
        raise ValueError("a threshold lies between 0 and 1.")
    w = np.ones(outcome.n) if weights is None else weights
    rows = np.flatnonzero(risk > threshold)
    if not len(rows):
        return Measured(0.0, np.zeros(outcome.n))
    treated = outcome.take(rows)
    try:
        require_follow_up(treated, horizon)
    except Undefined as error:
        raise Undefined("nobody above the threshold was observed as long as this horizon") from error
    happened, moved = incidence_influence(treated, cause, horizon, w[rows])
    odds = threshold / (1 - threshold)
    worth, share = happened - (1 - happened) * odds, float(w[rows].sum() / w.sum())
    value = share * worth
    influence = -w * value / w.sum()
    influence[rows] += w[rows] * worth / w.sum() + share * (1 + odds) * moved
    return Measured(value, influence)


def stated_estimator(threshold: float, causes: int) -> str:
    """The estimator's name of net benefit at one threshold: whose risk among the positives, and where."""
    observed = "kaplan_meier" if causes == 1 else "aalen_johansen"
    return f"{observed}_above_{100 * threshold:g}_percent"


def _net_benefit(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    if horizon is None:
        raise Undefined("net benefit needs a horizon")
    risk = curves.risk_at(horizon, curves.causes[cause - 1])
    return net_benefit(outcome, risk, cause, horizon=horizon, threshold=STATED[1])


METRICS = (
    Metric(
        "net_benefit",
        stated_estimator(STATED[1], 1),
        _net_benefit,
        scope="horizon",
        causes="any",
        direction="higher",
        range=(-np.inf, 1.0),
        null=None,
        best=1.0,
        groups=False,
        title="Net benefit",
        digits=3,
        how="Kaplan–Meier of those above 20 %",
        how_competing="Aalen–Johansen of those above 20 %",
        label="True positives less false ones, these weighed by what the threshold says they cost, per patient",
        source="Vickers 2008; competing causes: van Geloven 2022",
        estimator_competing=stated_estimator(STATED[1], 2),
    ),
)
