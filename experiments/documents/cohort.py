"""Who was in the data: Table 1 by site with missingness, follow-up, how the outcome was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import count, decimal, fact, number, plain

_Row = Mapping[str, Any]
_QUARTILES = ("median", "lower_quartile", "upper_quartile")
_FEW = Cell("few", note="fewer than 10 patients stand behind it at this site: not printed")


def table_one(subject: Subject) -> Grid | None:
    """Fields down, with levels or statistics; all patients and each site across; each field ends with its unknowns."""
    rows = subject.table("table_one")
    if not rows:
        return None
    places = sorted({str(row["site"]) for row in rows}, key=lambda site: (site != "all", site))
    lines: list[tuple[Cell, ...]] = [(Cell("patients"), *(_size(subject, rows, site) for site in places))]
    for field in dict.fromkeys(str(row["field"]) for row in rows):
        of_field = [row for row in rows if str(row["field"]) == field]
        label = str(of_field[0].get("label") or plain(field))
        lines += _field_lines(label, of_field, places)
    note = (
        "Counts with their share of the known values; numbers as median (quartiles). Each field ends with the unknown, "
        "of those it applies to. “few”: fewer than 10 patients stand behind it, or a subtraction would tell of so few."
    )
    return Grid(
        "Patients at time zero",
        ("", *("all" if p == "all" else p for p in places)),
        tuple(lines),
        note=note,
        name="table_one_by_site",
    )


def most_missing(subject: Subject, *, most: int = 3) -> list[tuple[str, int, int]]:
    """Label, unknown and all of the fields with the largest share unknown."""
    seen = {}
    for row in subject.table("table_one", site="all"):
        missing, of = int(row.get("missing") or 0), int(row.get("of") or 0)
        if of and missing:
            seen[str(row["field"])] = (str(row.get("label") or plain(row["field"])), missing, of)
    return sorted(seen.values(), key=lambda entry: (-entry[1] / entry[2], entry[0]))[:most]


def counts(subject: Subject) -> Grid:
    """Patients, events by cause, censored, follow-up, and what was judged."""
    rows: list[tuple[Cell, ...]] = [(Cell("Patients"), fact(subject.n, missing="not in the evidence"))]
    rows.extend(
        (Cell(f"Events: {subject.label(cause)}"), fact(subject.events.get(cause), missing="not in the evidence"))
        for cause in subject.causes
    )
    rows.append((Cell("Censored"), fact(subject.facts("censored"), missing="not in the evidence")))
    rows.append((Cell("Median follow-up (reverse Kaplan–Meier)"), _follow_up(subject)))
    found = subject.facts("sites")
    sites = len(found) if isinstance(found, Mapping | list | tuple) else found
    rows.append((Cell("Sites"), fact(sites, missing="the registry names no sites")))
    for horizon in subject.horizons:
        for cause in subject.causes:
            risk = subject.find("observed_risk", cause=cause, horizon_days=horizon)
            rows.append((Cell(f"Observed risk, {subject.label(cause)} by {count(horizon)} days"), number(risk)))
    return Grid("Counts", ("", ""), tuple(rows), kind="pairs")


def _follow_up(subject: Subject) -> Cell:
    found = subject.facts("follow_up")
    if not isinstance(found, Mapping):
        return fact(found, missing="not in the evidence")
    median = next((found[name] for name in ("median_days", "median") if found.get(name) is not None), None)
    if median is None:
        return Cell("not applicable: half of the patients were not followed to an end", state="not applicable")
    ends = [found.get(end) for end in ("low", "high")]
    between = (
        f"{count(round(ends[0]))} to {count(round(ends[1]))}" if ends[0] is not None and ends[1] is not None else ""
    )
    return Cell(f"{count(round(median))} days", between, value=float(median))


def visits(subject: Subject) -> tuple[Block, ...]:
    """How an outcome seen at visits was observed: states, windows, the estimator that was made of them."""
    reading = subject.description.get("reading")
    blocks: list[Block] = []
    states = [
        f"{subject.label(cause)} ({'the outcome' if k == 0 else 'competes'})" for k, cause in enumerate(subject.causes)
    ]
    free = str(subject.description.get("free_state") or "")
    if free:
        states.append(f"{subject.label(free)} (none of these yet)")
    blocks.append(
        Prose.of(
            f"States: {'; '.join(states)}. Their probabilities sum to one at every time."
            if free
            else f"States: {'; '.join(states)}."
        )
    )
    if reading:
        blocks.append(Prose.of(str(reading)))
    facts = subject.facts("interval_estimator", "interval_censoring_estimator", "estimator_of_interval")
    if facts:
        blocks.append(
            Prose.of(Cell("What is made of the interval between two visits: "), fact(facts, missing="not named"))
        )
    windows = rows_of(subject.table("windows"), "Widths of the windows between visits, days", "windows")
    if windows is not None:
        blocks.append(windows)
    return tuple(blocks)


def rows_of(rows: Sequence[_Row], title: str, name: str, *, folded: bool = False) -> Grid | None:
    """A table of the evidence as it stands, column names in words; None without rows."""
    if not rows:
        return None
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    return Grid(
        title,
        tuple(map(plain, columns)),
        tuple(tuple(_plain(row.get(c)) for c in columns) for row in rows),
        folded=folded,
        name=name,
    )


def _plain(value: Any) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell("–" if value is None else fact(value, missing="").text)
    text = count(value) if float(value).is_integer() else f"{float(value):.4g}".replace("-", "\u2212")
    return Cell(text, value=float(value), numeric=True)


def _size(subject: Subject, rows: Sequence[_Row], site: str) -> Cell:
    counted = [row["n"] for row in subject.table("sites") if str(row["site"]) == site]
    if counted == [None]:
        return _FEW
    whole = [subject.n] if site == "all" and subject.n is not None else []
    sizes = (
        counted or whole or [int(row["of"]) for row in rows if str(row["site"]) == site and row.get("of") is not None]
    )
    return Cell(count(max(sizes)), value=float(max(sizes)), numeric=True) if sizes else Cell("–")


def _field_lines(label: str, rows: Sequence[_Row], places: Sequence[str]) -> list[tuple[Cell, ...]]:
    by = {(str(row["site"]), _level(row)): row for row in rows}
    levels = list(dict.fromkeys(_level(row) for row in rows))
    lines: list[tuple[Cell, ...]] = []
    if set(_QUARTILES) <= set(levels):
        lines.append((Cell(f"{label}, median (quartiles)"), *(_quartiles(by, site) for site in places)))
        levels = [level for level in levels if level not in _QUARTILES]
    lines.extend(
        (Cell(f"{label}: {plain(level)}"), *(_share(by.get((site, level))) for site in places)) for level in levels
    )
    lines.append((Cell(f"{label}: not known"), *(_missing(rows, site) for site in places)))
    return lines


def _level(row: _Row) -> str:
    return str(row.get("level") if row.get("level") is not None else row.get("statistic", ""))


def _quartiles(by: Mapping[tuple[str, str], _Row], site: str) -> Cell:
    values = [by.get((site, level), {}).get("value") for level in _QUARTILES]
    if values[0] is None:
        return _FEW
    shown = [_short(value) for value in values if value is not None]
    between = f" ({shown[1]} to {shown[2]})" if len(shown) == len(values) else ""
    return Cell(f"{shown[0]}{between}", value=float(values[0]), numeric=True)


def _share(row: _Row | None) -> Cell:
    """A level's count with its share of the known; a statistic as it stands."""
    if row is None:
        return Cell("–")
    if row.get("value") is None:
        return _FEW
    value = float(row["value"])
    if row.get("level") is None or row.get("kind") in ("number", "integer"):
        return Cell(_short(value), value=value, numeric=True)
    known = int(row.get("n") or 0)
    share = f" ({decimal(100 * value / known, 0)} %)" if known else ""
    return Cell(f"{count(value)}{share}", value=value, numeric=True)


def _missing(rows: Sequence[_Row], site: str) -> Cell:
    here = next((row for row in rows if str(row["site"]) == site and row.get("of") != 0), None)
    if here is None:
        return Cell("–")
    if here.get("missing") is None or here.get("of") is None:
        return _FEW
    missing, of = int(here.get("missing") or 0), int(here["of"])
    return Cell(f"{count(missing)} ({decimal(100 * missing / of, 0)} %)", value=float(missing), numeric=True)


def _short(value: Any) -> str:
    if value is None:
        return "–"
    return f"{float(value):.3g}".replace("-", "\u2212") if abs(float(value)) < 1000 else count(round(float(value)))
