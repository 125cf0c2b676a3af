"""`Encoding`: from a frame of typed predictors to the matrix that a family reads. All it knows, it learned in training.

Two roads for unknown values. "imputed": standardised columns; unknown values are conditional means at fit, and draws
from their conditional distribution at prediction, so that an answer can be averaged over what is not known. "native":
raw numbers with NaN, for families that branch on it. "none": no columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.columns import Cells, FieldColumns, cells_of, learn_columns, unknown_free
from features.contract import ContractError, Field
from features.imputation import ConditionalNormal, Conditioned, normal_probability

Floats = NDArray[np.float64]
Road = Literal["imputed", "native", "none"]
N_DRAWS = 20


@final
@dataclass(frozen=True)
class ColumnReading:
    """What a column says, for a table of coefficients.

    per, scale  the step a reader thinks in ("10 years", "doubling"), and how much it moves the column.
    """

    column: str
    field: str
    label: str
    unit: str
    per: str
    scale: float


@final
@dataclass(frozen=True)
class Encoded:
    """Rows, encoded.

    mean     (n, p) with conditional means where unknown (imputed road), or NaN (native road).
    unknown  (n, fields) which predictors are asked for and not known.
    """

    mean: Floats
    unknown: NDArray[np.bool_]
    _encoding: Encoding
    _conditioned: Conditioned | None
    _flags: Floats

    @property
    def open(self) -> NDArray[np.bool_]:
        """(n,) rows whose draws differ from their mean."""
        if self._conditioned is None:
            return np.zeros(len(self.mean), dtype=bool)
        return np.asarray((self._conditioned.spread > 0).any(axis=1))

    def take(self, rows: NDArray[np.intp]) -> Encoded:
        """These rows alone."""
        conditioned = None if self._conditioned is None else self._conditioned.take(rows)
        return Encoded(self.mean[rows], self.unknown[rows], self._encoding, conditioned, self._flags[rows])

    def draw(self, number: int) -> Floats:
        """(n, p) with unknown values drawn: draw `number` of the encoding's stored numbers."""
        return self.draws([number])

    def draws(self, numbers: Sequence[int]) -> Floats:
        """(draws · n, p) several draws, one below the other: one matrix to predict from."""
        times = (len(numbers), 1)
        if self._conditioned is None:
            return np.tile(self.mean, times)
        gaps = self._conditioned
        z = gaps.latent(numbers).reshape(-1, gaps.mean.shape[1])
        flags = np.tile(self._flags, times)
        return self._encoding.completed(np.tile(gaps.mean, times), np.tile(gaps.spread, times), flags, z)


