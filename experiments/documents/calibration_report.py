"""The calibration report: twenty points a methodologist looks for, by cause and horizon; an empty one says why."""

from __future__ import annotations

from experiments.documents import cohort, figures, performance, record
from experiments.documents.card import foot, site_blocks
from experiments.documents.page import Block, Cell, Figure, Grid, Page, Prose, Section
from experiments.documents.subject import Subject
from experiments.documents.words import days, fact, said

_CONVENTIONS = (
    ("Horizons", "declared in the study before anything is judged; measures over the whole range are extra"),
    ("Predictions judged", "out of sample: every step that learns is refitted on the training rows of each resample"),
    (
        "Observed risk",
        "1 − Kaplan–Meier with one cause, Aalen–Johansen with several: death is never treated as censoring",
    ),
    (
        "Censoring weights",
        "Kaplan–Meier of censoring in the patients scored, G(t−) for events, G(horizon) for those still observed",
    ),
    ("Events of other causes by the horizon", "keep their weight and count as without the event"),
    ("C and AUC", "compare pairs within a fold and repeat; ties in prediction count one half"),
    ("Brier score and calibration", "pool the out-of-fold predictions; intervals resample patients across repeats"),
    ("IPA", "1 − Brier score / Brier score of Kaplan–Meier or Aalen–Johansen fitted to the scored patients"),
    ("Slope", "below 1: predictions too extreme. It differs between estimators, so each is named"),
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
        sections=(
            Section(
                "p1", "1 · What was judged, on whom", (_artefact(subject), cohort.counts(subject), *_observed(subject))
            ),
            Section("p2", "2 · Horizons", (_horizons(subject),)),
            *(section for cause in subject.causes for section in _of_cause(subject, cause)),
            Section("p10", "10 · By site", site_blocks(subject)),
            Section("p17", "17 · Conventions", (_conventions(subject),)),
            Section("p18", "18 · Verdict", record.decision(subject)),
            Section(
                "points", "The twenty points, and 19 · what was not checked", (_points(subject), record.unchecked())
            ),
            Section("p20", "20 · Date and signature", (_signature(subject),)),
        ),
        foot=foot(subject),
    )


def _short(subject: Subject) -> tuple[Block, ...]:
    blocks: list[Block] = [performance.headline(subject, cause) for cause in subject.causes]
    blocks += [
        figure
        for figure in (figures.calibration(subject, subject.causes[0], subject.primary, zoomed=True),)
        if figure is not None
    ]
    return tuple(blocks)


def _of_cause(subject: Subject, cause: str) -> tuple[Section, ...]:
    label = subject.label(cause)
    weak: list[Block] = [
        performance.agreement(subject, cause, subject.design),
        performance.slopes(subject, cause, subject.design),
    ]
    curves: list[Block] = []
    for horizon in subject.horizons:
        for zoomed in (False, True):
            figure = _named(figures.calibration(subject, cause, horizon, zoomed=zoomed))
            if figure is not None:
                curves.append(figure)
    if not curves:
        curves.append(
            Prose((Cell("MISSING: calibration curves are not in the evidence of this run", state="missing"),))
        )
    return (
        Section(f"p3-{cause}", f"3, 4 · {label}: observed, expected, intercept and slope", tuple(weak)),
        Section(f"p5-{cause}", f"5 · {label}: calibration curves", tuple(curves)),
        Section(
            f"p6-{cause}", f"6 · {label}: ICI, E50, E90, Emax", (performance.distances(subject, cause, subject.design),)
        ),
        Section(f"p7-{cause}", f"7 · {label}: discrimination", (performance.ranking(subject, cause, subject.design),)),
        Section(
            f"p8-{cause}",
            f"8 · {label}: Brier score and IPA",
            (performance.overall(subject, cause, subject.design), *_candidates(subject, cause)),
        ),
        *_apparent(subject, cause, label),
    )


def _named(figure: Figure | None) -> Figure | None:
    """The report's own id, so that a picture of page one may stand again further down."""
    if figure is None:
        return None
    key = f"curve-{figure.id}"
    return Figure(
        key,
        figure.title,
        figure.description,
        figure.svg.replace(f'"{figure.id}-', f'"{key}-').replace(f" {figure.id}-", f" {key}-"),
        figure.data,
    )


def _candidates(subject: Subject, cause: str) -> tuple[Block, ...]:
    return tuple(performance.recipes(subject, cause, horizon) for horizon in subject.horizons)


