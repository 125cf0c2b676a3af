"""Figures with one row per thing: sites, coefficients, importance; and the flow of who left the cohort."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from experiments.documents.drawing import BLUE, GREY, ORANGE, Drawing, linear, logarithmic, ticks
from experiments.documents.page import Cell, Figure, Grid
from experiments.documents.subject import Subject
from experiments.documents.words import amount, count, days, decimal, number, plain
from training.evidence import Estimate

_ROW = 26
_RATIOS = (0.05, 0.1, 0.2, 0.5, 0.67, 1.0, 1.5, 2.0, 5.0, 10.0, 20.0)


@final
@dataclass(frozen=True)
class _Line:
    label: str
    value: float
    low: float | None
    high: float | None
    beside: str
    weight: float = 0.5
    strong: bool = False


def sites(subject: Subject, cause: str, horizon: float) -> Figure | None:
    """Observed : expected of each left-out site, all together as a diamond; None without data."""
    design = "leave_one_site_out"
    names = subject.populations(design)
    found = [
        subject.find("oe_ratio", cause=cause, horizon_days=horizon, design=design, population=name) for name in names
    ]
    measured = [e for e in found if e is not None and e.value is not None and e.value > 0]
    if not measured:
        return None
    most = max((e.events or 1) for e in measured)
    lines = [_ratio_line(e, most) for e in measured]
    together = subject.find("oe_ratio", cause=cause, horizon_days=horizon, design=design)
    if together is not None and together.value:
        lines.append(
            _Line(
                "all sites together",
                together.value,
                together.low,
                together.high,
                amount("oe_ratio", together.value),
                1,
                True,
            )
        )
    low, high = min(measured, key=lambda e: e.value or 0), max(measured, key=lambda e: e.value or 0)
    title = (
        f"{subject.label(cause).capitalize()} by {days(horizon)}: observed : expected "
        f"from {amount('oe_ratio', low.value or 0)} at {_site(low)} "
        f"to {amount('oe_ratio', high.value or 0)} at {_site(high)}"
    )
    covering = sum(e.low is not None and e.high is not None and e.low <= 1 <= e.high for e in measured)
    description = (
        f"Each of {len(measured)} sites predicted by a model that never saw it. Squares are sized by events; "
        f"lines are intervals on a logarithmic scale; {covering} of {len(measured)} intervals contain 1. "
        "Numbers for each site stand in the table."
    )
    key = f"sites-{cause}-{horizon:g}"
    rows = tuple(
        (
            Cell(_site(e)),
            Cell(count(e.n) if e.n is not None else "–"),
            Cell(count(e.events) if e.events is not None else "–"),
            number(e),
        )
        for e in (*(e for e in found if e is not None), *([together] if together is not None else []))
    )
    data = Grid(
        "Observed : expected by site",
        ("site", "n", "events", "observed : expected"),
        rows,
        folded=True,
        name=f"sites-{cause}-{horizon:g}",
    )
    return Figure(
        key, title, description, _forest(lines, key, title, description, "Observed : expected (log scale)"), data
    )


def coefficients(subject: Subject, cause: str) -> Figure | None:
    """Hazard ratios with intervals, strongest first; None where the family has no coefficients."""
    rows = [row for row in subject.table("coefficients", cause=cause) if row.get("estimate") is not None]
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: -abs(float(row["estimate"])))
    lines = []
    for row in rows:
        ratio = (
            float(row["hazard_ratio"])
            if row.get("hazard_ratio") is not None
            else math.exp(min(float(row["estimate"]), 50.0))
        )
        low, high = _exponential(row.get("low")), _exponential(row.get("high"))
        beside = decimal(ratio, 2) + (
            "" if low is None or high is None else f" ({decimal(low, 2)} to {decimal(high, 2)})"
        )
        lines.append(_Line(_named(row), ratio, low, high, beside))
    clear = sum(line.low is not None and line.high is not None and not line.low <= 1 <= line.high for line in lines)
    strongest = lines[0]
    title = (
        f"{subject.label(cause).capitalize()}: {strongest.label} has the strongest coefficient "
        f"(hazard ratio {decimal(strongest.value, 2)})"
    )
    description = (
        f"Hazard ratios of {len(lines)} columns of the encoded predictors, strongest first, on a logarithmic scale. "
        f"{clear} intervals lie wholly on one side of 1. Associations within the model, not effects of treatment."
    )
    key = f"coefficients-{cause}"
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    table = tuple(tuple(_value(row.get(name)) for name in columns) for row in rows)
    data = Grid("Coefficients on the log hazard scale", tuple(map(plain, columns)), table, name=key, folded=True)
    return Figure(key, title, description, _forest(lines, key, title, description, "Hazard ratio (log scale)"), data)


def importance(subject: Subject, cause: str) -> Figure | None:
    """What the model leans on, largest first; None where the family states no importance."""
    rows = [row for row in subject.table("importance", cause=cause) if row.get("value") is not None]
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: -float(row["value"]))
    most = max(abs(float(row["value"])) for row in rows) or 1.0
    drawing = Drawing(640, 20 + _ROW * len(rows))
    x = linear(0, most, 250, 560)
    for index, row in enumerate(rows):
        y = 10 + _ROW * index
        drawing.text(240, y + 16, _short(_named(row)), anchor="end")
        drawing.box(250, y + 4, x(abs(float(row["value"]))) - 250, 15, fill="#8fa9bf", stroke=BLUE)
        drawing.text(x(abs(float(row["value"]))) + 8, y + 16, decimal(float(row["value"]), 3), color=GREY, size=12)
    title = f"{subject.label(cause).capitalize()}: the model leans most on {_named(rows[0])}"
    description = (
        f"Bars of importance for {len(rows)} columns of the encoded predictors, largest first. "
        "Importance has no direction and no interval."
    )
    key = f"importance-{cause}"
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    data = Grid(
        "Importance",
        tuple(map(plain, columns)),
        tuple(tuple(_value(r.get(c)) for c in columns) for r in rows),
        folded=True,
        name=key,
    )
    return Figure(key, title, description, drawing.svg(key=key, title=title, description=description), data)


def flow(subject: Subject) -> Figure | None:
    """From all rows of the registry to the patients analysed; steps that nobody left by are in the table."""
    rows = subject.table("flow")
    if not rows:
        return None
    started = int(rows[0]["remaining"]) + int(rows[0]["left"])
    analysed = int(rows[-1]["remaining"])
    leaving = [row for row in rows if int(row["left"]) > 0]
    drawing = Drawing(620, 64 + 74 * len(leaving) + 4)
    _flow_box(drawing, 2, f"{count(started)} in the registry", BLUE)
    y = 46.0
    for index, row in enumerate(leaving):
        drawing.line(110, y, 110, y + 30, color=GREY, width=1.5)
        drawing.line(110, y + 14, 250, y + 14, color=GREY, width=1.5)
        words = textwrap.wrap(f"{count(row['left'])} left: {row['reason']}", 52)[:2]
        for line, text in enumerate(words):
            drawing.text(258, y + 18 + 17 * line - (8 if len(words) > 1 else 0), text, color="#1d232b")
        last = index == len(leaving) - 1
        _flow_box(
            drawing, y + 30, f"{count(row['remaining'])} " + ("analysed" if last else "remain"), BLUE if last else GREY
        )
        y += 74
    title = f"{count(analysed)} of {count(started)} patients are analysed"
    silent = len(rows) - len(leaving)
    description = (
        f"Flow of the cohort: {count(started)} patients in the registry, "
        f"{count(started - analysed)} left for {len(leaving)} reasons, {count(analysed)} analysed. "
        f"Further conditions checked by which nobody left: {silent}."
    )
    table = tuple((Cell(str(row["reason"])), _value(row["left"]), _value(row["remaining"])) for row in rows)
    data = Grid("Who left and why", ("reason", "left", "remaining"), table, folded=True, name="flow")
    return Figure("flow", title, description, drawing.svg(key="flow", title=title, description=description), data)


def _flow_box(drawing: Drawing, y: float, words: str, color: str) -> None:
    drawing.box(2, y, 216, 42, fill="#f4f7fa", stroke=color, radius=4)
    drawing.text(110, y + 26, words, anchor="middle", weight="600")


def _ratio_line(estimate: Estimate, most: int) -> _Line:
    events = "" if estimate.events is None else f"  {count(estimate.events)} events"
    weight = math.sqrt((estimate.events or 0) / most)
    return _Line(
        _site(estimate),
        estimate.value or 0.0,
        estimate.low,
        estimate.high,
        amount("oe_ratio", estimate.value or 0.0) + events,
        weight,
    )


def _forest(lines: Sequence[_Line], key: str, title: str, description: str, axis: str) -> str:
    """Rows of points with intervals around 1 on a logarithmic scale; what leaves the axis ends in an arrow."""
    edges = [value for line in lines for value in (line.value, line.low, line.high) if value is not None and value > 0]
    low = max(min(0.8, *edges) / 1.08, 0.05) if edges else 0.5
    high = min(max(1.25, *edges) * 1.08, 20.0) if edges else 2.0
    drawing = Drawing(680, 58 + _ROW * len(lines))
    x = logarithmic(low, high, 205, 515)
    bottom = 8 + _ROW * len(lines)
    marks = [mark for mark in _RATIOS if low <= mark <= high]
    for mark in marks if len(marks) >= 3 else sorted({1.0, *ticks(low, high, 4)}):
        if mark > 0:
            drawing.line(x(mark), 4, x(mark), bottom, color="#e3e7ec")
            drawing.text(x(mark), bottom + 18, f"{mark:g}", anchor="middle", color=GREY, size=12)
    drawing.line(x(1), 4, x(1), bottom, color=GREY, dash="4 4", width=1.2)
    for index, line in enumerate(lines):
        y = 8 + _ROW * index + _ROW / 2
        color = ORANGE if line.strong else BLUE
        drawing.text(195, y + 4, _short(line.label), anchor="end", weight="600" if line.strong else "")
        if line.low is not None and line.high is not None:
            drawing.line(x(line.low), y, x(line.high), y, color=color, width=1.8)
            _arrows(drawing, x, y, (line.low < low, line.high > high), (low, high), color)
        shape = "diamond" if line.strong else "square"
        drawing.point(x(line.value), y, color=color, size=3 + 3.5 * line.weight, shape=shape)
        drawing.text(525, y + 4, line.beside, size=12, color=GREY)
    drawing.text((205 + 515) / 2, bottom + 40, axis, anchor="middle")
    return drawing.svg(key=key, title=title, description=description)


def _arrows(
    drawing: Drawing, x: Any, y: float, beyond: tuple[bool, bool], edges: tuple[float, float], color: str
) -> None:
    for leaves, edge, side in zip(beyond, edges, (1, -1), strict=True):
        if leaves:
            drawing.path(
                [(x(edge) + 6 * side, y - 4), (x(edge), y), (x(edge) + 6 * side, y + 4)], color=color, width=1.8
            )


def _site(estimate: Estimate) -> str:
    return "all sites together" if estimate.population == "all" else estimate.population.removeprefix("site=")


def _named(row: Mapping[str, Any]) -> str:
    return str(row.get("label") or plain(row.get("column", "")))


def _short(words: str) -> str:
    return words if len(words) <= 30 else words[:29].rstrip() + "…"


def _exponential(value: Any) -> float | None:
    return None if value is None else math.exp(min(float(value), 50.0))


def _value(value: Any) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell("–" if value is None else str(value))
    text = count(value) if float(value).is_integer() else decimal(float(value), 4)
    return Cell(text, value=float(value), numeric=True)
