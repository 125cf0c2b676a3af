"""Pseudo-value forest: each patient's share in the Aalen–Johansen curves, regressed on predictors by one forest.

The jackknife pseudo-values of every cause's incidence at a few times are the many outputs of an ordinary regression
forest (scikit-learn grows it), so that one forest answers for all times and causes, without proportional hazards.
Sources: Andersen, Klein & Rosthøj 2003; Mogensen & Gerds 2013 (a random forest on pseudo-values).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.families.family import Design, ModelState, Road
from training.families.proportional import require_acceptable
from training.families.settings import changed, require_positive
from training.nonparametric import AalenJohansen, aalen_johansen, pseudo_values
from training.row_order import row_order
from training.trees import Forest

Floats = NDArray[np.float64]
_AT_RISK = (10.0, 0.02)  # a knot needs so many patients at risk, and so large a share of all


@final
@dataclass(frozen=True)
class Reading:
    """How a curve known at knots is read at any time: along the curve of all patients, so that only ranks of time
    matter.

    times    (s,) ascending; a value holds until the next.
    segment  (s,) the knot before each time (0: time zero).
    share    (causes, s) how much of the way to the next knot each cause's curve of all patients has gone.
    """

    times: Floats
    segment: NDArray[np.int32]
    share: Floats

    def at(self, knots: Floats, times: Floats) -> Floats:
        """(n, causes, t) from curves at the knots (n, causes, knots), time zero among them."""
        place = np.searchsorted(self.times, times, side="right") - 1
        read = np.zeros((*knots.shape[:2], len(times)))
        begun = np.flatnonzero(place >= 0)
        left = self.segment[place[begun]]
        before = knots[:, :, left]
        read[:, :, begun] = before + self.share[:, place[begun]] * (knots[:, :, left + 1] - before)
        return read

    def coarsened(self, times: Floats) -> Reading:
        """The same at `times`, level between them."""
        place = np.searchsorted(self.times, times, side="right") - 1
        begun = place >= 0
        return Reading(times[begun], self.segment[place[begun]], self.share[:, place[begun]])


@final
@dataclass(frozen=True)
class FittedForest:
    """What the forest says at its knots, made into curves.

    everybody  (causes, m) the curves of all patients at the knots, of which `prior` of every answer is made: as much
               as one patient among the events, because the forest has seen no more than those.
    tail       (causes,) what all patients had beyond the last knot, per survivor there.
    gain       (p,) share of the impurity that each column removed; sums to one.
    """

    causes: tuple[str, ...]
    forest: Forest
    everybody: Floats
    prior: float
    tail: Floats
    reading: Reading
    gain: Floats

    def predict(self, X: Floats, times: Floats) -> Curves:
        """Cumulative incidence of each cause; each row for itself."""
        return Curves(times, self.causes, self.reading.at(self._knots(X), times))

    def _knots(self, X: Floats) -> Floats:
        """(n, causes, 1 + m + 1): nothing at time zero, the forest's answers, and the tail of all patients."""
        shape = (len(X), *self.everybody.shape)
        seen = np.broadcast_to(self.everybody, shape)
        if len(self.forest.trees.roots):
            answers = coherent(self.forest.predict(X).reshape(shape))
            seen = (1.0 - self.prior) * answers + self.prior * self.everybody
        survivors = np.maximum(1.0 - _over_causes(seen)[:, -1], 0.0)
        end = seen[:, :, -1] + survivors[:, None] * self.tail
        return np.concatenate([np.zeros((*shape[:2], 1)), seen, end[:, :, None]], axis=2)

    def coarsened(self, times: Floats) -> FittedForest:
        """The same answers at these times; the days of the knots and of the events between them are kept nowhere."""
        return replace(self, reading=self.reading.coarsened(times))

    def state(self) -> ModelState:
        """Plain data."""
        arrays: dict[str, NDArray[Any]] = {
            "everybody": self.everybody,
            "tail": self.tail,
            "gain": self.gain,
            "times": self.reading.times,
            "segment": self.reading.segment,
            "share": self.reading.share,
            **{f"forest_{name}": array for name, array in self.forest.arrays().items()},
        }
        return ModelState({"causes": list(self.causes), "prior": self.prior}, arrays)

    @classmethod
    def from_state(cls, state: ModelState) -> FittedForest:
        """Back, to the last bit."""
        arrays = state.arrays
        forest = {name.removeprefix("forest_"): a for name, a in arrays.items() if name.startswith("forest_")}
        reading = Reading(arrays["times"], arrays["segment"], arrays["share"])
        return cls(
            tuple(state.json["causes"]),
            Forest.from_arrays(forest),
            arrays["everybody"],
            float(state.json["prior"]),
            arrays["tail"],
            reading,
            arrays["gain"],
        )


