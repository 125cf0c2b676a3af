"""How one field becomes columns of numbers: what its scale is, which levels stand alone, when it applies."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import NOT_APPLICABLE, ContractError, Field

Floats = NDArray[np.float64]
Cells = Mapping[str, NDArray[Any]]  # a frame's columns: float with NaN, or object with None
ColumnKind = Literal["number", "boolean", "ordinal", "category"]
OTHER = "other levels"
_KINDS: dict[str, ColumnKind] = {
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "ordinal": "ordinal",
    "category": "category",
}
_FLAG_FROM = 0.05  # share of unknown values from which their being unknown is a column of its own
_BOUND_AT = 10  # the scale ends at a value that this many patients reach: one odd patient stretches nothing


@final
@dataclass(frozen=True)
class FieldColumns:
    """One field, encoded. Learned from training rows; plain data.

    levels      ordinal: all, ascending, scored 0, 1, …; category: those with a column of their own.
    reference   of a category: the most frequent level, which has no column on the imputed road.
    pooled      rare levels, which share the column "other levels" if `other`; a level never met goes there too, and
                counts as unknown where there is no such column (on the native road: as none of those met).
    offset      of the logarithm; None: the value as it is.
    mean, scale standardisation; low, high: where the encoded scale ends (both ways, training and prediction alike).
    condition   the field has a meaning only where another has one of these levels.
    flagged     its being unknown is a column of its own.
    dropped     why it has no column; "" if it has.
    """

    field: str
    kind: ColumnKind
    label: str
    unit: str
    condition: Mapping[str, tuple[str, ...]]
    levels: tuple[str, ...] = ()
    reference: str = ""
    pooled: tuple[str, ...] = ()
    other: bool = False
    offset: float | None = None
    mean: float = 0.0
    scale: float = 1.0
    low: float = -math.inf
    high: float = math.inf
    flagged: bool = False
    dropped: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns."""
        if self.dropped:
            return ()
        if self.kind != "category":
            return (self.field,)
        return (
            *(f"{self.field}={level}" for level in self.levels),
            *((f"{self.field}={OTHER}",) if self.other else ()),
        )

    def encode(self, frame: Cells) -> tuple[Floats, Floats]:
        """(n, columns) with NaN where unknown or not applicable; (n,) 1 applies, 0 does not, NaN not known."""
        applies = applicability(frame, self.field, self.condition)
        values = self._columns(frame) if not self.dropped else np.zeros((len(applies), 0))
        values[applies == 0] = np.nan
        return values, applies

    def _columns(self, frame: Cells) -> Floats:
        if self.kind == "category":
            return self._one_hot(frame)
        value = raw_values(frame, self.field, self.kind, self.levels)
        if self.offset is not None:
            known = ~np.isnan(value)
            value[known] = np.log(np.maximum(value[known] + self.offset, 1e-300))
        return ((np.clip(value, self.low, self.high) - self.mean) / self.scale)[:, None]

    def _one_hot(self, frame: Cells) -> Floats:
        own = {level: j for j, level in enumerate(self.levels)}
        columns = len(self.levels) + self.other
        # -1 unknown, -2 all columns zero: the reference, or on the native road a level like none of those met.
        elsewhere = columns - 1 if self.other else (-1 if self.reference else -2)
        code = np.array(
            [
                -1 if text is None else own.get(text, -2 if text == self.reference else elsewhere)
                for text in texts(frame, self.field)
            ],
            dtype=np.intp,
        )
        values = np.zeros((len(code), columns))
        values[code >= 0, code[code >= 0]] = 1.0
        values[code == -1] = np.nan
        return values

    def to_json(self) -> dict[str, Any]:
        """JSON values; infinities are left out."""
        plain = asdict(self)
        plain["condition"] = {parent: list(levels) for parent, levels in self.condition.items()}
        plain |= {"levels": list(self.levels), "pooled": list(self.pooled)}
        return {name: value for name, value in plain.items() if not (isinstance(value, float) and math.isinf(value))}

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> FieldColumns:
        """Back from `to_json`."""
        condition = {parent: tuple(levels) for parent, levels in json["condition"].items()}
        lists = {name: tuple(json[name]) for name in ("levels", "pooled")}
        return cls(**{**json, **lists, "condition": condition})


def cells_of(frame: pd.DataFrame, names: Iterable[str]) -> Cells:
    """The columns of these names that the frame has, taken out of it once: pandas is slow at a single patient."""
    return {name: _cells(frame[name]) for name in names if name in frame.columns}


def _cells(column: pd.Series[Any]) -> NDArray[Any]:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)
    return np.array([None if v is None or v is pd.NA or v != v else v for v in column.to_numpy(dtype=object)], object)


