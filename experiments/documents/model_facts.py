"""Page one: what a clinician must know before reading on, on one side of paper."""

from __future__ import annotations

from experiments.documents import anatomy, cohort, performance
from experiments.documents.page import Block, Cell, Grid, Prose, Section
from experiments.documents.record import NOT_CHECKED, released_by, released_why
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, fact, number, plain, said


def model_facts(subject: Subject) -> tuple[Section, ...]:
    """The blocks of page one, in reading order."""
    return (
        Section("identity", "Identity", (_identity(subject),)),
        Section("sentence", "In one sentence", (Prose.of(anatomy.sentence(subject)),)),
        Section("how", "How it works", _how(subject)),
        Section("who", "Who was in the data", _who(subject)),
        Section("good", "How good", _good(subject)),
        Section("use", "Use it for", (Prose((subject.declared("intended_use"),)),)),
        Section(
            "avoid",
            "Do not use it for",
            (Prose((subject.declared("not_for"),)), *_population(subject)),
        ),
        Section("wrong", "What can go wrong", (_limits(subject),)),
        Section(
            "change",
            "Change",
            (Prose((fact(subject.identity.get("change"), missing="no earlier version was compared"),)),),
        ),
    )


def _identity(subject: Subject) -> Grid:
    identity = subject.identity
    rows = (
        ("Model", identity.get("name") or subject.study.get("name"), "no name was given"),
        ("Version", identity.get("version"), "given at release"),
        ("Status at rendering", identity.get("status"), "no status was given"),
        ("Run", identity.get("run"), "no run was named"),
        ("Model digest", identity.get("model_digest"), "the bundle is not yet written"),
        ("Released by", released_by(subject), "nobody has signed"),
        ("Why", released_why(subject), "no reason was given"),
    )
    cells = tuple((Cell(name), fact(value, missing=gap)) for name, value, gap in rows)
    return Grid("", ("", ""), (*cells, (Cell("Next review"), subject.declared("next_review"))), kind="pairs")


def _how(subject: Subject) -> tuple[Block, ...]:
    unknown = sum(1 for field in subject.predictors if field.unknown_allowed)
    landmark = subject.study.get("landmark_days") or 0
    when = str(subject.description.get("time_zero") or "time zero") + (f" + {count(landmark)} days" if landmark else "")
    treatment = "knows" if subject.study.get("treatment_conditional") else "does not know"
    return (
        Prose.of(
            f"{anatomy.mechanism(subject)[:1].upper()}{anatomy.mechanism(subject)[1:]}. "
            f"It reads {len(subject.predictors)} predictors, of which {unknown} may be unknown."
        ),
        Prose.of(f"Compute it at: {when}. It {treatment} what the index treatment fixes."),
    )


def _who(subject: Subject) -> tuple[Block, ...]:
    flow = subject.table("flow")
    sites = subject.facts("sites")
    places = f" from {count(sites if isinstance(sites, int) else len(sites))} sites" if sites else ""
    events = ", ".join(f"{count(k)} {subject.label(cause)}" for cause, k in subject.events.items())
    lines = [
        Prose.of(
            f"{count(subject.n) if subject.n is not None else 'MISSING: number of'} patients{places}; "
            f"{events or 'MISSING: events'}."
        )
    ]
    risks = [(h, subject.find("observed_risk", cause=subject.causes[0], horizon_days=h)) for h in subject.horizons]
    if any(risk is not None for _, risk in risks):
        parts: list[str | Cell] = [f"Observed, {subject.label(subject.causes[0])}: "]
        for index, (horizon, risk) in enumerate(risks):
            parts += [number(risk), f" by {days(horizon)}" + ("; " if index < len(risks) - 1 else ".")]
        lines.append(Prose.of(*parts))
    if flow:
        left = sum(int(row["left"]) for row in flow)
        largest = max(flow, key=lambda row: int(row["left"]))
        why = f", most for: {largest['reason']} ({count(largest['left'])})" if left else ""
        of = count(int(flow[0]["remaining"]) + int(flow[0]["left"]))
        lines.append(Prose.of(f"{count(left) if left else 'None'} of {of} left the cohort{why}."))
    missing = cohort.most_missing(subject)
    if missing:
        words = ", ".join(f"{label} ({count(round(100 * k / of))} %)" for label, k, of in missing)
        lines.append(Prose.of(f"Most often unknown: {words}."))
    return tuple(lines)


