"""Trees as plain arrays, boosted or a forest's, read by numpy: what serves needs neither XGBoost nor scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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

    @classmethod
    def none(cls) -> Trees:
        """No tree: a sum of nothing."""
        index = np.zeros(0, np.int32)
        return cls(index, index, index, index, np.zeros(0, np.float32), np.zeros(0, np.bool_), 0)

    def predict(self, X: Floats) -> Floats:
        """(n,) sum over the trees, compared in float32 as XGBoost does, each row for itself."""
        return np.concatenate([self._walk(X[i : i + _ROWS]) for i in range(0, len(X), _ROWS)] or [np.zeros(0)])

    def leaves(self, X: Floats) -> NDArray[np.int32]:
        """(n, trees) the node in which each row ends."""
        x = X.astype(np.float32)
        node = np.broadcast_to(self.roots, (len(x), len(self.roots)))
        rows = np.arange(len(x))[:, None]
        for _ in range(self.depth):
            seen = x[rows, self.column[node]]
            goes_left = np.where(np.isnan(seen), self.missing_left[node], seen < self.value[node])
            node = np.where(goes_left, self.left[node], self.right[node])
        return node

    def _walk(self, X: Floats) -> Floats:
        node = self.leaves(X)
        total = np.zeros(len(X), dtype=np.float32)  # in float32, tree by tree: XGBoost's own sum to the last bit
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


@final
@dataclass(frozen=True)
class Forest:
    """The mean of trees with several outputs.

    trees    their shape; the `value` of a leaf is not read.
    outputs  (leaves, outputs) float32, in the order of the leaves among the nodes.
    """

    trees: Trees
    outputs: NDArray[np.float32]

    @classmethod
    def from_sklearn(cls, trees: Sequence[Any]) -> Forest:
        """Read fitted trees (`estimator.tree_` of a scikit-learn forest)."""
        sizes = [tree.node_count for tree in trees]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if sizes else np.zeros(0)
        left, right, outputs = [], [], []
        for root, tree in zip(roots, trees, strict=True):
            own, leaf = np.arange(root, root + tree.node_count), tree.children_left < 0
            left.append(np.where(leaf, own, tree.children_left + root))
            right.append(np.where(leaf, own, tree.children_right + root))
            outputs.append(tree.value[leaf, :, 0])
        shape = Trees(
            roots.astype(np.int32),
            _joined(left, np.int32),
            _joined(right, np.int32),
            np.maximum(_joined([tree.feature for tree in trees], np.int32), 0),
            _above(_joined([tree.threshold for tree in trees], np.float64)),
            _joined([tree.missing_go_to_left for tree in trees], np.bool_),
            max((tree.max_depth for tree in trees), default=0),
        )
        return cls(shape, _joined(outputs, np.float32) if outputs else np.zeros((0, 0), np.float32))

    def predict(self, X: Floats) -> Floats:
        """(n, outputs) mean over the trees, each row for itself."""
        total = np.zeros((len(X), self.outputs.shape[1]))
        for start in range(0, len(X), _ROWS // 4):
            part = slice(start, start + _ROWS // 4)
            place = self._place[self.trees.leaves(X[part])]
            for t in range(place.shape[1]):  # one by one: a sum over an axis would depend on the batch
                total[part] += self.outputs[place[:, t]]
        total /= max(len(self.trees.roots), 1)
        return total

    @cached_property
    def _place(self) -> NDArray[np.int32]:
        """Which row of `outputs` a leaf has."""
        leaf = self.trees.left == np.arange(len(self.trees.left))
        return np.asarray(np.cumsum(leaf) - 1, dtype=np.int32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, for a bundle: a leaf's threshold and the like are zeros, which compress to nothing."""
        return {**self.trees.arrays(), "outputs": self.outputs}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        """Back from `arrays`. What `Trees` refuses, and leaves that are not as many as their outputs."""
        trees, outputs = Trees.from_arrays(arrays), arrays["outputs"]
        leaves = int(np.sum(trees.left == np.arange(len(trees.left))))
        if leaves != len(outputs):
            raise ValueError(f"a forest has {leaves} leaves and {len(outputs)} outputs: the file is damaged.")
        return cls(trees, outputs)


def _above(threshold: Floats) -> NDArray[np.float32]:
    """The float32 v for which x < v says what x ≤ threshold says of every float32 x."""
    nearest = threshold.astype(np.float32)
    up = np.nextafter(nearest, np.float32(np.inf))
    return np.where(nearest.astype(np.float64) > threshold, nearest, up)


def _joined(parts: list[Any], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.asarray(part) for part in parts]).astype(dtype) if parts else np.zeros(0, dtype)


def _depth(left: NDArray[Any], right: NDArray[Any]) -> int:
    level, depth = np.array([0]), -1
    while len(level):
        depth += 1
        inner = level[left[level] >= 0]
        level = np.concatenate([left[inner], right[inner]])
    return depth
