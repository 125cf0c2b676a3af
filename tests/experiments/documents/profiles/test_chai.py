"""The CHAI card: valid against the published schema, and whole by the checks that the schema does not make."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from experiments.declared import Declared
from experiments.documents import DocumentError
from experiments.documents.profiles.chai import chai_card, chai_faults
from experiments.documents.rendering import subject_of

SHARED = Path(os.environ.get("SPINECAST_SHARED", Path(__file__).resolve().parents[4].parent / "shared"))
SCHEMA = SHARED / "standards" / "chai-applied-model-card-v0.2.xsd"
XS = "{http://www.w3.org/2001/XMLSchema}"
MC = "{https://mc.chai.org/v0.2/schema.xsd}"
HOSTILE = "</ModelName><script>&\x00\x0b\ud800]]>"


def schema_faults(element: ET.Element, declared: ET.Element, types: dict[str, ET.Element]) -> list[str]:
    """What this schema asks, which is sequences of elements with their numbers: no attributes, no other content."""
    name, kind = declared.get("name"), declared.get("type", "")
    inner = declared.find(f"{XS}complexType")
    inner = types.get(kind.removeprefix("mc:")) if inner is None else inner
    faults = [f"{name}: an attribute"] if element.attrib else []
    if inner is None:
        return faults + ([f"{name}: a leaf with children"] if len(element) else [])
    sequence = inner.find(f"{XS}sequence")
    assert sequence is not None
    found, at = list(element), 0
    repeated = sequence.get("maxOccurs") == "unbounded"  # in this schema a sequence of one element alone
    for wanted in sequence.findall(f"{XS}element"):
        least = 0 if repeated else int(wanted.get("minOccurs", "1"))
        most = "unbounded" if repeated else wanted.get("maxOccurs", "1")
        seen = 0
        while at < len(found) and found[at].tag == f"{MC}{wanted.get('name')}":
            faults += schema_faults(found[at], wanted, types)
            at, seen = at + 1, seen + 1
        if seen < least or (most != "unbounded" and seen > int(most)):
            faults.append(f"{name}: {seen} {wanted.get('name')}")
    return faults + [f"{name}: {one.tag} not expected here" for one in found[at:]]


def faults_of(xml: bytes) -> list[str]:
    schema = ET.parse(SCHEMA).getroot()
    types = {one.get("name", ""): one for one in schema.findall(f"{XS}complexType")}
    root = schema.find(f"{XS}element")
    assert root is not None
    card = ET.fromstring(xml)
    return ([] if card.tag == f"{MC}{root.get('name')}" else ["the root"]) + schema_faults(card, root, types)


needs_schema = pytest.mark.skipif(not SCHEMA.is_file(), reason="the schema lies in ../shared/standards")


@needs_schema
def test_the_checker_accepts_the_smallest_card_and_refuses_a_reordered_one() -> None:
    smallest = (SHARED / "standards" / "chai-minimal-valid.xml").read_bytes()
    assert faults_of(smallest) == []
    assert faults_of(smallest.replace(b"<ModelDeveloper>Example registry group</ModelDeveloper>", b""))
    assert faults_of(smallest.replace(b"ReleaseStage>", b"Stage>"))


@needs_schema
def test_the_card_is_valid_whatever_is_missing(either: Any) -> None:
    assert faults_of(either.rendered()["profiles/chai.xml"]) == []
    bare = either.changed(evidence=type(either.evidence)(), identity={}, decision={}, declared=Declared())
    assert faults_of(bare.rendered()["profiles/chai.xml"]) == []


def leaves(xml: bytes, name: str) -> list[str]:
    return [one.text or "" for one in ET.fromstring(xml).iter(f"{MC}{name}")]


def test_no_leaf_is_empty_and_what_is_missing_says_so_with_the_reason(either: Any) -> None:
    xml = either.rendered()["profiles/chai.xml"]
    assert all((one.text or "").strip() for one in ET.fromstring(xml).iter() if len(one) == 0)
    assert leaves(xml, "FundingSource") == ["Not provided: nobody has answered “Who paid, and what was their part?”"]
    assert leaves(xml, "DeveloperContact") == ["registry office."]


def test_every_number_is_an_estimate_with_its_interval(survival: Any) -> None:
    xml = survival.rendered()["profiles/chai.xml"]
    shown = [json.loads(text) for text in leaves(xml, "ValueJson")]
    known = {(e.value, e.low, e.high) for e in survival.evidence.estimates}
    spans = [(one["estimate"], one["lower"], one["upper"]) for one in shown if one["kind"] == "estimate_ci"]
    assert len(spans) >= 12
    assert set(spans) <= known
    assert all(one["level"] == 95 for one in shown if one["kind"] == "estimate_ci")


def test_text_of_people_stays_text(survival: Any) -> None:
    xml = survival.changed(declared=Declared({"owner": HOSTILE.replace("\ud800", "")})).rendered()["profiles/chai.xml"]
    assert leaves(xml, "ModelDeveloper") == ["</ModelName><script>&]]>."]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"<ReleaseVersion>1<", b"<ReleaseVersion>2<", "version 2 is not that of the model"),
        (b"<ReleaseDate>2026-11-25<", b"<ReleaseDate>last week<", "no ISO 8601 date"),
        (b"registry office.", b" ", "DeveloperContact is empty"),
        (b'"kind": "estimate_ci"', b'"kind": "guess"', "unknown kind guess"),
        (b'"upper": ', b'"upper": -', "does not hold its estimate"),
        (b'"estimate": 1', b'"estimate": 7', "a number that is in no estimate"),
    ],
)
def test_a_card_that_the_schema_accepts_is_refused_where_its_content_is_wrong(
    survival: Any, old: bytes, new: bytes, words: str
) -> None:
    subject = subject_of(
        survival.evidence,
        survival.study,
        survival.contract,
        survival.identity,
        {**survival.decision, "date": "2026-11-25"},
        survival.declared,
    )
    card = chai_card(subject)
    assert list(chai_faults(card, subject)) == []
    assert old in card
    assert any(words in fault for fault in chai_faults(card.replace(old, new), subject))


def test_a_release_date_that_is_no_date_stops_the_rendering(survival: Any) -> None:
    with pytest.raises(DocumentError, match="no ISO 8601 date"):
        survival.changed(decision={**survival.decision, "date": "soon"}).rendered()
