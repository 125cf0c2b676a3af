"""The model card: page one in the manner of Model Facts, then everything else, from evidence alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from experiments.declared import QUESTIONS
from experiments.documents import (
    anatomy,
    benefit,
    cohort,
    figures,
    forests,
    groups,
    hospitals,
    performance,
    points,
    record,
    refitting,
    register,
    rivals,
)
from experiments.documents.model_facts import model_facts
from experiments.documents.page import Block, Cell, Figure, Grid, Page, Prose, Section
from experiments.documents.profiles.pages import STANDARDS, counted
from experiments.documents.subject import Subject
from experiments.documents.words import fact, plain


def model_card(subject: Subject) -> Page:
    """The whole card as a page."""
    name = str(subject.identity.get("name") or subject.study.get("name") or "model")
    version = subject.identity.get("version")
    title = f"{name}, version {version}" if version is not None else f"{name}, not yet released"
    return Page(
        kind="model card",
        title=title,
        lead=str(subject.study.get("title") or ""),
        band=subject.band,
        front=model_facts(subject),
        sections=(
            Section("predictors", "Predictors and units", (anatomy.predictors(subject),)),
            Section("cohort", "Cohort", _cohort(subject)),
            Section("size", "Sample size", register.sample_size(subject)),
            Section(
                "outcome",
                "Outcome and how it is seen",
                (*cohort.visits(subject), *_one(figures.observed(subject), "the observed curve")),
            ),
            Section("missing", "Missing data", missing_data(subject)),
            Section("calibration", "Calibration", _calibration(subject)),
            Section("discrimination", "Discrimination and overall accuracy", _discrimination(subject)),
            Section("benefit", "Decision curves", _each(subject, benefit.decision_blocks)),
            Section("groups", "Subgroups", _each(subject, groups.group_blocks)),
            Section("sites", "Sites", _each(subject, hospitals.by_site)),
            Section("comparators", "Comparators", _comparators(subject)),
            Section("stability", "Stability", _stability(subject)),
            Section("inside", "What the model is", anatomy.inside(subject)),
            Section("tuning", "Tuning", anatomy.tuning(subject)),
            Section("findings", "Findings", register.findings(subject)),
            Section("decision", "Decision", record.decision(subject)),
            Section("declared", "Declared by people", _declared(subject)),
            Section("standards", "Reporting standards", _standards(subject)),
            Section("provenance", "Provenance", (record.provenance(subject), *record.splits(subject))),
            Section("unchecked", "What was not checked", (points.unchecked(subject),)),
            Section("questions", "Questions auditors ask", (record.questions(subject),)),
        ),
        foot=foot(subject),
    )


def foot(subject: Subject) -> Prose:
    """Contact and the digests that tie the page to its model."""
    digest = subject.identity.get("model_digest")
    return Prose.of(
        Cell("Contact: "),
        subject.declared("contact"),
        f" · model digest {digest or 'MISSING: the bundle is not yet written'}",
        f" · evidence digest {subject.evidence_digest}",
        tone="note",
    )


def _one(figure: Figure | None, what: str) -> tuple[Block, ...]:
    return (
        (figure,)
        if figure is not None
        else (Prose((Cell(f"MISSING: {what} is not in the evidence of this run", state="missing"),)),)
    )


def _cohort(subject: Subject) -> tuple[Block, ...]:
    table = cohort.table_one(subject)
    missing = Prose((Cell("MISSING: Table 1 is not in the evidence of this run", state="missing"),))
    return (
        *_one(forests.flow(subject), "the flow of the cohort"),
        cohort.counts(subject),
        table if table is not None else missing,
    )


def missing_data(subject: Subject) -> tuple[Block, ...]:
    """What is unknown, most first, and what is done about it in learning and in an answer."""
    worst = cohort.most_missing(subject, most=8)
    listed = "; ".join(f"{label}: {k} of {of}" for label, k, of in worst)
    handled = subject.facts("missing_data", "missing_handling")
    default = (
        "Every rule for missing values is learned inside each resample, on its training rows alone. "
        "An unknown input of a new patient is averaged over what it could be, given the rest; the answer names it."
    )
    return (
        Prose.of(
            f"Unknown values in the cohort, most first: {listed}."
            if listed
            else "Unknown values in the cohort: none in the evidence."
        ),
        Prose((fact(handled or default, missing=""),)),
    )


def _calibration(subject: Subject) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for cause in subject.causes:
        blocks.append(performance.agreement(subject, cause, subject.design))
        blocks.append(performance.distances(subject, cause, subject.design))
        for horizon in subject.horizons:
            blocks += _one(
                figures.calibration(subject, cause, horizon),
                f"calibration curve, {subject.label(cause)} by {horizon:g} days",
            )
    return tuple(blocks)


def _discrimination(subject: Subject) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for cause in subject.causes:
        blocks.append(performance.ranking(subject, cause, subject.design))
        blocks.append(performance.overall(subject, cause, subject.design))
        figure = benefit.risk_by_outcome(subject, cause, subject.primary)
        blocks += [figure] if figure is not None else []
    return tuple(blocks)


def _each(subject: Subject, make: Callable[[Subject, str, float], Iterable[Block]]) -> tuple[Block, ...]:
    """Of each cause at the primary horizon; every horizon is in the calibration report. The same gap is said once."""
    blocks = [block for cause in subject.causes for block in make(subject, cause, subject.primary)]
    return tuple(block for k, block in enumerate(blocks) if not isinstance(block, Prose) or block not in blocks[:k])


def _comparators(subject: Subject) -> tuple[Block, ...]:
    own = _each(subject, lambda s, cause, horizon: (rivals.candidates(s, cause, horizon),))
    return (*_each(subject, rivals.comparator_blocks), *own)


def _stability(subject: Subject) -> tuple[Block, ...]:
    def blocks(s: Subject, cause: str, horizon: float) -> Iterable[Block]:
        tables = (*refitting.stability_blocks(s, cause), *refitting.optimism_blocks(s, cause))
        plot = refitting.instability(s, cause, horizon)
        return (*(block for block in tables if not isinstance(block, Figure)), *([] if plot is None else [plot]))

    return _each(subject, blocks)


def _standards(subject: Subject) -> tuple[Block, ...]:
    lines = (Prose.of(counted(title, rows, subject)) for one in STANDARDS.values() for title, rows in one.tables)
    where = "Row by row beside this card: " + ", ".join(f"profiles/{name}.html" for name in STANDARDS)
    return (*lines, Prose.of(f"{where}; the CHAI applied model card as profiles/chai.xml.", tone="note"))


def _declared(subject: Subject) -> tuple[Block, ...]:
    facts = subject.declared_facts
    reviewed = f"{facts.reviewed_by}, {facts.reviewed_on}" if facts.reviewed_by else None
    review = fact(reviewed, missing="nobody has put a name and a date to these facts")
    grids = tuple(
        Grid(
            group,
            ("", ""),
            tuple((Cell(plain(name).capitalize()), subject.declared(name)) for name in questions),
            kind="pairs",
        )
        for group, questions in QUESTIONS.items()
    )
    return (Prose.of("Said by people, never computed. Read by: ", review, "."), *grids)
