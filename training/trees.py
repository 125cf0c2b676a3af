"""Boosted trees as plain arrays, read by numpy: what serves needs no XGBoost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROWS = 4096  # rows walked at once: keeps the (rows × trees) positions inside the cache


@final
@dataclass(frozen=True)
class Trees:
    """A sum of regression trees; all nodes of all trees in one row of arrays.

    roots    (trees,) first node of each tree.
    left, right  children by node; a leaf is its own child.
    column   which column a node splits on.
    value    float32: threshold of a split (left where x < value), contribution of a leaf.
    missing_left  where a NaN goes.
    depth    of the deepest tree.
    """

    roots: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    column: NDArray[np.int32]
    value: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    depth: int

    @classmethod
    def from_xgboost(cls, raw_json: bytes) -> Trees:
        """Read a saved model (XGBoost's JSON format)."""
        trees = json.loads(raw_json)["learner"]["gradient_booster"]["model"]["trees"]
        sizes = [len(tree["left_children"]) for tree in trees]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if trees else np.zeros(0)
        left, right, depth = [], [], 0
        for root, tree in zip(roots, trees, strict=True):
            lower, upper = np.array(tree["left_children"]), np.array(tree["right_children"])
            own = np.arange(root, root + len(lower))
            left.append(np.where(lower < 0, own, lower + root))
            right.append(np.where(lower < 0, own, upper + root))
            depth = max(depth, _depth(lower, upper))
        return cls(
            roots.astype(np.int32),
            _joined(left, np.int32),
            _joined(right, np.int32),
            _joined([tree["split_indices"] for tree in trees], np.int32),
            _joined([tree["split_conditions"] for tree in trees], np.float32),
            _joined([tree["default_left"] for tree in trees], np.bool_),
            depth,
        )

    def predict(self, X: Floats) -> Floats:
        """(n,) sum over the trees, compared in float32 as XGBoost does, each row for itself."""
        return np.concatenate([self._walk(X[i : i + _ROWS]) for i in range(0, len(X), _ROWS)] or [np.zeros(0)])

    def _walk(self, X: Floats) -> Floats:
        x = X.astype(np.float32)
        node = np.broadcast_to(self.roots, (len(x), len(self.roots)))
        rows = np.arange(len(x))[:, None]
        for _ in range(self.depth):
            seen = x[rows, self.column[node]]
            goes_left = np.where(np.isnan(seen), self.missing_left[node], seen < self.value[node])
            node = np.where(goes_left, self.left[node], self.right[node])
        total = np.zeros(len(x), dtype=np.float32)  # in float32, tree by tree: XGBoost's own sum to the last bit
        for t in range(node.shape[1]):
            total += self.value[node[:, t]]
        return total.astype(np.float64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, for a bundle."""
        return {
            "roots": self.roots,
            "left": self.left,
            "right": self.right,
            "column": self.column,
            "value": self.value,
            "missing_left": self.missing_left,
            "depth": np.array([self.depth], dtype=np.int32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Trees:
        """Back from `arrays`. A child that points outside, or a walk that could not end, is refused."""
        trees = cls(
            **{name: arrays[name] for name in ("roots", "left", "right", "column", "value", "missing_left")},
            depth=int(arrays["depth"][0]),
        )
        size = len(trees.value)
        for index in (trees.roots, trees.left, trees.right):
            if len(index) and (index.min() < 0 or index.max() >= size):
                raise ValueError("a tree points outside its nodes: the file is damaged.")
        return trees


def _joined(parts: list[Any], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.asarray(part) for part in parts]).astype(dtype) if parts else np.zeros(0, dtype)


def _depth(left: NDArray[Any], right: NDArray[Any]) -> int:
    level, depth = np.array([0]), -1
    while len(level):
        depth += 1
        inner = level[left[level] >= 0]
        level = np.concatenate([left[inner], right[inner]])
    return depth
