"""Who ranks above whom, counted for all pairs at once in O(n log n), ties exact.

A pair (i, j) is ordered where key_i < key_j within one group. Patients stand sorted by risk; the keys' bits split them
top-down, so that each ordered pair is met in exactly one split, on opposite sides of it, and a running sum of weights
along the risk answers for everybody. Equal keys are never split, so pairs with equal keys are never counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class PairSums:
    """For every row, over its partners and with their weights: all of them, and those ranked rightly (ties in risk ½).

    as_early: partners with a later key; right where this row's risk is higher.
    as_late: partners with an earlier key; right where this row's risk is lower.
    """

    as_early: Floats
    as_early_right: Floats
    as_late: Floats
    as_late_right: Floats


def pair_sums(
    key: ArrayLike, risk: ArrayLike, early: Floats, late: Floats, groups: ArrayLike | None = None
) -> PairSums:
    """Sums over ordered pairs, each weighing early_i · late_j.

    key, risk (n,); early, late (n,) weights, 0 where a row cannot play that part; groups (n,) labels, pairs lie within.
    """
    rank = np.unique(np.asarray(key), return_inverse=True)[1].astype(np.int64)
    level = np.unique(np.asarray(risk, float), return_inverse=True)[1]
    group = np.zeros(len(rank), np.int64) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    order = np.lexsort((level, group))
    block = group[order]
    n, sums = len(rank), [np.zeros(len(rank)) for _ in range(4)]
    for bit in range(int(rank.max(initial=0)).bit_length() - 1, -1, -1):
        side = (rank[order] >> bit) & 1
        start, end = _runs(block)
        if not (side.any() and (side == 0).any()):
            continue
        tie_start, tie_end = _runs(block * (n + 1) + level[order])
        left, right = order[side == 0], order[side == 1]
        for rows, on, weights, total, ranked in (
            (left, side == 0, late[order] * side, sums[0], sums[1]),
            (right, side == 1, early[order] * (1 - side), sums[2], sums[3]),
        ):
            c = np.concatenate([[0.0], np.cumsum(weights)])
            lower = (c[tie_start[on]] + c[tie_end[on]]) / 2 - c[start[on]]
            everybody = c[end[on]] - c[start[on]]
            total[rows] += everybody
            ranked[rows] += lower if rows is left else everybody - lower
        # Split each block in two, keeping the order of risk within.
        ones = np.concatenate([[0], np.cumsum(side)])
        here = np.arange(n)
        zeros_before = (here - start) - (ones[here] - ones[start])
        zeros_in = (end - start) - (ones[end] - ones[start])
        place = np.where(side == 0, start + zeros_before, start + zeros_in + ones[here] - ones[start])
        moved, half = np.empty_like(order), np.empty_like(block)
        moved[place], half[place] = order, start * 2 + side
        order, block = moved, np.concatenate([[0], np.cumsum(np.diff(half) != 0)])
    return PairSums(sums[0], sums[1], sums[2], sums[3])


def _runs(label: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First position and one past the last of each element's run of equal labels."""
    new = np.concatenate([[True], np.diff(label) != 0]) if len(label) else np.zeros(0, bool)
    first = np.flatnonzero(new)
    length = np.diff(np.concatenate([first, [len(label)]]))
    return np.repeat(first, length), np.repeat(first + length, length)
