from __future__ import annotations

import numpy as np
import pytest

from training.row_order import distinct_rows, row_order


@pytest.mark.parametrize(("keys", "levels"), [(0, 2), (1, 2), (1, 3), (2, 500), (3, 1)])
def test_rows_stand_in_the_order_of_all_their_values_whichever_were_needed(keys: int, levels: int) -> None:
    rng = np.random.default_rng(levels)
    X = rng.integers(0, levels, (200, 3)).astype(float)
    X[rng.random(X.shape) < 0.2] = np.nan
    own = [rng.integers(0, levels, 200).astype(float) for _ in range(keys)]
    whole = np.lexsort([*X.T[::-1], *own[::-1]])
    assert np.array_equal(row_order(X, *own), whole)
    shuffled = rng.permutation(200)
    again = row_order(X[shuffled], *[key[shuffled] for key in own])
    assert np.array_equal(X[shuffled][again], X[whole], equal_nan=True)


def test_no_rows_and_no_columns_have_an_order_too() -> None:
    assert len(row_order(np.zeros((0, 2)))) == 0
    assert row_order(np.zeros((3, 0)), [3.0, 1.0, 2.0]).tolist() == [1, 2, 0]


def test_copies_of_a_row_have_one_number_and_unknown_is_like_unknown() -> None:
    X = np.array([[1.0, np.nan], [2.0, 0.0], [1.0, np.nan], [2.0, 1.0]])
    order = row_order(X)
    assert distinct_rows([*X.T], order).tolist() == [0, 0, 1, 2]
    assert len(distinct_rows([np.zeros(0)], np.zeros(0, np.intp))) == 0
