"""Figures with one row per thing: a forest of anything, coefficients, importance; and the flow of the cohort."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

from experiments.documents.drawing import BLUE, GREY, ORANGE, Drawing, linear, logarithmic, ticks
from experiments.documents.page import Cell, Figure, Grid
from experiments.documents.subject import Subject
from experiments.documents.words import count, decimal, plain

_ROW = 26
_RATIOS = (0.05, 0.1, 0.2, 0.5, 0.67, 1.0, 1.5, 2.0, 5.0, 10.0, 20.0)


@final
@dataclass(frozen=True)
class Line:
    """One row of a forest.

    beside  read at the right edge.   weight  0 to 1, the size of the point.
    shape   "square" one of many, "diamond" the pooled mean, "span" an interval read as a range of what may come.
    """

    label: str
    value: float
    low: float | None
    high: float | None
    beside: str
    weight: float = 0.5
    shape: Literal["square", "diamond", "span"] = "square"


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
        lines.append(Line(_named(row), ratio, low, high, beside))
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
    svg = forest(lines, Axis("Hazard ratio (log scale)", 1.0), key=key, title=title, description=description)
    return Figure(key, title, description, svg, data)


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
    started, analysed = rows[0]["remaining"], int(rows[-1]["remaining"])
    leaving = [row for row in rows if row["left"] is None or int(row["left"]) > 0]
    drawing = Drawing(620, 64 + 74 * len(leaving) + 4)
    _flow_box(drawing, 2, "the registry" if started is None else f"{count(started)} in the registry", BLUE)
    y = 46.0
    for index, row in enumerate(leaving):
        drawing.line(110, y, 110, y + 30, color=GREY, width=1.5)
        drawing.line(110, y + 14, 250, y + 14, color=GREY, width=1.5)
        words = textwrap.wrap(f"{count(row['left'])} left: {row['reason']}", 52)[:2]
        for line, text in enumerate(words):
            drawing.text(258, y + 18 + 17 * line - (8 if len(words) > 1 else 0), text, color="#1d232b")
        last = index == len(leaving) - 1
        rest = "the others remain" if row["remaining"] is None else f"{count(row['remaining'])} remain"
        _flow_box(drawing, y + 30, f"{count(analysed)} analysed" if last else rest, BLUE if last else GREY)
        y += 74
    title = f"{count(analysed)}{'' if started is None else f' of {count(started)}'} patients are analysed"
    silent = len(rows) - len(leaving)
    description = (
        f"Flow of the cohort: {'all' if started is None else count(started)} patients in the registry, "
        f"{count(None if started is None else started - analysed)} left for "
        f"{len(leaving)} reason{'' if len(leaving) == 1 else 's'}, "
        f"{count(analysed)} analysed. "
        f"Further conditions checked by which nobody left: {silent}."
    )
    table = tuple((Cell(str(row["reason"])), _value(row["left"]), _value(row["remaining"])) for row in rows)
    data = Grid("Who left and why", ("reason", "left", "remaining"), table, folded=True, name="flow")
    return Figure("flow", title, description, drawing.svg(key="flow", title=title, description=description), data)


def _flow_box(drawing: Drawing, y: float, words: str, color: str) -> None:
    drawing.box(2, y, 216, 42, fill="#f4f7fa", stroke=color, radius=4)
    drawing.text(110, y + 26, words, anchor="middle", weight="600")


@final
@dataclass(frozen=True)
class Axis:
    """Where a forest is drawn: its title, the value of no difference, and whether distances are ratios."""

    title: str
    reference: float
    ratio: bool = True
    most: float = 20.0


def forest(lines: Sequence[Line], axis: Axis, *, key: str, title: str, description: str) -> str:
    """Rows of points with intervals around a reference; what leaves the axis ends in an arrow."""
    low, high = _reach(lines, axis)
    drawing = Drawing(680, 58 + _ROW * len(lines))
    x = (logarithmic if axis.ratio else linear)(low, high, 205, 505)
    bottom = 8 + _ROW * len(lines)
    marks = [mark for mark in _RATIOS if low <= mark <= high] if axis.ratio else []
    for mark in marks if len(marks) >= 3 else sorted({axis.reference, *ticks(low, high, 4)}):
        if low <= mark <= high:
            drawing.line(x(mark), 4, x(mark), bottom, color="#e3e7ec")
            drawing.text(x(mark), bottom + 18, f"{mark:g}".replace("-", "\u2212"), anchor="middle", color=GREY, size=12)
    drawing.line(x(axis.reference), 4, x(axis.reference), bottom, color=GREY, dash="4 4", width=1.2)
    for index, line in enumerate(lines):
        _draw(drawing, x, 8 + _ROW * index + _ROW / 2, line, (low, high))
    drawing.text((205 + 505) / 2, bottom + 40, axis.title, anchor="middle")
    return drawing.svg(key=key, title=title, description=description)


def _reach(lines: Sequence[Line], axis: Axis) -> tuple[float, float]:
    found = [value for line in lines for value in (line.value, line.low, line.high) if value is not None]
    if axis.ratio:
        edges = [value for value in found if value > 0]
        return (
            max(min(0.8 * axis.reference, *edges, axis.reference) / 1.08, axis.reference / axis.most),
            min(max(1.25 * axis.reference, *edges, axis.reference) * 1.08, axis.reference * axis.most),
        )
    low, high = min([axis.reference, *found]), max([axis.reference, *found])
    margin = 0.04 * (high - low or 1.0)
    return max(low, axis.reference - axis.most) - margin, min(high, axis.reference + axis.most) + margin


def _draw(drawing: Drawing, x: Any, y: float, line: Line, edges: tuple[float, float]) -> None:
    strong = line.shape != "square"
    color = ORANGE if strong else BLUE
    drawing.text(195, y + 4, _short(line.label), anchor="end", weight="600" if strong else "")
    drawing.text(515, y + 4, line.beside, size=12, color=GREY)
    inside = [min(max(value, edges[0]), edges[1]) for value in (line.low, line.high) if value is not None]
    if len(inside) == 2 and line.low is not None and line.high is not None:
        if line.shape == "span":
            drawing.box(x(inside[0]), y - 5, x(inside[1]) - x(inside[0]), 10, fill="#f3ddcd", stroke=ORANGE)
        else:
            drawing.line(x(inside[0]), y, x(inside[1]), y, color=color, width=1.8)
        _arrows(drawing, x, y, (line.low < edges[0], line.high > edges[1]), edges, color)
    if line.shape != "span" and edges[0] <= line.value <= edges[1]:
        drawing.point(x(line.value), y, color=color, size=3 + 3.5 * line.weight, shape=line.shape)


def _arrows(
    drawing: Drawing, x: Any, y: float, beyond: tuple[bool, bool], edges: tuple[float, float], color: str
) -> None:
    for leaves, edge, side in zip(beyond, edges, (1, -1), strict=True):
        if leaves:
            drawing.path(
                [(x(edge) + 6 * side, y - 4), (x(edge), y), (x(edge) + 6 * side, y + 4)], color=color, width=1.8
            )


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