@final
@dataclass(frozen=True)
class Encoding:
    """How predictors become columns.

    pieces      one per field, in the order given.
    conditions  distinct conditions under which fields apply; each a 0/1 column after the fields', unless it is a column
                of its parent already (one level of a category).
    flags       fields whose being unknown is a 0/1 column, last.
    normal      joint distribution of all columns but the flags; imputed road only.
    """

    road: Road
    pieces: tuple[FieldColumns, ...]
    conditions: tuple[Mapping[str, tuple[str, ...]], ...]
    flags: tuple[str, ...]
    normal: ConditionalNormal | None

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, fields: Sequence[Field], road: Road, *, seed: int = 0, n_draws: int = N_DRAWS
    ) -> Encoding:
        """Learn from training rows. The frame holds the fields, and the fields that decide whether they apply."""
        if road == "none":
            return cls(road, (), (), (), None)
        _require_columns(frame, [field.name for field in fields])
        cells = cells_of(frame, [name for field in fields for name in (field.name, *field.applies_when)])
        pieces = tuple(learn_columns(cells, field, native=road == "native") for field in fields)
        if road == "native":
            return cls(road, pieces, (), (), None)
        conditions: list[Mapping[str, tuple[str, ...]]] = []
        own = {name for piece in pieces for name in piece.names}
        for piece in pieces:
            applies = piece.encode(cells)[1]
            new = piece.condition and piece.condition not in conditions and _as_level(piece.condition) not in own
            if new and piece.names and np.any(applies == 0):
                conditions.append(piece.condition)
        draft = cls(road, pieces, tuple(conditions), (), None)
        values, unknown = draft._values(cells, len(frame))
        flags = _distinct([p.field for p in pieces if p.flagged], [p.field for p in pieces], unknown)
        normal = ConditionalNormal.fit(values, draws=n_draws, seed=seed) if values.shape[1] else None
        return cls(road, pieces, tuple(conditions), flags, normal)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        own = [name for piece in self.pieces for name in piece.names]
        return (*own, *map(_condition_name, self.conditions), *(f"{name}:unknown" for name in self.flags))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, those without a column included."""
        return tuple(piece.field for piece in self.pieces)

    @property
    def dropped(self) -> dict[str, str]:
        """Fields without a column, with the reason."""
        return {piece.field: piece.dropped for piece in self.pieces if piece.dropped}

    @property
    def n_draws(self) -> int:
        """How many draws are stored; 0 where nothing is imputed."""
        return 0 if self.normal is None else len(self.normal.normals)

    def encode(self, frame: pd.DataFrame) -> Encoded:
        """Encode these rows, each for itself: the same to the last bit alone and in any batch."""
        _require_columns(frame, self.fields)
        values, unknown = self._values(self._cells(frame), len(frame))
        if self.normal is None:
            return Encoded(values, unknown, self, None, np.zeros((len(frame), 0)))
        flags = np.column_stack(
            [unknown[:, self.fields.index(name)].astype(float) for name in self.flags] or [np.zeros((len(frame), 0))]
        )
        conditioned = self.normal.condition(values)
        mean = self.completed(conditioned.mean.copy(), conditioned.spread, flags, None)
        return Encoded(mean, unknown, self, conditioned, flags)

    def transform(self, frame: pd.DataFrame, draw: int | None = None) -> Floats:
        """(n, p): unknown values at their conditional mean, or as the draw of this number has them."""
        encoded = self.encode(frame)
        return encoded.mean if draw is None else encoded.draw(draw)

    def unknown(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(n, fields) which predictors apply and are not known."""
        _require_columns(frame, self.fields)
        return self._values(self._cells(frame), len(frame))[1]

    def _cells(self, frame: pd.DataFrame) -> Cells:
        return cells_of(frame, [name for piece in self.pieces for name in (piece.field, *piece.condition)])

    def _values(self, cells: Cells, rows: int) -> tuple[Floats, NDArray[np.bool_]]:
        blocks, unknown = [np.zeros((rows, 0))], np.zeros((rows, len(self.pieces)), dtype=bool)
        applied: list[Floats | None] = [None] * len(self.conditions)
        for k, piece in enumerate(self.pieces):
            values, applies = piece.encode(cells)
            blocks.append(values)
            unknown[:, k] = ~unknown_free(cells, piece.field) & (applies != 0)
            if self.road == "native" and piece.kind == "category" and piece.names:
                values[applies == 0] = 0.0  # no level at all: known, and unlike every level
            for c, condition in enumerate(self.conditions):
                if piece.condition == condition:
                    # The fields of one condition agree on it; where one is silent another may know.
                    before = applied[c]
                    applied[c] = applies if before is None else np.where(np.isnan(before), applies, before)
        columns = [*blocks, *(a[:, None] for a in applied if a is not None)]
        return np.concatenate(columns, axis=1), unknown

    def completed(self, X: Floats, spread: Floats, flags: Floats, z: Floats | None) -> Floats:
        """The full matrix, made in X: conditional means (z None), or whole levels and values as z draws them."""
        names = self.columns
        blocks = self._blocks
        start = blocks[-1][1].stop if blocks else 0
        for c in range(start, start + len(self.conditions)):
            if z is not None:
                _draw_boolean(X, spread, z, c)
            X[:, c] = np.clip(X[:, c], 0.0, 1.0)
        for piece, own in blocks:
            if z is not None:
                _draw_piece(X, spread, z, piece, own)
            elif piece.kind in ("boolean", "category"):
                X[:, own] = np.clip(X[:, own], 0.0, 1.0)
        for piece, own in blocks:
            decides = {_condition_name(piece.condition), _as_level(piece.condition)} & set(names)
            for column in sorted(decides) if piece.condition else ():
                X[:, own] *= X[:, names.index(column), None]
        return np.concatenate([X, flags], axis=1)

    @property
    def _blocks(self) -> list[tuple[FieldColumns, slice]]:
        """Each field's columns."""
        stops = np.cumsum([len(piece.names) for piece in self.pieces])
        return [(p, slice(int(stop) - len(p.names), int(stop))) for p, stop in zip(self.pieces, stops, strict=True)]

    @property
    def readings(self) -> tuple[ColumnReading, ...]:
        """How to read each column, in the order of `columns`."""
        own = [reading for piece in self.pieces for reading in _readings(piece)]
        labels = {piece.field: piece.label for piece in self.pieces}
        for condition in self.conditions:
            concerned = ", ".join(piece.label for piece in self.pieces if piece.condition == condition)
            name = _condition_name(condition)
            own.append(ColumnReading(name, next(iter(condition)), f"{concerned}: applies", "", "yes against no", 1.0))
        own += [
            ColumnReading(f"{name}:unknown", name, f"{labels[name]}: not known", "", "yes against no", 1.0)
            for name in self.flags
        ]
        return tuple(own)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON values, arrays): everything."""
        conditions = [{parent: list(levels) for parent, levels in c.items()} for c in self.conditions]
        json = {
            "road": self.road,
            "pieces": [piece.to_json() for piece in self.pieces],
            "conditions": conditions,
            "flags": list(self.flags),
        }
        return json, {} if self.normal is None else self.normal.arrays()

    @classmethod
    def from_state(cls, json: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Encoding:
        """Back from `state`, to the last bit."""
        return cls(
            json["road"],
            tuple(FieldColumns.from_json(piece) for piece in json["pieces"]),
            tuple({parent: tuple(levels) for parent, levels in c.items()} for c in json["conditions"]),
            tuple(json["flags"]),
            ConditionalNormal.from_arrays(arrays) if "normals" in arrays else None,
        )


def _draw_piece(X: Floats, spread: Floats, z: Floats, piece: FieldColumns, own: slice) -> None:
    if piece.kind == "category" and own.stop > own.start:
        _draw_level(X, spread, z, own)
    elif piece.kind == "boolean" and own.stop > own.start:
        _draw_boolean(X, spread, z, own.start)
    elif own.stop > own.start:
        column = own.start
        gap = spread[:, column] > 0
        value = (X[gap, column] + spread[gap, column] * z[gap, column]) * piece.scale + piece.mean
        value = np.clip(np.round(value) if piece.kind == "ordinal" else value, piece.low, piece.high)
        X[gap, column] = (value - piece.mean) / piece.scale


def _draw_boolean(X: Floats, spread: Floats, z: Floats, column: int) -> None:
    """1 with the conditional mean as probability, by the draw's own normal: correlations between gaps are kept."""
    gap = spread[:, column] > 0
    X[gap, column] = normal_probability(z[gap, column]) > 1.0 - X[gap, column]


