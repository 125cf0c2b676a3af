"""How good: tables by cause, horizon, site and recipe. Each number is one estimate; nothing is averaged here."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.documents.page import Cell, Grid
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, number, said
from training.evidence import Estimate

_CALIBRATION = ("observed_risk", "mean_risk", "oe_ratio", "calibration_intercept", "calibration_slope")
_LARGE = ("observed_risk", "mean_risk", "oe_ratio")
_DISTANCES = ("ici", "e50", "e90", "emax")
_RANKING = ("auc", "uno_c", "harrell_c")
_EXTRA = ("antolini_c", "royston_d")
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


def in_the_large(subject: Subject, cause: str, design: str) -> Grid:
    """Observed, expected, O/E at every horizon."""
    return _by_horizon(subject, cause, design, _LARGE, "Observed and expected")


def distances(subject: Subject, cause: str, design: str) -> Grid:
    """ICI, E50, E90, Emax at every horizon."""
    return _by_horizon(subject, cause, design, _DISTANCES, "Distances between predicted and smoothed observed risk")


def ranking(subject: Subject, cause: str, design: str) -> Grid:
    """C and AUC at every horizon, and over the whole range where measured so."""
    extra = [m for m in _EXTRA if subject.evidence.find(metric=m, cause=cause, design=design, model=subject.model)]
    return _by_horizon(subject, cause, design, (*_RANKING, *extra), "Discrimination")


def overall(subject: Subject, cause: str, design: str) -> Grid:
    """Brier score and IPA at every horizon, the integrated score over the range."""
    return _by_horizon(
        subject, cause, design, (*_OVERALL, "ibs"), "Overall accuracy against the null model of the scored data"
    )


def distribution(subject: Subject, cause: str, design: str) -> Grid:
    """What judges whole predicted curves: D-calibration and the log likelihood, as extras."""
    rows = []
    for metric in ("d_calibration", "d_calibration_p", "rcll"):
        found = [
            e
            for e in subject.evidence.find(metric=metric, design=design, model=subject.model, population="all")
            if e.cause in (cause, "")
        ]
        rows += [
            (Cell(said("metric", e.metric)), Cell(said("estimator", e.estimator)), number(e), *_counts(e))
            for e in found
        ]
        if not found:
            rows.append((Cell(said("metric", metric)), Cell("–"), number(None), Cell("–"), Cell("–")))
    return Grid(
        f"Whole curves, {subject.label(cause)}",
        ("measure", "estimator", "value", "n", "events"),
        tuple(rows),
        note="Extras: D-calibration is conservative and hangs on censoring; neither is read by the gate.",
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
    return Grid(
        f"Slopes and intercepts by estimator, {subject.label(cause)}",
        ("metric", "estimator", "horizon", "value", "n", "events"),
        rows,
    )


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
    return Grid(f"{title}, {subject.label(cause)}: {said('design', design)}", columns, tuple(rows))


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
