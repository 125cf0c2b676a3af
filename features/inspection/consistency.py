"""Do the tables agree with themselves: order of dates, totals and their parts, fields that cannot apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from features.contract import NOT_APPLICABLE, Contract, Field
from features.inspection.structure import group
from features.inspection.violation import Finding, found

Tables = Mapping[str, pd.DataFrame]
_SECONDS: Final = {"h": 3600.0, "d": 86400.0, "mo": 30.4375 * 86400.0}


def consistency(contract: Contract, tables: dict[str, pd.DataFrame]) -> list[Finding]:
    """Findings across columns and tables; fields that do not apply are marked so in `tables`."""
    findings: list[Finding] = _intervals(contract, tables)
    for field in contract.fields:
        if field.table in tables and field.name in tables[field.table]:
            findings += _applicability(contract, field, tables)
    for name, other in group(contract, "not_before").items():
        findings += _order(contract, tables, name, other, later=True)
    for name, other in group(contract, "not_after").items():
        findings += _order(contract, tables, name, other, later=False)
    for total, parts in group(contract, "sum_of").items():
        findings += _sums(contract, tables, total, parts.split())
    for table, flag in group(contract, "flag_of_baseline").items():
        findings += _one_flag(contract, tables, table, flag)
    for table, columns in group(contract, "same_person").items():
        findings += _same_person(contract, tables, table, columns.split())
    return findings


def beside(contract: Contract, tables: Tables, field: str, table: str) -> pd.Series | None:
    """A field's values for the rows of another table, by patient; None where the export cannot say."""
    home = contract.field(field).table
    if home == table:
        return tables[home][field] if home in tables and field in tables[home] else None
    identity = contract.settings.get("id")
    if not isinstance(identity, str) or home not in tables or table not in tables:
        return None
    frame = tables[home]
    if field not in frame or identity not in frame or identity not in tables[table]:
        return None
    by_patient = frame.dropna(subset=[identity]).drop_duplicates(identity).set_index(identity)[field]
    return tables[table][identity].map(by_patient)


def interval(contract: Contract, tables: Tables, name: str) -> pd.Series | None:
    """The interval from a date to time zero in the field's unit (d, h or mo), for the rows of the field's table.

    A column delivered under the field's name stands for itself where the date is not known. None without either.
    """
    field = contract.field(name)
    frame = tables.get(field.table)
    date = group(contract, "from_date").get(name)
    zero = beside(contract, tables, str(contract.settings.get("time_zero")), field.table)
    if frame is None:
        return None
    delivered = frame.get(name)
    if date not in frame or zero is None:
        return delivered
    computed = (zero - frame[date]).dt.total_seconds() / _SECONDS[field.unit or "d"]
    return computed if delivered is None else computed.fillna(delivered)


def _intervals(contract: Contract, tables: Tables) -> list[Finding]:
    """An interval computed from dates is held to its field's range, as if it had been delivered."""
    findings: list[Finding] = []
    for name, date in group(contract, "from_date").items():
        field = contract.field(name)
        value = interval(contract, tables, name)
        if value is None or field.maximum is None:
            continue
        rule = f"more than {field.maximum:g} {field.unit} before {contract.settings.get('time_zero')}"
        of = int(value.notna().sum())
        findings += found(field.table, date, rule, value > field.maximum, of=of, guess="is the year wrong?")
    return findings


def _applicability(contract: Contract, field: Field, tables: dict[str, pd.DataFrame]) -> list[Finding]:
    """Structural missingness: marked where it holds, and a violation where a value stands all the same."""
    conditions: list[tuple[pd.Series, str]] = []
    for other, levels in field.applies_when.items():
        values = beside(contract, tables, other, field.table)
        if values is not None:
            # Where the other field is not known, neither is whether this one applies: a value is kept.
            outside = values.notna() & ~values.isin(levels)
            conditions.append((outside, f"filled where {other} is none of {', '.join(levels)}"))
    source = contract.settings.get("source")
    if field.absent_in and isinstance(source, str):
        values = beside(contract, tables, source, field.table)
        if values is not None:
            for registry, reason in field.absent_in.items():
                conditions.append((values == registry, f"filled, but {reason}"))
    findings: list[Finding] = []
    if not conditions:
        return findings
    column = tables[field.table][field.name]
    for outside, rule in conditions:
        filled = (column.notna() & (column.astype(object) != NOT_APPLICABLE)).to_numpy() & outside.to_numpy(dtype=bool)
        findings += found(field.table, field.name, rule, filled)
        empty = None if column.dtype == object else pd.NaT if field.kind == "date" else np.nan
        mark = NOT_APPLICABLE if field.kind in ("category", "ordinal") else empty
        column = column.mask(outside.to_numpy(dtype=bool), mark)
    tables[field.table][field.name] = column
    return findings


