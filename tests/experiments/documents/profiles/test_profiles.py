"""Each row of a standard is answered once, by a state that its facts have earned; a part missing leaves it missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from experiments.declared import FACTS, Declared
from experiments.documents.profiles.answers import Answer, overall
from experiments.documents.profiles.hti1 import HTI_1
from experiments.documents.profiles.of_data import DATA_FACTS
from experiments.documents.profiles.of_model import MODEL_FACTS
from experiments.documents.profiles.tripod import TRIPOD_AI, TRIPOD_CLUSTER

EVERYTHING = Declared({name: f"said about {name}" for name in FACTS}, {}, "A. Reader", "2026-11-20")


def rows_of(parts: Any, profile: str, table: int = 0) -> dict[str, dict[str, str]]:
    page = json.loads(parts.rendered()[f"profiles/{profile}.json"])
    lines = page["sections"][table]["blocks"][0]["rows"]
    return {line[0]["text"]: {"state": line[2]["text"], "answer": line[3]["text"]} for line in lines}


def count_line(parts: Any, profile: str) -> str:
    found: str = json.loads(parts.rendered()[f"profiles/{profile}.json"])["page_one"][0]["blocks"][0]["prose"][0][
        "text"
    ]
    return found


def test_the_standards_have_as_many_rows_as_they_publish() -> None:
    assert len(TRIPOD_AI) == len({row.code for row in TRIPOD_AI}) == 52
    by = [sum(row.filled == who for row in TRIPOD_AI) for who in ("run", "both", "person")]
    assert by == [22, 14, 16]
    assert [row.code for row in HTI_1] == [str(k) for k in range(1, 32)]
    assert len({row.code for row in TRIPOD_CLUSTER}) == len(TRIPOD_CLUSTER)


def test_every_row_is_answered_by_facts_that_exist_and_every_fact_of_a_run_answers_a_row() -> None:
    known = {*DATA_FACTS, *MODEL_FACTS, *FACTS}
    rows = (*TRIPOD_AI, *TRIPOD_CLUSTER, *HTI_1)
    asked = {fact for row in rows for fact in row.facts}
    assert asked <= known
    assert not set(FACTS) & {*DATA_FACTS, *MODEL_FACTS}
    for row in rows:
        by_run = [fact not in FACTS for fact in row.facts]
        assert any(by_run) if row.filled == "run" else True, row.code
        assert not any(by_run) if row.filled == "person" else True, row.code


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        (["measured", "missing"], "missing"),
        (["measured", "declared"], "measured"),
        (["declared", "not applicable"], "declared"),
        (["not applicable", "not applicable"], "not applicable"),
    ],
)
def test_one_missing_part_leaves_the_row_missing(states: list[Any], whole: str) -> None:
    assert overall([Answer(state, "words") for state in states]) == whole


def test_what_nobody_declared_is_missing_with_its_question_and_what_was_declared_is_said(survival: Any) -> None:
    rows = rows_of(survival, "tripod-ai")
    assert rows["18a"] == {
        "state": "MISSING",
        "answer": "MISSING: nobody has answered “Who paid, and what was their part?”",
    }
    assert rows["18d"] == {
        "state": "not applicable",
        "answer": "not applicable: a retrospective study of routine data.",
    }
    assert rows_of(survival.changed(declared=EVERYTHING), "tripod-ai")["18a"]["state"] == "declared"


def test_the_count_line_counts_the_rows_below_it(either: Any) -> None:
    for parts in (either, either.changed(declared=EVERYTHING)):
        states = [row["state"].lower() for row in rows_of(parts, "tripod-ai").values()]
        line = count_line(parts, "tripod-ai")
        assert line.startswith("TRIPOD+AI: 52 rows:")
        for state in ("measured", "declared", "not applicable", "missing"):
            found = re.search(rf"(\d+) {state}", line)
            assert found
            assert int(found[1]) == states.count(state)


def test_a_fact_that_leaves_the_evidence_leaves_its_rows(survival: Any) -> None:
    evidence = survival.evidence
    bare = {name: rows for name, rows in evidence.tables.items() if name not in ("table_one", "flow")}
    poorer = survival.changed(evidence=replace(evidence, tables=bare))
    assert rows_of(survival, "tripod-ai")["20b"]["state"] == "measured"
    for code in ("6b", "11", "20a", "20b"):
        assert rows_of(poorer, "tripod-ai")[code]["state"] == "MISSING"


def test_no_row_is_answered_by_silence(either: Any) -> None:
    for profile, table in (("tripod-ai", 0), ("tripod-ai", 1), ("hti-1", 0)):
        for code, row in rows_of(either, profile, table).items():
            assert len(row["answer"]) > 8, (profile, code)


def test_the_card_of_a_bare_run_claims_nothing(survival: Any) -> None:
    """Without evidence no row is measured that speaks of patients or of performance."""
    bare = survival.changed(evidence=type(survival.evidence)(), identity={}, decision={}, declared=Declared())
    rows = rows_of(bare, "tripod-ai")
    for code in ("5b", "6b", "10", "12a", "12c", "20a", "20b", "21", "22", "23a"):
        assert rows[code]["state"] == "MISSING", code
