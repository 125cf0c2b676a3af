"""From a study file and an extract to a finished run folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.documents.table_guide import TABLES, meaning
from experiments.plan import plan
from experiments.results import RunError, RunFolder, find_run, list_runs
from experiments.run import run_study
from experiments.study import Study, StudyError
from features.contract import Contract, ContractError
from features.registries.synthetic import SyntheticSettings, simulate, write_extract
from training.resampling import keyed_hashes

ROOT = Path(__file__).resolve().parents[2]
QUICK = (
    "tuning.trials=2",
    "tuning.folds=2",
    'designs=[{design="nested_cross_validation", folds=2, repeats=1}, {design="leave_one_site_out"}, '
    '{design="bootstrap", replicates=10}, {design="temporal", share=0.7}]',
    "intervals.resamples=20",
    "comparators=[]",
    "subgroups=[]",
    'recipes=[{family="cox"}, {family="cox", name="cox_short", predictors=["ecog"], settings={time_varying=["ecog"]}}]',
    'predictors=["age_at_treatment", "ecog", "albumin", "primary_site", "ais_grade", "oligometastatic"]',
)
RECOVERY = (*QUICK[:-1], 'predictors=["ais_grade", "deficit_duration", "ecog", "bladder_dysfunction"]')


def study(name: str = "survival", *more: str) -> Study:
    quick = QUICK if name == "survival" else RECOVERY
    return Study.from_toml(ROOT / "configs" / "studies" / f"{name}.toml", (*quick, *more))


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.from_toml(ROOT / "configs" / "registries" / "spine.toml")


@pytest.fixture(scope="module")
def extract(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("extract")
    write_extract(simulate(SyntheticSettings(patients=400, seed=1, sites=3)), folder)
    return folder


@pytest.fixture(scope="module")
def run(contract, extract, tmp_path_factory) -> RunFolder:
    return run_study(study(), contract, extract, tmp_path_factory.mktemp("root"))


def numbers(folder: RunFolder) -> dict[str, tuple]:
    return {e.id: (e.value, e.low, e.high, e.n, e.events, e.state) for e in folder.evidence.estimates}


def same(one: RunFolder, other: RunFolder, tolerance: float) -> bool:
    a, b = numbers(one), numbers(other)
    return a.keys() == b.keys() and all(
        np.allclose(
            [np.nan if x is None else x for x in a[key][:5]],
            [np.nan if x is None else x for x in b[key][:5]],
            rtol=0,
            atol=tolerance,
            equal_nan=True,
        )
        for key in a
    )


def test_a_run_is_a_folder_that_says_everything(run, contract):
    assert run.finished
    assert run.study == study()
    assert run.contract == contract
    assert run.json("study")["endpoint_description"]["name"] == "overall_survival"
    assert run.evidence.digest == run.json("done")["evidence"]
    evidence = run.evidence
    assert {e.design for e in evidence.estimates} >= {"nested_cross_validation", "leave_one_site_out", "apparent"}
    assert {e.model for e in evidence.find(design="nested_cross_validation")} >= {
        "chosen",
        "cox",
        "cox_short",
        "kaplan_meier",
    }
    assert {"flow", "table_one", "tuning", "refits", "sites", "coefficients", "calibration_curve"} <= set(
        evidence.tables
    )
    assert evidence.tables["flow"][-1]["remaining"] == evidence.facts["n"]
    assert sum(evidence.facts["events"].values()) + evidence.facts["censored"] == evidence.facts["n"]
    assert evidence.facts["chosen"] in ("cox", "cox_short")
    assert evidence.find(population="site=S01", design="leave_one_site_out")


def unexplained(evidence) -> set[str]:
    """Tables and columns that the guide beside the documents says nothing of; a cause is its own column's name."""
    columns = {column for rows in evidence.tables.values() for row in rows for column in row}
    silent = {column for column in columns if meaning(column) is None and column not in evidence.facts["events"]}
    return silent | {name for name, rows in evidence.tables.items() if rows and name not in TABLES}


def test_every_table_of_the_evidence_and_every_column_of_it_is_explained(run):
    assert unexplained(run.evidence) == set()


def test_weights_given_the_predictors_stand_beside_the_marginal_ones_and_which_comes_first_is_said(run):
    evidence = run.evidence
    assert evidence.facts["headline_weights"] == "marginal"
    telling = evidence.one(metric="censoring_c", estimator="out_of_sample_cox")
    assert (telling.n, telling.events) == (evidence.facts["n"], evidence.facts["censored"])
    for design in ("nested_cross_validation", "temporal", "apparent"):
        for estimator in ("ipcw", "ipcw_given_predictors"):
            assert evidence.find(metric="brier", estimator=estimator, design=design, model="chosen", population="all")
    assert {"decision_curve", "risk_by_outcome"} <= set(evidence.tables)


