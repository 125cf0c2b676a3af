"""How likely was what happened, had the model been right? The right-censored log-likelihood of whole curves."""

from __future__ import annotations

import numpy as np

from features.outcome import Outcome
from training.curves import Curves
from training.metrics.hazard_calibration import own_survival
from training.metrics.metric import Floats, Measured, Metric

INTERVALS = 20
"""A curve is a step curve and has no density: it is read as a chance for each of so many stretches of days."""

_LEAST = 1e-4  # no stretch is believed impossible: one patient in ten thousand


def log_likelihood(outcome: Outcome, curves: Curves, *, weights: Floats | None = None) -> Measured:
    """Mean of −log of the chance that the curves gave to what was seen; all causes together, lower is better.

    Seen is, for an event, its cause and its stretch of days: of at most twenty that end at times of the curves, next to
    quantiles of the days with an event in the scored data. So the number has no unit of time, and models that answer on
    one grid are compared on the same stretches. The chance is the mass of the cause's incidence in it. For a censored
    patient it is survival up to his day, the hazard even inside a stretch: up to the start of it alone would reward
    hazards that are a tenth too high. No chance is read as less than 1 in 10,000.
    Source: Avati 2020, as "right-censored log-likelihood" Sonabend
    2022; there a density.
    """
    w = np.ones(outcome.n) if weights is None else weights
    ends = _ends(outcome, curves)
    read = curves.at(ends) if len(ends) else curves
    mass = np.diff(read.incidence, axis=2, prepend=0.0)
    place = np.searchsorted(ends, outcome.right_days, side="left")
    rows = np.arange(outcome.n)
    # After the last end lies one more stretch without an end: its mass is what is left.
    rest = np.clip(1.0 - read.incidence.sum(axis=1)[:, -1:], 0.0, 1.0) if len(ends) else np.ones((outcome.n, 1))
    k = np.maximum(outcome.event - 1, 0)
    inside = np.concatenate([mass, np.repeat(rest[:, None, :], len(outcome.causes), axis=1)], axis=2)[rows, k, place]
    chance = np.where(outcome.event > 0, inside, own_survival(read, outcome.right_days) if len(ends) else 1.0)
    loss = -np.log(np.maximum(chance, _LEAST))
    value = float(np.average(loss, weights=w))
    return Measured(value, w * (loss - value) / w.sum())


def _ends(outcome: Outcome, curves: Curves) -> Floats:
    """Ends of the stretches: times of the curves at or after quantiles of the event days."""
    days = np.sort(outcome.right_days[outcome.event > 0])
    if not len(days):
        return np.zeros(0)
    wanted = np.quantile(days, np.arange(1, INTERVALS + 1) / INTERVALS, method="inverted_cdf")
    return np.unique(curves.times[np.minimum(np.searchsorted(curves.times, wanted), len(curves.times) - 1)])


def _rcll(outcome: Outcome, curves: Curves, _cause: int, _horizon: float | None, _: object) -> Measured:
    return log_likelihood(outcome, curves)


METRICS = (
    Metric(
        "rcll",
        "right_censored_log_likelihood",
        _rcll,
        scope="range",
        causes="any",
        direction="lower",
        range=(0.0, np.inf),
        null=None,
        best=0.0,
        groups=False,
        title="Log likelihood (RCLL)",
        digits=3,
        how="log likelihood of what was seen, censored patients by their survival",
        label="How surprised the model was by what happened, on average, all causes and the whole follow-up together",
        source="Avati 2020; Sonabend 2022",
    ),
)
