"""Page one: what a clinician must know before reading on, on one side of paper."""

from __future__ import annotations

from experiments.documents import anatomy, cohort, groups, hospitals, performance, points, register, rivals
from experiments.documents.page import Block, Cell, Grid, Prose, Section
from experiments.documents.record import released_by, released_why
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, fact, number, plain, said

_FINDINGS = 3  # on page one; all of them stand in the register


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
            (Prose((_change(subject),)),),
        ),
    )


def _change(subject: Subject) -> Cell:
    """What is not as in the version before; a first version, and a run that is not released, have none before them."""
    told = subject.identity.get("change")
    version = subject.identity.get("version")
    if told or version not in (None, 1):
        return fact(told, missing="no earlier version was compared")
    why = "first version" if version == 1 else "not yet released; a release is compared with the version before"
    return Cell(f"not applicable: {why}", state="not applicable")


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
        started, largest = flow[0]["remaining"], max(flow, key=lambda row: int(row["left"] or 0))
        left = None if started is None else int(started) - int(flow[-1]["remaining"])
        why = f", most for: {largest['reason']} ({count(largest['left'])})" if largest["left"] else ""
        of = "" if started is None else f" of {count(started)}"
        lines.append(Prose.of(f"{'None' if left == 0 else count(left).capitalize()}{of} left the cohort{why}."))
    missing = cohort.most_missing(subject)
    if missing:
        words = ", ".join(f"{label} ({count(round(100 * k / of))} %)" for label, k, of in missing)
        lines.append(Prose.of(f"Most often unknown: {words}."))
    return tuple(lines)


def _good(subject: Subject) -> tuple[Block, ...]:
    blocks: list[Block] = [performance.headline(subject, cause) for cause in subject.causes]
    first = subject.causes[0]
    if hospitals.judged(subject):
        blocks += [_beside(subject, first), _hospitals(subject, first)]
    else:
        reason = "sites were not judged" if subject.facts("sites") else "the registry names no sites"
        blocks.append(Prose.of("Worst site, next hospital: ", Cell(f"MISSING: {reason}", state="missing")))
    if rivals.comparators_of(subject):
        better = rivals.better_than(subject)
        words = fact(None, missing="not compared") if better is None else better
        blocks.append(Prose.of("Against the nearest published score, same patients: ", words, "."))
    return tuple(blocks)


def _hospitals(subject: Subject, cause: str) -> Prose:
    """The worst hospital seen, and what one not yet seen should expect."""
    worst = hospitals.worst_site(subject, cause, subject.primary)
    parts: list[str | Cell] = ["Worst site: ", Cell("MISSING: no site has a number", state="missing")]
    if worst is not None:
        counts = f" (n {count(worst.n)}, {count(worst.events)} events)" if worst.n is not None else ""
        parts = [f"Worst site: {worst.population.removeprefix('site=')}, observed : expected ", number(worst), counts]
    ahead = hospitals.next_site(subject, "oe_ratio", cause, subject.primary)
    return Prose.of(*parts, ". Next hospital, 95 of 100: ", hospitals.span(ahead), ".")


def _beside(subject: Subject, cause: str) -> Prose:
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
    """The first findings of the appraisal, the widest gap between groups, then what was not looked at."""
    found = register.open_findings(subject)
    rows: list[tuple[Cell, ...]] = [
        (Cell(f"{row['code']} {row['title']}"), Cell(str(row["sentence"]))) for row in found[:_FINDINGS]
    ]
    if len(found) > _FINDINGS:
        rows.append((Cell("more findings"), Cell(f"{len(found) - _FINDINGS}, under Findings")))
    if not subject.table("findings"):
        rows.append((Cell("findings"), fact(None, missing="the evidence was not appraised in this run")))
    elif not found:
        none = "none that is not muted" if register.muted(subject) else "none"
        rows.append((Cell("findings"), Cell(f"{none} in {len(subject.table('findings'))} questions, under Findings")))
    if quiet := register.muted(subject):
        rows.append((Cell("muted"), Cell("; ".join(f"{code}: {reason}" for code, reason in sorted(quiet.items())))))
    groups_judged = bool(groups.subgroups_of(subject))
    gap = groups.widest_gap(subject) or ("none beyond chance" if groups_judged else "")
    rows.append((Cell("widest gap between groups"), fact(gap or None, missing="no subgroup was judged")))
    unknown = ", ".join(
        f"{label}: {k} of {of}" for label, k, of in cohort.most_missing(subject, most=1) if k / of >= 0.2
    )
    if unknown:
        rows.append((Cell("often unknown"), Cell(unknown)))
    left = [name for name, _ in points.not_checked(subject)]
    more = f"; and {len(left) - 4} more, under What was not checked" if len(left) > 4 else ""
    rows.append((Cell("not checked"), Cell("; ".join(left[:4]) + more)))
    return Grid("", ("", ""), tuple(rows), kind="pairs")
