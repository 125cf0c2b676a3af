"""What is said of comparators: every metric that they allow, paired differences to our model, what they lacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Undefined
from training.comparators import Comparator, PublishedScore, UploadedRisk
from training.comparison import compare
from training.conditional_censoring import ConditionalCensoring
from training.disclosure import Cell, Sum, withheld
from training.evaluation import Scored, evaluate
from training.evidence import Estimate, Evidence
from training.metrics import METRICS
from training.metrics.calibration import MIN_EVENTS, oe_ratio
from training.metrics.discrimination import harrell_c

_RANKS: Final = {name for (name, _), metric in METRICS.items() if metric.groups}
"""Metrics that compare pairs: they need an order of patients, and no risk."""
_WHOLE: Final = {"rcll", "delta_rcll", "d_calibration", "d_calibration_p"}
"""Numbers of each patient's whole follow-up: they ask for risks as far as anybody was seen."""
_RANKED_DIFFERENCES: Final = {"delta_c", *(f"delta_{name}" for name in _RANKS)}


def judge_comparator(
    comparator: Comparator,
    outcome: Outcome,
    frame: pd.DataFrame,
    scored: Scored,
    ours: Scored,
    null: Scored | None,
    *,
    horizons: Sequence[float],
    design: str,
    resamples: int,
    level: float,
    seed: int,
    strata: NDArray[Any] | None = None,
    censoring: ConditionalCensoring | None = None,
    thresholds: Sequence[float] = (),
) -> Evidence:
    """All that is said of a model, of a comparator; what asks for a risk is "not applicable" where it gives none.

    Nothing is scored of patients of whom it does not speak: the population is then `scope(comparator)`. `ours` is the
    model that would be released. Table `comparator_differences`: ours − comparator, paired by patient, of every number
    whose interval comes from its patients' influences; positive is better for ours in C, AUC, IPA and net benefit,
    negative in Brier. (ICI has none: its two intervals, from the same resamples, stand among the estimates.)
    """
    spoken = comparator.speaks_of(frame)
    population = "all" if spoken.all() else scope(comparator)
    if int((outcome.event[spoken] > 0).sum()) < MIN_EVENTS:
        return Evidence((_too_few(comparator, outcome.causes[0], design, population),))
    own, other = _among(scored, spoken), _among(ours, spoken)
    choices: dict[str, Any] = {"level": level, "seed": seed, "strata": strata}
    choices |= {"censoring": censoring, "thresholds": thresholds}
    drawn = resamples if comparator.until else 0
    found = evaluate(
        outcome,
        own,
        horizons=horizons,
        design=design,
        model=comparator.name,
        null=None if null is None else _among(null, spoken),
        resamples=drawn,
        **choices,
    )
    # Facts, and estimates of the data, are the whole cohort's: they are said where our own models are judged.
    end = float(outcome.right_days[spoken].max())
    mine = [one for one in found.estimates if one.model]
    estimates = [_said(one, comparator, _asks_until(one, horizons[-1], end), population) for one in mine]
    within = [days for days in horizons if days <= comparator.until]
    choices |= {"horizons": within or horizons[:1], "resamples": 0}
    paired = compare(outcome, own, other, names=(comparator.name, "ours"), **choices)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [{**row} for row in rows if (row.get("horizon_days") or 0) <= comparator.until and comparator.until]
        for name, rows in found.tables.items()
    }
    tables["comparator_differences"] = [
        _difference(one, comparator, design, population)
        for one in paired.estimates
        if one.metric in _RANKED_DIFFERENCES or (within and _asks_until(one, within[-1], end) <= comparator.until)
        if one.metric != "delta_ici"
    ]
    return Evidence(tuple(estimates), tables)


def scope(comparator: Comparator) -> str:
    """The population of a comparator that does not speak of everybody."""
    return f"scored by {comparator.source.name}"


