"""Text into typed columns by the contract: every cell is converted, or its rule and likely cause are noted.

Conversion works on the distinct texts of a column, so that a long table costs little more than a short one.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import NOT_APPLICABLE, Contract, Field, Table
from features.inspection.guesses import boolean_guess, date_guess, level_guess, number_rule, range_guess
from features.inspection.structure import group
from features.inspection.violation import Finding, found

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# No event of a registry of living memory lies outside.
_YEARS: Final = (1900, 2100)
# What a reader of one distinct text gives back: the value, or the rule that it breaks with the likely cause.
Broken = tuple[str, str]
Reader = Callable[[str], object]


@final
@dataclass(frozen=True)
class Converted:
    """One table typed, and what could not be."""

    frame: pd.DataFrame
    findings: list[Finding]


def convert(contract: Contract, table: Table, frame: pd.DataFrame) -> Converted:
    """The table's fields from text; a column that the contract does not know is left out (structure has said so)."""
    long = group(contract, "long_form").get(table.name)
    columns: dict[str, pd.Series] = {}
    findings: list[Finding] = []
    for name in table.key:
        if name in frame and not any(field.name == name for field in contract.in_table(table.name)):
            columns[name] = _plain(frame[name], contract.missing)
    for field in contract.in_table(table.name):
        if field.name in frame and (long is None or not field.numeric):
            typed, wrong = _column(contract, field, frame)
            columns[field.name] = typed
            findings += wrong
    if long is not None and {long, "value"} <= set(frame.columns):
        measured, wrong = _long(contract, table, frame, long)
        columns |= measured
        findings += wrong
    return Converted(pd.DataFrame(columns, index=pd.RangeIndex(len(frame))), findings)


def _column(contract: Contract, field: Field, frame: pd.DataFrame) -> tuple[pd.Series, list[Finding]]:
    text = frame[field.name]
    missing = {*contract.missing, *field.missing}
    if field.applies_when or field.absent_in:
        # Where a field really does not apply is read from the other field, in `consistency`.
        missing |= {NOT_APPLICABLE} - set(field.levels)
    if field.numeric:
        factors, wrong = _factors(field, frame, missing)
        typed, more = _quantity(field, field.table, text, missing, factors)
        findings = wrong + more
    elif field.kind == "date":
        typed, findings = _read(field, text, missing, _date, date_guess)
        typed = pd.to_datetime(typed).astype("datetime64[ns]")
    elif field.kind == "boolean":
        typed, findings = _read(field, text, missing, _boolean, boolean_guess)
        typed = typed.astype(float)
    elif field.kind in ("category", "ordinal"):
        levels = set(field.levels)
        typed, findings = _read(field, text, missing, lambda t: t if t in levels else _WRONG, level_guess)
    else:
        typed, findings = _plain(text, tuple(missing)), []
    if field.required:
        findings += found(field.table, field.name, "without a value, which is required", text.isin(missing))
    return typed, findings


_WRONG: Final = ("wrong",)


def _read(
    field: Field,
    text: pd.Series,
    missing: set[str],
    read: Reader,
    guess: Callable[[Field, str, frozenset[str]], tuple[str, str]],
) -> tuple[pd.Series, list[Finding]]:
    """Distinct texts read one by one; those that cannot be are grouped by rule and likely cause."""
    codes, distinct = pd.factorize(text)
    values: list[object] = []
    causes: dict[tuple[str, str], list[int]] = {}
    present = frozenset(str(t) for t in distinct) - missing
    for code, one in enumerate(distinct):
        value = None if one in missing else read(one)
        if value is _WRONG:
            causes.setdefault(guess(field, one, present), []).append(code)
            value = None
        values.append(value)
    typed = pd.Series(np.array([*values, None], dtype=object)[codes], dtype=object)
    findings: list[Finding] = []
    if not causes:
        return typed, findings
    known = int(np.isin(codes, [code for code, one in enumerate(distinct) if one not in missing]).sum())
    for (rule, cause), wrong in causes.items():
        findings += found(field.table, field.name, rule, np.isin(codes, wrong), of=known, guess=cause)
    return typed, findings


def _quantity(
    field: Field, table: str, text: pd.Series, missing: set[str], factors: NDArray[np.float64]
) -> tuple[pd.Series, list[Finding]]:
    """Numbers in the canonical unit, kept only inside the plausible range; outside, another unit is tried."""
    pattern = _INTEGER if field.kind == "integer" else _NUMBER

    def guess(of: Field, one: str, present: frozenset[str]) -> tuple[str, str]:
        return number_rule(one, whole=of.kind == "integer")

    raw, findings = _read(field, text, missing, partial(_number, pattern=pattern), guess)
    recorded = np.asarray(raw.astype(float), dtype=np.float64)
    value = recorded * factors
    known = int(np.isfinite(value).sum()) + sum(len(finding.rows) for finding in findings)
    for word, bound, wrong in (
        ("below", field.minimum, value < (-np.inf if field.minimum is None else field.minimum)),
        ("above", field.maximum, value > (np.inf if field.maximum is None else field.maximum)),
    ):
        if bound is not None and wrong.any():
            shown = f"{bound:g}" if field.kind == "integer" else repr(float(bound))
            rule = f"{word} {shown}{f' {field.unit}' if field.unit else ''}"
            findings += _out_of_range(field, table, rule, wrong, recorded, known)
            value = np.where(wrong, np.nan, value)
    return pd.Series(value), findings


