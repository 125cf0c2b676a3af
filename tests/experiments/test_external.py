"""A released model in a cohort that had no part in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiments.cli import main
from experiments.external import TAUGHT, judge_elsewhere
from experiments.results import RunFolder
from experiments.run import run_study
from features.contract import Contract, ContractError
from tests.small_study import bundled, extract, small_study, spine
from training.bundle import Bundle, open_bundle
from training.evidence import Evidence


@pytest.fixture(scope="module")
def contract() -> Contract:
    return spine()


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extract(tmp_path_factory.mktemp("taught"), patients=250, sites=3)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extract(tmp_path_factory.mktemp("elsewhere"), patients=250, seed=2, sites=3)


@pytest.fixture(scope="module")
def run(root: Path, contract: Contract, taught: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(root / "configs", project / "configs")
    return run_study(small_study("comparators=['tomita', 'nesms']"), contract, taught, project)


@pytest.fixture(scope="module")
def folder(run: RunFolder) -> Path:
    return bundled(run, run.path.parents[1] / "bundle")


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return open_bundle(folder)


def test_the_frozen_model_is_judged_on_every_patient_once(bundle, elsewhere, contract, run):
    found = judge_elsewhere(bundle, elsewhere, contract, root=run.path.parents[1])
    evidence = found.evidence
    assert {e.design for e in evidence.estimates} == {"external", "data"}
    one = evidence.one(metric="harrell_c", horizon_days=365.0, population="all", model="chosen")
    assert one.n == evidence.facts["n"] == evidence.tables["flow"][-1]["remaining"]
    assert 0.5 < one.low < one.value < one.high
    assert evidence.find(metric="oe_ratio", population="site=S01")
    assert evidence.facts["external"]["model"] == "survival@1"
    assert b"external cohort" in found.documents["calibration-report.html"]


def test_published_scores_stand_beside_it_as_published_and_learn_nothing_there(bundle, elsewhere, contract):
    evidence = judge_elsewhere(bundle, elsewhere, contract).evidence
    assert evidence.facts["comparators"] == ["tomita", "nesms"]
    by = {"metric": "harrell_c", "horizon_days": None, "design": "external"}
    assert evidence.one(model="tomita", **by).n == evidence.one(model="chosen", population="all", **by).n
    assert not [e for e in evidence.estimates if e.model.endswith("_recalibrated")]
    assert {row["comparator"] for row in evidence.tables["comparator_differences"]} == {"tomita", "nesms"}


def test_the_same_cohort_gives_the_apparent_numbers_when_nobody_knows_who_taught(bundle, taught, contract, run):
    found = judge_elsewhere(bundle, taught, contract)
    assert "not known" in found.remarks[0]
    for metric in ("harrell_c", "oe_ratio", "brier", "calibration_slope"):
        for one in found.evidence.find(metric=metric, population="all", model="chosen"):
            apparent = run.evidence.one(
                metric=metric,
                estimator=one.estimator,
                horizon_days=one.horizon_days,
                cause=one.cause,
                design="apparent",
            )
            assert one.value == pytest.approx(apparent.value, abs=1e-9)


def test_whoever_taught_the_model_leaves_and_is_counted(bundle, taught, elsewhere, contract, run, tmp_path):
    root, mixed = run.path.parents[1], tmp_path / "mixed"
    mixed.mkdir()
    for path in taught.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        ids = sorted(pd.read_csv(taught / "patient.csv", dtype=str)["patient_id"])
        other = pd.read_csv(elsewhere / path.name, dtype=str, keep_default_na=False)
        other["patient_id"] = "X" + other["patient_id"]
        both = [table[table["patient_id"].isin(ids[:100])], other] if "patient_id" in table else [table]
        pd.concat(both).to_csv(mixed / path.name, index=False)
    found = judge_elsewhere(bundle, mixed, contract, root=root)
    (step,) = [row for row in found.evidence.tables["flow"] if row["reason"] == TAUGHT]
    assert 50 < step["left"] <= 100
    assert f"{step['left']} patients had taught the model" in found.remarks[0]
    alone = judge_elsewhere(bundle, elsewhere, contract, root=root)
    assert found.evidence.facts["n"] == alone.evidence.facts["n"]


def test_ids_that_are_known_are_said_and_leave_when_the_registry_is_the_same(bundle, contract, run, tmp_path):
    root, later = run.path.parents[1], extract(tmp_path, patients=400, seed=2, sites=3)
    loose = judge_elsewhere(bundle, later, contract, root=root)
    known = loose.evidence.facts["external"]["known_ids"]
    assert known > 0
    assert f"{known} ids are also ids of the model's teachers" in loose.remarks[0]
    strict = judge_elsewhere(bundle, later, contract, root=root, new_only=True)
    assert strict.evidence.facts["n"] == loose.evidence.facts["n"] - known


def test_a_field_that_means_something_else_is_refused_by_name(bundle, elsewhere, contract, run):
    fields = tuple(
        one.model_copy(update={"unit": "g/L"}) if one.name == "albumin" else one
        for one in contract.fields
        if one.name != "ecog"
    )
    other = contract.model_copy(update={"fields": fields})
    with pytest.raises(ContractError) as caught:
        judge_elsewhere(bundle, elsewhere, other)
    assert "2 fields" in str(caught.value)
    assert "albumin: number in g/dL, here number in g/L" in str(caught.value)
    assert "ecog: not in the contract" in str(caught.value)


def test_the_verb_writes_evidence_and_report_and_prints_the_numbers(folder, elsewhere, run, monkeypatch, capsys):
    monkeypatch.chdir(run.path.parents[1])
    assert main(["validate", str(folder), "--tables", str(elsewhere)]) == 0
    said = capsys.readouterr().out
    (place,) = (run.path.parents[1] / "external").iterdir()
    evidence = Evidence.from_json(json.loads((place / "evidence.json").read_text(encoding="utf-8")))
    assert (place / "calibration-report.html").is_file()
    assert f"{evidence.facts['n']} patients" in said
    (ratio,) = [
        one for one in evidence.find(metric="oe_ratio", model="chosen", population="all") if one.horizon_days == 90
    ]
    assert f"{ratio.value:6.3f}" in said
    lines = [line for line in said.splitlines() if "observed/expected" in line]
    assert len(lines) == len(
        {line.split("died")[1].split()[1] for line in lines}
    )  # the model's own alone: one a horizon
