"""What developing again on other patients would change: optimism taken off, and how far one prediction moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from experiments.documents import figures
from experiments.documents.drawing import BLUE, GREY, Drawing, linear, ticks
from experiments.documents.page import Block, Cell, Figure, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, decimal, number, plain, said

_DESIGN: Final = "bootstrap"
_TRY: Final = 'try: [[designs]] design = "bootstrap", replicates = 200 in the study'


def optimism_blocks(subject: Subject, cause: str) -> tuple[Block, ...]:
    """Apparent, optimism, corrected with interval, by measure and horizon; the corrected calibration curve."""
    rows = [row for row in subject.table("optimism", cause=cause) if row.get("model", subject.model) == subject.model]
    if not rows:
        words = f"MISSING: the whole development was not refitted in a bootstrap. {_TRY}"
        return (Prose((Cell(words, state="missing"),)), *_apparent(subject, cause))
    lines = tuple(_optimism_row(subject, cause, row) for row in rows)
    columns = ("measure", "horizon", "apparent", "optimism", "corrected (interval)", "refits")
    note = (
        "Each refit repeats every step that learns, on patients drawn with replacement. Optimism: how much better it "
        "looks on its own draw than on everybody; of a ratio on the log scale."
    )
    grid = Grid("Apparent values less their optimism", columns, lines, note=note, name=f"optimism-{cause}")
    curves = (figures.calibration(subject, cause, horizon, design=_DESIGN) for horizon in subject.horizons)
    return (grid, *(figure for figure in curves if figure is not None))


def stability_blocks(subject: Subject, cause: str) -> tuple[Block, ...]:
    """Mean absolute prediction error and the instability plots, or why there are none."""
    key: dict[str, Any] = {"cause": cause, "design": _DESIGN}
    found = [(h, subject.find("mape", estimator="bootstrap_refits", horizon_days=h, **key)) for h in subject.horizons]
    if all(mape is None for _, mape in found):
        words = f"MISSING: no refits show how far one patient's prediction moves. {_TRY}"
        return (Prose((Cell(words, state="missing"),)),)
    rows = tuple(
        (
            Cell(days(h)),
            number(mape),
            number(subject.find("mape_p95", estimator="bootstrap_refits", horizon_days=h, **key)),
        )
        for h, mape in found
    )
    note = (
        "How far the risk of one patient moves, had the same hospitals sent other patients: the mean over patients, "
        "and the distance that 95 of 100 stay below, in percentage points."
    )
    columns = ("horizon", "mean absolute prediction error", "95 of 100 patients stay below")
    grid = Grid(f"Stability, {subject.label(cause)}", columns, rows, note=note, name=f"mape-{cause}")
    plots = (instability(subject, cause, horizon) for horizon in subject.horizons)
    return (grid, *(plot for plot in plots if plot is not None))


def instability(subject: Subject, cause: str, horizon: float) -> Figure | None:
    """Where the refits' predictions lie around the model's own, by level of risk; None without data."""
    rows = subject.table("stability", cause=cause, horizon_days=horizon, model=subject.model)
    rows = sorted(rows, key=lambda row: float(row["predicted"]))
    if not rows:
        return None
    top = min(1.0, max(float(row["p97_5"]) for row in rows) * 1.06)
    drawing = Drawing(520, 440)
    x, y = linear(0, top, 62, 500), linear(0, top, 370, 20)
    for mark in ticks(0, top):
        words = f"{decimal(100 * mark, 0)} %"
        drawing.line(x(0), y(mark), x(top), y(mark), color="#e3e7ec")
        drawing.text(x(0) - 8, y(mark) + 4, words, anchor="end", color=GREY)
        drawing.text(x(mark), 388, words, anchor="middle", color=GREY)
    drawing.line(x(0), y(0), x(top), y(top), color=GREY, dash="4 4", width=1.2)
    upper = [(x(float(row["predicted"])), y(float(row["p97_5"]))) for row in rows]
    lower = [(x(float(row["predicted"])), y(float(row["p2_5"]))) for row in rows]
    drawing.area(upper, lower, color=BLUE)
    for (a, high), (_, low) in zip(upper, lower, strict=True):
        drawing.line(a, high, a, low, color=BLUE, width=1.6)
        drawing.line(a - 4, high, a + 4, high, color=BLUE, width=1.6)
        drawing.line(a - 4, low, a + 4, low, color=BLUE, width=1.6)
    drawing.text((x(0) + x(top)) / 2, 412, f"Risk by {days(horizon)}, the model itself", anchor="middle")
    drawing.text(16, (y(0) + y(top)) / 2, "Risk in the refits, 95 of 100", anchor="middle", turn=True)
    widest = max(rows, key=lambda row: float(row["p97_5"]) - float(row["p2_5"]))
    span = 100 * (float(widest["p97_5"]) - float(widest["p2_5"]))
    at = decimal(100 * float(widest["predicted"]), 0)
    title = (
        f"{subject.label(cause).capitalize()} by {days(horizon)}: a risk of {at} % could have been "
        f"{decimal(100 * float(widest['p2_5']), 0)} to {decimal(100 * float(widest['p97_5']), 0)} %"
    )
    description = (
        f"{len(rows)} groups of patients by predicted risk, each with the range of 95 of 100 refitted predictions. "
        f"It is widest, {decimal(span, 0)} points, at {at} %. Each group holds at least ten patients."
    )
    key = f"instability-{cause}-{horizon:g}"
    columns = ("predicted", "p2_5", "p97_5", "mean_absolute_difference", "patients")
    table = tuple(tuple(_value(row.get(column)) for column in columns) for row in rows)
    data = Grid("Stability by level of risk", tuple(map(plain, columns)), table, folded=True, name="stability")
    return Figure(key, title, description, drawing.svg(key=key, title=title, description=description), data)


def _optimism_row(subject: Subject, cause: str, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    metric, estimator, horizon = str(row["metric"]), str(row["estimator"]), row.get("horizon_days")
    corrected = subject.find(
        metric, estimator=f"{estimator}_optimism_corrected", cause=cause, horizon_days=horizon, design=_DESIGN
    )
    return (
        Cell(f"{said('metric', metric)}: {said('estimator', estimator)}"),
        Cell(days(horizon)),
        _value(row.get("apparent")),
        _value(row.get("optimism")),
        number(corrected),
        Cell(count(row["refits"]) if row.get("refits") is not None else "–"),
    )


def _apparent(subject: Subject, cause: str) -> tuple[Block, ...]:
    """The apparent values beside the honest ones, where nothing else is there."""
    if not subject.evidence.find(design="apparent", cause=cause):
        return ()
    rows = []
    for horizon in subject.horizons:
        for metric in ("auc", "ipa", "calibration_slope", "ici"):
            own, honest = (
                subject.find(metric, cause=cause, horizon_days=horizon, design=d) for d in ("apparent", subject.design)
            )
            rows.append((Cell(said("metric", metric)), Cell(days(horizon)), number(own), number(honest)))
    note = "Apparent: judged on the patients that taught the model, optimistic; printed only for the difference."
    columns = ("measure", "horizon", "apparent", said("design", subject.design))
    return (Grid("Apparent beside honest values", columns, tuple(rows), note=note, name=f"apparent-{cause}"),)


def _value(value: Any) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell("–" if value is None else str(value))
    text = count(value) if isinstance(value, int) else decimal(float(value), 3)
    return Cell(text, value=float(value), numeric=True)
