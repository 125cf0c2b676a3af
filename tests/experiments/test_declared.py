"""What people declare: read whole or refused whole, never guessed; a draft asks everything and answers nothing."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from experiments.declared import FACTS, QUESTIONS, Declared, DeclaredError, facts_draft, facts_path


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.facts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_that_is_not_there_declares_nothing(tmp_path: Path) -> None:
    assert Declared.from_toml(tmp_path / "none.facts.toml") == Declared()
    assert Declared().missing == tuple(FACTS)


def test_facts_are_read_with_who_has_read_them(tmp_path: Path) -> None:
    text = 'reviewed_by = "A. Reader"\nreviewed_on = 2026-11-20\nfunding = """none\n  at all"""\n'
    found = Declared.from_toml(written(tmp_path, text + 'ethics = { not_applicable = "synthetic" }\ncontact = " "\n'))
    assert found.said == {"funding": "none at all"}
    assert found.not_applicable == {"ethics": "synthetic"}
    assert (found.reviewed_by, found.reviewed_on) == ("A. Reader", "2026-11-20")
    assert "contact" in found.missing
    assert not {"funding", "ethics"} & set(found.missing)
    assert Declared.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('fundin = "none"', 'fundin: unknown fact. Did you mean "funding"?'),
        ("funding = 3", 'funding: expected a text, or { not_applicable = "reason" }'),
        ('funding = { because = "no" }', "funding: expected a text"),
        ('funding = { not_applicable = " " }', "funding: expected a text"),
        ('reviewed_by = "A"', "a review has a name and a date"),
        ('reviewed_by = "A"\nreviewed_on = "yesterday"', "reviewed_on: expected a date"),
        ("funding = ", "no TOML"),
    ],
)
def test_a_wrong_fact_is_refused_with_what_to_write_instead(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DeclaredError) as raised:
        Declared.from_toml(written(tmp_path, text))
    assert words in str(raised.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(DeclaredError, match="2 faults") as raised:
        Declared.from_toml(written(tmp_path, "funding = 3\nethic = 4"))
    assert "funding" in str(raised.value)
    assert 'Did you mean "ethics"?' in str(raised.value)


def test_a_draft_asks_every_question_and_answers_none() -> None:
    text = facts_draft("mine")
    assert Declared.from_json(tomllib.loads(text)) == Declared()
    assert all(asks in text for group in QUESTIONS.values() for asks in group.values())
    # Uncommented, every key of the draft is one that is read.
    answered = "\n".join(line.removeprefix("# ") for line in text.splitlines() if line.endswith('= ""'))
    assert set(tomllib.loads(answered)) == {*FACTS, "reviewed_by"}


def test_the_facts_of_the_default_studies_are_read(root: Path) -> None:
    for name in ("survival", "recovery"):
        found = Declared.from_toml(facts_path(root, name))
        assert {"intended_use", "not_for", "horizons"} <= set(found.said)
        assert found.not_applicable["ethics"] == "synthetic patients"
        assert "funding" in found.missing
