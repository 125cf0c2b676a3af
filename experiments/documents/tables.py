"""The data behind the figures as CSV: exact values, and nothing that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from experiments.documents.page import Figure, Grid, Page
from experiments.documents.table_guide import Shown, guide
from experiments.documents.words import interval
from training.evidence import Evidence

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
_ESTIMATE = [
    "id",
    "metric",
    "estimator",
    "cause",
    "horizon_days",
    "population",
    "design",
    "model",
    "value",
    "low",
    "high",
    "level",
    "method",
    "n",
    "events",
    "state",
    "reason",
]


def csv_tables(evidence: Evidence, pages: Sequence[Page]) -> dict[str, bytes]:
    """`tables/<name>.csv`: every table of the evidence, every estimate, and the named tables that the pages show; and
    `tables/README.md`, which says what each holds.
    """
    told = {name: list(rows) for name, rows in sorted(evidence.tables.items()) if rows}
    told["estimates"] = [
        {name: getattr(e, name) for name in _ESTIMATE} | {"method": interval(e)} for e in evidence.estimates
    ]
    shown: dict[str, list[dict[str, Any]]] = {}
    places: dict[str, list[Shown]] = {}
    for page in pages:
        for section, grid in _named(page):
            name = _file(grid.name)
            places.setdefault(name, []).append((page.kind, section))
            if name not in told:
                shown.setdefault(name, _rows(grid))
    files = {csv_name(name): _csv(rows) for name, rows in (told | shown).items()}
    columns = {name: _columns(rows) for name, rows in told.items()}
    files["tables/README.md"] = guide(columns, sorted(shown), places)
    return dict(sorted(files.items()))


def _named(page: Page) -> Iterator[tuple[str, Grid]]:
    """Tables that have a file, under the title of their section."""
    for section in (*page.front, *page.sections):
        for block in section.blocks:
            grid = block.data if isinstance(block, Figure) else block
            if isinstance(grid, Grid) and grid.name:
                yield section.title, grid


def csv_name(name: str) -> str:
    """Where a named table lies beside the document."""
    return f"tables/{_file(name)}.csv"


def _file(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip(".") or "table"


def _rows(grid: Grid) -> list[dict[str, Any]]:
    columns = [column or "row" for column in grid.columns]
    return [dict(zip(columns, (cell.full for cell in row), strict=True)) for row in grid.rows]


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    rows = list(rows)
    columns = _columns(rows)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_safe(column) for column in columns])
    writer.writerows([[_safe(row.get(column)) for column in columns] for row in rows])
    return out.getvalue().encode("utf-8")


def _safe(value: Any) -> str:
    """Numbers exactly; text that a spreadsheet would compute gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text
