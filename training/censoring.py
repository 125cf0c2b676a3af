"""How likely a patient was still under observation: G, from the data that are scored, and the weights made of it.

On a tied day events come before censorings, so whoever is censored on day t was at risk of every event of day t, and
G(t−) is the chance of not having been censored before t. Source: Graf et al. 1999; Gerds & Schumacher 2006.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.outcome import Outcome

Floats = NDArray[np.float64]


class Undefined(ValueError):  # noqa: N818 - no fault of anybody, a state of the estimate
    """A number that these data cannot give; the sentence becomes the estimate's reason."""


@final
@dataclass(frozen=True)
class Censoring:
    """G as a right-continuous step function.

    times   (m,) days on which someone was censored, ascending.
    values  (m + 1, …) 1, then G after each of `times`; trailing axis: one column per resample.
    """

    times: Floats
    values: Floats

    def at(self, days: ArrayLike) -> Floats:
        """G(t): chance of not having been censored by the end of day t."""
        return np.asarray(self.values[np.searchsorted(self.times, np.asarray(days, float), side="right")])

    def before(self, days: ArrayLike) -> Floats:
        """G(t−): chance of not having been censored before day t."""
        return np.asarray(self.values[np.searchsorted(self.times, np.asarray(days, float), side="left")])


def censoring(outcome: Outcome, weights: Floats | None = None) -> Censoring:
    """Kaplan–Meier of the censoring time in `outcome`.

    weights: (n,) case weights, or (n, b) one column per resample; a weight of 2 equals a patient standing twice.
    """
    require_common_entry(outcome)
    time, censored = outcome.right_days, outcome.event == 0
    w = np.ones(outcome.n) if weights is None else np.asarray(weights, float)
    order = np.lexsort((censored, time))
    times, w = time[order], w[order]
    lost = w * (censored[order] if w.ndim == 1 else censored[order][:, None])
    days = np.unique(time[censored])
    first_censored = np.searchsorted(times + 0.0, days, side="left")
    last = np.searchsorted(times, days, side="right")
    total = np.concatenate([np.zeros_like(w[:1]), np.cumsum(w, axis=0)])
    gone = np.concatenate([np.zeros_like(w[:1]), np.cumsum(lost, axis=0)])
    leaving = gone[last] - gone[first_censored]
    # Events of the same day have left the risk set before anyone is censored.
    at_risk = total[-1] - total[last] + leaving
    kept = np.divide(at_risk - leaving, at_risk, out=np.ones_like(at_risk), where=at_risk > 0)
    return Censoring(days, np.concatenate([np.ones_like(w[:1]), np.cumprod(kept, axis=0)]))


def ipcw(outcome: Outcome, horizon: float, g: Censoring) -> Floats:
    """Weights that make the patients with known status by `horizon` stand for all: (n,) or (n, b) as `g`.

    w = 1{event by t}/G(Y−) + 1{Y > t}/G(t); events of any cause count as known. At an administrative cut-off, where
    nobody is observed beyond t, the status of those censored on day t itself is known too and t is read as "just
    before": they get 1/G(t−). Raises `Undefined` where nobody is event-free and observed at t although some
    patients were lost before it. Source: shared/domain/audit.md §5.1.
    """
    time, event = outcome.right_days, outcome.event
    by = (event > 0) & (time <= horizon)
    after = time > horizon
    survivors = g.at(horizon)
    require_follow_up(outcome, horizon)
    if not after.any():
        after, survivors = (event == 0) & (time == horizon), g.before(horizon)
    own = g.before(time)
    shape = (-1,) + (1,) * (own.ndim - 1)
    inverse = np.divide(1.0, own, out=np.zeros_like(own), where=own > 0)
    rest = np.divide(1.0, survivors, out=np.zeros_like(survivors), where=survivors > 0)
    return np.asarray(by.reshape(shape) * inverse + after.reshape(shape) * rest)


def require_follow_up(outcome: Outcome, horizon: float) -> None:
    """Refuse a horizon after the last day of follow-up, unless follow-up ends because the last patients had events."""
    last = outcome.right_days.max(initial=0.0)
    if last < horizon and np.any((outcome.right_days == last) & (outcome.event == 0)):
        raise Undefined("nobody was observed as long as this horizon")


def require_common_entry(outcome: Outcome) -> None:
    """Refuse left truncation that matters: someone enters after another has already left."""
    if outcome.n and outcome.entry_days.max() > 0 and outcome.entry_days.max() >= outcome.right_days.min():
        raise Undefined("patients enter at different times (left truncation), which these weights do not handle")
