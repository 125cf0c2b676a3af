"""Does the model rank patients rightly at the time when it matters? Antolini's C, for curves that may cross."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Undefined
from training.curves import Curves
from training.metrics.metric import Floats, Measured, Metric, events_by
from training.metrics.pairs import PairSums, pair_sums

Groups = NDArray[np.intp] | None
Ints = NDArray[np.int64]
_WRITTEN_OUT = 256


def antolini_c(
    outcome: Outcome,
    curves: Curves,
    cause: int = 1,
    *,
    horizon: float | None = None,
    groups: Groups = None,
    weights: Floats | None = None,
) -> Measured:
    """Of the pairs whose order is known, the share in which the earlier one's risk was higher on the day of its event.

    The pairs are Harrell's, competing events staying free of the cause for ever; ties in risk count ½. Where risks keep
    one order on all days, as with proportional hazards, the value is Harrell's. Curves are read at the last of their
    times up to the day, before the first at the first. O(n log n) for each of the curves' times. Source: Antolini,
    Boracchi & Biganzoli 2005.
    """
    w = np.ones(outcome.n) if weights is None else weights
    group = np.zeros(outcome.n, np.int64) if groups is None else np.unique(groups, return_inverse=True)[1]
    early = w * events_by(outcome, cause, horizon)
    free = (outcome.event > 0) & (outcome.event != cause)
    time = np.where(free, np.inf, outcome.right_days)
    key = 2 * np.unique(time, return_inverse=True)[1].astype(np.int64) + (outcome.event != cause)
    # Days read at one time of the curves make a cell: whoever is in a later cell was still free.
    cell = np.clip(np.searchsorted(curves.times, time, side="right") - 1, 0, None)
    cell[free] = len(curves.times)
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(len(curves.times) + 1))
    pairs, right = np.zeros(outcome.n), np.zeros(outcome.n)
    late, late_right = np.zeros(outcome.n), np.zeros(outcome.n)
    for k in range(len(curves.times)):
        own, later = order[starts[k] : starts[k + 1]], order[starts[k + 1] :]
        if not np.any(early[own] > 0):
            continue
        risk = curves.incidence[:, cause - 1, k]
        within = _within(key[own], risk[own], early[own], w[own], group[own])
        happened = own[early[own] > 0]
        level = _levels(np.concatenate([happened, later]), risk, group)
        above, below = level[: len(happened)], level[len(happened) :]
        everyone, ranked = _against(above, below, w[later], lower=True)
        beaten, beaten_right = _against(below, above, early[happened], lower=False)
        pairs[own] += within.as_early
        right[own] += within.as_early_right
        pairs[happened] += everyone
        right[happened] += ranked
        late[own] += within.as_late
        late_right[own] += within.as_late_right
        late[later] += beaten
        late_right[later] += beaten_right
    total = float(early @ pairs)
    if total <= 0:
        raise Undefined("no pair of patients whose order is known")
    value = float(early @ right) / total
    return Measured(value, (early * (right - value * pairs) + w * (late_right - value * late)) / total)


def _within(key: Ints, risk: Floats, early: Floats, late: Floats, group: Ints) -> PairSums:
    """`pair_sums` of one cell: few rows are quicker written out."""
    if len(key) > _WRITTEN_OUT:
        return pair_sums(key, risk, early, late, group)
    pair = (key[:, None] < key) & (group[:, None] == group)
    weight = early[:, None] * late * pair
    right = weight * ((risk[:, None] > risk) + (risk[:, None] == risk) / 2)
    mine, theirs = np.where(early > 0, early, 1.0), np.where(late > 0, late, 1.0)
    return PairSums(
        weight.sum(axis=1) / mine, right.sum(axis=1) / mine, weight.sum(axis=0) / theirs, right.sum(axis=0) / theirs
    )


def _levels(rows: NDArray[np.intp], risk: Floats, group: Ints) -> Ints:
    """(n,) whole numbers that ascend with group, then with risk; the place of risks is even, between groups is room."""
    rank = np.unique(risk[rows], return_inverse=True)[1].astype(np.int64)
    return np.asarray(group[rows] * (len(rows) + 1) + rank)


def _against(level: Ints, others: Ints, weights: Floats, *, lower: bool) -> tuple[Floats, Floats]:
    """For each level: weights of the others of its group, and of those that lie lower (or higher), equal ones half."""
    span = len(level) + len(others) + 1
    order = np.argsort(others)
    ordered, total = others[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    first, last = level // span * span, (level // span + 1) * span
    start, end = total[np.searchsorted(ordered, first)], total[np.searchsorted(ordered, last)]
    left = total[np.searchsorted(ordered, level, side="left")]
    right = total[np.searchsorted(ordered, level, side="right")]
    return end - start, (left + right) / 2 - start if lower else end - (left + right) / 2


def _antolini(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, groups: Groups) -> Measured:
    return antolini_c(outcome, curves, cause, horizon=horizon, groups=groups)


METRICS = (
    Metric(
        "antolini_c",
        "within_fold_pairs",
        _antolini,
        scope="both",
        causes="any",
        direction="higher",
        range=(0.0, 1.0),
        null=0.5,
        best=1.0,
        groups=True,
        title="C (Antolini)",
        digits=3,
        how="pairs within a fold and repeat",
        label="The same on the day of each event, where the risks of two patients may change places over time",
        source="Antolini, Boracchi & Biganzoli 2005",
    ),
)