def test_a_temporal_set_has_an_observed_risk_of_its_own(run):
    key = {"metric": "observed_risk", "population": "all", "cause": "died", "horizon_days": 365.0}
    whole, own = (run.evidence.one(**key, design=design) for design in ("data", "temporal"))
    assert whole.n == run.evidence.facts["n"] > own.n


def test_the_stored_model_answers_and_the_predictions_are_kept(run):
    model = run.model()
    assert model.predictors == study().predictors
    nested = run.predictions("nested_cross_validation")
    assert len(nested.patients) == run.evidence.facts["n"]
    assert np.isin(study().endpoint.horizons_days, nested.times).all()


def test_the_stored_baseline_holds_no_day_of_a_patient_beside_the_grid(run):
    model = run.model()
    cells = np.searchsorted(model.times, model.fitted.steps, side="left")
    starts = np.concatenate([[0.0], model.times])
    assert len(model.fitted.steps) > 3 * len(model.times)
    for cell in np.unique(cells):
        gaps = np.diff(model.fitted.steps[cells == cell], prepend=starts[cell])
        assert np.abs(gaps - gaps.mean()).max() < 1e-9


def test_the_bootstrap_corrects_the_apparent_numbers_and_says_how_stable_answers_are(run):
    evidence, day = run.evidence, 365.0
    corrected = evidence.one(metric="harrell_c", design="bootstrap", horizon_days=day, cause="died")
    apparent = evidence.one(metric="harrell_c", estimator="within_fold_pairs", design="apparent", horizon_days=day)
    (row,) = [
        one
        for one in evidence.tables["optimism"]
        if one["metric"] == "harrell_c" and one["horizon_days"] == day and one["cause"] == "died"
    ]
    assert corrected.estimator == "within_fold_pairs_optimism_corrected"
    assert row["apparent"] == pytest.approx(apparent.value)
    assert corrected.value == pytest.approx(apparent.value - row["optimism"])
    assert evidence.one(metric="mape", estimator="bootstrap_refits", horizon_days=day, cause="died").value > 0
    assert {one["design"] for one in evidence.tables["calibration_curve"]} >= {"bootstrap", "temporal"}
    assert {e.model for e in evidence.find(design="bootstrap")} == {"chosen"}
    assert not (run.path / "predictions" / "bootstrap.npz").exists()


def test_sites_are_pooled_and_the_next_hospital_is_told_what_to_expect(run):
    mean = run.evidence.one(metric="oe_ratio", population="all sites, pooled", horizon_days=365.0, cause="died")
    ahead = run.evidence.one(metric="oe_ratio", population="next site", horizon_days=365.0, cause="died")
    assert ahead.low <= mean.low <= mean.value <= mean.high <= ahead.high
    sites = {row["site"] for row in run.evidence.tables["site_performance"]}
    assert sites == {row["site"] for row in run.evidence.tables["sites"]}


def test_no_patient_is_on_both_sides_of_a_split_but_a_bootstraps(run):
    rows = run.evidence.tables["split_proofs"]
    assert len(rows) == 2 + 3 + 10 + 1
    assert all((row["overlap"] == 0) == (row["design"] != "bootstrap") for row in rows)
    assert all(row["n_train"] + row["n_test"] == run.evidence.facts["n"] for row in rows if not row["overlap"])


def test_patients_are_kept_as_keyed_hashes_alone(run):
    patients = run.json("patients")
    assert len({one["id"] for one in patients["patients"]}) == run.evidence.facts["n"]
    assert all(len(one["id"]) == len(one["row"]) == 32 for one in patients["patients"])


def test_who_withdrew_is_kept_as_a_hash_so_that_nobody_vanishes_unexplained(run, extract):
    table = pd.read_csv(extract / "patient.csv", dtype=str)
    left = table.loc[table["consent_status"] == "withdrawn", "patient_id"]
    assert run.json("patients")["withdrawn"] == sorted(keyed_hashes(left, study().seed))
    assert len(left) > 0


def test_the_same_study_again_is_the_same_run_and_does_nothing(run, contract, extract):
    root = run.path.parents[1]
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    again = run_study(study(), contract, extract, root)
    assert again.path == run.path
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()} == before


def test_the_same_study_in_a_fresh_folder_with_two_workers_finds_the_same(run, contract, extract, tmp_path):
    again = run_study(study(), contract, extract, tmp_path, workers=2)
    assert again.evidence.digest == run.evidence.digest