def comparator_tables(
    comparators: Sequence[Comparator], frame: pd.DataFrame, outcome: Outcome, horizons: Sequence[float]
) -> dict[str, list[dict[str, Any]]]:
    """What each source lacked, and what that may change. One cause.

    comparators        rows {model, title, source, direction, patients, not_scored, complete, with_range, mean_width,
                       widest, published, until_days, assumptions}: of how many patients all inputs are known, and how
                       many points lie between the lowest and the highest possible among the others.
    comparator_ranges  rows {model, metric, horizon_days, at_lowest, at_middle, at_highest}: C, and O/E as far as risks
                       are published, if every patient had the lowest, or the highest, points that are possible.
    comparator_readings  rows {model, reading, metric, horizon_days, patients, as_judged, otherwise, reason}: the same
                       where paper and registry differ and the mapping could have been another. patients: whose points
                       that changes; where these are one to nine, neither count nor number is told.
    """
    about: list[dict[str, Any]] = []
    ranges: list[dict[str, Any]] = []
    readings: list[dict[str, Any]] = []
    for one in (each for each in comparators if not each.recalibrated):
        if isinstance(one.source, PublishedScore):
            about.append(_about_score(one.source, frame))
            within = [days for days in horizons if days <= one.until]
            ranges += _ranges(one.source, frame, outcome, within)
            readings += _readings(one.source, frame, outcome, within)
        else:
            about.append(_about_upload(one.source, frame))
    return {"comparators": about, "comparator_ranges": ranges, "comparator_readings": readings}


def _among(scored: Scored, spoken: NDArray[np.bool_]) -> Scored:
    rows = np.flatnonzero(spoken[scored.patients])
    return Scored(scored.patients[rows], scored.groups[rows], scored.curves.take(rows))


def _too_few(comparator: Comparator, cause: str, design: str, population: str) -> Estimate:
    reason = f"fewer than {MIN_EVENTS} events among the patients of whom it speaks: suppressed"
    return Estimate(
        "harrell_c",
        "within_fold_pairs",
        cause=cause,
        population=population,
        design=design,
        model=comparator.name,
        state="not applicable",
        reason=reason,
    )


def _asks_until(one: Estimate, last: float, end: float) -> float:
    """The day as far as which a number asks for risks. end: of the follow-up of those scored."""
    if one.horizon_days is not None:
        return one.horizon_days
    return end if one.metric in _WHOLE or one.estimator == "poisson_glm" else last


def _said(one: Estimate, comparator: Comparator, by: float, population: str) -> Estimate:
    """The estimate, or why the comparator has none. by: the day as far as which it asks for risks."""
    until = comparator.until
    moved = replace(one, population=population)
    if one.metric in _RANKS or by <= until or one.state != "measured":
        return moved
    reason = f"it gives no risk beyond {until:.0f} days" if until else "it gives no risk: it only ranks patients"
    return replace(moved, value=None, low=None, high=None, level=None, method="", state="not applicable", reason=reason)


def _difference(one: Estimate, comparator: Comparator, design: str, population: str) -> dict[str, Any]:
    number = ("metric", "estimator", "cause", "horizon_days", "value", "low", "high", "level", "method")
    around = ("n", "events", "state", "reason")
    return {"design": design, "comparator": comparator.name, "population": population} | {
        name: getattr(one, name) for name in (*number, *around)
    }


def _about_score(source: PublishedScore, frame: pd.DataFrame) -> dict[str, Any]:
    score, points = source.score, source.score.points(frame)
    scored = ~np.isnan(points.low)
    width = (points.high - points.low)[scored]
    wide = width[width > 0]
    few = 0 < len(wide) < MIN_EVENTS  # a mean or a maximum over one patient is that patient's
    return {
        "model": source.name,
        "title": score.title,
        "source": score.source,
        "direction": "higher is worse" if score.higher_is_worse else "higher is better",
        **_counts(scored, width > 0),
        "mean_width": None if few else float(wide.mean()) if len(wide) else 0.0,
        "widest": None if few else float(wide.max()) if len(wide) else 0.0,
        "published": score.published,
        "until_days": score.published_until or None,
        "assumptions": "; ".join(score.assumptions),
    }


