"""What the model is held against on the same patients and folds: its own recipes, the null, and published scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import amount, count, days, decimal, number, plain, said, told_once
from training.evidence import Estimate

_RECALIBRATED: Final = "_recalibrated"
_NULLS: Final = ("kaplan_meier", "aalen_johansen")
_METRICS: Final = ("harrell_c", "auc", "ipa", "brier", "oe_ratio", "ici")
_DELTAS: Final = {
    "delta_c": "ΔC, whole range",
    "delta_auc": "ΔAUC",
    "delta_ipa": "ΔIPA",
    "delta_brier": "ΔBrier score",
}
_RANGE: Final = ("harrell_c",)  # of which the figure over the whole range is the one to read


def comparators_of(subject: Subject) -> tuple[str, ...]:
    """Comparators judged in the headline design, each raw before recalibrated."""
    judged = {e.model for e in subject.evidence.estimates if e.design == subject.design}
    others = [str(name) for name in subject.facts("comparators") or () if name in judged]
    bases = dict.fromkeys(name.removesuffix(_RECALIBRATED) for name in others)
    return tuple(name for base in bases for name in (base, base + _RECALIBRATED) if name in others)


def model_name(subject: Subject, model: str) -> str:
    """A model as it is read: a published score by its title, the elected model as such."""
    if model == subject.model:
        return "the elected model"
    base = model.removesuffix(_RECALIBRATED)
    titles = {str(row["model"]): str(row["title"]) for row in subject.table("comparators") if row.get("title")}
    return titles.get(base, plain(base)) + (", recalibrated" if model.endswith(_RECALIBRATED) else "")


def candidates(subject: Subject, cause: str, horizon: float) -> Grid:
    """Every recipe of the study and the null beside the elected model."""
    comparators = comparators_of(subject)
    judged = dict.fromkeys(e.model for e in subject.evidence.estimates if e.design == subject.design and e.model)
    names = [name for name in judged if name not in comparators]
    title = f"All candidates, {subject.label(cause)} by {days(horizon)}, {said('design', subject.design)}"
    return _grid(subject, cause, horizon, names, title, f"candidates-{cause}-{horizon:g}")


def comparator_blocks(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    """The model beside published scores, raw and recalibrated; paired differences; what the scores lacked."""
    names = comparators_of(subject)
    if not names:
        if len(subject.causes) > 1:
            words = "not applicable: published scores give the risk of one event; here several compete"
            return (Prose((Cell(words, state="not applicable"),)),)
        words = 'MISSING: no comparator was judged. try: comparators = ["katagiri_revised", …] in the study'
        return (Prose((Cell(words, state="missing"),)),)
    title = f"The model and published scores, {subject.label(cause)} by {days(horizon)}, same patients and folds"
    grid = _grid(
        subject, cause, horizon, (subject.model, *names, *_null(subject)), title, f"comparators-{cause}-{horizon:g}"
    )
    last = _lacked(subject) if horizon == subject.primary else ()
    return (grid, *_differences(subject, cause, horizon), *last)


def better_than(subject: Subject) -> Cell | None:
    """The paired difference from the best comparator at the primary horizon, in one cell; None without comparators."""
    rows = [
        row
        for row in _difference_rows(subject, subject.causes[0])
        if row.get("value") is not None and str(row.get("metric")) == "delta_c"
    ]
    here = [row for row in rows if row.get("horizon_days") is None]
    if not here:
        return None
    nearest = min(here, key=lambda row: float(row["value"]))
    text = f"C higher than {model_name(subject, str(nearest['comparator']))} by {decimal(float(nearest['value']), 3)}"
    between = (
        f"{decimal(float(nearest['low']), 3)} to {decimal(float(nearest['high']), 3)}"
        if nearest.get("low") is not None
        else ""
    )
    return Cell(text, between, value=float(nearest["value"]), numeric=True)


def _null(subject: Subject) -> tuple[str, ...]:
    return tuple(n for n in _NULLS if subject.evidence.find(design=subject.design, model=n))[:1]


def _grid(subject: Subject, cause: str, horizon: float, names: Any, title: str, key: str) -> Grid:
    rows = []
    for name in names:
        found = {metric: _of(subject, metric, name, cause, horizon) for metric in _METRICS}
        first = next((e for e in found.values() if e is not None and e.n is not None), None)
        rows.append(
            (
                Cell(model_name(subject, name)),
                *told_once([number(found[metric], missing="not judged") for metric in _METRICS]),
                Cell("–" if first is None or first.n is None else count(first.n)),
            )
        )
    columns = ("model", *(said("metric", m) + (", whole range" if m in _RANGE else "") for m in _METRICS), "n")
    return Grid(title, columns, tuple(rows), name=key)


def _of(subject: Subject, metric: str, model: str, cause: str, horizon: float) -> Estimate | None:
    """Of all patients, or of those of whom a score speaks."""
    by = None if metric in _RANGE else horizon
    key: dict[str, Any] = {"cause": cause, "horizon_days": by, "model": model}
    found = subject.find(metric, **key)
    base = model.removesuffix(_RECALIBRATED)
    return found if found is not None else subject.find(metric, population=f"scored by {base}", **key)


def _differences(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    rows = [row for row in _difference_rows(subject, cause) if row.get("horizon_days") == _day(row, horizon)]
    metrics = tuple(metric for metric in _DELTAS if metric in {str(row["metric"]) for row in rows})
    if not metrics:
        return ()
    by = {(str(row["comparator"]), str(row["metric"])): row for row in rows}
    models = [name for name in comparators_of(subject) if name in {str(row["comparator"]) for row in rows}]
    lines = tuple(
        (Cell(model_name(subject, model)), *(_difference(by.get((model, metric))) for metric in metrics))
        for model in models
    )
    note = (
        "The elected model less the score, paired by patient: above 0 is better for the model in C, AUC and IPA, "
        "below 0 in Brier score."
    )
    return (
        Grid(
            f"Paired differences, {subject.label(cause)} by {days(horizon)}",
            ("against", *(_DELTAS[metric] for metric in metrics)),
            lines,
            note=note,
            name=f"comparator_differences-{cause}-{horizon:g}",
        ),
    )


def _difference(row: Mapping[str, Any] | None) -> Cell:
    if row is None or row.get("value") is None:
        reason = "" if row is None else str(row.get("reason") or "")
        return Cell(f"not applicable: {reason or 'no risk to compare'}", state="not applicable")
    between = f"{decimal(row['low'], 3)} to {decimal(row['high'], 3)}" if row.get("low") is not None else ""
    return Cell(decimal(float(row["value"]), 3), between, value=float(row["value"]), numeric=True)


def _day(row: Mapping[str, Any], horizon: float) -> float | None:
    """C is compared over the whole range, everything else by the horizon."""
    return None if str(row.get("metric")) == "delta_c" else horizon


def _difference_rows(subject: Subject, cause: str) -> list[Mapping[str, Any]]:
    rows = subject.table("comparator_differences", design=subject.design)
    return [row for row in rows if row.get("cause") in (cause, "", None)]


def _lacked(subject: Subject) -> tuple[Block, ...]:
    """Inputs that a score asks for and the data do not always hold: a range of points instead of one."""
    rows = subject.table("comparators")
    if not rows:
        return ()
    lines = tuple(
        (
            Cell(str(row.get("title") or row["model"])),
            *(Cell(_few(row.get(name))) for name in ("patients", "not_scored", "with_range")),
            Cell(_apart(row)),
            Cell(str(row.get("published") or "–")),
            Cell(str(row.get("assumptions") or "–")),
            Cell(str(row.get("source") or "–")),
        )
        for row in rows
    )
    columns = (
        "score",
        "scored",
        "not scored",
        "inputs missing",
        "points apart",
        "risk as published",
        "assumed",
        "source",
    )
    note = (
        "Where inputs are missing a score has a lowest and a highest value; the middle is judged. "
        "“Few” is one to nine patients, here or in what a subtraction would give."
    )
    lacked = Grid("The scores and what they lacked", columns, lines, note=note, name="comparators_lacked", folded=True)
    return (lacked, *_ranges(subject), *_readings(subject))


def _few(value: Any) -> str:
    return "few" if value is None else count(value)


def _apart(row: Mapping[str, Any]) -> str:
    if row.get("mean_width") is None or row.get("widest") is None:
        return "few"
    return f"{decimal(float(row['mean_width']), 1)}; at most {count(row['widest'])}"


def _ranges(subject: Subject) -> tuple[Block, ...]:
    """What missing inputs could do to a score's numbers: all patients at their lowest, or highest, possible points."""
    places = ("at_lowest", "at_middle", "at_highest")
    open_ = [row for row in subject.table("comparator_ranges") if len({row.get(place) for place in places}) > 1]
    if not open_:
        return ()
    rows = tuple(
        (Cell(model_name(subject, str(row["model"]))), _measure(row), *(_plain(row, place) for place in places))
        for row in open_
    )
    columns = ("score", "measure", "lowest points", "middle, as judged", "highest points")
    note = "Had every patient with missing inputs the lowest, or the highest, points that are possible; raw scores."
    title = "What missing inputs could change"
    return (Grid(title, columns, rows, note=note, name="comparator_ranges", folded=True),)


