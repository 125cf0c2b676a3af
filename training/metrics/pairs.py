"""Who ranks above whom, counted for all pairs at once in O(n log n), ties exact.

A pair (i, j) is ordered where key_i < key_j within one group. Patients stand sorted by risk; the keys' bits split them
top-down, so that each ordered pair is met in exactly one split, on opposite sides of it, and a running sum of weights
along the risk answers for everybody. Equal keys are never split, so pairs with equal keys are never counted. Groups
come first in the order of keys and in the order of risks alike: a pair of two groups is then never ranked rightly.

Equal risks are equal floats. (scikit-survival ties risks within 1e-8 of each other: where distinct risks are that
close, its C and this one differ by those pairs.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    n = np.size(key)
    group = np.zeros(n, np.int64) if groups is None else _ranks(np.asarray(groups))
    rank = _within(group, _ranks(np.asarray(key)))
    level = _within(group, _ranks(np.asarray(risk, float)))
    early, late = np.asarray(early, float), np.asarray(late, float)
    as_early, as_late = _later_and_earlier(group, rank, early, late)
    both = level * (int(rank.max(initial=0)) + 1) + rank
    early_right, late_right = _strictly_right(np.argsort(both), rank, early, late)
    if int(level.max(initial=-1)) + 1 < n:
        tied_later, tied_earlier = _later_and_earlier(level, _ranks(both), early, late)
        early_right, late_right = early_right + tied_later / 2, late_right + tied_earlier / 2
    return PairSums(as_early, early_right, as_late, late_right)


def _ranks(values: NDArray[Any]) -> Ints:
    """(n,) place among the distinct values."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _within(group: Ints, rank: Ints) -> Ints:
    """(n,) place among the distinct pairs of group and rank, groups first."""
    return _ranks(group * (int(rank.max(initial=0)) + 1) + rank) if group.any() else rank


def _later_and_earlier(group: Ints, rank: Ints, early: Floats, late: Floats) -> tuple[Floats, Floats]:
    """For every row, within its group: late weights of the higher ranks, early weights of the lower ones.

    Ranks ascend with groups, so that each rank belongs to one.
    """
    ranks = int(rank.max(initial=-1)) + 1
    owner = np.zeros(ranks, np.int64)
    owner[rank] = group
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    sizes = np.diff(first, append=ranks)
    start, end = np.repeat(first, sizes), np.repeat(first + sizes, sizes)
    later, earlier = (_running(np.bincount(rank, weights, ranks).astype(float)) for weights in (late, early))
    return (later[end] - later[1:])[rank], (earlier[:-1] - earlier[start])[rank]


def _strictly_right(order: NDArray[np.intp], rank: Ints, early: Floats, late: Floats) -> tuple[Floats, Floats]:
    """For every row: late weights of the higher ranks before it in `order`, early weights of the lower ones after it.

    Of equal risks the lower rank stands first, so that neither of the two finds the other.
    """
    n, size = len(rank), int(rank.max(initial=0)) + 1
    first = np.concatenate([[0], np.cumsum(np.bincount(rank, minlength=size))])
    here, e, w = rank[order], early[order], late[order]
    early_right, late_right = np.zeros(n), np.zeros(n)
    for bit in range((size - 1).bit_length() - 1, -1, -1):
        # A node: the ranks that agree in all higher bits; nodes stand one after the other, by risk within.
        lowest = np.arange(0, size, 2 << bit)
        start, middle = first[lowest], first[np.minimum(lowest + (1 << bit), size)]
        end = np.append(start[1:], n)
        upper = (here >> bit & 1).astype(bool)
        before, after = _running(np.where(upper, w, 0.0)), _running(np.where(upper, 0.0, e))
        early_right += np.where(upper, 0.0, before[:-1] - np.repeat(before[start], end - start))
        late_right += np.where(upper, np.repeat(after[end], end - start) - after[:-1], 0.0)
        # Split each node in two, keeping the order of risk within: its lower half fills its first places.
        halves = np.column_stack([middle - start, end - middle]).ravel()
        into_lower = np.repeat(np.tile([True, False], len(start)), halves)
        source = np.empty(n, np.intp)
        source[into_lower], source[~into_lower] = np.flatnonzero(~upper), np.flatnonzero(upper)
        order, here, e, w = order[source], here[source], e[source], w[source]
        early_right, late_right = early_right[source], late_right[source]
    given = np.empty(n, np.intp)
    given[order] = np.arange(n)
    return early_right[given], late_right[given]


def _running(values: Floats) -> Floats:
    """(n + 1,) sums of all values before each place."""
    total = np.zeros(len(values) + 1)
    np.cumsum(values, out=total[1:])
    return total
