"""Gradient boosting on derivatives of our own: XGBoost grows the trees, a family says what they are to lower."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from training.row_order import distinct_rows
from training.trees import Trees

Floats = NDArray[np.float64]
_BLOCK = 4096  # rows copied at once


@final
class Boosting:
    """XGBoost, one tree at a time: it keeps every row's sum up to date, so that a round costs one tree.

    X     (n, p) rows on which trees grow, missing values NaN; held: rows whose sums are wanted besides.
    """

    def __init__(
        self, settings: Mapping[str, Any], X: NDArray[np.float32], held: NDArray[np.float32] | None = None
    ) -> None:
        import xgboost

        def matrix(rows: NDArray[np.float32], reference: Any = None) -> Any:
            return xgboost.QuantileDMatrix(rows, missing=np.nan, nthread=1, ref=reference)

        self._round, self._columns = 0, X.shape[1]
        self._rows = matrix(X)
        self._held = None if held is None else matrix(held, self._rows)
        self._booster = xgboost.Booster(dict(settings), [m for m in (self._rows, self._held) if m is not None])

    def step(self, gradient: Floats, hessian: Floats) -> None:
        """Grow one more tree by the loss's derivatives in each row's sum, (n,) each."""
        grad, hess = gradient.astype(np.float32), hessian.astype(np.float32)
        self._booster.boost(self._rows, self._round, grad=grad, hess=hess)
        self._round += 1

    def margin(self, *, held: bool = False) -> Floats:
        """(n,) sums so far."""
        rows = self._held if held else self._rows
        sums = self._booster.predict(rows, output_margin=True, training=not held, validate_features=False)
        return np.asarray(sums, dtype=float).reshape(-1)

    def trees(self) -> Trees:
        """As plain arrays."""
        return Trees.from_xgboost(bytes(self._booster.save_raw("json")))

    def gain(self) -> Floats:
        """(p,) what splits on each column gained in total."""
        gains = self._booster.get_score(importance_type="total_gain")
        return np.array([gains.get(f"f{j}", 0.0) for j in range(self._columns)], dtype=float)


def tree_settings(
    *, depth: int, learning_rate: float, leaf_hessian: float, ridge: float, columns: float, seed: int
) -> dict[str, Any]:
    """XGBoost's names for how a tree may look."""
    return {
        "max_depth": depth,
        "eta": learning_rate,
        "min_child_weight": leaf_hessian,
        "reg_lambda": ridge,
        "colsample_bytree": columns,
        "tree_method": "hist",
        "base_score": 0.0,
        "nthread": 1,
        "seed": seed % 2**31,
        "verbosity": 0,
        "disable_default_eval_metric": True,
    }


def held_back(columns: Sequence[NDArray[Any]], seed: int) -> NDArray[np.bool_]:
    """(n,) whom to hold back for early stopping: one of each five neighbours, of rows that come in order of time.

    Copies of a row (a bootstrap's) are held back together: a tree must not be judged by what it grew on.
    """
    copies = distinct_rows(columns, np.arange(len(columns[0])))
    fives = np.arange(0, copies[-1] + 1, 5)
    return np.isin(copies, fives + np.random.default_rng(seed).integers(0, 5, len(fives)))


def best_rounds(grow: Callable[[], None], loss: Callable[[], float], *, most: int, patience: int) -> int:
    """How many rounds do best; it ends once `patience` in a row have not."""
    best, least = 0, loss()
    for grown in range(1, most + 1):
        grow()
        now = loss()
        if now < least:
            best, least = grown, now
        elif grown - best >= patience:
            break
    return max(best, 1)


def float32_rows(X: Floats, order: NDArray[np.intp]) -> NDArray[np.float32]:
    """These rows in this order, in blocks: the only copy of the matrix, and half its size."""
    copied = np.empty((len(order), X.shape[1]), np.float32)
    for start in range(0, len(order), _BLOCK):
        copied[start : start + _BLOCK] = X[order[start : start + _BLOCK]]
    return copied
