"""An order that rows have of themselves, so that what a learner draws or sums is the same however they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def row_order(X: NDArray[np.float64], *keys: ArrayLike) -> NDArray[np.intp]:
    """(n,) rows by these keys, the first first, then by the columns of X; missing values last.

    Rows that agree in everything are the same row. Where few keys already tell all rows apart the others are not
    sorted: with times to the day that is most of the cost.
    """
    columns = [np.asarray(key) for key in keys] + [X[:, j] for j in range(X.shape[1])]
    for used in (len(keys), len(keys) + 2):
        order = np.lexsort(columns[:used][::-1]) if used else np.arange(len(X))
        if used >= len(columns) or _all_differ(columns[:used], order):
            return order
    return np.lexsort(columns[::-1])


def distinct_rows(columns: Sequence[NDArray[Any]], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """(n,) in this order, the number of each row among the different ones: copies of a row have one number."""
    return np.cumsum(np.concatenate([np.zeros(min(len(order), 1), bool), ~_like_the_last(columns, order)]))


def _all_differ(columns: Sequence[NDArray[Any]], order: NDArray[np.intp]) -> bool:
    return not _like_the_last(columns, order).any()


def _like_the_last(columns: Sequence[NDArray[Any]], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    alike = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in columns:
        upper, lower = column[order[1:]], column[order[:-1]]
        alike &= (upper == lower) | ((upper != upper) & (lower != lower))
    return alike
