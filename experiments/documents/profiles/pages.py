"""Reporting profiles as pages: each question of a standard, its state, the answer and where the card holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, final

from experiments.declared import FACTS
from experiments.documents.page import Block, Cell, Grid, Page, Prose, Section
from experiments.documents.profiles.answers import Answer, Row, State, overall
from experiments.documents.profiles.facts import answer
from experiments.documents.profiles.hti1 import HTI_1
from experiments.documents.profiles.tripod import TRIPOD_AI, TRIPOD_CLUSTER
from experiments.documents.subject import Subject

_NO_SCORE = (
    "A standard of reporting says what must be told, not how good a model is: this count is no measure of quality. "
    "A row counts as answered only where every part of it is; one part missing leaves it missing."
)


@final
@dataclass(frozen=True)
class Standard:
    """A reporting standard: its name, where it is published, and its tables of rows."""

    title: str
    source: str
    tables: tuple[tuple[str, tuple[Row, ...]], ...]


STANDARDS: Final[dict[str, Standard]] = {
    "tripod-ai": Standard(
        "TRIPOD+AI",
        "Collins et al., BMJ 2024;385:e078378, with what TRIPOD-Cluster adds (Debray et al., BMJ 2023;380:e071018). "
        "Questions are paraphrased.",
        (("TRIPOD+AI", TRIPOD_AI), ("TRIPOD-Cluster", TRIPOD_CLUSTER)),
    ),
    "hti-1": Standard(
        "HTI-1 source attributes",
        "45 CFR 170.315(b)(11)(iv)(B), the 31 source attributes; labels are shortened.",
        (("HTI-1", HTI_1),),
    ),
}
"""Profile → standard, by the name of its files."""


def profile_page(name: str, subject: Subject) -> Page:
    """The profile of this name in `STANDARDS`."""
    standard = STANDARDS[name]
    model = str(subject.identity.get("name") or subject.study.get("name") or "model")
    version = subject.identity.get("version")
    front: list[Block] = [Prose.of(counted(title, rows, subject)) for title, rows in standard.tables]
    return Page(
        kind="reporting profile",
        title=f"{standard.title}: {model}" + (f", version {version}" if version is not None else ", not yet released"),
        lead=standard.source,
        band=subject.band,
        front=(Section("count", "How many rows are answered", (*front, Prose.of(_NO_SCORE, tone="note"))),),
        sections=tuple(
            Section(f"rows-{k}", title, (_table(title, rows, subject),))
            for k, (title, rows) in enumerate(standard.tables, 1)
        ),
        foot=_foot(subject),
    )


def counted(title: str, rows: Sequence[Row], subject: Subject) -> str:
    """How many rows stand in which state, and how many of those that a run can fill are filled by it."""
    answers = {row.code: [answer(subject, fact) for fact in row.facts] for row in rows}
    states = Counter(overall(found) for found in answers.values())
    listed = ", ".join(
        f"{states.get(state, 0)} {state}" for state in ("measured", "declared", "not applicable", "missing")
    )
    run = [row for row in rows if row.filled == "run"]
    both = [row for row in rows if row.filled == "both"]
    whole = sum(1 for row in run if overall(answers[row.code]) != "missing")
    facts = sum(1 for row in both if _run_part(row, answers[row.code]))
    partly = f"; of {len(both)} that it can fill in part, its facts stand in {facts}" if both else ""
    return f"{title}: {len(rows)} rows: {listed}. Of {len(run)} that a run can fill, {whole} are filled{partly}."


def _run_part(row: Row, found: Sequence[Answer]) -> bool:
    """Whether what the run can say of this row is said, whatever a person has left out."""
    own = [one for fact, one in zip(row.facts, found, strict=True) if fact not in FACTS]
    return bool(own) and overall(own) != "missing"


def _table(title: str, rows: Sequence[Row], subject: Subject) -> Grid:
    lines = []
    for row in rows:
        found = [answer(subject, fact) for fact in row.facts]
        state = overall(found)
        where = ", ".join(dict.fromkeys(one.where for one in found if one.where))
        lines.append(
            (
                Cell(row.code),
                Cell(f"{row.topic}: {row.asks}"),
                Cell(state if state != "missing" else "MISSING", state=_shown(state)),
                Cell(" ".join(one.sentence for one in found), state=_shown(state) if _alike(found) else ""),
                Cell(where or "–"),
            )
        )
    columns = ("row", "question", "state", "answer", "in the card under")
    return Grid(title, columns, tuple(lines), name=f"profile-{title.lower().replace(' ', '-').replace('+', '-')}")


def _alike(found: Sequence[Answer]) -> bool:
    return len({one.state for one in found}) == 1


def _shown(state: State) -> Literal["", "declared", "missing", "not applicable"]:
    return "" if state == "measured" else state


def _foot(subject: Subject) -> Prose:
    digest = subject.identity.get("model_digest") or "MISSING: the bundle is not yet written"
    return Prose.of(f"Model digest {digest} · evidence digest {subject.evidence_digest}", tone="note")
