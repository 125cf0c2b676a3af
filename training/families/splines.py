"""Restricted cubic splines of encoded columns: bends where the data can show one, straight beyond the outer knots.

A bend is kept free of its column's line and has unit spread, so that one ridge serves both and a model without bends is
the linear one. Source: Harrell, Regression Modeling Strategies, 2nd ed., §2.4.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KNOTS: Final[Mapping[int, tuple[float, ...]]] = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
}
_DISTINCT = 8  # a column of fewer values is a score of levels: it has no shape to bend


def knots_for(events: int) -> int:
    """Knots that so many events can place: 0 (a straight line), 3, 4 or 5."""
    return 0 if events < 30 else 3 if events < 1000 else 4 if events < 5000 else 5


@final
@dataclass(frozen=True)
class Bends:
    """Columns that follow the encoded ones, each a bend of one of them.

    column  (b,) which encoded column each bends.
    knots   (b, 3) a knot and the last two of its column, which make the bend straight beyond the outermost.
    line    (b, 2) intercept and slope of the bend on its column in training, taken off.
    scale   (b,) what is left is divided by.
    """

    column: Ints
    knots: Floats
    line: Floats
    scale: Floats

    @classmethod
    def none(cls) -> Bends:
        """No bend at all."""
        return cls(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0))

    @classmethod
    def fit(cls, X: Floats, knots: int) -> Bends:
        """Learn from training rows (n, p) with this many knots a column; columns of few values stay straight."""
        column, places, line, scale = [], [], [], []
        for j in range(X.shape[1]) if knots else ():
            x = X[:, j]
            # A yes or no that is not known stands between 0 and 1: guesses are no shape, and nobody is asked there.
            if len(np.unique(x)) < _DISTINCT or (x.min() == 0.0 and x.max() == 1.0):
                continue
            own = np.unique(np.quantile(x, _KNOTS[knots]))
            for low in own[:-2]:
                place = np.array([low, own[-2], own[-1]])
                bend = _bend(x, place)
                spread = float(x.var())
                slope = float(np.mean((x - x.mean()) * (bend - bend.mean()))) / spread
                start = float(bend.mean()) - slope * float(x.mean())
                left = float(np.std(bend - start - slope * x))
                if left > 1e-3 * np.std(bend):
                    column.append(j)
                    places.append(place)
                    line.append((start, slope))
                    scale.append(left)
        if not column:
            return cls.none()
        return cls(np.array(column, np.int64), np.array(places), np.array(line), np.array(scale))

    def widened(self, X: Floats) -> Floats:
        """(n, p + b) the columns and their bends, each row for itself."""
        if not len(self.column):
            return X
        bends = [
            (_bend(X[:, j], place) - start - slope * X[:, j]) / scale
            for j, place, (start, slope), scale in zip(self.column, self.knots, self.line, self.scale, strict=True)
        ]
        return np.column_stack([X, *bends])

    def strengths(self, X: Floats, bend: float) -> Floats:
        """(p + b,) 1 for each column of X and `bend` for each bend: how strong a ridge is on it."""
        return np.concatenate([np.ones(X.shape[1]), np.full(len(self.column), bend)])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, for a bundle."""
        return {
            "bend_column": self.column,
            "bend_knots": self.knots,
            "bend_line": self.line,
            "bend_scale": self.scale,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Bends:
        """Back from `arrays`."""
        return cls(arrays["bend_column"], arrays["bend_knots"], arrays["bend_line"], arrays["bend_scale"])


def _bend(x: Floats, place: Floats) -> Floats:
    low, inner, outer = place
    span = outer - inner
    cubes = _cube(x - low) - _cube(x - inner) * ((outer - low) / span) + _cube(x - outer) * ((inner - low) / span)
    return np.asarray(cubes / (outer - low) ** 2)


def _cube(value: Floats) -> Floats:
    above = np.maximum(value, 0.0)
    return above * above * above
