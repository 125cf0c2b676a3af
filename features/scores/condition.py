"""`Condition`: what a row of a points table asks of a patient. It holds, it does not, or it is open (not known).

"Any of" and "all of" are decided by what is known where that suffices: a platelet count below its limit is critical
whatever the calcium.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Condition:
    """A question about raw fields.

    inputs  the fields that it reads.
    holds   (n rows) → (n,): 1 it holds, 0 it does not, NaN open.
    """

    inputs: tuple[str, ...]
    holds: Callable[[pd.DataFrame], Floats]


def one_of(field: str, *levels: str) -> Condition:
    """The category has one of these levels. Where the field does not apply, it has none of them."""

    def holds(frame: pd.DataFrame) -> Floats:
        column = frame[field]
        return np.where(column.isna(), np.nan, column.isin(levels).astype(float))

    return Condition((field,), holds)


def any_level(field: str) -> Condition:
    """Whatever the level is: for the last row of an item, which takes what the rows above leave."""
    return Condition((field,), lambda frame: np.where(frame[field].isna(), np.nan, 1.0))


def within(
    field: str,
    *,
    at_least: float = -np.inf,
    below: float = np.inf,
    more_than: float = -np.inf,
    at_most: float = np.inf,
) -> Condition:
    """The number, or yes (1) or no (0), lies inside all of these bounds."""

    def holds(frame: pd.DataFrame) -> Floats:
        x = frame[field].to_numpy(dtype=float)
        inside = (x >= at_least) & (x < below) & (x > more_than) & (x <= at_most)
        return np.where(np.isnan(x), np.nan, inside.astype(float))

    return Condition((field,), holds)


def presumed_no(condition: Condition) -> Condition:
    """The condition, taken as not holding where it is open: what a registry seldom records."""
    return Condition(condition.inputs, lambda frame: np.nan_to_num(condition.holds(frame), nan=0.0))


def presumed_yes(condition: Condition) -> Condition:
    """The condition, taken as holding where it is open: the other end of what a registry seldom records."""
    return Condition(condition.inputs, lambda frame: np.nan_to_num(condition.holds(frame), nan=1.0))


def all_of(*parts: Condition) -> Condition:
    """Every part holds; one that does not is enough to say no."""

    def holds(frame: pd.DataFrame) -> Floats:
        stacked = np.column_stack([part.holds(frame) for part in parts])
        no, open_ = (stacked == 0).any(axis=1), np.isnan(stacked).any(axis=1)
        return np.where(no, 0.0, np.where(open_, np.nan, 1.0))

    return Condition(_inputs(parts), holds)


def any_of(*parts: Condition) -> Condition:
    """One part holds; that one is enough to say yes."""

    def holds(frame: pd.DataFrame) -> Floats:
        stacked = np.column_stack([part.holds(frame) for part in parts])
        yes, open_ = (stacked == 1).any(axis=1), np.isnan(stacked).any(axis=1)
        return np.where(yes, 1.0, np.where(open_, np.nan, 0.0))

    return Condition(_inputs(parts), holds)


def _inputs(parts: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(field for part in parts for field in part.inputs))