def test_shuffled_rows_find_the_same(run, contract, extract, tmp_path):
    shuffled = tmp_path / "extract"
    shuffled.mkdir()
    for path in extract.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.sample(frac=1, random_state=3).to_csv(shuffled / path.name, index=False)
    again = run_study(study(), contract, shuffled, tmp_path)
    assert again.run != run.run
    assert same(run, again, 1e-9)


def test_a_run_that_was_killed_goes_on_and_finds_the_same(run, contract, extract, tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from experiments.run import run_study; from experiments.study import Study\n"
        "from features.contract import Contract\n"
        f"study = Study.from_toml(Path({str(ROOT / 'configs/studies/survival.toml')!r}), {QUICK!r})\n"
        f"contract = Contract.from_toml(Path({str(ROOT / 'configs/registries/spine.toml')!r}))\n"
        f"run_study(study, contract, Path({str(extract)!r}), Path({str(tmp_path)!r}))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
    )
    for _ in range(6000):
        if child.poll() is not None or len(list(tmp_path.glob("runs/*/resamples/*/[0-9]*.npz"))) >= 2:
            break
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "ended before it could be killed"
    (unfinished,) = list_runs(tmp_path)
    assert not unfinished.finished
    kept = {path: path.stat().st_mtime_ns for path in unfinished.resamples.glob("*/[0-9]*.npz")}
    again = run_study(study(), contract, extract, tmp_path)
    assert again.path == unfinished.path
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert again.evidence.digest == run.evidence.digest


def test_recovery_with_death_competing_runs_by_the_same_verbs(contract, extract, tmp_path):
    found = run_study(study("recovery"), contract, extract, tmp_path)
    evidence = found.evidence
    assert {e.cause for e in evidence.find(metric="ipa", design="nested_cross_validation")} == {
        "recovered",
        "died_without_recovery",
    }
    assert evidence.facts["null"] == "aalen_johansen"
    assert found.model().causes == ("recovered", "died_without_recovery")
    assert unexplained(found.evidence) == set()
    assert find_run(tmp_path, "recovery").path == found.path
    assert found.evidence.facts["endpoint"]["interval_estimator"].startswith("self-consistent")
    assert {row["estimator"] for row in found.evidence.tables["observed_curve"]} == {
        "self_consistent",
        "right_end_of_interval",
        "one_minus_kaplan_meier",
    }
    assert all("taken as known" in e.method for e in found.evidence.find(metric="oe_ratio") if e.low is not None)


def test_a_run_is_found_by_name_or_digits_and_an_unknown_one_is_not(run):
    root = run.path.parents[1]
    assert find_run(root, "survival").path == run.path
    assert find_run(root, run.run[:8]).path == run.path
    with pytest.raises(RunError, match='Did you mean "survival"'):
        find_run(root, "survivol")


def test_tables_that_break_their_contract_leave_nothing_behind(contract, extract, tmp_path):
    spoilt = tmp_path / "extract"
    spoilt.mkdir()
    for path in extract.glob("*.csv"):
        (spoilt / path.name).write_bytes(path.read_bytes())
    lines = (spoilt / "patient.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (spoilt / "patient.csv").write_text("".join([*lines, lines[1]]), encoding="utf-8")
    with pytest.raises(ContractError):
        run_study(study(), contract, spoilt, tmp_path)
    assert not (tmp_path / "runs").exists()


def test_a_study_that_reads_the_future_is_refused_with_all_its_faults(contract, extract, tmp_path):
    late = study("survival", 'predictors=["age_at_treatment", "los_days", "albumine"]', "endpoint.primary_cause=dead")
    with pytest.raises(StudyError) as caught:
        run_study(late, contract, extract, tmp_path)
    said = str(caught.value)
    assert "los_days" in said
    assert 'Did you mean "albumin"?' in said
    assert "endpoint.primary_cause" in said
    assert not (tmp_path / "runs").exists()


def test_a_horizon_beyond_follow_up_is_refused(contract, extract, tmp_path):
    with pytest.raises(StudyError, match="horizon 9000 d: 0 of"):
        run_study(study("survival", "endpoint.horizons_days=[90, 9000]"), contract, extract, tmp_path)


def test_a_plan_counts_before_any_fit(run, contract, extract):
    seen = plan(study(), contract, extract)
    assert seen.patients == run.evidence.facts["n"]
    assert seen.events["died"]["ever"] == run.evidence.facts["events"]["died"]
    designs = {"nested_cross_validation": 2, "leave_one_site_out": 3, "bootstrap": 10, "temporal": 1}
    assert seen.refits == {**designs, "all": 1}
    assert seen.minutes is not None
    assert set(seen.parameters) == {"cox", "cox_short"}
