"""How good: tables by cause, horizon, site and recipe. Each number is one estimate; nothing is averaged here."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.documents.page import Cell, Grid
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, decimal, number, plain, said
from training.evidence import Estimate

_CALIBRATION = ("observed_risk", "mean_risk", "oe_ratio", "calibration_intercept", "calibration_slope")
_DISTANCES = ("ici", "e50", "e90", "emax")
_RANKING = ("auc", "uno_c", "harrell_c")
_OVERALL = ("brier", "ipa")


def headline(subject: Subject, cause: str) -> Grid:
    """The small table of page one: horizon × calibration, ranking, overall, with n and events."""
    metrics = ("oe_ratio", "calibration_slope", "auc", "ipa")
    rows = []
    for horizon in subject.horizons:
        counts = subject.find("oe_ratio", cause=cause, horizon_days=horizon)
        rows.append(
            (
                Cell(days(horizon)),
                *(
                    _slope(subject, cause, horizon)
                    if m == "calibration_slope"
                    else subject.said(m, cause=cause, horizon_days=horizon)
                    for m in metrics
                ),
                *_counts(counts),
            )
        )
    title = f"{subject.label(cause).capitalize()}: {said('design', subject.design)}"
    columns = ("horizon", "observed : expected", "calibration slope", "AUC", "IPA", "n", "events")
    slope = subject.find("calibration_slope", cause=cause, horizon_days=subject.primary)
    note = f"Slope: {said('estimator', slope.estimator)}. " if slope else ""
    return Grid(
        title, columns, tuple(rows), note=note + "In brackets: intervals; what each is stands behind the number."
    )


def agreement(subject: Subject, cause: str, design: str) -> Grid:
    """Observed, expected, O/E, intercept, slope at every horizon."""
    return _by_horizon(subject, cause, design, _CALIBRATION, "Calibration in the large and weak calibration")


def distances(subject: Subject, cause: str, design: str) -> Grid:
    """ICI, E50, E90, Emax at every horizon."""
    return _by_horizon(subject, cause, design, _DISTANCES, "Distances between predicted and smoothed observed risk")


def ranking(subject: Subject, cause: str, design: str) -> Grid:
    """C and AUC at every horizon, and over the whole range where measured so."""
    return _by_horizon(subject, cause, design, _RANKING, "Discrimination")


def overall(subject: Subject, cause: str, design: str) -> Grid:
    """Brier score and IPA at every horizon, the integrated score over the range."""
    return _by_horizon(
        subject, cause, design, (*_OVERALL, "ibs"), "Overall accuracy against the null model of the scored data"
    )


def slopes(subject: Subject, cause: str, design: str) -> Grid:
    """Every calibration slope and intercept by its estimator: "the" slope is not one number."""
    found = [
        e
        for metric in ("calibration_slope", "calibration_intercept")
        for e in subject.evidence.find(metric=metric, cause=cause, design=design, model=subject.model, population="all")
    ]
    rows = tuple(
        (
            Cell(said("metric", e.metric)),
            Cell(said("estimator", e.estimator)),
            Cell(days(e.horizon_days)),
            number(e),
            *_counts(e),
        )
        for e in found
    )
    return Grid("Slopes and intercepts by estimator", ("metric", "estimator", "horizon", "value", "n", "events"), rows)


def recipes(subject: Subject, cause: str, horizon: float) -> Grid:
    """Every recipe of the study and the null beside the elected model, on the same patients and folds."""
    judged = dict.fromkeys(e.model for e in subject.evidence.estimates if e.design == subject.design and e.model)
    metrics = ("ipa", "brier", "auc", "oe_ratio", "ici")
    rows = tuple(
        (
            Cell("the elected model" if name == "chosen" else name.replace("_", " ")),
            *(subject.said(m, cause=cause, horizon_days=horizon, model=name) for m in metrics),
        )
        for name in judged
    )
    columns = ("model", *(said("metric", m) for m in metrics))
    return Grid(
        f"All candidates, {subject.label(cause)} by {days(horizon)}, {said('design', subject.design)}", columns, rows
    )


def site_table(subject: Subject, cause: str, horizon: float) -> Grid:
    """Each site predicted by a model that never saw it."""
    design = "leave_one_site_out"
    metrics = ("oe_ratio", "calibration_slope", "auc", "ipa")
    rows = []
    for population in (*subject.populations(design), "all"):
        key = {"cause": cause, "horizon_days": horizon, "design": design, "population": population}
        name = "all sites together" if population == "all" else population.removeprefix("site=")
        rows.append((Cell(name), *_counts(subject.find("oe_ratio", **key)), *(subject.said(m, **key) for m in metrics)))
    columns = ("site", "n", "events", *(said("metric", m) for m in metrics))
    note = "A site with few events says little. The prediction interval for the next hospital is not yet made."
    return Grid(
        f"By site, {subject.label(cause)} by {days(horizon)}",
        columns,
        tuple(rows),
        note=note,
        name=f"site_table-{cause}-{horizon:g}",
    )


def subgroups_of(subject: Subject) -> tuple[str, ...]:
    """Populations "group=level" judged in the headline design, sites apart."""
    judged = dict.fromkeys(
        e.population for e in subject.evidence.estimates if e.design == subject.design and e.model == subject.model
    )
    return tuple(name for name in judged if "=" in name and not name.startswith("site="))


def widest_gap(subject: Subject) -> str:
    """The largest difference between a group and the others that is not mere chance, in words; "" where none is."""
    rows = [
        row
        for row in subject.table("subgroup_gaps", cause=subject.causes[0], horizon_days=subject.primary)
        if row.get("gap") is not None and row.get("low") is not None and not row["low"] <= 0 <= row["high"]
    ]
    if not rows:
        return ""
    row = max(rows, key=lambda one: abs(float(one["gap"])))
    return (
        f"{plain(row['group'])} {plain(row['level'])}, {said('metric', str(row['metric']))} off by "
        f"{decimal(float(row['gap']), 2)} ({decimal(float(row['low']), 2)} to {decimal(float(row['high']), 2)})"
    )


def next_site(subject: Subject, metric: str, cause: str, horizon: float | None) -> Estimate | None:
    """What a hospital should expect that taught nothing: the pooled mean with its prediction interval."""
    key = {"cause": cause, "horizon_days": horizon, "design": "leave_one_site_out"}
    return subject.find(metric, population="next site", **key)


def worst_site(subject: Subject, cause: str, horizon: float) -> Estimate | None:
    """The site whose observed : expected is farthest from 1 on the ratio scale; None where sites were not judged."""
    design = "leave_one_site_out"
    found = [
        subject.find("oe_ratio", cause=cause, horizon_days=horizon, design=design, population=name)
        for name in subject.populations(design)
    ]
    ratios = [e for e in found if e is not None and e.value is not None]
    return max(ratios, key=lambda e: max(e.value or 0.0, 1 / e.value) if e.value else float("inf"), default=None)


def _slope(subject: Subject, cause: str, horizon: float) -> Cell:
    return subject.said("calibration_slope", cause=cause, horizon_days=horizon)


def _by_horizon(subject: Subject, cause: str, design: str, metrics: Sequence[str], title: str) -> Grid:
    evidence = subject.evidence
    ranges = [
        m
        for m in metrics
        if evidence.find(metric=m, cause=cause, design=design, model=subject.model, population="all", horizon_days=None)
    ]
    horizons: list[float | None] = [*subject.horizons, *([None] if ranges else [])]
    rows = []
    for horizon in horizons:
        key = {"cause": cause, "horizon_days": horizon, "design": design}
        found = [subject.find(metric, **key) for metric in metrics]
        counts = next((e for e in found if e is not None and e.n is not None), None)
        cells = (
            _absent(metric, horizon, subject) if e is None else number(e)
            for metric, e in zip(metrics, found, strict=True)
        )
        rows.append((Cell(days(horizon)), *cells, *_counts(counts)))
    columns = ("horizon", *(said("metric", m) for m in metrics), "n", "events")
    return Grid(f"{title}: {said('design', design)}", columns, tuple(rows))


def _absent(metric: str, horizon: float | None, subject: Subject) -> Cell:
    """A metric that has another horizon is no gap; one that is measured nowhere is."""
    elsewhere = subject.evidence.find(metric=metric)
    if elsewhere:
        where = "at the horizons" if horizon is None else "over the whole range"
        return Cell(f"stated {where}", state="not applicable")
    return number(None)


def _counts(estimate: Estimate | None) -> tuple[Cell, Cell]:
    if estimate is None:
        return Cell("–"), Cell("–")
    numbers = (estimate.n, estimate.events)
    first, second = (
        Cell("–") if k is None else Cell(count(k), estimate=estimate.id, value=float(k), numeric=True) for k in numbers
    )
    return first, second
