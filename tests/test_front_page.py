"""What the front page promises exists: its commands, its files, its length."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.cli import VERBS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z]+):.*##", MAKEFILE, flags=re.MULTILINE)


def test_the_front_page_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_the_makefile_has_the_targets_that_the_house_agreed_on_and_documents_each() -> None:
    agreed = "help setup study test check fix serve bento golden bench clean"
    assert sorted(TARGETS) == sorted(agreed.split())


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make ([a-z]+)", README))))
def test_every_make_command_of_the_front_page_is_a_target(target: str) -> None:
    assert target in TARGETS


@pytest.mark.parametrize(
    "verb", sorted(set(re.findall(r"(?:^|&& |/)spinecast ([a-z]+)", README + MAKEFILE, re.MULTILINE)))
)
def test_every_verb_of_the_front_page_is_a_verb(verb: str) -> None:
    assert verb in VERBS


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([A-Z]+(?:\.md)?)\)", README))))
def test_every_page_that_it_leads_to_is_there(link: str) -> None:
    assert (ROOT / link).is_file()


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:features|training|experiments|serving|configs)/)`", README)))
)
def test_every_room_is_there(path: str) -> None:
    assert (ROOT / path).is_dir()
