"""`Derived`: one predictor computed from raw fields, and the few ways in which such predictors are computed.

Not known propagates. "Any of" and "all of" are decided by the known parts where they suffice: a platelet count below
its limit makes a critical tier whatever the calcium.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import NOT_APPLICABLE, Field, Kind

Floats = NDArray[np.float64]
Compute = Callable[[pd.DataFrame], pd.Series]


@final
@dataclass(frozen=True)
class Derived:
    """A derived predictor.

    field    its promise, as of any field: kind, unit, levels, when known (as late as its latest input), source.
    inputs   the raw fields that it reads, all of them.
    compute  (n rows) → (n,) in the types of `Cohort.frame`; pure.
    """

    field: Field
    inputs: tuple[str, ...]
    compute: Compute


def derived(
    name: str,
    label: str,
    inputs: Sequence[str],
    compute: Compute,
    *,
    kind: Kind = "boolean",
    unit: str | None = None,
    levels: tuple[str, ...] = (),
    known_at: str = "T0",
    applies_when: Mapping[str, tuple[str, ...]] | None = None,
    source: str = "",
) -> Derived:
    """A derived predictor with its field."""
    field = Field(
        name=name,
        table="derived",
        kind=kind,
        label=label,
        known_at=known_at,
        unit=unit,
        levels=levels,
        applies_when=dict(applies_when or {}),
        source=source,
    )
    return Derived(field, tuple(inputs), compute)


def number(frame: pd.DataFrame, name: str) -> pd.Series:
    """A quantity, or an ordinal whose levels are numbers, as float with NaN where it is not known or does not apply."""
    return pd.to_numeric(frame[name], errors="coerce").astype(float)


def flag(frame: pd.DataFrame, name: str, levels: Sequence[str]) -> pd.Series:
    """1 where the category has one of these levels, 0 where it has another, NaN where it is not known."""
    return frame[name].isin(list(levels)).astype(float).where(frame[name].notna())


def at_least(values: pd.Series, bound: float) -> pd.Series:
    """1 from the bound on, 0 below, NaN where not known."""
    return (values >= bound).astype(float).where(values.notna())


def below(values: pd.Series, bound: float) -> pd.Series:
    """1 below the bound, 0 from it on, NaN where not known."""
    return (values < bound).astype(float).where(values.notna())


def any_of(*flags: pd.Series) -> pd.Series:
    """1 where one is 1, 0 where all are 0, NaN where that is open."""
    stacked = np.column_stack([flag.to_numpy(dtype=float) for flag in flags])
    yes, open_ = (stacked == 1).any(axis=1), np.isnan(stacked).any(axis=1)
    return pd.Series(np.where(yes, 1.0, np.where(open_, np.nan, 0.0)), index=flags[0].index)


def ratio(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    """The quotient; not known where the denominator is zero."""
    return numerator / denominator.where(denominator != 0)


def banded(values: pd.Series, bounds: Sequence[float], levels: Sequence[str]) -> pd.Series:
    """The level whose band holds the value: the k-th from the k-th bound on. None where not known."""
    codes = np.searchsorted(np.asarray(bounds), values.to_numpy(dtype=float), side="right")
    texts = np.array([*levels, None], dtype=object)
    return pd.Series(texts[np.where(values.isna(), len(levels), codes)], index=values.index, dtype=object)


def chosen(index: pd.Index, cases: Sequence[tuple[NDArray[np.bool_] | pd.Series, str]]) -> pd.Series:
    """The level of the first case that holds in each row; None where none does."""
    result = np.full(len(index), None, dtype=object)
    for holds, level in reversed(cases):
        result[np.asarray(holds, dtype=bool)] = level
    return pd.Series(result, index=index, dtype=object)


def applicable(frame: pd.DataFrame, name: str) -> pd.Series:
    """Whether the question makes sense for each patient."""
    return frame[name].astype(object) != NOT_APPLICABLE