def _order(contract: Contract, tables: Tables, name: str, other: str, *, later: bool) -> list[Finding]:
    table = contract.field(name).table
    if table not in tables or name not in tables[table]:
        return []
    reference = beside(contract, tables, other, table)
    if reference is None:
        return []
    own = tables[table][name]
    wrong = own < reference if later else own > reference
    by_month = _known_by_month(contract, tables, name, table) | _known_by_month(contract, tables, other, table)
    wrong &= ~(by_month & (own.dt.to_period("M") == reference.dt.to_period("M")))
    both = int((own.notna() & reference.notna()).sum())
    guess = _swapped(own[wrong], reference[wrong], later=later) if wrong.any() else ""
    return found(table, name, f"{'before' if later else 'after'} {other}", wrong, of=both, guess=guess)


def _known_by_month(contract: Contract, tables: Tables, name: str, table: str) -> pd.Series:
    precision = group(contract, "precision").get(name)
    values = beside(contract, tables, precision, table) if precision else None
    return pd.Series(False, index=tables[table].index) if values is None else values == "month"


def _swapped(own: pd.Series, reference: pd.Series, *, later: bool) -> str:
    """Whether day and month changed places would explain most of the wrong order."""

    def turned(days: pd.Series) -> pd.Series:
        parts = {"year": days.dt.year, "month": days.dt.day, "day": days.dt.month}
        return pd.to_datetime(pd.DataFrame(parts), errors="coerce")

    def right(a: pd.Series, b: pd.Series) -> pd.Series:
        return a >= b if later else a <= b

    explained = right(turned(own), reference) | right(own, turned(reference))
    return "were day and month swapped?" if explained.mean() >= 0.8 else "is one of the two dates wrong?"


def _sums(contract: Contract, tables: Tables, total: str, parts: list[str]) -> list[Finding]:
    table = contract.field(total).table
    frame = tables.get(table)
    if frame is None or total not in frame or not set(parts) <= set(frame.columns):
        return []
    values = frame[parts].apply(lambda column: pd.to_numeric(column, errors="coerce"))
    summed = pd.Series(values.to_numpy(dtype=float).sum(axis=1), index=frame.index)
    both = summed.notna() & frame[total].notna()
    guess = f"components: {', '.join(parts)}"
    wrong = both & (summed != frame[total])
    return found(table, total, "differ from the sum of their components", wrong, of=int(both.sum()), guess=guess)


def _one_flag(contract: Contract, tables: Tables, table: str, flag: str) -> list[Finding]:
    identity = contract.settings.get("id")
    frame = tables.get(table)
    if frame is None or flag not in frame or identity not in frame:
        return []
    marked = frame[flag] == 1
    again = marked & frame[marked].duplicated(identity).reindex(frame.index, fill_value=False)
    return found(
        table, flag, "mark a second row of their patient", again, guess="one row of a patient gives the baseline"
    )


def _same_person(contract: Contract, tables: Tables, table: str, columns: list[str]) -> list[Finding]:
    """Patients of two registries who agree in all that could tell two people apart: one person under two pseudonyms."""
    source, identity, frame = contract.settings.get("source"), contract.settings.get("id"), tables.get(table)
    if frame is None or not isinstance(source, str) or not {source, identity, *columns} <= set(frame.columns):
        return []
    # A repeated pseudonym is a matter of the key.
    known = frame.drop_duplicates(identity).dropna(subset=[source, *columns])
    twice = known[known.duplicated(columns, keep=False)]
    registries = twice.groupby(columns)[source].transform("nunique")
    again = twice[(registries > 1) & twice.duplicated(columns)]
    rule = f"agree with a patient of another registry in {', '.join(columns)}"
    names = " and ".join(contract.field(source).levels)
    guess = f"is the same patient in {names}? keep one enrolment"
    return found(table, "", rule, frame.index.isin(again.index), guess=guess)
