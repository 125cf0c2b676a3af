"""A model of the censoring time: who leaves early, told from the predictors; and the G of each patient that follows.

Ridge Cox with Efron's ties. On one day events come first: whoever is censored on it was at risk of its events.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import efron_baseline
from training.censoring import GivenPredictors
from training.partial_likelihood import fit_cox

Floats = NDArray[np.float64]

_LATER = 0.5  # of a rank: whoever is censored on a day was at risk of its events, so he leaves after them
_RIDGE = 10.0  # as a Cox family's own


def censoring_scores(X: Floats, outcome: Outcome) -> Floats:
    """(p,) log hazard ratios of being censored, from a ridge Cox model (Efron); zeros where nobody is."""
    if not X.shape[1] or not np.any(outcome.event == 0):
        return np.zeros(X.shape[1])
    return fit_cox(X, censoring_events(outcome), ridge=_RIDGE).coef


def observed_given(log_hazard: Floats, outcome: Outcome) -> GivenPredictors:
    """G of each patient, from log hazards of being censored (n,) and the baseline that these patients have."""
    baseline = efron_baseline(log_hazard, censoring_events(outcome), 1)
    steps = np.unique(outcome.right_days)[(baseline.steps - _LATER).astype(int)]
    days = np.unique(steps)
    total = np.concatenate([[0.0], np.cumsum(baseline.increments)])
    passed = total[np.searchsorted(steps, days, side="right")]
    return GivenPredictors(days, np.concatenate([[0.0], passed]), np.exp(log_hazard))


def censoring_events(outcome: Outcome) -> Outcome:
    """The censoring time as an event, in ranks of days."""
    censored = outcome.event == 0
    rank = np.unique(outcome.right_days, return_inverse=True)[1].astype(float)
    return Outcome.right_censored(rank + np.where(censored, _LATER, 0.25), censored.astype(np.int64), ("censored",))
