"""`Lifetimes`: follow-up and cumulative hazard of all patients, and how surprising a group looks beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ENOUGH: Final = 20
_EVENTS_FOR_A_RATE: Final = 10
# Margin on a group's hazard ratio, in standard errors of its logarithm: the doubt goes to the column.
_MARGIN: Final = 3.0
# Dirt is tolerated: so many of the rows that chance would put on the wrong side may lie there.
_TOLERATED: Final = 0.01
_MOST_ROWS: Final = 1000


@final
@dataclass(frozen=True)
class Surprise:
    """surprise: −ln P(this | chance and a proportional effect); others: the share of all patients or events beyond."""

    surprise: float
    others: float


@final
@dataclass(frozen=True)
class Concordance:
    """Harrell's C of a column by itself, the better of both directions, and its lower end (three standard errors)."""

    c: float
    low: float


@final
@dataclass(frozen=True)
class Lifetimes:
    """time, event: (n,) follow-up and whether it ended with the event; at, hazard: Nelson–Aalen of all patients."""

    time: Floats
    event: Flags
    at: Floats
    hazard: Floats

    @classmethod
    def of(cls, time: Floats, event: Flags) -> Lifetimes:
        """With the cumulative hazard of all."""
        at, hazard = _nelson_aalen(time, event)
        return cls(time, event, at, hazard)

    def cumulative(self, times: Floats) -> Floats:
        """H(t) of all patients."""
        return np.concatenate([[0.0], self.hazard])[np.searchsorted(self.at, times, side="right")]

    def ceiling(self, rows: Flags) -> Surprise | None:
        """How surprising it is that so few of these patients are left after the last of their events.

        The group's hazard ratio is taken from the first half of its events. If it went on like that, a part would
        outlive the group's last event; censored patients count as having outlived it, so that short follow-up of
        late entrants is no ceiling.
        """
        time, event = self.time[rows], self.event[rows]
        if event.sum() < 2 * _EVENTS_FOR_A_RATE:
            return None
        deaths = np.sort(time[event])
        middle, last = deaths[(len(deaths) - 1) // 2], deaths[-1]
        ratio = self._ratio(np.minimum(time, middle), event & (time <= middle), doubt=1.0)
        later = time > middle
        left, n = int((later & ~event).sum()), int(later.sum())
        if n < _EVENTS_FOR_A_RATE:
            return None
        ahead = self.cumulative(np.array([last]))[0] - self.cumulative(np.array([middle]))[0]
        expected = float(np.exp(-ratio * ahead))
        return Surprise(_below(left / n, expected, n), float((self.time > last).mean()))

    def floor(self, rows: Flags) -> Surprise | None:
        """How surprising it is that so few of these patients have the event before their first ones do."""
        time, event = self.time[rows], self.event[rows]
        if not event.any():
            # Nobody ever: even a twentieth of the common hazard would have been felt.
            total = float(self.cumulative(time).sum())
            return Surprise(total / 20, 1.0)
        if event.sum() < _EVENTS_FOR_A_RATE:
            return None
        deaths = np.sort(time[event])
        before = int(_TOLERATED * len(deaths))
        first = np.nextafter(deaths[before], 0)
        expected = float(self.cumulative(np.minimum(time, first)).sum()) * self._ratio(time, event, doubt=-1.0)
        reached = float((self.time[self.event] <= first).mean())
        return Surprise(_fewer(before, expected), reached)

    def tells_the_event(self, rows: Flags) -> bool:
        """Whether being in the group or not says of every patient, or almost, if the event was seen."""
        agreeing = float((rows == self.event).mean())
        return max(agreeing, 1 - agreeing) >= 1 - _TOLERATED / 2 and _ENOUGH <= self.event.sum() <= len(rows) - _ENOUGH

    def bounded_by_follow_up(self, value: Floats) -> Surprise | None:
        """How surprising it is that a number so hardly ever exceeds the time of follow-up."""
        known = np.isfinite(value) & (value > 0)
        return self._one_sided(value[known], known, above=True)

    def bounds_follow_up(self, value: Floats) -> Surprise | None:
        """How surprising it is that a number so hardly ever falls short of the time of follow-up."""
        known = np.isfinite(value)
        return self._one_sided(value[known], known, above=False)

    def _one_sided(self, value: Floats, known: Flags, *, above: bool) -> Surprise | None:
        """Rows on the wrong side, against those of the same values beside the times of all patients."""
        time = self.time[known]
        if len(value) < _ENOUGH:
            return None
        ordered = np.sort(self.time)
        below = np.searchsorted(ordered, value, side="left") / len(ordered)
        upto = np.searchsorted(ordered, value, side="right") / len(ordered)
        expected = float(below.sum() if above else (1 - upto).sum())
        wrong = int((value > time).sum() if above else (value < time).sum())
        if wrong > _TOLERATED * expected:
            return None
        return Surprise(_fewer(wrong, expected), expected / len(value))

    def _ratio(self, time: Floats, event: Flags, *, doubt: float) -> float:
        """Hazard ratio against all patients, moved by its own uncertainty."""
        observed = int(event.sum())
        expected = max(float(self.cumulative(time).sum()), 1e-12)
        return float(observed / expected * np.exp(doubt * _MARGIN / np.sqrt(observed)))


def concordance(lives: Lifetimes, value: Floats) -> Concordance | None:
    """Harrell's C of one number; ties half; None with too few events or values. Beyond 1,000 rows, evenly thinned."""
    known = np.flatnonzero(np.isfinite(value))
    if lives.event[known].sum() < _ENOUGH or len(np.unique(value[known])) < 2:
        return None
    order = known[np.lexsort((value[known], ~lives.event[known], lives.time[known]))]
    if len(order) > _MOST_ROWS:
        order = order[np.linspace(0, len(order) - 1, _MOST_ROWS).astype(int)]
    time, event, x = lives.time[order], lives.event[order], value[order]
    # i has the event while j is still followed (on the same day: j censored).
    usable = event[:, None] & ((time[:, None] < time[None, :]) | ((time[:, None] == time[None, :]) & ~event[None, :]))
    pairs = usable.sum()
    if pairs == 0:
        return None
    win = np.where(x[:, None] > x[None, :], 1.0, np.where(x[:, None] == x[None, :], 0.5, 0.0)) * usable
    by_row = win.sum(axis=1) - usable.sum(axis=1) * (win.sum() / pairs)
    by_column = win.sum(axis=0) - usable.sum(axis=0) * (win.sum() / pairs)
    error = float(np.sqrt(((by_row + by_column) ** 2).sum()) / pairs)
    c = float(win.sum() / pairs)
    c = max(c, 1 - c)
    return Concordance(c, c - _MARGIN * error)


def _nelson_aalen(time: Floats, event: Flags) -> tuple[Floats, Floats]:
    at, deaths = np.unique(time[event], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), at, side="left")
    return at, np.cumsum(deaths / at_risk)


def _below(share: float, expected: float, n: int) -> float:
    """−ln P(a share this small or smaller | expected): Chernoff's bound, exact where the share is zero."""
    if share >= expected:
        return 0.0
    expected = min(expected, 1 - 1e-12)
    part = share * np.log(share / expected) if share > 0 else 0.0
    return float(n * (part + (1 - share) * np.log((1 - share) / (1 - expected))))


def _fewer(count: int, expected: float) -> float:
    """−ln P(a count this small or smaller | expected) of a Poisson law: Chernoff's bound."""
    if count >= expected:
        return 0.0
    return float(expected - count + (count * np.log(count / expected) if count else 0.0))