def _about_upload(source: UploadedRisk, frame: pd.DataFrame) -> dict[str, Any]:
    scored = ~np.isnan(source.marker(frame))
    return {
        "model": source.name,
        "title": source.name,
        "source": "uploaded: " + ", ".join(f"{field} by {days:g} d" for field, days in source.columns),
        "direction": "higher is worse",
        **_counts(scored, np.zeros(int(scored.sum()), dtype=bool)),
        "mean_width": 0.0,
        "widest": 0.0,
        "published": "each patient's own risk, constant hazard between the days",
        "until_days": source.until,
        "assumptions": "",
    }


def _counts(scored: NDArray[np.bool_], open_: NDArray[np.bool_]) -> dict[str, int | None]:
    """How many are scored or not, and of the scored how many completely; None for what is not told."""
    patients, wide = int(scored.sum()), int(open_.sum())
    counts = {
        "patients": patients,
        "not_scored": len(scored) - patients,
        "complete": patients - wide,
        "with_range": wide,
    }
    cells: dict[Cell, int] = {**counts, "everybody": len(scored)}
    sums = [Sum("everybody", ("patients", "not_scored")), Sum("patients", ("complete", "with_range"))]
    hidden = withheld(cells, sums, fixed=["everybody"])
    return {name: None if name in hidden else count for name, count in counts.items()}


def _ranges(
    source: PublishedScore, frame: pd.DataFrame, outcome: Outcome, horizons: Sequence[float]
) -> list[dict[str, Any]]:
    rows = np.flatnonzero(~np.isnan(source.marker(frame)))
    known, spoken = outcome.take(rows), frame.iloc[rows]
    if int((known.event > 0).sum()) < MIN_EVENTS:
        return []
    places = {f"at_{name}est": replace(source, at=name) for name in ("low", "high")} | {"at_middle": source}
    return [
        {"model": source.name, "metric": metric, "horizon_days": days}
        | {place: _or_none(partial(measure, one)) for place, one in places.items()}
        for metric, days, measure in _asked(known, spoken, horizons)
    ]


def _readings(
    source: PublishedScore, frame: pd.DataFrame, outcome: Outcome, horizons: Sequence[float]
) -> list[dict[str, Any]]:
    marker = source.marker(frame)
    rows = np.flatnonzero(~np.isnan(marker))
    known, spoken = outcome.take(rows), frame.iloc[rows]
    found: list[dict[str, Any]] = []
    if int((known.event > 0).sum()) < MIN_EVENTS:
        return found
    for reading in source.score.readings:
        other = replace(source, reading=reading.label)
        changed = int((other.marker(spoken) != marker[rows]).sum())
        key = {"model": source.name, "reading": reading.label}
        if changed < MIN_EVENTS:
            reason = f"fewer than {MIN_EVENTS} patients are read otherwise" if changed else "nobody is read otherwise"
            about = {"patients": None if changed else 0, "as_judged": None, "otherwise": None, "reason": reason}
            found.append({**key, "metric": "harrell_c", "horizon_days": None, **about})
            continue
        found += [
            {**key, "metric": metric, "horizon_days": days, "patients": changed}
            | {"as_judged": _or_none(partial(measure, source)), "otherwise": _or_none(partial(measure, other))}
            | {"reason": ""}
            for metric, days, measure in _asked(known, spoken, horizons)
        ]
    return found


def _asked(
    known: Outcome, spoken: pd.DataFrame, horizons: Sequence[float]
) -> list[tuple[str, float | None, Callable[[PublishedScore], float]]]:
    """C, and O/E by each horizon, of a score on these patients."""

    def ranked(one: PublishedScore) -> float:
        return harrell_c(known, one.marker(spoken)).value

    def expected(days: float, one: PublishedScore) -> float:
        return oe_ratio(known, one.risk(spoken, np.array([days]))[:, 0], horizon=days)[0]

    return [("harrell_c", None, ranked), *(("oe_ratio", days, partial(expected, days)) for days in horizons)]


def _or_none(measure: Callable[[], float]) -> float | None:
    try:
        return measure()
    except Undefined:
        return None
