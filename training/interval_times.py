"""Events seen only at visits: the incidence that agrees with their intervals, and a day inside each interval.

The estimate is self-consistent: each interval's event is spread over its days in proportion to the incidence, and the
incidence is Aalen–Johansen of the events so spread (Turnbull 1976; with competing causes Hudgens, Satten & Longini
2001). Where nothing is interval-censored it is Aalen–Johansen itself.

One thing differs from Turnbull: inside a block of days the mass lies evenly, as in Silverman's smoothed EM. The
unsmoothed maximum puts all it can on days that no interval divides: a third of all recoveries between day 28 and day
29, because nobody is seen earlier. Such a day is an artefact of the visits, and patients would be given it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.outcome import Outcome, OutcomeError

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

ESTIMATOR: Final = "self_consistent"
READING: Final = (
    "self-consistent (Turnbull, competing causes, even inside ten blocks): each event seen at a visit gets one day "
    "inside its interval, in strata, from the incidence that agrees with all intervals; estimators read these days as "
    "known, so that their confidence intervals leave out what nobody knows inside a window and are too narrow"
)
TAKEN_AS_KNOWN: Final = "days inside visit intervals taken as known"
_BLOCKS: Final = 10
_LEAST: Final = 20  # intervals that end in a block: fewer, and the blocks grow wider
# A fixed number of sweeps: a rule that stops by what it sees could stop elsewhere when the same follow-up comes in
# months. After 500 the incidence of 850 patients is within 0.002 of its limit, a tenth of its standard error.
_SWEEPS: Final = 500
_GOLDEN: Final = (5**0.5 - 1) / 2


@final
@dataclass(frozen=True)
class SelfConsistent:
    """Cumulative incidence of each cause, from intervals and exact days alike.

    times      (m,) ends of the stretches that the data tell apart, ascending.
    causes     as in the outcome.
    incidence  (causes, m) by the end of each stretch.
    """

    times: Floats
    causes: tuple[str, ...]
    incidence: Floats

    def at(self, days: ArrayLike, cause: int = 1) -> Floats:
        """Incidence of the `cause`-th cause (1-based) by the end of these days: that of whole stretches."""
        index = np.searchsorted(self.times, np.asarray(days, float), side="right")
        return np.asarray(np.concatenate([[0.0], self.incidence[cause - 1]])[index])


def self_consistent(outcome: Outcome, *, sweeps: int = _SWEEPS) -> SelfConsistent:
    """The incidence of every cause that agrees with all intervals, in O((n + m) · sweeps).

    Raises `OutcomeError` where interval-censored events meet delayed entry.
    """
    seen = _Intervals.of(outcome)
    mass = seen.mass(seen.spread(np.tile(seen.widths, (len(outcome.causes), 1))))
    for _ in range(sweeps if outcome.interval_censored else 0):
        mass = seen.mass(seen.spread(mass))
    return SelfConsistent(seen.times, outcome.causes, np.cumsum(mass, axis=1))


def resolve(outcome: Outcome) -> Outcome:
    """The same follow-up with a day for each interval-censored event; the very same object where there is none.

    The days are quantiles of the self-consistent incidence inside each interval. Their levels run evenly through the
    patients in the order of their intervals, so that neighbours share out what they have in common and Aalen–Johansen
    of the result is close to the estimate. Patients with the same interval are told apart by their place: rows in
    canonical order (of a keyed hash of their ids) get the same days however the table was sorted.
    """
    if not outcome.interval_censored:
        return outcome
    found = self_consistent(outcome)
    days = np.concatenate([[0.0], found.times])
    resolved = np.array(outcome.right_days)
    for cause in range(1, len(outcome.causes) + 1):
        rows = np.flatnonzero((outcome.event == cause) & (outcome.left_days < outcome.right_days))
        rows = rows[np.lexsort((rows, outcome.left_days[rows], outcome.right_days[rows]))]
        left, right = outcome.left_days[rows], outcome.right_days[rows]
        level = ((np.arange(len(rows)) + 0.5) * _GOLDEN) % 1.0
        reached = np.concatenate([[0.0], found.incidence[cause - 1]])
        low, high = np.interp(left, days, reached), np.interp(right, days, reached)
        day = np.interp(low + level * (high - low), reached, days)
        resolved[rows] = np.clip(day, np.nextafter(left, np.inf), right)
    return Outcome(outcome.entry_days, resolved, resolved, outcome.event, outcome.causes)


@dataclass(frozen=True)
class _Intervals:
    """The follow-up on its own grid of stretches (t_{j−1}, t_j].

    times, widths, block  (m,) ends of the stretches, their lengths, and the block of days in which each lies.
    exact   (causes, m) events of a known day.
    known   (m,) patients at risk in each stretch whose day is known.
    seen    for each cause with intervals its place and (i,) first and last: they cover the stretches first … last − 1.
    """

    times: Floats
    widths: Floats
    block: Places
    exact: Floats
    known: Floats
    seen: tuple[tuple[int, Places, Places], ...]

    @classmethod
    def of(cls, outcome: Outcome) -> _Intervals:
        seen = outcome.left_days < outcome.right_days
        late = outcome.entry_days > 0
        if seen.any() and late.any():
            raise OutcomeError(
                f"follow-up seen at visits starts at time zero for everyone: {int(late.sum())} of {outcome.n} rows "
                "enter later. try: a study without a landmark."
            )
        left, right = outcome.left_days[seen], outcome.right_days[seen]
        times = np.unique(np.concatenate([left[left > 0], outcome.right_days]))
        at = np.searchsorted(times, outcome.right_days)
        exact = np.zeros((len(outcome.causes), len(times)))
        happened = ~seen & (outcome.event > 0)
        np.add.at(exact, (outcome.event[happened] - 1, at[happened]), 1.0)
        entering = outcome.n - np.searchsorted(np.sort(outcome.entry_days), times, side="left")
        known = _from_here(np.bincount(at[~seen], minlength=len(times)).astype(float)) - entering
        first, last, event = np.searchsorted(times, left, side="right"), at[seen] + 1, outcome.event[seen]
        of_cause = tuple((int(k) - 1, first[event == k], last[event == k]) for k in np.unique(event))
        return cls(times, np.diff(times, prepend=0.0), _blocks(times, right), exact, known, of_cause)

    def spread(self, mass: Floats) -> Floats:
        """(causes, m) expected events: each interval's one event over its stretches in proportion to `mass`, and then
        each block's evenly over its days.
        """
        expected, m = np.zeros_like(mass), len(self.times)
        length = np.bincount(self.block, self.widths)
        for cause, first, last in self.seen:
            reached = np.concatenate([[0.0], np.cumsum(mass[cause])])
            share = 1.0 / (reached[last] - reached[first])
            covered = np.cumsum(np.bincount(first, share, m + 1) - np.bincount(last, share, m + 1))[:-1]
            found = np.bincount(self.block, mass[cause] * np.clip(covered, 0.0, None))
            expected[cause] = (found / length)[self.block] * self.widths
        return expected

    def mass(self, spread: Floats) -> Floats:
        """(causes, m) Aalen–Johansen's increments, with the intervals' events so spread."""
        events = self.exact + spread
        at_risk = self.known + _from_here(spread.sum(axis=0))
        hazard = np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)
        survival = np.cumprod(1.0 - np.minimum(hazard.sum(axis=0), 1.0))
        return np.asarray(hazard * np.concatenate([[1.0], survival[:-1]]))


def _blocks(times: Floats, ends: Floats) -> Places:
    """Blocks of days in which about equally many intervals end; what lies after the last interval is one more."""
    blocks = max(1, min(_BLOCKS, len(ends) // _LEAST))
    edges = ends
    if len(ends):
        # An observed end, not a mean of two: the blocks are then the same whatever unit the table came in.
        edges = np.unique(np.quantile(ends, np.arange(1, blocks + 1) / blocks, method="inverted_cdf"))
    return np.searchsorted(edges, times, side="left")


def _from_here(values: Floats) -> Floats:
    """Sum from each place to the end."""
    return np.asarray(np.cumsum(values[::-1])[::-1])