def learn_columns(frame: Cells, field: Field, *, native: bool) -> FieldColumns:
    """Look at the training rows. native: raw numbers, a column for every frequent level, no flags."""
    if not field.ask:
        raise ContractError(f"{field.name}: a {field.kind} cannot be a predictor. try: an interval derived from it.")
    kind = _KINDS[field.kind]
    blank = FieldColumns(field.name, kind, field.label, field.unit or "", dict(field.applies_when))
    applies = applicability(frame, field.name, field.applies_when)
    known = unknown_free(frame, field.name) & (applies != 0)
    asked, n = int(np.sum(applies != 0)), len(applies)
    least = min(10, max(2, n // 20))
    if known.sum() < least:
        return replace(blank, dropped=f"known in {int(known.sum())} of {n} rows")
    gaps = asked - int(known.sum())
    flagged = not native and gaps >= max(least, _FLAG_FROM * max(asked, 1))
    blank = replace(blank, flagged=bool(flagged))
    if kind == "category":
        return _learn_levels(frame, blank, known, native=native)
    value = raw_values(frame, field.name, kind, field.levels)[known]
    if np.ptp(value) == 0:
        return replace(blank, levels=field.levels, dropped="the same in every row where it is known")
    if native or kind == "boolean":
        return replace(blank, levels=field.levels)
    offset = _log_offset(value) if kind == "number" else None
    if offset is not None:
        value = np.log(value + offset)
    rank = min(_BOUND_AT, max(1, len(value) // 20)) - 1
    ordered = np.sort(value)
    low, high = float(ordered[rank]), float(ordered[-1 - rank])
    if high <= low or kind == "ordinal":
        low, high = float(ordered[0]), float(ordered[-1])
    value = np.clip(value, low, high)
    return replace(
        blank,
        levels=field.levels,
        offset=offset,
        mean=float(value.mean()),
        scale=float(value.std()),
        low=low,
        high=high,
    )


def applicability(frame: Cells, field: str, condition: Mapping[str, tuple[str, ...]]) -> Floats:
    """(n,) 1 where the field has a meaning, 0 where it has none, NaN where that is not known.

    A parent that the frame does not hold decides nothing; a value that says "not applicable" decides alone.
    """
    own = frame[field]
    applies = np.ones(len(own))
    for parent, levels in condition.items():
        if parent in frame:
            held = [np.nan if text is None else float(text in levels) for text in texts(frame, parent)]
            applies = np.where((applies == 0) | (np.array(held) == 0), 0.0, applies * np.array(held))
    if own.dtype == object:
        stated = texts(frame, field)
        applies[[text == NOT_APPLICABLE for text in stated]] = 0.0
        applies[np.isnan(applies) & np.array([text is not None for text in stated], dtype=bool)] = 1.0
        return applies
    applies[np.isnan(applies) & ~np.isnan(own)] = 1.0
    return applies


def unknown_free(frame: Cells, field: str) -> NDArray[np.bool_]:
    """(n,) whether a value is there."""
    own = frame[field]
    if own.dtype == object:
        return np.array([v is not None for v in own], dtype=bool)
    return np.asarray(~np.isnan(own))


def texts(frame: Cells, name: str) -> list[str | None]:
    """A column of levels as text, None where unknown; a boolean's are "true" and "false"."""
    own = frame[name]
    if own.dtype == object:
        return [None if v is None else str(v) for v in own]
    return [None if v != v else {1.0: "true", 0.0: "false"}.get(v, f"{v:g}") for v in own.tolist()]


def raw_values(frame: Cells, name: str, kind: str, levels: tuple[str, ...]) -> Floats:
    """(n,) the number, 0/1, or the place among ordered levels; NaN where unknown."""
    if kind == "ordinal":
        place = {level: float(i) for i, level in enumerate(levels)}
        return np.array([place.get(text or "", np.nan) for text in texts(frame, name)], dtype=float)
    own = frame[name]
    value = np.array([np.nan if v is None else v for v in own] if own.dtype == object else own, dtype=float)
    infinite = int(np.isinf(value).sum())
    if infinite:
        raise ContractError(f"{name}: {infinite} of {len(value)} values are infinite; expected numbers or unknown.")
    return value


def _learn_levels(frame: Cells, blank: FieldColumns, known: NDArray[np.bool_], *, native: bool) -> FieldColumns:
    stated = texts(frame, blank.field)
    counts = Counter(text for text, there in zip(stated, known, strict=True) if there and text is not None)
    enough = max(5, min(20, math.ceil(0.02 * len(known))))
    frequent = [level for level, rows in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if rows >= enough]
    pooled = tuple(sorted(set(counts) - set(frequent)))
    other = sum(counts[level] for level in pooled) >= enough
    if len(frequent) + other < 2:
        return replace(blank, dropped="one level in nearly every row where it is known")
    if native:
        return replace(blank, levels=tuple(frequent), pooled=pooled, other=other)
    return replace(blank, levels=tuple(frequent[1:]), reference=frequent[0], pooled=pooled, other=other)


def _log_offset(value: Floats) -> float | None:
    """What to add before the logarithm, where it makes a skewed positive scale clearly straighter; None where not."""
    if value.min() < 0 or len(np.unique(value)) < 8:
        return None
    whole = bool(np.all(value == np.round(value)))
    offset = 0.0 if value.min() > 0 else (1.0 if whole else float(value[value > 0].min()))
    plain, logged = _skewness(value), _skewness(np.log(value + offset))
    return offset if plain > 1.0 and abs(logged) < 0.6 * plain else None


def _skewness(value: Floats) -> float:
    centred = value - value.mean()
    spread = math.sqrt(float(np.mean(centred**2)))
    return float(np.mean(centred**3)) / spread**3 if spread > 0 else 0.0
