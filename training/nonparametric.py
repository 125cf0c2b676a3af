"""What the data say without a model: Kaplan–Meier, Aalen–Johansen, follow-up, and pseudo-observations.

Weights are case weights: a weight of 2 equals a patient standing twice. An interval-censored event counts on the day
it was first seen. Sources: Kalbfleisch & Prentice 2002; Aalen & Johansen 1978; Andersen, Klein & Rosthøj 2003.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.outcome import Outcome
from training.censoring import require_common_entry

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Steps:
    """A Kaplan–Meier curve: right-continuous, 1 before the first event.

    times (m,) days with an event, ascending · values (m,) survival after each · at_risk, events (m,) behind each step ·
    greenwood (m,) Greenwood's sum Σ d / n(n − d), infinite once nobody is left.
    """

    times: Floats
    values: Floats
    at_risk: Floats
    events: Floats
    greenwood: Floats

    def at(self, days: ArrayLike) -> Floats:
        """Survival by the end of these days."""
        index = np.searchsorted(self.times, np.asarray(days, float), side="right")
        return np.asarray(np.concatenate([[1.0], self.values])[index])

    def standard_error(self, days: ArrayLike) -> Floats:
        """Greenwood's standard error of the survival at these days; 0 where survival is 0 or 1."""
        index = np.searchsorted(self.times, np.asarray(days, float), side="right")
        root = np.sqrt(np.concatenate([[0.0], self.greenwood]))[index]
        survival = self.at(days)
        return np.asarray(np.where(survival > 0, survival * np.where(np.isfinite(root), root, 0.0), 0.0))

    def interval(self, days: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise interval on the log(−log S) scale; (0, 1) collapses to the value where survival is 0 or 1."""
        survival, se = self.at(days), self.standard_error(days)
        return _cloglog_interval(survival, se, level)

    def quantile(self, probability: float) -> float | None:
        """First day by which survival has fallen to 1 − probability; None where it never does."""
        below = np.flatnonzero(self.values <= 1.0 - probability + 1e-12)
        return float(self.times[below[0]]) if len(below) else None


@final
@dataclass(frozen=True)
class AalenJohansen:
    """Cumulative incidence of each cause and survival, the product limit.

    times (m,) days with an event of any cause · causes · incidence, standard_error, events (causes, m) ·
    survival, at_risk (m,). The standard error is the delta method's (Greenwood's own where there is one cause).
    """

    times: Floats
    causes: tuple[str, ...]
    incidence: Floats
    survival: Floats
    standard_error: Floats
    at_risk: Floats
    events: Floats

    def at(self, days: ArrayLike, cause: int = 1) -> Floats:
        """Incidence of the `cause`-th cause (1-based) by the end of these days."""
        return self._read(self.incidence[cause - 1], days)

    def standard_error_at(self, days: ArrayLike, cause: int = 1) -> Floats:
        """Its standard error."""
        return self._read(self.standard_error[cause - 1], days)

    def interval(self, days: ArrayLike, cause: int = 1, level: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise interval on the log(−log(1 − F)) scale."""
        low, high = _cloglog_interval(1 - self.at(days, cause), self.standard_error_at(days, cause), level)
        return 1 - high, 1 - low

    def _read(self, values: Floats, days: ArrayLike) -> Floats:
        index = np.searchsorted(self.times, np.asarray(days, float), side="right")
        return np.asarray(np.concatenate([[0.0], values])[index])


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, weights: ArrayLike | None = None, *, entry: ArrayLike | None = None
) -> Steps:
    """Kaplan–Meier of follow-up `time` (n,) with `event` true where it ended in the event."""
    end, happened = np.asarray(time, float), np.asarray(event).astype(np.int64) > 0
    start = np.zeros_like(end) if entry is None else np.asarray(entry, float)
    outcome = Outcome(start, end, end, happened.astype(np.int64), ("event",))
    counts = _counts(outcome, None if weights is None else np.asarray(weights, float))
    n, d = counts.at_risk[:, 0], counts.events[0, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.where(d > 0, d / (n * (n - d)), 0.0)
    return Steps(counts.times, _survival(n, d), n, d, np.cumsum(greenwood))


def aalen_johansen(outcome: Outcome, weights: ArrayLike | None = None) -> AalenJohansen:
    """Aalen–Johansen of every cause, (n,) case weights; delayed entry is respected."""
    counts = _counts(outcome, None if weights is None else np.asarray(weights, float))
    n, events = counts.at_risk[:, 0], counts.events[:, :, 0]
    d = events.sum(axis=0)
    survival = _survival(n, d)
    before = np.concatenate([[1.0], survival])[:-1]
    hazard = np.divide(events, n, out=np.zeros_like(events), where=n > 0)
    incidence = np.cumsum(before * hazard, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The step that takes the last patient has F(t) − F(t_j) = 0 for all t ≥ t_j: its infinite term counts nothing.
        a = np.where((d > 0) & (n > d), d / (n * (n - d)), 0.0)
        b = np.where(n > 0, before**2 * (n - events) * events / n**3, 0.0)
        c = np.where(n > 0, before * events / n**2, 0.0)
    total = np.cumsum
    variance = (
        incidence**2 * total(a)
        - 2 * incidence * total(incidence * a, axis=1)
        + total(incidence**2 * a, axis=1)
        + total(b, axis=1)
        - 2 * (incidence * total(c, axis=1) - total(incidence * c, axis=1))
    )
    error = np.sqrt(np.clip(variance, 0.0, None))
    return AalenJohansen(counts.times, outcome.causes, incidence, survival, error, n, events)


def incidence_at(outcome: Outcome, cause: int, days: ArrayLike, weights: Floats | None = None) -> Floats:
    """Aalen–Johansen incidence of a cause at `days`, (t,); with weights (n, b) for b resamples at once, (t, b)."""
    counts = _counts(outcome, weights)
    n, d, own = counts.at_risk, counts.events.sum(axis=0), counts.events[cause - 1]
    one, zero = np.ones((1, n.shape[1])), np.zeros((1, n.shape[1]))
    before = np.concatenate([one, _survival(n, d)])[:-1]
    incidence = np.cumsum(before * _ratio(own, n), axis=0)
    read = np.concatenate([zero, incidence])[np.searchsorted(counts.times, days, side="right")]
    return np.asarray(read[..., 0] if weights is None or weights.ndim == 1 else read)


def incidence_influence(
    outcome: Outcome, cause: int, day: float, weights: Floats | None = None
) -> tuple[float, Floats]:
    """Aalen–Johansen incidence of a cause by one day, and (n,) how far each row, were it there once more, moves it.

    The infinitesimal jackknife: with whole patients the sum of squares is the variance of `aalen_johansen` (where there
    is one cause, Greenwood's) to the last digit. O(n log n).
    """
    counts = _counts(outcome, weights)
    n, d, own = counts.at_risk[:, 0], counts.events.sum(axis=0)[:, 0], counts.events[cause - 1][:, 0]
    by = int(np.searchsorted(counts.times, day, side="right"))
    n, d, own = n[:by], d[:by], own[:by]
    before = np.concatenate([[1.0], _survival(n, d)])[:-1]
    incidence = np.cumsum(before * _ratio(own, n))
    if not by:
        return 0.0, np.zeros(outcome.n)
    # Who is at risk lowers the hazard of each day; who has the event raises it. What comes after shrinks by the latter.
    gain, loss = _ratio(before, n), _ratio(incidence[-1] - incidence, n - d)
    passed = np.concatenate([[0.0], np.cumsum(gain * _ratio(own, n) - loss * _ratio(d, n))])
    until = np.minimum(np.searchsorted(counts.times, outcome.right_days, side="right"), by)
    since = np.minimum(np.searchsorted(counts.times, outcome.entry_days, side="right"), by)
    place = np.minimum(np.searchsorted(counts.times, outcome.right_days), by - 1)
    happened = (outcome.event > 0) & (outcome.right_days <= day)
    moved = happened * ((outcome.event == cause) * gain[place] - loss[place]) - (passed[until] - passed[since])
    return float(incidence[-1]), np.asarray(moved if weights is None else weights * moved)


def median_follow_up(outcome: Outcome, level: float = 0.95) -> tuple[float | None, float | None, float | None]:
    """Median follow-up and its interval by reverse Kaplan–Meier: being lost is the event, events only end the view.

    None where the curve (or the band, Brookmeyer–Crowley) never falls to one half. Source: Schemper & Smith 1996.
    """
    curve = kaplan_meier(outcome.right_days, outcome.event == 0, entry=outcome.entry_days)
    low, high = curve.interval(curve.times, level)

    def first(values: Floats) -> float | None:
        below = np.flatnonzero(values <= 0.5)
        return float(curve.times[below[0]]) if len(below) else None

    return curve.quantile(0.5), first(low), first(high)


def pseudo_values(outcome: Outcome, cause: int, times: ArrayLike, weights: Floats | None = None) -> Floats:
    """Jackknife pseudo-observations N·F(t) − (N − 1)·F₍₋ᵢ₎(t) of a cause's Aalen–Johansen incidence.

    (n, t), in O(n·t); with weights (n, b), one column per resample, (n, t, b): leaving out one copy of patient i, and
    meaningless where the weight is 0. Each time without patient i is the full curve's own product with one fewer at
    risk before the day i left, and the full curve's increments, rescaled, after it.
    """
    require_common_entry(outcome)
    counts, days = _counts(outcome, weights), np.asarray(times, float)
    n, d, own = counts.at_risk, counts.events.sum(axis=0), counts.events[cause - 1]
    if not len(counts.times):
        return np.zeros((outcome.n, len(days)) if weights is None else (outcome.n, len(days), *weights.shape[1:]))
    size = float(outcome.n) if weights is None else np.asarray(weights, float).reshape(outcome.n, -1).sum(axis=0)
    one, zero = np.ones((1, n.shape[1])), np.zeros((1, n.shape[1]))
    survival = np.concatenate([one, _survival(n, d)])
    full = np.concatenate([zero, np.cumsum(survival[:-1] * _ratio(own, n), axis=0)])
    fewer = np.concatenate([one, np.cumprod(1 - _ratio(d, n - 1), axis=0)])
    short = np.concatenate([zero, np.cumsum(fewer[:-1] * _ratio(own, n - 1), axis=0)])

    before = np.searchsorted(counts.times, outcome.right_days, side="left")
    after = np.searchsorted(counts.times, outcome.right_days, side="right")
    tied = (after > before)[:, None]
    day = np.minimum(before, len(counts.times) - 1)
    rest = np.where(tied, n[day] - 1, 0.0)
    still = fewer[before] * (1 - _ratio(d[day] - (outcome.event > 0)[:, None], rest))
    gained = short[before] + fewer[before] * _ratio(own[day] - (outcome.event == cause)[:, None], rest)
    scale = np.divide(still, survival[after], out=np.zeros_like(still), where=survival[after] > 0)
    index = np.searchsorted(counts.times, days, side="right")
    result = np.empty((outcome.n, len(days), n.shape[1]))
    for column, (i, t) in enumerate(zip(index, days, strict=True)):
        later = gained + scale * (full[i] - full[after])
        without = np.where((outcome.right_days <= t)[:, None], later, short[i])
        result[:, column] = size * full[i] - (size - 1) * without
    return result[..., 0] if weights is None or weights.ndim == 1 else result


@dataclass(frozen=True)
class _Counts:
    """Who was at risk and what happened on each day with an event: (m, b), (causes, m, b)."""

    times: Floats
    at_risk: Floats
    events: Floats


def _counts(outcome: Outcome, weights: Floats | None) -> _Counts:
    w = np.ones((outcome.n, 1)) if weights is None else np.asarray(weights, float).reshape(outcome.n, -1)
    time = outcome.right_days
    times = np.unique(time[outcome.event > 0])
    at_risk = _from_day(time, w, times)
    if outcome.n and outcome.entry_days.max() > 0:
        at_risk = at_risk - _from_day(outcome.entry_days, w, times)
    events = np.zeros((len(outcome.causes), len(times), w.shape[1]))
    for k in range(len(outcome.causes)):
        rows = np.flatnonzero(outcome.event == k + 1)
        if len(rows):
            rows = rows[np.argsort(time[rows], kind="stable")]
            days, first = np.unique(time[rows], return_index=True)
            events[k, np.searchsorted(times, days)] = np.add.reduceat(w[rows], first, axis=0)
    return _Counts(times, at_risk, events)


def _from_day(day: Floats, w: Floats, times: Floats) -> Floats:
    """Total weight of the rows whose `day` is at or after each of `times`."""
    order = np.argsort(-day, kind="stable")
    total = np.concatenate([np.zeros((1, w.shape[1])), np.cumsum(w[order], axis=0)])
    return np.asarray(total[len(day) - np.searchsorted(np.sort(day), times, side="left")])


def _survival(at_risk: Floats, events: Floats) -> Floats:
    return np.asarray(np.cumprod(1 - _ratio(events, at_risk), axis=0))


def _ratio(a: Floats, b: Floats) -> Floats:
    """Quotient, and 0 where nobody is left."""
    b = np.broadcast_to(b, np.broadcast_shapes(a.shape, b.shape))
    return np.asarray(np.divide(a, b, out=np.zeros(b.shape), where=b > 0))


def _cloglog_interval(survival: Floats, se: Floats, level: float) -> tuple[Floats, Floats]:
    z = NormalDist().inv_cdf(0.5 + level / 2)
    inside = (survival > 0) & (survival < 1)
    s = np.where(inside, survival, 0.5)
    # A survival within rounding of 0 or 1 has an endless spread on this scale; e⁵⁰ is as good as endless.
    spread = np.exp(np.minimum(z * np.where(inside, se, 0.0) / (s * -np.log(s)), 50.0))
    low, high = s**spread, s ** (1 / spread)
    return np.where(inside, low, survival), np.where(inside, high, survival)