def _apparent(subject: Subject, cause: str, label: str) -> tuple[Section, ...]:
    """The apparent values beside the honest ones, where the evidence holds both."""
    if not subject.evidence.find(design="apparent", cause=cause):
        return ()
    blocks = (performance.agreement(subject, cause, "apparent"), performance.overall(subject, cause, "apparent"))
    note = Prose.of(
        "Judged on the patients that taught the model: optimistic, printed only for the difference.", tone="note"
    )
    return (Section(f"p13-{cause}", f"13 · {label}: apparent values", (note, *blocks)),)


def _artefact(subject: Subject) -> Grid:
    return record.provenance(subject)


def _observed(subject: Subject) -> tuple[Block, ...]:
    figure = figures.observed(subject)
    return (
        (figure,)
        if figure is not None
        else (Prose((Cell("MISSING: the observed curve is not in the evidence of this run", state="missing"),)),)
    )


def _horizons(subject: Subject) -> Grid:
    rows = (
        (Cell("Horizons"), Cell(", ".join(days(h) for h in subject.horizons))),
        (Cell("Primary, read by the gate"), Cell(f"{subject.label(subject.causes[0])} by {days(subject.primary)}")),
        (Cell("Why these"), subject.declared("horizons")),
    )
    return Grid("Horizons", ("", ""), rows, kind="pairs")


def _conventions(subject: Subject) -> Grid:
    estimators = sorted({(e.metric, e.estimator) for e in subject.evidence.estimates if e.model == subject.model})
    used = tuple((Cell(said("metric", metric)), Cell(said("estimator", estimator))) for metric, estimator in estimators)
    methods = sorted({(e.method, e.level) for e in subject.evidence.estimates if e.method})
    spans = tuple(
        (Cell("Interval"), Cell(f"{method}" + (f", level {level:g}" if level else ""))) for method, level in methods
    )
    return Grid("Conventions", ("", ""), (*((Cell(a), Cell(b)) for a, b in _CONVENTIONS), *spans, *used), kind="pairs")


def _points(subject: Subject) -> Grid:
    """Where each of the twenty points stands."""
    sites = bool(subject.populations("leave_one_site_out"))
    curves, missing = bool(subject.table("calibration_curve")), bool(subject.table("table_one"))
    standing: tuple[tuple[str, str], ...] = (
        ("Digests, n, events, censored, follow-up", "section 1"),
        (
            "Horizons and why",
            "section 2"
            if subject.declared("horizons").state != "missing"
            else "section 2; why: MISSING, not declared in the study",
        ),
        ("O/E with interval per horizon", "section 3, 4"),
        ("Intercept and slope with estimator", "section 3, 4"),
        (
            "Flexible curve with band and histogram, whole and zoomed",
            "section 5" if curves else "MISSING: not in the evidence",
        ),
        ("ICI, E50, E90 with interval", "section 6"),
        ("C, AUC", "section 7"),
        ("Brier score, IPA with null", "section 8"),
        (
            "Decision curve on declared thresholds",
            "not checked: no threshold is declared, and the estimate is not yet made",
        ),
        (
            "Per site and per subgroup",
            "section 10; subgroups and the prediction interval: not checked, not yet made"
            if sites
            else "not checked: sites were not judged; subgroups are not yet made",
        ),
        ("By calendar period", "not checked: not yet made"),
        (
            "Missing data and complete-case contrast",
            ("model card, Missing data; " if missing else "") + "contrast: not checked, not yet made",
        ),
        ("Optimism-corrected values", "not checked: not yet made; nested cross-validation refits every step"),
        ("Stability", "not checked: not yet made"),
        ("Sensitivity to censoring", "not checked: not yet made"),
        ("Comparator scores in the same patients", "not checked: not yet made; the null model stands under section 8"),
        ("Conventions", "section 17"),
        ("Verdict against limits set before", "section 18"),
        ("What was not checked", "below"),
        ("Date and signer", "section 20"),
    )
    return Grid(
        "Twenty points",
        ("", "point", "where"),
        tuple((Cell(str(k)), Cell(a), Cell(b)) for k, (a, b) in enumerate(standing, 1)),
    )


def _signature(subject: Subject) -> Grid:
    rows = (
        (Cell("Signed by"), fact(record.released_by(subject), missing="nobody has signed")),
        (Cell("Why"), fact(record.released_why(subject), missing="no reason was given")),
        (
            Cell("Date"),
            fact(
                subject.decision.get("date") or subject.identity.get("date"),
                missing="kept in the shelf's log; a document has no clock",
            ),
        ),
    )
    return Grid("Signature", ("", ""), rows, kind="pairs")
