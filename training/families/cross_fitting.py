"""Members judged by patients they have not seen, as far as the time given allows: what the super learner weighs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.families.family import Design, Family
from training.families.splines import Bends, knots_for
from training.row_order import row_order
from training.stacking import HonestBrier

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_FOLDS = 5
_TWICE_BELOW = 1500  # rows below which the folds are dealt a second time
_ONE_FOLD_FROM = 5_000  # rows from which a fifth of them is enough to judge a handful of weights by
_REFIT = 1.25  # a fit on all rows takes so much longer than one on four fifths


@final
class Allowance:
    """Seconds of the clock for a whole fit, and what the members that were accepted will still need of them."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._promised = 0.0

    def affords(self, seconds: float) -> bool:
        """Whether so much more fits in beside what is promised."""
        return self._end is None or time.monotonic() + self._promised + seconds <= self._end

    def promise(self, seconds: float) -> None:
        """Set aside for later."""
        self._promised += seconds


@final
@dataclass(frozen=True)
class Judged:
    """What is known of members from patients that they have not seen.

    names   who was judged; left_out: for whom there was no time.
    gram    (m, m) `HonestBrier.gram` of their curves; spread: their mean distance from each other.
    deals   how often the folds were dealt.
    score   of the patients that were judged in the first deal; curves: one (n, causes, t) per member, at its times.
    fold    (n,) another deal of these patients: whom what is learned from the curves is to be held against together.
    """

    names: tuple[str, ...]
    left_out: tuple[str, ...]
    gram: Floats
    spread: float
    deals: int
    score: HonestBrier
    curves: tuple[Floats, ...]
    fold: Rows


def judged(
    members: Mapping[str, Family],
    design: Design,
    outcome: Outcome,
    seed: int,
    *,
    allowance: Allowance,
    sure: Sequence[str] = (),
) -> Judged:
    """Five folds, dealt twice below 1,500 rows; from 5,000 rows on the first of them alone is judged.

    Members are judged in the order given while the allowance lasts; `sure` ones whatever it is. Without an allowance
    that ends the answer depends on the rows, their order not counting, and on the seed alone.
    """
    censored = int(np.sum(outcome.event == 0))
    score = HonestBrier.of(Bends.fit(design.X, knots_for(censored)).widened(design.X), outcome)
    fold = _dealt(design, outcome, seed)
    shown = _shown(outcome, fold)
    curves, spent = {}, 0.0
    for name, member in members.items():
        found = _unseen(member, design, outcome, score.times, fold, seed, allowance, always=name in sure)
        if found is not None:
            curves[name] = found[0]
            spent += found[1]
    names = tuple(curves)
    seen, judging = tuple(curves[name][shown] for name in names), score.take(shown)
    grams = [judging.gram(seen)]
    if outcome.n < _TWICE_BELOW and allowance.affords(spent):
        again = _dealt(design, outcome, seed + 1)
        free = Allowance(None)
        dealt = [_unseen(members[name], design, outcome, score.times, again, seed, free) for name in names]
        grams.append(score.gram([one[0] for one in dealt if one is not None]))
    gram = np.mean([one[0] for one in grams], axis=0)
    left_out = tuple(name for name in members if name not in curves)
    spread = float(np.mean([one[1] for one in grams]))
    held = _dealt(_rows(design, shown), outcome.take(shown), seed + 2)
    return Judged(names, left_out, gram, spread, len(grams), judging, seen, held)


def _unseen(
    member: Family,
    design: Design,
    outcome: Outcome,
    times: Floats,
    fold: Rows,
    seed: int,
    allowance: Allowance,
    *,
    always: bool = False,
) -> tuple[Floats, float] | None:
    """(n, causes, t) curves of rows by a fit on the other folds, and seconds; None where the allowance would end."""
    numbers = sorted(set(fold[_shown(outcome, fold)].tolist()))
    curves = np.zeros((outcome.n, len(outcome.causes), len(times)))
    begun, longest = time.monotonic(), 0.0
    for number in numbers:
        if not (always or allowance.affords((len(numbers) - number + _REFIT) * longest)):
            return None
        start = time.monotonic()
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        fitted = member.fit(_rows(design, train), outcome.take(train), seed)
        curves[test] = fitted.predict(design.X[test], times).incidence
        longest = max(longest, time.monotonic() - start)
    allowance.promise(_REFIT * longest)
    return curves, time.monotonic() - begun


def _shown(outcome: Outcome, fold: Rows) -> Rows:
    """Rows that are judged."""
    return np.flatnonzero(fold == 0) if outcome.n >= _ONE_FOLD_FROM else np.arange(outcome.n)


def _rows(design: Design, rows: Rows) -> Design:
    return Design(design.X[rows], design.columns, None if design.weights is None else design.weights[rows])


def _dealt(design: Design, outcome: Outcome, seed: int) -> Rows:
    """(n,) fold of each row: neighbours in event and time are dealt to different folds, equal rows to the same one."""
    X, followed, event = design.X, outcome.time_days, outcome.event
    order = row_order(X, event, followed)
    changes = (np.diff(followed[order]) != 0) | (np.diff(event[order]) != 0)
    if X.shape[1]:
        changes |= (np.diff(X[order], axis=0) != 0).any(axis=1)
    unit = np.concatenate([[0], np.cumsum(changes)]) if X.shape[1] else np.arange(outcome.n)
    units = int(unit[-1]) + 1
    folds = min(_FOLDS, units)
    rng = np.random.default_rng(seed)
    blocks = [rng.permutation(folds) for _ in range(-(-units // folds))]
    fold = np.empty(outcome.n, dtype=np.intp)
    fold[order] = np.concatenate(blocks)[unit]
    return fold
