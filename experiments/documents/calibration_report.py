"""The calibration report: twenty points a methodologist looks for, by cause and horizon; an empty one says why."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from experiments.documents import (
    benefit,
    cohort,
    figures,
    groups,
    hospitals,
    performance,
    points,
    record,
    refitting,
    register,
    rivals,
    sensitivity,
)
from experiments.documents.card import foot, missing_data
from experiments.documents.page import Block, Cell, Figure, Grid, Page, Prose, Section
from experiments.documents.subject import Subject
from experiments.documents.words import days, decimal, fact, said
from training.metrics import METRICS

_CONVENTIONS = (
    ("Horizons", "declared in the study before anything is judged; measures over the whole range are extra"),
    ("Predictions judged", "out of sample: every step that learns is refitted on the training rows of each resample"),
    (
        "Observed risk",
        "1 − Kaplan–Meier with one cause, Aalen–Johansen with several: death is never treated as censoring",
    ),
    (
        "Censoring weights",
        "from the patients scored, never from those who taught the model; G(t−) for events, G(horizon) for those still "
        "observed; marginal, and given the predictors where these tell who leaves (section 15)",
    ),
    ("Events of other causes by the horizon", "keep their weight and count as without the event"),
    ("C and AUC", "compare pairs within a fold and repeat; ties in prediction count one half"),
    ("Brier score and calibration", "pool the out-of-fold predictions; intervals resample patients across repeats"),
    ("IPA", "1 − Brier score / Brier score of Kaplan–Meier or Aalen–Johansen fitted to the scored patients"),
    ("Slope", "below 1: predictions too extreme. It differs between estimators, so each is named"),
    ("Pooling over sites", "REML, Hartung–Knapp; log observed : expected, logit C, the slope as it is"),
    ("Net benefit", "positives are risks above the threshold; what happened to them is their own product-limit risk"),
    ("Ties", "Efron, in fitting and in the baseline"),
)


def calibration_report(subject: Subject) -> Page:
    """The whole report as a page."""
    name = str(subject.identity.get("name") or subject.study.get("name") or "model")
    version = subject.identity.get("version")
    return Page(
        kind="calibration report",
        title=f"Calibration of {name}" + (f", version {version}" if version is not None else ", not yet released"),
        lead=str(subject.study.get("title") or ""),
        band=subject.band,
        front=(Section("short", "In short", _short(subject)),),
        sections=(*_numbers(subject), *_use(subject), *_standing(subject)),
        foot=foot(subject),
    )


def _short(subject: Subject) -> tuple[Block, ...]:
    blocks: list[Block] = [performance.headline(subject, cause) for cause in subject.causes]
    figure = figures.calibration(subject, subject.causes[0], subject.primary, zoomed=True)
    return (*blocks, *((figure,) if figure is not None else ()))


def _numbers(subject: Subject) -> tuple[Section, ...]:
    """Points 1 to 8: who was judged, and the numbers of calibration, discrimination, accuracy."""
    design = subject.design

    def each(make: Callable[[Subject, str, str], Grid]) -> tuple[Block, ...]:
        return tuple(make(subject, cause, design) for cause in subject.causes)

    seen = figures.observed(subject)
    observed = (seen,) if seen is not None else _gap("the observed curve")
    return (
        Section("p1", "1 · What was judged, on whom", (record.provenance(subject), cohort.counts(subject), *observed)),
        Section("p2", "2 · Horizons", (_horizons(subject),)),
        Section("p3", "3 · Observed and expected", each(performance.in_the_large)),
        Section("p4", "4 · Intercept and slope", each(performance.slopes)),
        Section("p5", "5 · Calibration curves", tuple(_curves(subject))),
        Section("p6", "6 · ICI, E50, E90, Emax", each(performance.distances)),
        Section("p7", "7 · Discrimination", (*each(performance.ranking), *_by_outcome(subject))),
        Section("p8", "8 · Brier score and IPA", (*each(performance.overall), *each(performance.distribution))),
    )


def _use(subject: Subject) -> tuple[Section, ...]:
    """Points 9 to 16: worth of acting, sites, groups, sensitivity, refitting, rivals."""

    def each(make: Callable[[Subject, str, float], Iterable[Block]]) -> tuple[Block, ...]:
        return tuple(
            b for cause in subject.causes for horizon in subject.horizons for b in make(subject, cause, horizon)
        )

    def once(make: Callable[[Subject, str], Iterable[Block]]) -> tuple[Block, ...]:
        return tuple(block for cause in subject.causes for block in make(subject, cause))

    sites = each(hospitals.by_site) if hospitals.judged(subject) else hospitals.by_site(subject, "", 0.0)
    grouped = groups.group_blocks(subject, "", 0.0)
    if groups.subgroups_of(subject):
        grouped = (*each(groups.group_blocks), *once(lambda s, cause: groups.gaps(s, cause, s.primary)))
    rivals_ = (
        each(rivals.comparator_blocks) if rivals.comparators_of(subject) else rivals.comparator_blocks(subject, "", 0.0)
    )
    return (
        Section("p9", "9 · Decision curves", each(benefit.decision_blocks)),
        Section("p10", "10 · By site and by group", (*sites, *grouped)),
        Section("p11", "11 · By calendar period", _periods(subject)),
        Section("p12", "12 · Missing data", (*missing_data(subject), *each(sensitivity.complete_cases))),
        Section("p13", "13 · Corrected for optimism", once(refitting.optimism_blocks)),
        Section("p14", "14 · Stability of one patient's prediction", once(refitting.stability_blocks)),
        Section("p15", "15 · Sensitivity to censoring", once(sensitivity.censoring)),
        Section("p16", "16 · The same patients by other means", (*rivals_, *_candidates(subject))),
    )


def _standing(subject: Subject) -> tuple[Section, ...]:
    """Points 17 to 20: conventions, verdict, what was left out, who signed."""
    limits = Prose.of("Limits that performance must keep, and who set them: ", subject.declared("limits"))
    verdict = (*record.decision(subject), limits, *register.findings(subject))
    return (
        Section("p17", "17 · Conventions", (_conventions(subject), _meanings(subject))),
        Section("p18", "18 · Verdict", verdict),
        Section("p19", "19 · What was not checked", (points.unchecked(subject), points.twenty_points(subject))),
        Section("p20", "20 · Date and signature", (record.signature(subject),)),
    )


def _curves(subject: Subject) -> Iterable[Block]:
    found = [
        _named(figure)
        for cause in subject.causes
        for horizon in subject.horizons
        for zoomed in ((False, True) if figures.zoom_helps(subject, cause, horizon) else (False,))
        if (figure := figures.calibration(subject, cause, horizon, zoomed=zoomed)) is not None
    ]
    return found or _gap("calibration curves")


def _by_outcome(subject: Subject) -> tuple[Block, ...]:
    found = (benefit.risk_by_outcome(subject, cause, h) for cause in subject.causes for h in subject.horizons)
    return tuple(figure for figure in found if figure is not None) or _gap("predicted risks by outcome")


def _named(figure: Figure) -> Figure:
    """The report's own id, so that a picture of page one may stand again further down."""
    key = f"curve-{figure.id}"
    svg = figure.svg.replace(f'"{figure.id}-', f'"{key}-').replace(f" {figure.id}-", f" {key}-")
    return Figure(key, figure.title, figure.description, svg, figure.data)


