"""`Score`: a published bedside score as a table: items, rows of points, groups, and what the paper says of each group.

What is not known leaves rows possible, so that a patient has the lowest and the highest points that can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.scores.condition import Condition

Floats = NDArray[np.float64]
DAYS_PER_MONTH: Final = 30.4375


@final
@dataclass(frozen=True)
class Row:
    """So many points where the condition holds, and no row above it."""

    points: int
    label: str
    when: Condition


@final
@dataclass(frozen=True)
class Item:
    """One line of the paper's table. Of its rows exactly one holds for a patient of whom all is known."""

    label: str
    rows: tuple[Row, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The raw fields that it reads."""
        return tuple(dict.fromkeys(field for row in self.rows for field in row.when.inputs))

    def possible(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(n, rows) which rows may be the patient's. Where nothing fits, all of them are: nothing is known."""
        holds = np.column_stack([row.when.holds(frame) for row in self.rows])
        certain_above = np.zeros(len(frame), dtype=bool)
        possible = np.zeros(holds.shape, dtype=bool)
        for k in range(len(self.rows)):
            possible[:, k] = (holds[:, k] != 0) & ~certain_above
            certain_above |= holds[:, k] == 1
        return np.asarray(possible | ~possible.any(axis=1, keepdims=True))

    def level(self, frame: pd.DataFrame) -> pd.Series:
        """(n,) the label of the patient's row; None where more than one is possible."""
        possible = self.possible(frame)
        labels = np.array([row.label for row in self.rows], dtype=object)[possible.argmax(axis=1)]
        labels[possible.sum(axis=1) != 1] = None
        return pd.Series(labels, index=frame.index, dtype=object)


@final
@dataclass(frozen=True)
class Reading:
    """What could be made of one item instead, where paper and registry differ; an item of the same label."""

    label: str
    item: Item


@final
@dataclass(frozen=True)
class RiskGroup:
    """Patients whom the paper puts together, from so many points on.

    survival  (months, share alive) as published, ascending; empty where the paper gives no number.
    """

    label: str
    from_points: int
    survival: tuple[tuple[float, float], ...] = ()


@final
@dataclass(frozen=True)
class Points:
    """(n,) the lowest and the highest points that each patient can have; NaN where the score was not made for them."""

    low: Floats
    high: Floats

    @property
    def middle(self) -> Floats:
        """(n,) halfway between both: the points themselves where all is known."""
        return (self.low + self.high) / 2


@final
@dataclass(frozen=True)
class Score:
    """A published score.

    higher_is_worse  which way it points.
    lowest, highest  the range of points; the sum of items is cut at `highest`.
    groups           in ascending points.
    published        how survival came into `groups`: what was printed, and what is made of it.
    made_for         of whom it may be asked; None: of all. Of whom that is not known, it is not.
    assumptions      where the registry's fields and the paper's words differ, and what is done.
    readings         what else could be done there: sensitivities, never the score that is judged.
    """

    name: str
    title: str
    source: str
    higher_is_worse: bool
    lowest: int
    highest: int
    items: tuple[Item, ...]
    groups: tuple[RiskGroup, ...]
    published: str = ""
    made_for: Condition | None = None
    assumptions: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The raw fields that it reads."""
        asked = () if self.made_for is None else self.made_for.inputs
        return tuple(dict.fromkeys([*asked, *(field for item in self.items for field in item.inputs)]))

    def item(self, label: str) -> Item:
        """The item of this label."""
        return next(item for item in self.items if item.label == label)

    def read_as(self, label: str) -> Score:
        """The score with one item read otherwise."""
        other = next(one.item for one in self.readings if one.label == label)
        return replace(self, items=tuple(other if item.label == other.label else item for item in self.items))

    def points(self, frame: pd.DataFrame) -> Points:
        """Each patient's points, from the raw fields of `Cohort.frame`."""
        low, high = np.zeros(len(frame)), np.zeros(len(frame))
        for item in self.items:
            worth = np.array([float(row.points) for row in item.rows])
            possible = item.possible(frame)
            low += np.where(possible, worth, np.inf).min(axis=1)
            high += np.where(possible, worth, -np.inf).max(axis=1)
        if self.made_for is not None:
            strange = self.made_for.holds(frame) != 1
            low[strange] = high[strange] = np.nan
        return Points(np.minimum(low, self.highest), np.minimum(high, self.highest))

    def group_of(self, points: Floats) -> NDArray[np.intp]:
        """(n,) index into `groups`: the last whose points are reached. Half a point is below the next group."""
        starts = np.array([group.from_points for group in self.groups])
        return np.maximum(np.searchsorted(starts, points, side="right") - 1, 0)

    @property
    def published_until(self) -> float:
        """Days up to which the paper says something of every group; 0 where it gives no number."""
        last = [group.survival[-1][0] if group.survival else 0.0 for group in self.groups]
        return min(last) * DAYS_PER_MONTH

    def published_risk(self, points: Floats, days: Sequence[float] | Floats) -> Floats:
        """(n, t) risk of death by these days: the published one of the patient's group.

        Between published times (and from time zero, where all live) the hazard is constant; beyond the last it stays
        what it was, which only ranks patients. Raises `ValueError` where the paper gives no number.
        """
        if not self.published_until:
            raise ValueError(f"{self.name}: the paper gives no survival by group.")
        at = [[months * DAYS_PER_MONTH for months, _ in group.survival] for group in self.groups]
        alive = [[share for _, share in group.survival] for group in self.groups]
        curves = np.array([piecewise_exponential(*known, days) for known in zip(at, alive, strict=True)])
        return np.asarray(curves[self.group_of(points)])


def piecewise_exponential(at: Sequence[float], alive: Sequence[float], days: Sequence[float] | Floats) -> Floats:
    """(t,) risk by these days through shares alive at known days: the hazard between two of them is constant.

    It starts with everybody alive at 0, and goes on beyond the last as it was before it.
    """
    known = np.array([0.0, *at])
    hazard = np.array([0.0, *-np.log(np.asarray(alive, float))])
    asked = np.asarray(days, float)
    beyond = (hazard[-1] - hazard[-2]) / (known[-1] - known[-2])
    inside = np.interp(asked, known, hazard)
    cumulative = np.where(asked <= known[-1], inside, hazard[-1] + (asked - known[-1]) * beyond)
    return np.asarray(-np.expm1(-cumulative))
