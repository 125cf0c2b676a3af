"""`Extract`: the tables of a registry exactly as found, as text, with their digests.

pandas' own reading silently changes damaged files: a field cut in half, `NA` as a country, an id's leading zeros, a row
with one field too many. Here a file is read whole and as text, or it is refused with a sentence that names the line.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import pandas as pd

from features.contract import Contract, ContractError

_SUFFIXES = (".csv", ".parquet")
_MANIFEST = "manifest.json"
# A header that is not a name may be a patient's row in a file without a header, and is not quoted.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .%/()-]{0,63}")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


class ExtractError(ContractError):
    """Files that cannot be read as what they say they are. Every fault of every file, each with its line."""


@final
@dataclass(frozen=True)
class RawTable:
    """One table as found: every cell text, the empty cell the empty text.

    sha256  of the file's bytes as read; rows counts the lines of data.
    """

    name: str
    file: str
    sha256: str
    rows: int
    frame: pd.DataFrame


@final
@dataclass(frozen=True)
class Extract:
    """All tables of one export, never modified.

    synthetic  whether its manifest says that no patient in it is real: said wherever a model of it answers.
    """

    tables: dict[str, RawTable]
    synthetic: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 over the tables' names and digests: what a run records as its data."""
        digests = {name: table.sha256 for name, table in self.tables.items()}
        return hashlib.sha256(json.dumps(digests, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_extract(path: Path, contract: Contract) -> Extract:
    """The contract's tables from a folder of `<table>.csv` or `.parquet`, or from one file where it has one table.

    A `manifest.json` beside them ({file: {"sha256", "bytes", "rows"}}) is checked where it lies; without one, a file
    cut exactly at the end of a line cannot be told from a whole one. Raises `ExtractError` with
    every fault of every file.
    """
    files, faults = _locate(path, contract)
    manifest, unreadable = _manifest(path if path.is_dir() else path.parent)
    faults += unreadable
    tables: dict[str, RawTable] = {}
    for name, file in files.items():
        content = file.read_bytes()
        frame, wrong = _parquet(content) if file.suffix == ".parquet" else _csv(content)
        wrong = wrong + _promised(manifest.get(file.name), content, frame)
        faults += [f"{file.name}: {fault}" for fault in wrong]
        if frame is not None:
            tables[name] = RawTable(name, file.name, hashlib.sha256(content).hexdigest(), len(frame), frame)
    if path.is_dir():
        faults += [
            f"{_MANIFEST}: lists {name}, which is not there." for name in sorted(manifest) if not (path / name).exists()
        ]
    if faults:
        raise ExtractError("\n".join((f"{_count(len(faults), 'fault')} in the files of {path.name}:", *faults)))
    drawn = any(manifest.get(table.file, {}).get("synthetic") is True for table in tables.values())
    return Extract(tables, drawn)


def _locate(path: Path, contract: Contract) -> tuple[dict[str, Path], list[str]]:
    """Which file holds which table."""
    if not path.exists():
        raise ExtractError(f'no file or folder "{path}". try: check the path given for the tables.')
    if path.is_file():
        if len(contract.tables) != 1:
            raise ExtractError(
                f'the contract "{contract.name}" has {len(contract.tables)} tables, but {path.name} is one file. '
                "try: give the folder that holds them."
            )
        if path.suffix not in _SUFFIXES:
            raise ExtractError(f"{path.name}: is neither .csv nor .parquet.")
        return {contract.tables[0].name: path}, []
    files: dict[str, Path] = {}
    faults: list[str] = []
    for table in contract.tables:
        found = [path / f"{table.name}{suffix}" for suffix in _SUFFIXES if (path / f"{table.name}{suffix}").is_file()]
        if len(found) > 1:
            faults.append(f"{table.name}: lies there as .csv and as .parquet; keep one.")
        elif found:
            files[table.name] = found[0]
        elif not table.optional:
            faults.append(f"{table.name}: no file {table.name}.csv or {table.name}.parquet.")
    known = {table.name for table in contract.tables}
    strangers = sorted(p.name for p in path.iterdir() if p.suffix in _SUFFIXES and p.stem not in known)
    faults += [f"{name}: is no table of the contract; rename it or move it away." for name in strangers]
    return files, faults


def _manifest(folder: Path) -> tuple[dict[str, dict[str, object]], list[str]]:
    """What the sender promised of each file; nothing where no manifest lies there."""
    file = folder / _MANIFEST
    if not file.is_file():
        return {}, []
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return {}, [f"{_MANIFEST}: is not JSON. try: send it again, or take it away to go on without it."]
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        return {}, [f'{_MANIFEST}: expected {{"<file>": {{"sha256": …, "bytes": …, "rows": …}}}}.']
    return content, []


def _promised(entry: dict[str, object] | None, content: bytes, frame: pd.DataFrame | None) -> list[str]:
    """Where a file differs from its line in the manifest; the first difference explains the rest."""
    if entry is None:
        return []
    size, rows, digest = entry.get("bytes"), entry.get("rows"), entry.get("sha256")
    if isinstance(size, int) and size != len(content):
        kind = "is truncated" if len(content) < size else "is longer than sent"
        return [f"{kind}: {len(content)} bytes, the manifest says {size}. try: copy it again."]
    if isinstance(digest, str) and digest != hashlib.sha256(content).hexdigest():
        return ["differs from the manifest's sha256. try: copy it again."]
    if isinstance(rows, int) and frame is not None and rows != len(frame):
        return [f"has {len(frame)} rows, the manifest says {rows}. try: copy it again."]
    return []


def _csv(content: bytes) -> tuple[pd.DataFrame | None, list[str]]:
    text, faults = _decode(content)
    if text is None:
        return None, faults
    faults += _endings(text)
    header, rows, parsing = _rows(text)
    faults += parsing
    if header is None:
        return None, faults
    if separator := _separated_by(header):
        return None, [f"line 1: columns are separated by {separator}, expected commas. try: save it comma-separated."]
    faults += _header_faults(header)
    faults += _width_faults(len(header), rows)
    if faults:
        return None, faults
    columns = zip(*(row for _, row in rows), strict=True) if rows else ((),) * len(header)
    cells: Iterable[tuple[str, ...]] = columns
    return pd.DataFrame({n: pd.Series(list(c), dtype=object) for n, c in zip(header, cells, strict=True)}), []


def _decode(content: bytes) -> tuple[str | None, list[str]]:
    """UTF-8, with or without a byte-order mark; nothing is guessed."""
    if not content.strip():
        return None, ["is empty. try: export it again."]
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None, ["is UTF-16, expected UTF-8. try: save it as UTF-8."]
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        return None, [
            f"line {line}: holds NUL bytes ({content.count(0)} in all), expected UTF-8 text. try: export it again."
        ]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return None, [f"line {line}: is not UTF-8 (latin-1 or Windows-1252?). try: save the file as UTF-8."]
    if "\ufffd" in text:
        line = text[: text.index("\ufffd")].count("\n") + 1
        return None, [
            f"line {line}: holds replacement characters: its text was lost in an earlier conversion. try: export again."
        ]
    return text, []


def _endings(text: str) -> list[str]:
    faults = []
    if not text.endswith(("\n", "\r")):
        last = text.count("\n") + 1
        faults.append(
            f"line {last}: is truncated: the file does not end with a line break. try: copy or export it again."
        )
    outside = _QUOTED.sub("", text) if '"' in text else text
    windows, carriage, unix = outside.count("\r\n"), outside.count("\r"), outside.count("\n")
    if carriage > windows or (windows and unix > windows):
        faults.append("mixes line endings, so that two files may have been joined. try: export it again.")
    return faults


def _rows(text: str) -> tuple[list[str] | None, list[tuple[int, list[str]]], list[str]]:
    """Header, and rows each with the number of the line it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    rows: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for row in reader:
            if header is None:
                header = row
            else:
                rows.append((start, row))
            start = reader.line_num + 1
    except csv.Error as error:
        what = "an unclosed quote" if "unexpected end" in str(error) else "a quote inside a field, or a field too long"
        return header, rows, [f"line {start}: {what} starts here. try: export it again."]
    return header, rows, []


def _separated_by(header: list[str]) -> str:
    """What stands where commas should, if the whole header came as one column; a decimal comma cuts rows alone."""
    if len(header) != 1:
        return ""
    names = {";": "semicolons", "\t": "tabs", "|": "bars"}
    return next((name for sign, name in names.items() if sign in header[0]), "")


def _header_faults(header: list[str]) -> list[str]:
    faults = []
    empty = sum(not name.strip() for name in header)
    if empty:
        faults.append(f"line 1: {_count(empty, 'column')} of {len(header)} without a name.")
    twice = sorted(name for name, times in Counter(header).items() if times > 1 and name.strip())
    if twice:
        named = [name for name in twice if _NAME.fullmatch(name)]
        faults.append(
            f"line 1: {_count(len(twice), 'column name')} more than once{': ' if named else ''}{', '.join(named)}."
        )
    padded = sum(name != name.strip() for name in header)
    if padded:
        faults.append(f"line 1: {_count(padded, 'column name')} with blanks around it.")
    return faults


def _width_faults(width: int, rows: list[tuple[int, list[str]]]) -> list[str]:
    faults = []
    for word, wrong in (
        ("too few", [line for line, row in rows if len(row) < width]),
        ("too many", [line for line, row in rows if len(row) > width]),
    ):
        if wrong:
            more = f" and {_count(len(wrong) - 3, 'line')} more" if len(wrong) > 3 else ""
            lines = ", ".join(str(line) for line in wrong[:3])
            faults.append(
                f"line {lines}{more}: {word} fields, expected {width}; {len(wrong)} of {len(rows)} rows. "
                "try: export it again, or quote fields that hold a comma."
            )
    return faults


def _parquet(content: bytes) -> tuple[pd.DataFrame | None, list[str]]:
    """Text that says exactly what the file holds: floats by their shortest exact form, nulls as the empty text."""
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    # pyarrow raises several unrelated classes for a damaged file; each means the same to who sent it.
    except (OSError, ValueError, KeyError, TypeError):
        return None, ["is not a whole Parquet file. try: copy it again."]
    names = [str(name) for name in frame.columns]
    faults = _header_faults(names)
    if faults:
        return None, faults
    return pd.DataFrame({name: _as_text(frame.iloc[:, i]) for i, name in enumerate(names)}), []


def _as_text(column: pd.Series) -> pd.Series:
    known = column.notna().to_numpy(dtype=bool)
    text = np.full(len(column), "", dtype=object)
    values = column[known]
    if pd.api.types.is_bool_dtype(values.dtype):
        written = [str(int(value)) for value in values]
    elif pd.api.types.is_float_dtype(values.dtype):
        # A column of whole numbers with gaps is stored as floats; 3.0 there is the integer 3.
        whole = bool((values.astype(float) % 1 == 0).all())
        written = [str(int(value)) if whole else repr(float(value)) for value in values]
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = bool((values == values.dt.normalize()).all())
        written = [value.date().isoformat() if days else value.isoformat() for value in values]
    else:
        written = [str(value) for value in values]
    text[known] = written
    return pd.Series(text, dtype=object)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
