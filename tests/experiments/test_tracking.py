from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.model_registry import Tracker
from experiments.results import RunFolder
from experiments.tracking import track
from training.evidence import Estimate, Evidence

STUDY: dict[str, Any] = {
    "name": "survival",
    "title": "Survival",
    "registry": "spine",
    "contract": "spine",
    "seed": 1,
    "predictors": ["age", "albumin"],
    "landmark_days": 0.0,
    "treatment_conditional": False,
    "eligibility": {},
    "endpoint": {
        "name": "overall_survival",
        "horizons_days": [90.0, 365.0],
        "primary_horizon_days": 365.0,
        "primary_cause": "died",
    },
    "recipes": [{"family": "cox"}],
    "tuning": {"trials": 3, "folds": 3},
    "designs": [{"design": "nested_cross_validation", "folds": 5, "repeats": 1}],
    "intervals": {"resamples": 100, "level": 0.95},
}
PLACE = {"cause": "died", "horizon_days": 365.0, "design": "nested_cross_validation", "n": 90, "events": 40}


@pytest.fixture
def run(tracked_root: Path) -> RunFolder:
    folder = RunFolder(tracked_root / "runs" / ("ab" * 8))
    estimates = [
        Estimate(
            "ipa", "ipcw_null_of_scored_data", model="chosen", value=0.1, low=0.05, high=0.15, level=0.95, **PLACE
        ),
        Estimate("ipa", "ipcw_null_of_scored_data", model="cox", value=0.09, population="site=S03", **PLACE),
        Estimate("auc", "ipcw", model="cox", state="not applicable", reason="no events", **PLACE),
    ]
    folder.write_json("study", STUDY)
    folder.write_json("run", {"run": "ab" * 32, "name": "survival"})
    folder.write_json("evidence", Evidence(tuple(estimates)).to_json())
    folder.write_json("patients", {"patients": [{"id": "0" * 32, "row": "1" * 32}], "withdrawn": []})
    return folder


def test_one_experiment_per_study_and_one_run_per_recipe(run: RunFolder, tracked_root: Path) -> None:
    tracker = Tracker.of(tracked_root)
    written = track(run, tracker)
    client = tracker.client()
    experiment = client.get_experiment_by_name("survival")
    found = {one.data.tags["spinecast_recipe"]: one for one in client.search_runs([experiment.experiment_id])}
    assert {one.info.run_id for one in found.values()} == set(written)
    assert sorted(found) == ["chosen", "cox"]
    key = "nested_cross_validation/ipa/ipcw_null_of_scored_data/died/365d"
    assert found["chosen"].data.metrics == {f"{key}/all": 0.1, f"{key}/all_low": 0.05, f"{key}/all_high": 0.15}
    assert found["cox"].data.metrics == {f"{key}/site-S03": 0.09}
    params = found["cox"].data.params
    assert (params["tuning.trials"], params["recipes.0.family"]) == ("3", "cox")
    assert json.loads(params["predictors"]) == ["age", "albumin"]


def test_documents_go_along_and_patients_stay(run: RunFolder, tracked_root: Path) -> None:
    track(run, Tracker.of(tracked_root))
    copied = {path.name for path in (tracked_root / "mlartifacts").rglob("*.json")}
    assert copied == {"study.json", "run.json", "evidence.json"}


def test_again_changes_nothing_and_a_torn_run_is_made_anew(run: RunFolder, tracked_root: Path) -> None:
    tracker = Tracker.of(tracked_root)
    written = track(run, tracker)
    assert track(run, tracker) == written
    client = tracker.client()
    client.update_run(written[0], status="RUNNING")  # as a kill in the middle leaves it
    mended = track(run, tracker)
    assert mended[0] != written[0]
    assert mended[1] == written[1]
    experiment = client.get_experiment_by_name("survival").experiment_id
    assert {one.info.run_id for one in client.search_runs([experiment])} == set(mended)