def _out_of_range(
    field: Field, table: str, rule: str, wrong: NDArray[np.bool_], recorded: NDArray[np.float64], known: int
) -> list[Finding]:
    """Rows outside the range, those that another accepted unit would explain apart from the rest."""
    findings: list[Finding] = []
    rest = wrong.copy()
    tried = {1.0}
    low = -np.inf if field.minimum is None else field.minimum
    high = np.inf if field.maximum is None else field.maximum
    for unit, factor in field.accepted_units.items():
        if factor in tried:
            continue
        tried.add(factor)
        explained = rest & (recorded * factor >= low) & (recorded * factor <= high)
        findings += found(table, field.name, rule, explained, of=known, guess=f"were they recorded in {unit}?")
        rest = rest & ~explained
    coded = (
        field.minimum == 0 and field.maximum == 1 and not (recorded == 0).any() and bool((recorded[rest] == 2).all())
    )
    hint = "are they coded 1/2? expected 0 and 1: recode 1 to 0 and 2 to 1" if coded and rest.any() else ""
    hint = hint or range_guess(field, recorded[rest])
    return findings + found(table, field.name, rule, rest, of=known, guess=hint)


def _factors(field: Field, frame: pd.DataFrame, missing: set[str]) -> tuple[NDArray[np.float64], list[Finding]]:
    """The factor of each row to the canonical unit: from the column `<name>_unit` where a flat table has one."""
    if f"{field.name}_unit" not in frame:
        return np.ones(len(frame)), []
    return _unit_factors(field, field.table, frame[f"{field.name}_unit"], frame[field.name].isin(missing).to_numpy())


def _unit_factors(
    field: Field, table: str, units: pd.Series, missing: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], list[Finding]]:
    accepted = field.accepted_units
    codes, distinct = pd.factorize(units)
    blank = np.array([unit == "" for unit in distinct] + [False], dtype=bool)[codes]
    factors = np.array([accepted.get(unit, np.nan) for unit in distinct] + [np.nan])[codes]
    # A value whose only unit is the canonical one, or that has none, cannot be mistaken for another.
    alone = set(accepted.values()) <= {1.0}
    factors = np.where(blank & alone, 1.0, factors)
    said = ", ".join(accepted) or "none"
    known = int((~missing).sum())
    without = blank & ~missing if not alone else np.zeros(len(blank), dtype=bool)
    findings = found(table, field.name, "without a unit", without, of=known, guess=f"give one of {said}")
    strange = np.isnan(factors) & ~blank & ~missing
    findings += found(table, field.name, "in a unit that is not accepted", strange, of=known, guess=f"accepted: {said}")
    return factors, findings


def _long(
    contract: Contract, table: Table, frame: pd.DataFrame, column: str
) -> tuple[dict[str, pd.Series], list[Finding]]:
    """A table in long form: which variable, and its value in that variable's canonical unit."""
    fields = {field.name: field for field in contract.in_table(table.name) if field.numeric}
    names = frame[column]
    known = names.isin(fields)
    blank = names.isin(contract.missing)
    stranger = ~known & ~blank
    guess = f"expected one of {', '.join(fields)}"
    findings = found(table.name, column, "name a variable that the contract does not have", stranger, guess=guess)
    value = np.full(len(frame), np.nan)
    missing = set(contract.missing)
    for name, field in fields.items():
        rows = np.flatnonzero((names == name).to_numpy())
        text = frame["value"].iloc[rows].reset_index(drop=True)
        units = frame["unit"].iloc[rows] if "unit" in frame else pd.Series([""] * len(rows), dtype=object)
        factors, wrong = _unit_factors(field, table.name, units, text.isin(missing).to_numpy())
        typed, more = _quantity(field, table.name, text, {*missing, *field.missing}, factors)
        value[rows] = typed.to_numpy()
        findings += [Finding(f.table, f.field, f.rule, rows[f.rows], f.of, f.guess) for f in (*wrong, *more)]
    return {column: names.where(known, None).astype(object), "value": pd.Series(value)}, findings


def _number(text: str, *, pattern: re.Pattern[str]) -> object:
    number = float(text) if pattern.fullmatch(text) else np.inf
    return number if np.isfinite(number) else _WRONG


def _date(text: str) -> object:
    if not _DATE.fullmatch(text):
        return _WRONG
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return _WRONG
    return pd.Timestamp(day) if _YEARS[0] <= day.year <= _YEARS[1] else _WRONG


def _boolean(text: str) -> object:
    return {"0": 0.0, "1": 1.0}.get(text, _WRONG)


def _plain(text: pd.Series, missing: tuple[str, ...]) -> pd.Series:
    plain = text.astype(object)
    return plain.mask(plain.isin(set(missing)), None).astype(object).reset_index(drop=True)