@final
@dataclass(frozen=True)
class PseudoValueForest:
    """A random forest on pseudo-values of all causes at once. Missing values are a branch of their own.

    trees    how many.
    leaf     least patients in a leaf; below ten a leaf would say too much about the few in it.
    columns  share of the columns that each split may choose from.
    knots    times at which the forest answers: where equal parts of all events have happened.
    rows     most rows that one tree draws: beyond them trees see different patients, and cost grows with their number
             no more.

    Only the ranks of time matter, rows may come in any order. Censoring is taken to be independent of the predictors
    (pseudo-values say so). An interval-censored event counts on the day on which it was first seen.
    """

    trees: int = 100
    leaf: int = 10
    columns: float = 0.33
    knots: int = 12
    rows: int = 5_000

    name: ClassVar[str] = "pseudo_value_forest"
    road: ClassVar[Road] = "native"
    causes: ClassVar[Literal["one", "any"]] = "any"

    def __post_init__(self) -> None:
        require_positive(
            self.name, trees=self.trees, leaf=self.leaf, columns=self.columns, knots=self.knots, rows=self.rows
        )

    def fit(self, design: Design, outcome: Outcome, seed: int) -> FittedForest:
        """The model of all causes."""
        require_acceptable(self.name, design, outcome, causes="any", native=True)
        X, outcome, weights = _in_one_order(design, outcome)
        curves = aalen_johansen(outcome, weights)
        knots = _knots(curves, self.knots, float(outcome.n if weights is None else weights.sum()))
        causes = range(1, len(outcome.causes) + 1)
        y = np.stack([pseudo_values(outcome, k, curves.times[knots], weights) for k in causes], axis=1)
        # A last digit must not decide between two splits that are as good.
        forest, gain = self._grow(X, np.round(y.reshape(outcome.n, -1), 9), weights, seed)
        last = knots[-1]
        beyond = (curves.incidence[:, -1] - curves.incidence[:, last]) / max(float(curves.survival[last]), 1e-300)
        return FittedForest(
            outcome.causes,
            forest,
            curves.incidence[:, knots],
            1.0 / (1.0 + float(curves.events.sum())),
            beyond,
            _reading(curves, knots),
            gain,
        )

    def _grow(self, X: Floats, y: Floats, weights: Floats | None, seed: int) -> tuple[Forest, Floats]:
        from sklearn.ensemble import RandomForestRegressor

        # A column that does not vary would only change which others a split is offered.
        known = ~np.isnan(X)
        first = np.take_along_axis(X, known.argmax(axis=0)[None, :], axis=0) if len(X) else X
        varies = np.flatnonzero(((first != X) & (known | known.any(axis=0))).any(axis=0))
        gain = np.zeros(X.shape[1])
        if not len(varies):
            return Forest.from_sklearn([]), gain
        uneven = None if weights is None or np.ptp(weights) == 0 else weights
        grown = RandomForestRegressor(
            self.trees,
            min_samples_leaf=self.leaf,
            max_features=max(1, int(np.ceil(self.columns * len(varies)))),
            max_samples=self.rows if len(X) > self.rows else None,
            random_state=seed % 2**32,
            n_jobs=1,
        ).fit(X[:, varies], y[:, 0] if y.shape[1] == 1 else y, sample_weight=uneven)
        forest = Forest.from_sklearn([tree.tree_ for tree in grown.estimators_])
        gain[varies] = grown.feature_importances_
        shape = replace(forest.trees, column=varies[forest.trees.column].astype(np.int32))
        return replace(forest, trees=shape), gain

    @staticmethod
    def load(state: ModelState) -> FittedForest:
        """Back from its state."""
        return FittedForest.from_state(state)

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """How cautious a leaf is and how different the trees are; more trees never harm and are not searched."""
        return {"leaf": ("int", 10, 60), "columns": ("float", 0.2, 0.8)}

    def with_settings(self, settings: Mapping[str, Any]) -> PseudoValueForest:
        """The same with these settings."""
        return changed(self, settings)