def _readings(subject: Subject) -> tuple[Block, ...]:
    """What another mapping of the registry's fields onto the paper's words would change."""
    told = subject.table("comparator_readings")
    if not told:
        return ()
    rows = tuple(
        (
            Cell(model_name(subject, str(row["model"]))),
            Cell(str(row["reading"])),
            Cell("–" if row.get("patients") is None else count(row["patients"])),
            *_read_otherwise(row),
        )
        for row in told
    )
    columns = ("score", "read as", "patients it changes", "measure", "as judged", "read so")
    note = "Where a paper's words and the registry's fields differ, the mapping is an assumption; raw scores."
    title = "What another mapping would change"
    return (Grid(title, columns, rows, note=note, name="comparator_readings", folded=True),)


def _read_otherwise(row: Mapping[str, Any]) -> tuple[Cell, Cell, Cell]:
    reason = str(row.get("reason") or "")
    if reason:
        return Cell("–"), Cell("–"), Cell(f"not applicable: {reason}", state="not applicable")
    return _measure(row), _plain(row, "as_judged"), _plain(row, "otherwise")


def _measure(row: Mapping[str, Any]) -> Cell:
    return Cell(f"{said('metric', str(row['metric']))}, {days(row.get('horizon_days'))}")


def _plain(row: Mapping[str, Any], column: str) -> Cell:
    value = row.get(column)
    if value is None:
        return Cell("–")
    return Cell(amount(str(row["metric"]), float(value)), value=float(value), numeric=True)