def _candidates(subject: Subject) -> tuple[Block, ...]:
    return tuple(rivals.candidates(subject, cause, h) for cause in subject.causes for h in subject.horizons)


def _periods(subject: Subject) -> tuple[Block, ...]:
    found = groups.periods_of(subject)
    later: tuple[Block, ...] = ()
    if subject.evidence.find(design="temporal", model=subject.model):
        mix = cohort.rows_of(
            subject.table("case_mix"), "Who taught beside who was judged later", "case_mix", folded=True
        )
        judged = (performance.agreement(subject, cause, "temporal") for cause in subject.causes)
        later = (*judged, *([] if mix is None else [mix]))
    if not found:
        words = "MISSING: no calendar period was named. try: a subgroup by a date, with bands of years, named period"
        return (*later, Prose((Cell(words, state="missing"),)))
    tables = tuple(groups.group_table(subject, c, h, found) for c in subject.causes for h in subject.horizons)
    return (*later, *tables)


def _gap(what: str) -> tuple[Block, ...]:
    return (Prose((Cell(f"MISSING: {what}: not in the evidence of this run", state="missing"),)),)


def _horizons(subject: Subject) -> Grid:
    rows = (
        (Cell("Horizons"), Cell(", ".join(days(h) for h in subject.horizons))),
        (Cell("Primary, read by the gate"), Cell(f"{subject.label(subject.causes[0])} by {days(subject.primary)}")),
        (Cell("Why these"), subject.declared("horizons")),
    )
    return Grid("Horizons", ("", ""), rows, kind="pairs")


def _conventions(subject: Subject) -> Grid:
    methods = sorted({(e.method, e.level) for e in subject.evidence.estimates if e.method and e.level})
    several = dict.fromkeys(f"{method}, {decimal(100 * float(level), 0)} %" for method, level in methods if level)
    rows = (
        *_CONVENTIONS,
        ("Resamples behind an interval", fact(subject.facts("resamples"), missing="not in the evidence").text),
        *(("Interval", method) for method in list(several)[:12]),
    )
    return Grid("Conventions", ("", ""), tuple((Cell(a), Cell(b)) for a, b in rows), kind="pairs")


def _meanings(subject: Subject) -> Grid:
    """Every measure of this report in words, with its estimators here and where it is defined."""
    used: dict[str, dict[str, None]] = {}
    for e in subject.evidence.estimates:
        if e.model == subject.model:
            used.setdefault(e.metric, {})[e.estimator] = None
    records = {metric.name: metric for metric in reversed(list(METRICS.values()))}
    rows = tuple(
        (
            Cell(said("metric", name)),
            Cell(records[name].label if name in records else "–"),
            Cell("; ".join(said("estimator", estimator) for estimator in used[name])),
            Cell(records[name].source if name in records else "–"),
        )
        for name in used
    )
    return Grid("What the measures mean", ("measure", "in words", "estimated by", "defined in"), rows, name="measures")
