"""Every format that was ever released still opens and says what it said.

`fixtures/bundle_format_1` was written once, from 500 synthetic patients, and is never written again: where it no longer
opens, a hospital's champion no longer opens.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from training.bundle import open_bundle, verify_bundle

FIXTURES = Path(__file__).parent / "fixtures"


def test_a_bundle_of_format_1_opens_and_answers_as_it_did() -> None:
    bundle = open_bundle(FIXTURES / "bundle_format_1")
    said = json.loads((FIXTURES / "bundle_format_1_answers.json").read_text(encoding="utf-8"))
    patients = pd.DataFrame(said["patients"])
    frame = patients.astype({"deficit_duration": float, "albumin": float, "age_at_treatment": float})
    answer = bundle.model.predict(frame, times=said["times_days"]).mean
    assert bundle.manifest.format == 1
    assert bundle.model.causes == tuple(said["causes"])
    assert np.abs(answer.incidence - np.array(said["incidence"])).max() < 1e-12


def test_a_bundle_of_format_1_is_whole_and_keeps_its_record() -> None:
    bundle = open_bundle(FIXTURES / "bundle_format_1")
    assert verify_bundle(FIXTURES / "bundle_format_1") == []
    assert bundle.model_digest == "4218732e32044a5ad70d10a0250ad1df443ef051a56512225ea16eca5cdc8a88"
    assert bundle.study["endpoint_description"]["population"]["field"] == "ais_grade"
    assert bundle.evidence.facts["n"] > 0
    assert bundle.decision["verdict"] == "promoted"
    assert bundle.documents.keys() == {"card.md"}