def _draw_level(X: Floats, spread: Floats, z: Floats, own: slice) -> None:
    """One whole level: conditional means of the 0/1 columns, cut at zero, are its probabilities."""
    gap = spread[:, own.start] > 0
    chance = np.clip(X[gap, own], 0.0, 1.0)
    together = np.zeros(len(chance))
    for j in range(chance.shape[1]):
        together += chance[:, j]
    chance /= np.maximum(together, 1.0)[:, None]
    above = np.cumsum(chance, axis=1)
    height = 1.0 - normal_probability(z[gap, own.start])
    X[gap, own] = (height[:, None] < above) & (height[:, None] >= above - chance)


def _readings(piece: FieldColumns) -> list[ColumnReading]:
    unit = f" {piece.unit}" if piece.unit else ""
    if piece.kind == "category":
        told = f"against {piece.reference}" if piece.reference else ""
        return [
            ColumnReading(name, piece.field, f"{piece.label}: {name.removeprefix(piece.field + '=')}", "", told, 1.0)
            for name in piece.names
        ]
    if piece.kind == "boolean":
        per, scale = "yes against no", 1.0
    elif piece.kind == "ordinal":
        per, scale = "one level higher", 1.0 / piece.scale
    elif piece.offset is not None:
        per, scale = "doubling" + (f" of value + {piece.offset:g}" if piece.offset else ""), math.log(2) / piece.scale
    else:
        step = _round_step(piece.scale)
        per, scale = f"{step:g}{unit}", step / piece.scale
    return [ColumnReading(name, piece.field, piece.label, piece.unit, per, scale) for name in piece.names]


def _round_step(spread: float) -> float:
    """1, 2 or 5 times a power of ten, nearest to a standard deviation."""
    steps = [m * 10.0**k for k in (math.floor(math.log10(spread)) + i for i in (-1, 0, 1)) for m in (1, 2, 5)]
    return min(steps, key=lambda step: abs(math.log(step / spread)))


def _condition_name(condition: Mapping[str, tuple[str, ...]]) -> str:
    return " and ".join(f"{parent} in {'|'.join(levels)}" for parent, levels in condition.items())


def _as_level(condition: Mapping[str, tuple[str, ...]]) -> str:
    """The column of a category's level that says the same as the condition; "" where none could."""
    pairs = [(parent, level) for parent, levels in condition.items() for level in levels]
    return f"{pairs[0][0]}={pairs[0][1]}" if len(pairs) == 1 else ""


def _distinct(flagged: Sequence[str], fields: Sequence[str], unknown: NDArray[np.bool_]) -> tuple[str, ...]:
    """Fields that are always unknown together share the first one's flag: two equal columns say nothing more."""
    kept: dict[bytes, str] = {}
    for name in flagged:
        kept.setdefault(np.packbits(unknown[:, list(fields).index(name)]).tobytes(), name)
    return tuple(kept.values())


def _require_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise ContractError(
            f"{len(absent)} of {len(names)} predictors are not in the table: {', '.join(absent)}. "
            "try: a table with these columns, empty where unknown."
        )