def _good(subject: Subject) -> tuple[Block, ...]:
    blocks: list[Block] = [performance.headline(subject, cause) for cause in subject.causes]
    first = subject.causes[0]
    if subject.populations("leave_one_site_out"):
        beside = performance_beside(subject, first)
        blocks.append(beside)
    worst = performance.worst_site(subject, first, subject.primary)
    if worst is None:
        blocks.append(Prose((Cell("Worst site: "), Cell("MISSING: sites were not judged", state="missing"))))
    else:
        site = worst.population.removeprefix("site=")
        words = f"Worst site ({subject.label(first)} by {days(subject.primary)}): {site}, observed : expected "
        blocks.append(
            Prose.of(
                words,
                number(worst),
                f", n {count(worst.n)}, {count(worst.events)} events." if worst.n is not None else ".",
            )
        )
    return tuple(blocks)


def performance_beside(subject: Subject, cause: str) -> Prose:
    """Leave-one-site-out beside the headline, at the primary horizon."""
    parts: list[str | Cell] = [f"Leave-one-site-out, {subject.label(cause)} by {days(subject.primary)}: "]
    metrics = ("oe_ratio", "calibration_slope", "auc", "ipa")
    for index, metric in enumerate(metrics):
        cell = subject.said(metric, cause=cause, horizon_days=subject.primary, design="leave_one_site_out")
        parts += [f"{said('metric', metric)} ", cell, "; " if index < len(metrics) - 1 else "."]
    return Prose.of(*parts)


def _population(subject: Subject) -> tuple[Block, ...]:
    population = subject.description.get("population")
    if not population:
        return ()
    field, levels, otherwise = population.get("field"), population.get("levels") or (), population.get("otherwise")
    return (
        Prose.of(
            f"Answered only where {plain(field)} is {', '.join(map(str, levels))}; "
            f"otherwise “not applicable”: {otherwise}.",
            tone="note",
        ),
    )


def _limits(subject: Subject) -> Grid:
    """What the evidence itself says against the model, then what was not looked at."""
    rows: list[tuple[Cell, ...]] = []
    for cause in subject.causes:
        for horizon in subject.horizons:
            ratio = subject.find("oe_ratio", cause=cause, horizon_days=horizon)
            if (
                ratio is not None
                and ratio.low is not None
                and ratio.high is not None
                and not ratio.low <= 1 <= ratio.high
            ):
                direction = "more" if ratio.low > 1 else "fewer"
                rows.append(
                    (
                        Cell(f"{direction} events than predicted: {subject.label(cause)} by {days(horizon)}"),
                        number(ratio),
                    )
                )
            ipa = subject.find("ipa", cause=cause, horizon_days=horizon)
            if ipa is not None and ipa.low is not None and ipa.low <= 0:
                rows.append(
                    (
                        Cell(f"no better than the null beyond chance: {subject.label(cause)} by {days(horizon)}"),
                        number(ipa),
                    )
                )
    rows += [
        (Cell(f"{label} is often unknown"), Cell(f"{count(k)} of {count(of)}"))
        for label, k, of in cohort.most_missing(subject, most=1)
        if k / of >= 0.2
    ]
    rows.append(
        (
            Cell("not checked"),
            Cell("; ".join(name for name, _ in NOT_CHECKED[:5]) + f"; and {len(NOT_CHECKED) - 5} more, listed below"),
        )
    )
    return Grid("", ("", ""), tuple(rows), kind="pairs")
