"""How likely a patient was still under observation: G, from the data that are scored, and the weights made of it.

On a tied day events come before censorings, so whoever is censored on day t was at risk of every event of day t, and
G(t−) is the chance of not having been censored before t. Source: Graf et al. 1999; Gerds & Schumacher 2006.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.outcome import Outcome

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_NOBODY = 1e-12  # a product limit of zero may miss it by a rounding
LEAST_OBSERVED: Final = 0.1
"""Given the predictors: below this chance of being observed a patient is dropped at that time."""


class Undefined(ValueError):  # noqa: N818 - no fault of anybody, a state of the estimate
    """A number that these data cannot give; the sentence becomes the estimate's reason."""


class Observing(Protocol):
    """How likely a patient is still observed: G of everybody (`Censoring`), or each one's own (`GivenPredictors`)."""

    def at(self, days: ArrayLike) -> Floats:
        """G(t): chance of not having been censored by the end of day t; one day, or each row's own (n,)."""
        ...

    def before(self, days: ArrayLike) -> Floats:
        """G(t−): the same before day t."""
        ...

    def seen(self, day: float) -> NDArray[np.bool_]:
        """Who could have been observed as long as this day: a number about that day is about them. One, or (n,)."""
        ...


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

    def seen(self, day: float) -> NDArray[np.bool_]:
        """Everybody."""
        return np.ones(1, dtype=bool)


@final
@dataclass(frozen=True)
class GivenPredictors:
    """G of each of some patients.

    days        (m,) days on which someone was censored, ascending.
    cumulative  (m + 1,) 0, then the cumulative hazard of being censored after each, where the hazard ratio is 1.
    ratio       (n,) hazard ratios.
    """

    days: Floats
    cumulative: Floats
    ratio: Floats

    def at(self, days: ArrayLike) -> Floats:
        """(n,) G(t | x): one day for all, or each patient's own (n,)."""
        return self._read(days, "right")

    def before(self, days: ArrayLike) -> Floats:
        """(n,) G(t− | x)."""
        return self._read(days, "left")

    def seen(self, day: float) -> NDArray[np.bool_]:
        """(n,) who could have been observed as long as this day."""
        return np.asarray(self.before(day) >= LEAST_OBSERVED)

    def take(self, rows: Rows) -> GivenPredictors:
        """Of these patients, in this order."""
        return GivenPredictors(self.days, self.cumulative, self.ratio[rows])

    def _read(self, days: ArrayLike, side: Literal["left", "right"]) -> Floats:
        return np.asarray(np.exp(-self.cumulative[np.searchsorted(self.days, days, side=side)] * self.ratio))


@dataclass(frozen=True)
class _Lost:
    """On each day with a censoring: who could have been censored, and who was, (m, …)."""

    days: Floats
    at_risk: Floats
    leaving: Floats

    @classmethod
    def of(cls, outcome: Outcome, weights: Floats | None) -> _Lost:
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
        return cls(days, total[-1] - total[last] + leaving, leaving)


def censoring(outcome: Outcome, weights: Floats | None = None) -> Censoring:
    """Kaplan–Meier of the censoring time in `outcome`.

    weights: (n,) case weights, or (n, b) one column per resample; a weight of 2 equals a patient standing twice.
    """
    lost = _Lost.of(outcome, weights)
    kept = np.divide(lost.at_risk - lost.leaving, lost.at_risk, out=np.ones_like(lost.at_risk), where=lost.at_risk > 0)
    return Censoring(lost.days, np.concatenate([np.ones((1, *kept.shape[1:])), np.cumprod(kept, axis=0)]))


def through_censoring(outcome: Outcome, days: Floats, factor: Floats, weights: Floats | None = None) -> Floats:
    """(n,) how much each row, were it there once more, moves Σ factor · log 1/G(days−) by moving G itself.

    An estimate whose weights come from the very data it judges has an influence through them; added to that with the
    weights held, it gives the whole infinitesimal jackknife. G(t) instead of G(t−) is asked for as the next float after
    t. Source: the martingale term of Robins & Rotnitzky 1992, for the product limit.
    """
    lost = _Lost.of(outcome, weights)
    w = np.ones(outcome.n) if weights is None else weights
    behind = np.bincount(np.searchsorted(lost.days, days, side="left"), factor, len(lost.days) + 1)
    pull = np.cumsum(behind[:0:-1])[::-1]
    stay = lost.at_risk - lost.leaving
    each = np.divide(pull, stay, out=np.zeros_like(pull), where=stay > 1e-12 * lost.at_risk)
    share = np.divide(lost.leaving, lost.at_risk, out=np.zeros_like(pull), where=lost.at_risk > 0)
    passed = np.concatenate([[0.0], np.cumsum(each * share)])
    censored = outcome.event == 0
    place = np.searchsorted(lost.days, outcome.right_days, side="left")
    own = np.append(each, 0.0)[place] * censored
    return np.asarray(w * (own - passed[place + censored]))


def reach(outcome: Outcome, horizon: float) -> Floats:
    """(n,) the days t of the G(t−) by which `ipcw` divides: just after the horizon, or each event's own day."""
    after = horizon if not np.any(outcome.right_days > horizon) else float(np.nextafter(horizon, np.inf))
    by = (outcome.event > 0) & (outcome.right_days <= horizon)
    return np.where(by, outcome.right_days, after)


def ipcw(outcome: Outcome, horizon: float, g: Observing) -> Floats:
    """Weights that make the patients with known status by `horizon` stand for all: (n,) or (n, b) as `g`.

    w = 1{event by t}/G(Y−) + 1{Y > t}/G(t); events of any cause count as known. At an administrative cut-off, where
    nobody is observed beyond t, the status of those censored on day t itself is known too and t is read as "just
    before": they get 1/G(t−). Whom `g` says could hardly have been seen weighs nothing. Raises `Undefined` where nobody
    is event-free and observed at t although some patients were lost before it. Source: shared/domain/audit.md §5.1.
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
    inverse = np.divide(1.0, own, out=np.zeros_like(own), where=own > _NOBODY)
    rest = np.divide(1.0, survivors, out=np.zeros_like(survivors), where=survivors > _NOBODY)
    weights = by.reshape(shape) * inverse + after.reshape(shape) * rest
    return np.asarray(weights * g.seen(horizon).reshape(shape))


def require_follow_up(outcome: Outcome, horizon: float) -> None:
    """Refuse a horizon after the last day of follow-up, unless follow-up ends because the last patients had events."""
    last = outcome.right_days.max(initial=0.0)
    if last < horizon and np.any((outcome.right_days == last) & (outcome.event == 0)):
        raise Undefined("nobody was observed as long as this horizon")


def require_common_entry(outcome: Outcome) -> None:
    """Refuse left truncation that matters: someone enters after another has already left."""
    if outcome.n and outcome.entry_days.max() > 0 and outcome.entry_days.max() >= outcome.right_days.min():
        raise Undefined("patients enter at different times (left truncation), which these weights do not handle")
