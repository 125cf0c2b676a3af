"""Every number has its key, its state and its reason; JSON and back is the same."""

from __future__ import annotations

import json

import pytest

from training.evidence import Estimate, Evidence, EvidenceError


def slope() -> Estimate:
    return Estimate(
        "calibration_slope", "pseudo_cloglog", "died", 90.0, design="nested_cross_validation", model="chosen",
        value=1.02, low=0.9, high=1.14, level=0.95, method="bootstrap of patients", n=400, events=80,
    )  # fmt: skip


def test_evidence_survives_json_unchanged_and_so_does_its_digest() -> None:
    evidence = Evidence((slope(),), {"flow": [{"reason": "AIS E", "left": 12}]}, {"n": 400})
    back = Evidence.from_json(json.loads(json.dumps(evidence.to_json())))
    assert back == evidence
    assert back.digest == evidence.digest


def test_a_key_stands_once() -> None:
    with pytest.raises(EvidenceError, match="stand twice"):
        Evidence((slope(), slope()))


def test_a_number_that_could_not_be_measured_says_why() -> None:
    with pytest.raises(EvidenceError, match="has a reason"):
        Estimate("ici", "flexible_cox_rcs3", state="not applicable")
    with pytest.raises(EvidenceError, match="not finite"):
        Estimate("ici", "flexible_cox_rcs3", value=float("nan"))
    assert Estimate("ici", "flexible_cox_rcs3", state="not applicable", reason="3 events").value is None


def test_one_estimate_is_found_by_its_key_or_the_search_says_how_many_there_are() -> None:
    evidence = Evidence((slope(),))
    assert evidence.one(metric="calibration_slope", horizon_days=90.0).value == 1.02
    with pytest.raises(EvidenceError, match="found 0"):
        evidence.one(metric="ici")


def test_the_id_names_the_number_in_words() -> None:
    assert slope().id == "calibration_slope/pseudo_cloglog/died/90/all/nested_cross_validation/chosen"
