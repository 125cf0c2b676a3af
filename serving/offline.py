"""A table scored without a server: the same models, the same checks, the same numbers. All rows, or none."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from features.contract import ContractError
from serving.predictor import Served, at_horizons, curves_of
from serving.refusals import Fault
from serving.schemas import Patient, suggest
from training.curves import Curves

# A spreadsheet would run these as formulas.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_SHOWN = 20
_IDENTITIES = ("client_reference", "patient_id")


def score_rows(served: Served, rows: Sequence[Mapping[str, str]]) -> list[dict[str, float | str]]:
    """Per row, the probability of each state at each horizon ("died_90d"), or "not_applicable" with the reason.

    Raises `ContractError` with every fault of every row; a fault names row and column, never a value.
    """
    patients, faults = [], _column_faults(served, rows)
    if not faults:
        for number, row in enumerate(rows, start=2):  # the header is row 1, as a spreadsheet counts
            read = served.form.read_row(row, f"row {number}")
            if isinstance(read, Patient):
                patients.append(read)
            else:
                faults += read
    if faults:
        raise ContractError(_sentence(faults, len(rows)))
    outside = [served.form.outside(patient) for patient in patients]
    inside = [patient for patient, reason in zip(patients, outside, strict=True) if reason is None]
    curves = iter(curves_of(served, inside))
    return [_scored(served, None if reason else next(curves), reason or "") for reason in outside]


def score_file(served: Sequence[Served], source: Path, target: Path) -> int:
    """Score a CSV into another, written in one step, and return the number of patients.

    Columns are fields of the contract in its canonical unit, or with the unit in `<name>_unit`; others are left alone.
    """
    rows = _read(source)
    by_model = [score_rows(one, rows) for one in served]
    lines = []
    for i, row in enumerate(rows):
        line: dict[str, Any] = {"row": i + 2}
        line |= {name: _safe(row[name]) for name in _IDENTITIES if name in row}
        for one, scores in zip(served, by_model, strict=True):
            line |= {f"{one.bundle.manifest.name}.{key}": value for key, value in scores[i].items()}
            line[f"{one.bundle.manifest.name}.model"] = f"{one.reference} sha-256:{one.bundle.model_digest}"
        lines.append(line)
    _write(target, lines)
    return len(rows)


def columns_of(served: Served) -> list[str]:
    """Names of the scores of one model, in order."""
    horizons = [f"{days:g}d" for days in served.horizons]
    return [f"{state}_{days}" for days in horizons for state in served.states]


def _scored(served: Served, curves: Curves | None, reason: str) -> dict[str, float | str]:
    if curves is None:
        return {**dict.fromkeys(columns_of(served), ""), "not_applicable": reason}
    scores: dict[str, float | str] = {
        f"{state}_{days:g}d": probability
        for days, probabilities in at_horizons(served, curves).items()
        for state, probability in probabilities.items()
    }
    return {**scores, "not_applicable": ""}


def _column_faults(served: Served, rows: Sequence[Mapping[str, str]]) -> list[Fault]:
    present = set(rows[0]) if rows else set(served.form.questions)
    missing = [name for name in served.form.questions if name not in present]
    known = set(served.form.questions)
    spare = [name for name in present if name not in known and not name.endswith("_unit")]
    near = {name: suggest([name], missing) for name in spare}
    hint = next((text for text in near.values() if text), "")
    return [Fault(f"column {name}", "SC201", f"Missing.{hint if name in hint else ''}") for name in missing]


def _read(source: Path) -> list[dict[str, str]]:
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ContractError(f"{source.name}: not UTF-8. try: save it as CSV UTF-8.") from None
    if not text.endswith("\n"):
        raise ContractError(
            f"{source.name}: the last line has no end, so the file may have been cut off. try: export it again."
        )
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        raise ContractError(f"{source.name}: not CSV: a quotation mark is left open or misplaced.") from None
    header, *body = lines or [[]]
    header = [name.strip() for name in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    uneven = [i for i, line in enumerate(body, start=2) if len(line) != len(header)]
    if not header or twice:
        raise ContractError(
            f"{source.name}: {len(twice) or 'no'} columns {'stand twice' if twice else 'in the first line'}."
        )
    if uneven:
        count = f"{len(uneven)} of {len(body)} rows have another number of cells"
        raise ContractError(
            f"{source.name}: {count} than the {len(header)} of the header; the first is row {uneven[0]}."
        )
    return [dict(zip(header, line, strict=True)) for line in body]


def _write(target: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for line in lines for name in line))
    handle, temporary = tempfile.mkstemp(prefix=".scoring-", dir=target.resolve().parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(_plain(lines))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _plain(lines: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield {name: repr(value) if isinstance(value, float) else value for name, value in line.items()}


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _sentence(faults: Sequence[Fault], rows: int) -> str:
    shown = [f"  {fault.pointer.replace('/', ', column ')}: {fault.detail}" for fault in faults[:_MOST_SHOWN]]
    rest = [f"  … and {len(faults) - _MOST_SHOWN} more"] if len(faults) > _MOST_SHOWN else []
    places = "1 place needs" if len(faults) == 1 else f"{len(faults)} places need"
    head = f"{places} attention in {rows} rows; nothing was scored."
    return "\n".join([head, *shown, *rest])
