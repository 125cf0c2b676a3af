"""Is acting on the prediction better than treating all or none? Net benefit at a threshold that somebody chose."""

from __future__ import annotations

import numpy as np

from features.outcome import Outcome
from training.censoring import Undefined, require_follow_up
from training.metrics.metric import Floats
from training.nonparametric import incidence_at


def net_benefit(outcome: Outcome, risk: Floats, cause: int = 1, *, horizon: float, threshold: float) -> float:
    """Share of true positives less the share of false ones at the odds of the threshold, per patient.

    Positive is a risk above the threshold; what happened to the positives is their own Kaplan–Meier or, with competing
    causes, Aalen–Johansen risk. With every risk at 1 this is "treat all"; "treat none" is 0. Source: Vickers 2008.
    """
    if not 0 < threshold < 1:
        raise ValueError("a threshold lies between 0 and 1.")
    positive = risk > threshold
    if not positive.any():
        return 0.0
    treated = outcome.take(np.flatnonzero(positive))
    try:
        require_follow_up(treated, horizon)
    except Undefined as error:
        raise Undefined("nobody above the threshold was observed as long as this horizon") from error
    happened = float(incidence_at(treated, cause, [horizon])[0])
    share = float(positive.mean())
    return share * (happened - (1 - happened) * threshold / (1 - threshold))
