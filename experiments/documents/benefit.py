"""What acting on a prediction is worth, at every threshold a reader may have; and where risks lie by what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from experiments.documents.drawing import BLUE, GREY, STYLES, Drawing, linear, ticks
from experiments.documents.page import Block, Cell, Figure, Grid, Prose
from experiments.documents.rivals import comparators_of, model_name
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, decimal, plain

_Row = Mapping[str, Any]
_MOST: Final = 3  # comparators in one picture; all of them are in the table's file
_STATUS: Final = {
    "event": "had it by then",
    "competing_event": "another event came first",
    "event_free": "neither by then",
    "unknown": "lost before",
}


def decision_blocks(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    """The decision curve with who chose the thresholds, or why there is none."""
    figure = decision_curve(subject, cause, horizon)
    if figure is None:
        words = f"MISSING: net benefit, {subject.label(cause)} by {days(horizon)}, is not in the evidence of this run"
        return (Prose((Cell(words, state="missing"),)),)
    return (figure, Prose.of("Thresholds that matter here, and who set them: ", subject.declared("thresholds")))


def decision_curve(subject: Subject, cause: str, horizon: float) -> Figure | None:
    """Net benefit of the model, of published scores, of treating all and none; None without data."""
    where = {"design": subject.design, "cause": cause, "horizon_days": horizon}
    rows = subject.table("decision_curve", **where)
    curves = {name: _curve(rows, name) for name in (subject.model, *_shown(subject, rows))}
    own = curves.get(subject.model)
    if not own:
        return None
    first, last = float(own[0]["threshold"]), float(own[-1]["threshold"])
    top = max(0.01, *(_high(row) for curve in curves.values() for row in curve), float(own[0]["treat_all"]))
    bottom = -0.25 * top
    drawing = Drawing(640, 330 + 22 * (len(curves) + 1))
    x, y = linear(first, last, 70, 610), linear(bottom, top * 1.04, 280, 16)
    _axes(drawing, x, y, (first, last), (bottom, top))
    drawing.path(_line(own, "treat_all", x, y, bottom), color=GREY, width=1.4, dash="4 4")
    banded = [r for r in own if _number(r.get("low")) and _number(r.get("high"))]
    drawing.area(
        [(x(float(r["threshold"])), y(float(r["high"]))) for r in banded],
        [(x(float(r["threshold"])), y(max(float(r["low"]), bottom))) for r in banded],
        color=BLUE,
    )
    for k, (name, curve) in enumerate(curves.items()):
        color, dash = STYLES[k]
        points = _line(curve, "net_benefit", x, y, bottom)
        drawing.path(points, color=color, dash=dash, width=2.4 if k == 0 else 1.8)
        _legend(drawing, 344 + 22 * k, model_name(subject, name), color, dash)
    _legend(drawing, 344 + 22 * len(curves), "treat all (treat none is the line at 0)", GREY, "4 4")
    title = _decision_title(subject, own, cause, horizon)
    description = (
        f"Net benefit per patient against the risk threshold, {decimal(100 * first, 0)} to {decimal(100 * last, 0)} %, "
        f"of {', '.join(model_name(subject, name) for name in curves)}, treating all, and treating none (0). "
        "A model is useful where its curve lies above both defaults. "
        + ("The band is the pointwise interval of the model's." if banded else "There is no band in the evidence.")
    )
    key = f"decision-{cause}-{horizon:g}"
    data = _decision_data(subject, curves, cause, horizon)
    return Figure(key, title, description, drawing.svg(key=key, title=title, description=description), data)


def risk_by_outcome(subject: Subject, cause: str, horizon: float) -> Figure | None:
    """Predicted risks of those who had the event, those who had not, and those of whom it is not known."""
    where = {"design": subject.design, "model": subject.model, "cause": cause, "horizon_days": horizon}
    rows = [row for row in subject.table("risk_by_outcome", **where) if row.get("p25") is not None]
    if not rows:
        return None
    drawing = Drawing(640, 50 + 42 * len(rows))
    top = min(1.0, max(float(row[_ends(row)[1]]) for row in rows) * 1.08)
    x = linear(0, top, 210, 615)
    bottom = 8 + 42 * len(rows)
    for mark in ticks(0, top):
        drawing.line(x(mark), 4, x(mark), bottom, color="#e3e7ec")
        drawing.text(x(mark), bottom + 18, f"{decimal(100 * mark, 0)} %", anchor="middle", color=GREY, size=12)
    for index, row in enumerate(rows):
        _box(drawing, x, 8 + 42 * index + 21, row)
    drawing.text((x(0) + x(top)) / 2, bottom + 38, f"Predicted risk by {days(horizon)}", anchor="middle")
    medians = {str(row["outcome"]): float(row["p50"]) for row in rows}
    title = f"{subject.label(cause).capitalize()} by {days(horizon)}: predicted risks by what happened"
    if {"event", "event_free"} <= set(medians):
        title += (
            f", median {decimal(100 * medians['event'], 0)} % where it did and "
            f"{decimal(100 * medians['event_free'], 0)} % where it did not"
        )
    description = (
        "Boxes hold the middle half of patients, with the median; whiskers run from 5 to 95 of 100, if ten lie beyond. "
        + (
            "; ".join(f"{_STATUS.get(str(r['outcome']), plain(r['outcome']))}: {count(r['n'])} patients" for r in rows)
            + "."
        )
    )
    key = f"risk-by-outcome-{cause}-{horizon:g}"
    columns = ("outcome", "n", "mean", "p5", "p25", "p50", "p75", "p95")
    table = tuple(
        (Cell(_STATUS.get(str(r["outcome"]), plain(r["outcome"]))), *(_plain(r.get(c)) for c in columns[1:]))
        for r in rows
    )
    data = Grid("Predicted risk by outcome", columns, table, folded=True, name="risk_by_outcome")
    return Figure(key, title, description, drawing.svg(key=key, title=title, description=description), data)


def _shown(subject: Subject, rows: Sequence[_Row]) -> tuple[str, ...]:
    """Recalibrated scores where there are such: a raw one is as often wrong about level as about rank."""
    there = {str(row.get("model")) for row in rows if row.get("net_benefit") is not None}
    names = [name for name in comparators_of(subject) if name in there]
    again = [name for name in names if name.endswith("_recalibrated")]
    return tuple((again or names)[:_MOST])


def _curve(rows: Sequence[_Row], model: str) -> list[_Row]:
    own = [row for row in rows if str(row.get("model")) == model and _number(row.get("net_benefit"))]
    return sorted(own, key=lambda row: float(row["threshold"]))


def _line(curve: Sequence[_Row], column: str, x: Any, y: Any, bottom: float) -> list[tuple[float, float]]:
    """The curve until it leaves the picture, down to the edge."""
    points: list[tuple[float, float]] = []
    last: tuple[float, float] | None = None
    for row in curve:
        if not _number(row.get(column)):
            continue
        at, value = float(row["threshold"]), float(row[column])
        if value < bottom:
            if last is not None and last[1] > value:
                share = (last[1] - bottom) / (last[1] - value)
                points.append((x(last[0] + share * (at - last[0])), y(bottom)))
            break
        points.append((x(at), y(value)))
        last = (at, value)
    return points


def _axes(drawing: Drawing, x: Any, y: Any, across: tuple[float, float], up: tuple[float, float]) -> None:
    for mark in ticks(up[0], up[1], 5):
        drawing.line(x(across[0]), y(mark), x(across[1]), y(mark), color="#9aa3ad" if mark == 0 else "#e3e7ec")
        drawing.text(
            x(across[0]) - 8, y(mark) + 4, f"{mark:g}".replace("-", "\u2212"), anchor="end", color=GREY, size=12
        )
    for mark in ticks(across[0], across[1], 6):
        drawing.text(x(mark), y(up[0]) + 20, f"{decimal(100 * mark, 0)} %", anchor="middle", color=GREY, size=12)
    drawing.text((x(across[0]) + x(across[1])) / 2, y(up[0]) + 40, "Risk threshold", anchor="middle")
    drawing.text(16, (y(up[0]) + y(up[1])) / 2, "Net benefit per patient", anchor="middle", turn=True)


def _legend(drawing: Drawing, y: float, words: str, color: str, dash: str) -> None:
    drawing.line(70, y - 4, 104, y - 4, color=color, width=2.4, dash=dash)
    drawing.text(112, y, words)


def _decision_title(subject: Subject, own: Sequence[_Row], cause: str, horizon: float) -> str:
    better = [
        float(r["threshold"])
        for r in own
        if _number(r.get("treat_all")) and float(r["net_benefit"]) > max(float(r["treat_all"]), 0.0) + 1e-9
    ]
    where = f"{subject.label(cause).capitalize()} by {days(horizon)}"
    if not better:
        return f"{where}: at no threshold is the model estimated to be worth more than treating all or none"
    low, high = decimal(100 * min(better), 0), decimal(100 * max(better), 0)
    gaps = len(better) < sum(1 for r in own if min(better) <= float(r["threshold"]) <= max(better))
    often = ", though not at each one between" if gaps else ""
    return f"{where}: estimated to be worth more than treating all or none from {low} to {high} %{often}"


def _decision_data(subject: Subject, curves: Mapping[str, Sequence[_Row]], cause: str, horizon: float) -> Grid:
    own = curves[subject.model]
    shown = [row for row in own if round(1000 * float(row["threshold"])) % 50 == 0] or own[:: max(1, len(own) // 10)]
    by = {name: {float(r["threshold"]): r for r in curve} for name, curve in curves.items()}
    rows = []
    for row in shown:
        at = float(row["threshold"])
        between = f"{decimal(row['low'], 3)} to {decimal(row['high'], 3)}" if _number(row.get("low")) else ""
        rows.append(
            (
                Cell(f"{decimal(100 * at, 0)} %"),
                Cell(decimal(float(row["net_benefit"]), 3), between, value=float(row["net_benefit"]), numeric=True),
                *(_plain(by[name].get(at, {}).get("net_benefit")) for name in curves if name != subject.model),
                _plain(row.get("treat_all")),
            )
        )
    columns = ("threshold", *(model_name(subject, name) for name in curves), "treat all")
    title = f"Net benefit, {subject.label(cause)} by {days(horizon)}"
    note = "All thresholds and models are in tables/decision_curve.csv."
    return Grid(title, columns, tuple(rows), note, folded=True, name=f"decision_curve-{cause}-{horizon:g}")


def _box(drawing: Drawing, x: Any, y: float, row: _Row) -> None:
    low, high = _ends(row)
    at = {name: x(float(row[name])) for name in (low, "p25", "p50", "p75", high)}
    words = _STATUS.get(str(row["outcome"]), plain(row["outcome"]))
    drawing.text(200, y - 2, words, anchor="end")
    drawing.text(200, y + 13, f"{count(row['n'])} patients", anchor="end", size=11, color=GREY)
    drawing.line(at[low], y, at[high], y, color=BLUE, width=1.6)
    drawing.box(at["p25"], y - 9, at["p75"] - at["p25"], 18, fill="#cfdde8", stroke=BLUE)
    drawing.line(at["p50"], y - 9, at["p50"], y + 9, color=BLUE, width=2.6)


def _ends(row: _Row) -> tuple[str, str]:
    """The outer quantiles that are told."""
    return ("p25", "p75") if row["p5"] is None else ("p5", "p95")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _high(row: _Row) -> float:
    return float(row["high"]) if _number(row.get("high")) else float(row["net_benefit"])


def _plain(value: Any) -> Cell:
    if not _number(value):
        return Cell("–" if value is None else str(value))
    text = count(value) if isinstance(value, int) else decimal(float(value), 3)
    return Cell(text, value=float(value), numeric=True)
