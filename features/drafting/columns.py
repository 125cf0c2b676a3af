"""What a column of text looks like: kind, levels, range, codes for "not known", and whether it is a predictor."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from features.contract import UNDECLARED, Field, Kind

# What people write for "not known". Counted as missing where it stands beside numbers, or as a level of its own; "none"
# is not among them, for it is an answer.
NOT_KNOWN: Final = frozenset(
    {"na", "n/a", "#n/a", "nan", "null", ".", "?", "-", "missing", "unknown", "not known", "not available", "unk"}
)
_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+,\d+")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_INTEGER: Final = re.compile(r"[+-]?\d+")
_PADDED: Final = re.compile(r"[+-]?0\d+")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_IDENTITY: Final = re.compile(
    r"^(x|unnamed.*|row_?(names?|num\w*|id|no)|index|pid|mrn|\w*_?id|id_?\w*|record\w*|patient_?(no|nr|number)?)$"
)
_MOST_LEVELS: Final = 40


@final
@dataclass(frozen=True)
class Column:
    """One column as drafted: its promise, and the reason why it is left out of the study ("" where it is in)."""

    field: Field
    left_out: str = ""
    remarks: tuple[str, ...] = ()


def look(name: str, table: str, cells: list[str]) -> Column:
    """The most that can be said of a column from its own cells."""
    counts = Counter(cells)
    counts.pop("", None)
    codes = tuple(sorted(text for text in counts if text.strip().lower() in NOT_KNOWN))
    values = {text: n for text, n in counts.items() if text not in codes}
    if not values:
        return _excluded(name, table, "text", "no value recorded", codes)
    if all(_DATE.fullmatch(text) for text in values):
        return _excluded(name, table, "date", "a date: predictors are values at time zero, or intervals to it", codes)
    if any(map(_DECIMAL_COMMA.fullmatch, values)) and all(_NUMBER.fullmatch(text.replace(",", ".")) for text in values):
        return _excluded(name, table, "text", "numbers with a decimal comma: write a decimal point", codes)
    remarks: tuple[str, ...] = (f"counted as not known: {', '.join(codes)}",) if codes else ()
    if are_numbers(values):
        return _number(name, table, list(values), cells, codes, remarks)
    if _names_patients(name, values, len(cells)):
        return _excluded(
            name,
            table,
            "identifier",
            "different in every row: free text, or an identifier, which may be given as --id",
            codes,
        )
    if len(values) > min(_MOST_LEVELS, max(2, len(cells) // 5)):
        return _excluded(name, table, "text", f"{len(values)} different texts: free text, or too fine a code", codes)
    levels = tuple(sorted(values))
    rare = sum(n < 20 for n in values.values())
    if rare:
        remarks += (f"{rare} of {len(levels)} levels in fewer than 20 rows",)
    drafted = Field(name=name, table=table, kind="category", label=name, known_at="T0", levels=levels, missing=codes)
    return Column(drafted, "the same in every row" if len(levels) == 1 else "", remarks)


def are_numbers(cells: Iterable[str]) -> bool:
    """Whether all that is recorded in these cells is a number; 007 is a code."""
    texts = [text for text in cells if text and text.strip().lower() not in NOT_KNOWN]
    return all(_NUMBER.fullmatch(text) and not _PADDED.fullmatch(text) for text in texts)


def _number(
    name: str, table: str, values: list[str], cells: list[str], codes: tuple[str, ...], remarks: tuple[str, ...]
) -> Column:
    whole = all(_INTEGER.fullmatch(text) for text in values)
    if whole and _names_patients(name, dict.fromkeys(values, 1), len(cells)) and _counts_rows(name, cells):
        return _excluded(
            name, table, "identifier", "different in every row: an identifier, which may be given as --id", codes
        )
    if set(values) == {"0", "1"}:
        flag = Field(name=name, table=table, kind="boolean", label=name, known_at="T0", missing=codes)
        return Column(flag, "", remarks)
    numbers = sorted({float(text) for text in values})
    low, high = plausible(numbers[0], numbers[-1])
    if whole:
        low, high = math.floor(low), math.ceil(high)
    drafted = Field(
        name=name,
        table=table,
        kind="integer" if whole else "number",
        label=name,
        known_at="T0",
        minimum=low,
        maximum=high,
        missing=codes,
    )
    return Column(drafted, "the same in every row" if len(numbers) == 1 else "", remarks)


def plausible(low: float, high: float) -> tuple[float, float]:
    """The range seen, with a quarter of it as slack on both sides; what never was negative does not become so."""
    slack = 0.25 * (high - low) or 0.25 * abs(high) or 1.0
    start = _outward(low - slack, down=True)
    return (max(0.0, start) if low >= 0 else start), _outward(high + slack, down=False)


def _outward(value: float, *, down: bool) -> float:
    """Two significant digits, away from the data."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    rounded = (math.floor if down else math.ceil)(round(value / step, 9)) * step
    return float(f"{rounded:.6g}")


def _names_patients(name: str, values: dict[str, int], rows: int) -> bool:
    return rows >= 10 and len(values) >= (0.98 if _IDENTITY.match(name.lower()) else 0.999) * rows


def _counts_rows(name: str, cells: list[str]) -> bool:
    """Whole numbers, all different: an identifier by its name, or because they only rise."""
    numbers = [int(cell) for cell in cells if _INTEGER.fullmatch(cell)]
    return bool(_IDENTITY.match(name.lower())) or numbers == sorted(numbers)


def _excluded(name: str, table: str, kind: Kind, reason: str, codes: tuple[str, ...]) -> Column:
    return Column(Field(name=name, table=table, kind=kind, label=name, known_at=UNDECLARED, missing=codes), reason)