def coherent(incidence: Floats) -> Floats:
    """(n, causes, t) regressed incidences made probabilities: rising, from 0 on, at most one over all causes.

    A fall is met half-way, between the largest value so far and the least to come; where the causes together pass one,
    their steps there are shortened in proportion. Each row for itself; curves that are curves stay as they are.
    """
    held = np.clip(incidence, 0.0, 1.0)
    up = np.maximum.accumulate(held, axis=2)
    down = np.minimum.accumulate(held[:, :, ::-1], axis=2)[:, :, ::-1]
    rising = (up + down) / 2
    total = _over_causes(rising)
    if rising.shape[1] == 1 or not (total > 1.0).any():
        return rising
    steps = np.diff(rising, axis=2, prepend=0.0)
    whole = np.diff(total, axis=1, prepend=0.0)
    room = np.diff(np.minimum(total, 1.0), axis=1, prepend=0.0)
    kept = np.divide(room, whole, out=np.ones_like(whole), where=whole > room)
    over = total[:, -1] > 1.0
    rising[over] = np.cumsum(steps[over] * kept[over][:, None, :], axis=2)
    return rising


def _over_causes(incidence: Floats) -> Floats:
    total = incidence[:, 0].copy()
    for k in range(1, incidence.shape[1]):
        total += incidence[:, k]
    return total


def _in_one_order(design: Design, outcome: Outcome) -> tuple[Floats, Outcome, Floats | None]:
    """Rows that count, in an order that they have of themselves: the forest's draws are then the same for all."""
    weights = design.weights
    order = row_order(design.X, outcome.time_days, outcome.event, *([] if weights is None else [weights]))
    if weights is not None:
        order = order[weights[order] > 0]
    return design.X[order], outcome.take(order), None if weights is None else np.asarray(weights[order], float)


def _knots(curves: AalenJohansen, count: int, patients: float) -> NDArray[np.intp]:
    """Where equal parts of the events have happened, as far as enough patients are at risk; indices of `times`."""
    least, share = _AT_RISK
    enough = np.flatnonzero(curves.at_risk >= max(least, share * patients))
    last = int(enough[-1]) if len(enough) else len(curves.times) - 1
    happened = 1.0 - curves.survival[: last + 1]
    levels = happened[-1] * np.arange(1, count + 1) / count
    return np.unique(np.minimum(np.searchsorted(happened, levels - 1e-12), last))


def _reading(curves: AalenJohansen, knots: NDArray[np.intp]) -> Reading:
    segment = np.searchsorted(knots, np.arange(len(curves.times)), side="left")
    ends = np.append(knots, len(curves.times) - 1)
    at = np.concatenate([np.zeros((len(curves.causes), 1)), curves.incidence[:, ends]], axis=1)
    gone, whole = curves.incidence - at[:, segment], at[:, segment + 1] - at[:, segment]
    share = np.divide(gone, whole, out=np.zeros_like(gone), where=whole > 0)
    share[:, np.isin(np.arange(len(curves.times)), ends)] = 1.0  # a knot is the forest's own answer
    return Reading(curves.times, segment.astype(np.int32), np.clip(share, 0.0, 1.0))
