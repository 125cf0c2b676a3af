"""The findings register and the sample size: what was asked of the evidence against limits set before, and answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, decimal, fact, plain

_ORDER: Final = {"found": 0, "passed": 1, "not applicable": 2}
_DECISIVE: Final = ("PM018", "PM020", "PM029")
"""Nothing to predict; too good to be true; a predictor that may know the outcome."""


def open_findings(subject: Subject) -> list[Mapping[str, Any]]:
    """What was found and not muted: first what decides whether any other number means anything, then by code."""
    found = [
        row for row in subject.table("findings") if row.get("state") == "found" and row["code"] not in muted(subject)
    ]
    return sorted(found, key=lambda row: row["code"] not in _DECISIVE)


def muted(subject: Subject) -> Mapping[str, str]:
    """Code of a finding → why somebody has muted it. It stays found: a mute is a remark, and changes no verdict."""
    return subject.decision.get("muted") or {}


def findings(subject: Subject) -> tuple[Block, ...]:
    """Every question with its answer, threshold and source; what was found first."""
    rows = sorted(subject.table("findings"), key=lambda row: (_ORDER.get(str(row.get("state")), 3), str(row["code"])))
    if not rows:
        words = "MISSING: the evidence was not appraised in this run. try: spinecast appraise RUN"
        return (Prose((Cell(words, state="missing"),)),)
    states, quiet = [str(row.get("state")) for row in rows], muted(subject)
    line = ", ".join(f"{states.count(state)} {state}" for state in _ORDER)
    lines = tuple(
        (
            Cell(str(row["code"])),
            Cell(str(row["title"])),
            Cell(
                f"{row['state']}, muted" if row["code"] in quiet else str(row["state"]),
                state="not applicable" if row["state"] == "not applicable" else "",
            ),
            Cell(str(row["sentence"]), f"Muted: {quiet[row['code']]}" if row["code"] in quiet else ""),
            Cell(str(row.get("threshold") or "–")),
            Cell(str(row.get("source") or "–")),
        )
        for row in rows
    )
    note = "A question that could not be asked has not passed. Each limit was set before the result was seen."
    columns = ("code", "what is looked for", "state", "answer", "counts as found from", "source of the limit")
    return (
        Prose.of(f"{len(rows)} questions: {line}{f'; {len(quiet)} of those found are muted' if quiet else ''}."),
        Grid("Findings", columns, lines, note=note, name="findings_register"),
    )


def sample_size(subject: Subject) -> tuple[Block, ...]:
    """Riley's criteria, for developing and for judging, against the patients there are."""
    rows = subject.table("sample_size")
    if not rows:
        words = "MISSING: the sample size was not computed in this run"
        return (Prose((Cell(words, state="missing"),)),)
    blocks: list[Block] = [_verdict(subject)]
    for purpose, words in (("development", "To develop"), ("evaluation", "To judge precisely")):
        lines = tuple(
            (
                Cell(plain(row.get("recipe") or "–")),
                Cell(subject.label(str(row["cause"])) if row.get("cause") else "–"),
                Cell(days(row.get("horizon_days"))),
                Cell(str(row["criterion"])),
                Cell(str(row.get("target") or "–")),
                _whole(row.get("needed_n")),
                _whole(row.get("available")),
                Cell({True: "met", False: "not met"}.get(row.get("met"), "not applicable")),  # type: ignore[arg-type]
            )
            for row in rows
            if str(row.get("purpose", "development")) == purpose
        )
        if lines:
            columns = ("recipe", "cause", "horizon", "criterion", "target", "patients needed", "patients", "verdict")
            blocks.append(Grid(words, columns, lines, name=f"sample_size-{purpose}"))
    sources = "; ".join(dict.fromkeys(str(row["source"]) for row in rows if row.get("source")))
    blocks.append(
        Prose.of(f"Sources: {sources}. A floor: learners that are free to find any shape need more.", tone="note")
    )
    return tuple(blocks)


def _verdict(subject: Subject) -> Prose:
    words = {True: "every criterion is met", False: "NOT every criterion is met", None: "not stated"}
    met, precise = subject.facts("sample_size_met"), subject.facts("evaluation_precision_met")
    return Prose.of(
        f"For developing {words.get(met, 'not stated')}; for judging precisely {words.get(precise, 'not stated')}. ",
        "Expected Cox–Snell R²: ",
        fact(subject.facts("anticipated_r2"), missing="not stated"),
        ".",
    )


def _whole(value: Any) -> Cell:
    if value is None:
        return Cell("–")
    return Cell(
        count(value) if float(value).is_integer() else decimal(float(value), 0), value=float(value), numeric=True
    )
