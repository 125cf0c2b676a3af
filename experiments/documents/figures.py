"""Figures of predictions against what happened: calibration with its risk histogram, and the observed curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.documents.drawing import BLUE, GREY, STYLES, Drawing, linear, ticks
from experiments.documents.page import Cell, Figure, Grid
from experiments.documents.subject import Subject
from experiments.documents.words import amount, count, days, decimal, plain, said
from training.evidence import Estimate

_SHOWN = 12  # rows of a curve beside its figure; the rest is for machines


def calibration(
    subject: Subject, cause: str, horizon: float, *, zoomed: bool = False, design: str = ""
) -> Figure | None:
    """Observed against predicted risk: band, identity line, how many patients stand where; None without data.

    zoomed: axes end at the range in use. The curve is drawn where predictions are, and is never extended.
    design: the headline's unless told otherwise.
    """
    judged = {"design": design or subject.design, "model": subject.model, "cause": cause, "horizon_days": horizon}
    rows = sorted(subject.table("calibration_curve", **judged), key=lambda row: float(row["predicted"]))
    if not rows:
        return None
    histogram = subject.table("risk_histogram", **judged) or subject.table(
        "risk_histogram", **(judged | {"design": subject.design})
    )
    top = _range_in_use(rows, histogram) if zoomed else 1.0
    drawing = Drawing(520, 500)
    x, y = linear(0, top, 62, 500), linear(0, top, 370, 20)
    _square_axes(drawing, x, y, top, subject.label(cause), horizon)
    drawing.line(x(0), y(0), x(top), y(top), color=GREY, dash="4 4", width=1.2)
    inside = [row for row in rows if float(row["predicted"]) <= top and float(row["observed"]) <= top]
    with_band = [row for row in inside if row.get("low") is not None and row.get("high") is not None]
    drawing.area(
        [(x(row["predicted"]), y(min(row["high"], top))) for row in with_band],
        [(x(row["predicted"]), y(min(row["low"], top))) for row in with_band],
        color=BLUE,
    )
    drawing.path([(x(row["predicted"]), y(min(row["observed"], top))) for row in inside], color=BLUE, width=2.4)
    _histogram(drawing, x, histogram, top)
    key = f"calibration-{cause}-{horizon:g}" + ("-zoomed" if zoomed else "") + (f"-{design}" if design else "")
    title = _calibration_title(subject, cause, horizon, zoomed, design or subject.design)
    description = _calibration_words(rows, subject.label(cause), horizon, bool(with_band))
    data = _grid(rows, ("predicted", "observed", "low", "high"), title="The curve", name="calibration_curve")
    return Figure(key, title, description, drawing.svg(key=key, title=title, description=description), data)


def zoom_helps(subject: Subject, cause: str, horizon: float) -> bool:
    """Whether the range in use is so much shorter than the whole that it deserves a picture of its own."""
    judged = {"design": subject.design, "model": subject.model, "cause": cause, "horizon_days": horizon}
    rows = subject.table("calibration_curve", **judged)
    return bool(rows) and _range_in_use(rows, subject.table("risk_histogram", **judged)) <= 0.8


def observed(subject: Subject) -> Figure | None:
    """What happened, without a model: incidence of each cause with band and numbers at risk; None without data."""
    rows = subject.table("observed_curve")
    if not rows:
        return None
    curves: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        curves.setdefault((str(row.get("cause", "")), str(row.get("estimator", ""))), []).append(row)
    end = max(float(row["time_days"]) for row in rows)
    top = min(1.0, 1.06 * max(float(row.get("high") or row["incidence"]) for row in rows))
    above = 22 * len(curves)
    drawing = Drawing(620, 392 + 2 * above)
    x, y = linear(0, end, 62, 600), linear(0, top, 290 + above, 20 + above)
    marks = ticks(0, end, 6)
    _axes(drawing, x, y, end, marks, ticks(0, top), "Days from time zero")
    drawing.text(22, 352 + above, "At risk", size=12, color=GREY)
    for index, ((cause, estimator), curve) in enumerate(curves.items()):
        color, dash = STYLES[index % len(STYLES)]
        curve = sorted(curve, key=lambda row: float(row["time_days"]))
        _steps(drawing, x, y, curve, end, color, dash)
        drawing.line(62, 12 + 22 * index, 96, 12 + 22 * index, color=color, width=2.4, dash=dash)
        drawing.text(104, 16 + 22 * index, _curve_name(subject, cause, estimator))
        _at_risk(drawing, x, curve, marks, 374 + above + 22 * index, color, dash)
    title = _observed_title(subject)
    description = (
        f"Step curves of cumulative incidence over {count(round(end))} days for "
        + ", ".join(_curve_name(subject, *key) for key in curves)
        + ". The bands are pointwise intervals; the rows below give the patients still at risk."
    )
    data = _grid(
        rows, tuple(dict.fromkeys(name for row in rows for name in row)), title="The curves", name="observed_curve"
    )
    return Figure(
        "observed", title, description, drawing.svg(key="observed", title=title, description=description), data
    )


def _calibration_title(subject: Subject, cause: str, horizon: float, zoomed: bool, design: str) -> str:
    ratio = subject.find("oe_ratio", cause=cause, horizon_days=horizon, design=design)
    ici = subject.find("ici", cause=cause, horizon_days=horizon, design=design)
    where = f"{subject.label(cause).capitalize()} by {days(horizon)}" + (", range in use" if zoomed else "")
    where += f", {said('design', design)}" if design != subject.design else ""
    parts = []
    if ratio is not None and ratio.value is not None:
        parts.append(_ratio_finding(ratio))
    if ici is not None and ici.value is not None:
        parts.append(f"risks miss by {decimal(100 * ici.value, 1)} points on average")
    return f"{where}: " + ("; ".join(parts) or "predicted against observed risk")


def _ratio_finding(ratio: Estimate) -> str:
    value = ratio.value or 0.0
    low, high = ratio.low, ratio.high
    agree = low is not None and high is not None and low <= 1 <= high
    size = (
        "as many events as predicted"
        if agree
        else "more events than predicted"
        if value > 1
        else "fewer events than predicted"
    )
    return f"{size} (observed : expected {amount('oe_ratio', value)})"


def _calibration_words(rows: Sequence[Mapping[str, Any]], label: str, horizon: float, band: bool) -> str:
    gaps = [(abs(float(row["observed"]) - float(row["predicted"])), row) for row in rows]
    gap, widest = max(gaps, key=lambda pair: pair[0])
    return (
        f"Observed against predicted risk of {label} by {days(horizon)}. Predictions on the curve run from "
        f"{amount('mean_risk', float(rows[0]['predicted']))} to {amount('mean_risk', float(rows[-1]['predicted']))}. "
        f"The curve leaves the diagonal of perfect agreement most at a predicted risk of "
        f"{amount('mean_risk', float(widest['predicted']))}, by {decimal(100 * gap, 1)} points. "
        + ("The band is the pointwise interval. " if band else "There is no band in the evidence. ")
        + "Below it stands how many predictions lie at each risk."
    )


def _range_in_use(rows: Sequence[Mapping[str, Any]], histogram: Sequence[Mapping[str, Any]]) -> float:
    total = sum(float(bar["patients"]) for bar in histogram)
    top = max(max(float(row["predicted"]), float(row["observed"])) for row in rows)
    if total:
        seen, edge = 0.0, top
        for bar in sorted(histogram, key=lambda bar: float(bar["to"])):
            seen += float(bar["patients"])
            edge = float(bar["to"])
            if seen >= 0.99 * total:
                break
        top = min(top, edge)
    return min(1.0, max(0.1, round(top * 1.1 + 0.049, 1)))


def _square_axes(drawing: Drawing, x: Any, y: Any, top: float, label: str, horizon: float) -> None:
    for mark in ticks(0, top):
        drawing.line(x(0), y(mark), x(top), y(mark), color="#e3e7ec")
        drawing.text(x(0) - 8, y(mark) + 4, _percent(mark), anchor="end", color=GREY)
        drawing.text(x(mark), 462 + 8, _percent(mark), anchor="middle", color=GREY)
    drawing.line(x(0), y(0), x(top), y(0), color="#9aa3ad")
    drawing.text(16, (y(0) + y(top)) / 2, f"Observed: {label} by {days(horizon)}", anchor="middle", turn=True)
    drawing.text((x(0) + x(top)) / 2, 493, f"Predicted risk by {days(horizon)}", anchor="middle")


def _histogram(drawing: Drawing, x: Any, bars: Sequence[Mapping[str, Any]], top: float) -> None:
    drawing.line(x(0), 450, x(top), 450, color="#9aa3ad")
    shown = [bar for bar in bars if float(bar["from"]) < top]
    # As high as crowded: where few are, a bin is wider.
    crowd = [float(bar["patients"]) / (float(bar["to"]) - float(bar["from"])) for bar in shown]
    most = max(crowd, default=0)
    if not most:
        drawing.text((x(0) + x(top)) / 2, 425, "MISSING: histogram of risks", anchor="middle", color=GREY)
        return
    for bar, density in zip(shown, crowd, strict=True):
        left, right = x(float(bar["from"])), x(min(float(bar["to"]), top))
        height = 62 * density / most
        drawing.box(left + 0.5, 450 - height, right - left - 1, height, fill="#8fa9bf")


def _axes(
    drawing: Drawing, x: Any, y: Any, end: float, x_marks: Sequence[float], y_marks: Sequence[float], name: str
) -> None:
    for mark in y_marks:
        drawing.line(x(0), y(mark), x(end), y(mark), color="#e3e7ec")
        drawing.text(x(0) - 8, y(mark) + 4, _percent(mark), anchor="end", color=GREY)
    for mark in x_marks:
        drawing.text(x(mark), y(0) + 18, count(mark), anchor="middle", color=GREY)
    drawing.line(x(0), y(0), x(end), y(0), color="#9aa3ad")
    drawing.text((x(0) + x(end)) / 2, y(0) + 38, name, anchor="middle")
    drawing.text(16, (y(0) + y(y_marks[-1])) / 2, "Cumulative incidence", anchor="middle", turn=True)


def _steps(
    drawing: Drawing, x: Any, y: Any, curve: Sequence[Mapping[str, Any]], end: float, color: str, dash: str
) -> None:
    def staircase(column: str) -> list[tuple[float, float]]:
        points, level = [(x(0), y(0))], 0.0
        for row in curve:
            if row.get(column) is None:
                continue
            points.append((x(float(row["time_days"])), y(level)))
            level = min(float(row[column]), 1.0)
            points.append((x(float(row["time_days"])), y(level)))
        return [*points, (x(end), y(level))]

    if all(row.get("low") is not None and row.get("high") is not None for row in curve):
        drawing.area(staircase("high"), staircase("low"), color=color)
    drawing.path(staircase("incidence"), color=color, dash=dash)


def _at_risk(
    drawing: Drawing,
    x: Any,
    curve: Sequence[Mapping[str, Any]],
    marks: Sequence[float],
    height: float,
    color: str,
    dash: str,
) -> None:
    drawing.line(22, height - 4, 46, height - 4, color=color, width=2.4, dash=dash)
    for mark in marks:
        later = [row for row in curve if float(row["time_days"]) >= mark and row.get("at_risk") is not None]
        if later:
            drawing.text(x(mark), height, count(later[0]["at_risk"]), anchor="middle", size=12)


def _curve_name(subject: Subject, cause: str, estimator: str) -> str:
    name = subject.label(cause)
    return f"{name} ({said('estimator', estimator)})" if estimator else name


def _observed_title(subject: Subject) -> str:
    risk = subject.find("observed_risk", cause=subject.causes[0], horizon_days=subject.primary)
    if risk is None or risk.value is None:
        return f"What happened: {', '.join(subject.label(cause) for cause in subject.causes)}"
    return f"{amount('observed_risk', risk.value)} {subject.label(subject.causes[0])} by {days(subject.primary)}"


def _percent(share: float) -> str:
    return f"{decimal(100 * share, 0 if abs(100 * share - round(100 * share)) < 1e-9 else 1)} %"


def _grid(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, title: str, name: str) -> Grid:
    def cell(value: Any) -> Cell:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Cell("–" if value is None else str(value))
        return Cell(count(value) if float(value).is_integer() else decimal(value, 4), value=float(value), numeric=True)

    step = max(1, -(-len(rows) // _SHOWN))
    shown = [*rows[:-1:step], rows[-1]]
    more = f"{len(shown)} of {len(rows)} rows; all of them are in tables/{name}.csv." if step > 1 else ""
    cells = tuple(tuple(cell(row.get(column)) for column in columns) for row in shown)
    return Grid(title, tuple(plain(column) for column in columns), cells, note=more, folded=True, name=name)
