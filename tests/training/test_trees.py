"""Trees in numpy are XGBoost's own trees."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from training.trees import Trees


def grown(depth: int, rounds: int = 40, *, missing: float = 0.2) -> tuple[xgboost.Booster, np.ndarray]:
    rng = np.random.default_rng(depth)
    X = rng.normal(size=(700, 6))
    X[:, 5] = rng.integers(0, 3, 700)
    y = X[:, 0] - 2 * (X[:, 1] > 0.3) * X[:, 2] + rng.normal(size=700)
    X[rng.random(X.shape) < missing] = np.nan
    matrix = xgboost.DMatrix(X.astype(np.float32), y, missing=np.nan, nthread=1)
    settings = {"max_depth": depth, "eta": 0.2, "base_score": 0.0, "nthread": 1}
    return xgboost.train(settings, matrix, rounds), X


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_numpy_and_xgboost_give_the_same_sums_also_where_values_are_missing(depth: int) -> None:
    booster, X = grown(depth)
    theirs = booster.predict(xgboost.DMatrix(X.astype(np.float32), missing=np.nan), output_margin=True)
    trees = Trees.from_xgboost(bytes(booster.save_raw("json")))
    assert trees.depth <= depth
    assert np.array_equal(trees.predict(X), theirs.astype(float))
    assert Trees.from_arrays(trees.arrays()).predict(X).tolist() == trees.predict(X).tolist()


def test_a_value_on_the_threshold_goes_right_as_in_float32() -> None:
    booster, X = grown(2, 5)
    trees = Trees.from_xgboost(bytes(booster.save_raw("json")))
    inner = np.flatnonzero(trees.left != np.arange(len(trees.left)))[:5]
    rows = np.repeat(X[:1], len(inner) * 2, axis=0)
    for i, node in enumerate(inner):
        rows[2 * i, trees.column[node]] = trees.value[node]
        rows[2 * i + 1, trees.column[node]] = np.nextafter(trees.value[node], np.float32(-1e9), dtype=np.float32)
    theirs = booster.predict(xgboost.DMatrix(rows.astype(np.float32), missing=np.nan), output_margin=True)
    assert np.array_equal(trees.predict(rows), theirs.astype(float))


def test_a_damaged_tree_is_refused() -> None:
    booster, _ = grown(2, 3)
    arrays = Trees.from_xgboost(bytes(booster.save_raw("json"))).arrays()
    arrays["left"] = arrays["left"].copy()
    arrays["left"][0] = 10_000
    with pytest.raises(ValueError, match="points outside its nodes"):
        Trees.from_arrays(arrays)
