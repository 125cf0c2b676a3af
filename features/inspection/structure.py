"""Are the columns there, and is every row one of a kind? What can be said before any cell is read."""

from __future__ import annotations

import difflib
import re

import numpy as np
import pandas as pd

from features.contract import Contract, Table
from features.extract import Extract
from features.inspection.violation import Finding, found

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_REPEATED = {
    "patient": "is a patient enrolled twice? keep one enrolment",
    "treatment": "is it a second index treatment? keep the first",
    "labs": "of two samples of one day, keep the one taken before treatment",
}


def structure(contract: Contract, extract: Extract) -> list[Finding]:
    """Missing and unknown columns, empty and repeated keys, rows without a patient."""
    findings: list[Finding] = []
    for table in contract.tables:
        if table.name in extract.tables:
            frame = extract.tables[table.name].frame
            if frame.empty and table is contract.tables[0]:  # who the patients are; any other may have nothing to say
                findings.append(Finding(table.name, "", "has a header and no row", np.array([], dtype=np.intp), 0))
            findings += _columns(contract, table, frame, sources=_sources(contract, extract))
            findings += _keys(contract, table, frame)
            findings += _orphans(contract, table, frame, extract)
    return findings


def group(contract: Contract, name: str) -> dict[str, str]:
    """One named group of the contract's settings; empty where it is not given."""
    value = contract.settings.get(name, {})
    return value if isinstance(value, dict) else {}


def columns_of(contract: Contract, table: Table) -> tuple[str, ...]:
    """The columns a table's file may have: its key, its fields, and of a long form the three that carry a variable."""
    long = group(contract, "long_form").get(table.name)
    fields = contract.in_table(table.name)
    own = [field.name for field in fields if long is None or not field.numeric]
    return tuple(dict.fromkeys([*table.key, *own, *([long, "value", "unit"] if long else [])]))


def _sources(contract: Contract, extract: Extract) -> set[str]:
    """Which registries the export holds."""
    column = contract.settings.get("source")
    for raw in extract.tables.values():
        if isinstance(column, str) and column in raw.frame:
            return set(raw.frame[column].tolist())
    return set()


def _columns(contract: Contract, table: Table, frame: pd.DataFrame, *, sources: set[str]) -> list[Finding]:
    expected = columns_of(contract, table)
    spared = {*group(contract, "optional"), *group(contract, "from_date"), *group(contract, "sum_of")}
    spared |= {f.name for f in contract.in_table(table.name) if sources and sources <= set(f.absent_in)}
    missing = [name for name in expected if name not in frame and name not in spared]
    known = {*expected, *(f"{f.name}_unit" for f in contract.in_table(table.name) if f.numeric)}
    strange = [str(name) for name in frame.columns if name not in known]
    none: np.ndarray[tuple[int], np.dtype[np.intp]] = np.zeros(0, dtype=np.intp)
    if not set(frame.columns) & set(expected):
        return [
            Finding(table.name, "", "has none of the columns of the contract", none, 0, "is the header line missing?")
        ]
    findings = [Finding(table.name, name, f"the column is missing{_like(name, strange)}", none, 0) for name in missing]
    quotable = [name for name in strange if _NAME.fullmatch(name)]
    for name in quotable:
        close = _like(name, [other for other in expected if other not in frame])
        findings.append(Finding(table.name, name, f"the contract has no such column{close}", none, 0))
    if len(quotable) < len(strange):
        n = len(strange) - len(quotable)
        findings.append(Finding(table.name, "", f"{n} columns have names that are no names of variables", none, 0))
    return findings


def _like(name: str, others: list[str]) -> str:
    close = difflib.get_close_matches(name, [other for other in others if _NAME.fullmatch(other)], n=1, cutoff=0.8)
    return f' (is it "{close[0]}"?)' if close else ""


def _keys(contract: Contract, table: Table, frame: pd.DataFrame) -> list[Finding]:
    key = [name for name in table.key if name in frame]
    if not key:
        return []
    findings: list[Finding] = []
    blank = frame[key].isin(contract.missing)
    for name in key:
        findings += found(table.name, name, "without a value, which the key needs", blank[name])
    # Only a whole key can say that two rows are one.
    if len(key) == len(table.key):
        repeated = frame.duplicated(key) & ~blank.any(axis=1)
        guess = _repeated_guess(contract, table, frame, repeated)
        findings += found(table.name, " + ".join(key), "repeat the key of an earlier row", repeated, guess=guess)
    return findings


def _repeated_guess(contract: Contract, table: Table, frame: pd.DataFrame, repeated: pd.Series) -> str:
    source = contract.settings.get("source")
    if isinstance(source, str) and source in frame and repeated.any():
        twice = frame[frame.duplicated(list(table.key), keep=False)]
        if (twice.groupby(list(table.key))[source].nunique() > 1).any():
            names = " and ".join(contract.field(source).levels)
            return f"is the same patient in {names}? keep one enrolment"
    return _REPEATED.get(table.name, "")


def _orphans(contract: Contract, table: Table, frame: pd.DataFrame, extract: Extract) -> list[Finding]:
    identity, home = contract.settings.get("id"), contract.settings.get("patient_table")
    if not isinstance(identity, str) or home == table.name or home not in extract.tables or identity not in frame:
        return []
    patients = extract.tables[str(home)].frame
    if identity not in patients:
        return []
    orphan = ~frame[identity].isin(set(patients[identity])) & ~frame[identity].isin(contract.missing)
    return found(table.name, identity, f"belong to no patient of the table {home}", orphan)
