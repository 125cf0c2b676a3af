"""Hospitals: each predicted by a model that never saw it, pooled by random effects, and the one not yet seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from experiments.documents.forests import Axis, Line, forest
from experiments.documents.page import Block, Cell, Figure, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import amount, count, days, number, said, told_once
from training.evidence import Estimate

_DESIGN: Final = "leave_one_site_out"
POOLED, NEXT = "all sites, pooled", "next site"
_AXES: Final[Mapping[str, Axis]] = {
    "oe_ratio": Axis("Observed : expected (log scale)", 1.0),
    "harrell_c": Axis("C", 0.5, ratio=False, most=0.5),
    "calibration_slope": Axis("Calibration slope", 1.0, ratio=False, most=3.0),
}


def judged(subject: Subject) -> bool:
    """Whether hospitals were left out one by one."""
    return bool(subject.populations(_DESIGN))


def worst_site(subject: Subject, cause: str, horizon: float) -> Estimate | None:
    """The site whose observed : expected is farthest from 1 on the ratio scale; None where sites were not judged."""
    found = [
        subject.find("oe_ratio", cause=cause, horizon_days=horizon, design=_DESIGN, population=name)
        for name in subject.populations(_DESIGN)
    ]
    ratios = [e for e in found if e is not None and e.value is not None]
    return max(ratios, key=lambda e: max(e.value or 0.0, 1 / e.value) if e.value else float("inf"), default=None)


def next_site(subject: Subject, metric: str, cause: str, horizon: float | None) -> Estimate | None:
    """What a hospital should expect that taught nothing: the pooled mean with its prediction interval."""
    return subject.find(metric, population=NEXT, cause=cause, horizon_days=horizon, design=_DESIGN)


def by_site(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    """Forests of O/E, slope and C with the pooled value and the next hospital, and the table of sites."""
    if not judged(subject):
        reason = "leave-one-site-out was not run" if subject.facts("sites") else "the registry names no sites"
        return (Prose((Cell(f"not applicable: {reason}", state="not applicable"),)),)
    blocks: list[Block] = [_ahead(subject, cause, horizon)]
    ranked = (("harrell_c", None),) if horizon == subject.primary else ()
    for metric, by in (("oe_ratio", horizon), ("calibration_slope", horizon), *ranked):
        figure = _site_forest(subject, metric, cause, by)
        if figure is not None:
            blocks.append(figure)
    return (*blocks, _table(subject, cause, horizon), _between(subject, cause, horizon))


def _ahead(subject: Subject, cause: str, horizon: float) -> Grid:
    """What a hospital should expect that taught nothing: pooled mean, its interval, and the range for the next one."""
    rows = []
    for metric, by in (("oe_ratio", horizon), ("calibration_slope", horizon), ("harrell_c", None)):
        key: dict[str, Any] = {"cause": cause, "horizon_days": by, "design": _DESIGN}
        mean, next_one = (subject.find(metric, population=name, **key) for name in (POOLED, NEXT))
        tau = subject.find("tau", population=POOLED, estimator=_TAUS[metric], **key)
        gap = "sites were not pooled in this run"
        rows.append(
            (
                Cell(f"{said('metric', metric)}, {days(by)}"),
                number(mean, missing=gap),
                span(next_one, gap),
                number(tau, missing=gap),
            )
        )
    note = "The mean says where hospitals lie on average; one not yet seen should expect the range in the third column."
    return Grid(
        f"What the next hospital should expect, {subject.label(cause)}",
        ("measure", "mean over hospitals (interval)", "next hospital (prediction interval)", "τ between hospitals"),
        tuple(rows),
        note=note,
        name=f"next-hospital-{cause}-{horizon:g}",
    )


def _site_forest(subject: Subject, metric: str, cause: str, horizon: float | None) -> Figure | None:
    """Each site with its interval, sized by its events; the pooled mean; the range for the next; None without data."""
    found = _sites(subject, metric, cause, horizon)
    measured = [e for e in found if e.value is not None]
    if not measured:
        return None
    most = max((e.events or 1) for e in measured)
    lines = [_line(e, most) for e in measured]
    key: dict[str, Any] = {"cause": cause, "horizon_days": horizon, "design": _DESIGN}
    mean, coming = (subject.find(metric, population=name, **key) for name in (POOLED, NEXT))
    for e, label, shape in ((mean, "mean over hospitals", "diamond"), (coming, "next hospital", "span")):
        if e is not None and e.value is not None:
            beside = amount(metric, e.value) if shape == "diamond" else _between_words(e)
            lines.append(Line(label, e.value, e.low, e.high, beside, 1.0, "diamond" if shape == "diamond" else "span"))
    low, high = min(measured, key=_value), max(measured, key=_value)
    where = f"{subject.label(cause).capitalize()}, {days(horizon)}"
    title = (
        f"{where}: {said('metric', metric)} from {amount(metric, _value(low))} at {_site(low)} "
        f"to {amount(metric, _value(high))} at {_site(high)}"
    )
    ref = _AXES[metric].reference
    covering = sum(e.low is not None and e.high is not None and e.low <= ref <= e.high for e in measured)
    description = (
        f"Each of {len(measured)} sites predicted by a model that never saw it. Squares are sized by events; lines are "
        f"intervals; {covering} of {len(measured)} contain {ref:g}. "
        + ("The diamond is the mean over hospitals by random effects. " if mean and mean.value is not None else "")
        + ("The box is where the next hospital is expected. " if coming and coming.value is not None else "")
    ).strip()
    name = f"sites-{metric}-{cause}" + ("" if horizon is None else f"-{horizon:g}")
    svg = forest(lines, _AXES[metric], key=name, title=title, description=description)
    return Figure(name, title, description, svg, _data(found, metric, mean, coming, name))


def _data(found: Sequence[Estimate], metric: str, mean: Estimate | None, coming: Estimate | None, name: str) -> Grid:
    last = [e for e in (mean, coming) if e is not None]
    rows = tuple((Cell(_site(e)), *_counts(e), number(e)) for e in (*found, *last))
    return Grid(
        f"{said('metric', metric)} by site",
        ("site", "n", "events", said("metric", metric)),
        rows,
        folded=True,
        name=name,
    )


def _table(subject: Subject, cause: str, horizon: float) -> Grid:
    metrics = ("oe_ratio", "calibration_slope", "auc", "ipa")
    rows = []
    for population in (*subject.populations(_DESIGN), "all"):
        key: dict[str, Any] = {"cause": cause, "horizon_days": horizon, "design": _DESIGN, "population": population}
        counts = subject.find("oe_ratio", **key)
        cells = (Cell("–"), Cell("–")) if counts is None else _counts(counts)
        name = "all patients together" if population == "all" else population.removeprefix("site=")
        rows.append((Cell(name), *cells, *told_once([subject.said(m, **key) for m in metrics])))
    return Grid(
        f"By site, {subject.label(cause)} by {days(horizon)}",
        ("site", "n", "events", *(said("metric", m) for m in metrics)),
        tuple(rows),
        note="A site with few events says little; one without a number keeps its place and its reason.",
        name=f"site_table-{cause}-{horizon:g}",
    )


def _between(subject: Subject, cause: str, horizon: float) -> Prose:
    """How many sites went into the pool, and why the others did not."""
    rows = [
        row
        for row in subject.table("site_performance", cause=cause, metric="oe_ratio", model=subject.model)
        if row.get("horizon_days") == horizon
    ]
    if not rows:
        return Prose((Cell("MISSING: sites were not pooled in this run", state="missing"),))
    left_out = [f"{row['site']} ({row.get('reason') or 'no weight'})" for row in rows if row.get("weight") is None]
    words = f"{len(rows) - len(left_out)} of {len(rows)} sites carry a weight in the pooled observed : expected"
    return Prose.of(words + (f"; left out: {'; '.join(left_out)}." if left_out else "."), tone="note")


_TAUS: Final = {"oe_ratio": "reml_log_oe", "calibration_slope": "reml_slope", "harrell_c": "reml_logit_c"}


def _sites(subject: Subject, metric: str, cause: str, horizon: float | None) -> list[Estimate]:
    key: dict[str, Any] = {"cause": cause, "horizon_days": horizon, "design": _DESIGN}
    found = (subject.find(metric, population=name, **key) for name in subject.populations(_DESIGN))
    return [e for e in found if e is not None]


def _line(e: Estimate, most: int) -> Line:
    events = "" if e.events is None else f"  {count(e.events)} events"
    value = e.value or 0.0
    return Line(_site(e), value, e.low, e.high, amount(e.metric, value) + events, ((e.events or 0) / most) ** 0.5)


def span(e: Estimate | None, gap: str = "sites were not pooled in this run") -> Cell:
    """A prediction interval is read as a range; its middle is the pooled mean, which stands beside it."""
    cell = number(e, missing=gap)
    if e is None or e.value is None or not cell.interval:
        return cell
    return Cell(cell.interval, estimate=cell.estimate, note=cell.note, value=cell.value, numeric=True)


def _between_words(e: Estimate) -> str:
    return "" if e.low is None or e.high is None else f"{amount(e.metric, e.low)} to {amount(e.metric, e.high)}"


def _counts(e: Estimate) -> tuple[Cell, Cell]:
    return Cell("–" if e.n is None else count(e.n)), Cell("–" if e.events is None else count(e.events))


def _value(e: Estimate) -> float:
    return e.value or 0.0


def _site(e: Estimate) -> str:
    return e.population.removeprefix("site=")
