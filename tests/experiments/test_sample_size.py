"""Whether a study has patients enough: shown by plan, written into evidence, and able to stop the study."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.plan import plan
from experiments.run import prepare, run_study
from experiments.sample_size import sample_size_facts, sample_size_table, shortfalls
from experiments.study import Study, StudyError
from features.contract import Contract
from features.extract import read_extract
from features.registries.synthetic import SyntheticSettings, simulate, write_extract

ROOT = Path(__file__).resolve().parents[2]
TOO_MANY = 'recipes=[{family="cox"}, {family="coxnet", name="short", predictors=["ecog"]}]'


def study(name: str = "survival", *more: str) -> Study:
    return Study.from_toml(ROOT / "configs" / "studies" / f"{name}.toml", (TOO_MANY, *more))


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.from_toml(ROOT / "configs" / "registries" / "spine.toml")


@pytest.fixture(scope="module")
def extract(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("extract")
    write_extract(simulate(SyntheticSettings(patients=300, seed=1, sites=3)), folder)
    return folder


def table(asked: Study, contract: Contract, extract: Path) -> list[dict]:
    ready = prepare(asked, contract, read_extract(extract, contract))
    return sample_size_table(asked, ready.develop, ready.cohort, ready.judged)


def test_each_recipe_and_cause_has_every_criterion(contract, extract):
    rows = table(study("recovery"), contract, extract)
    assert {(r["recipe"], r["cause"], r["criterion"]) for r in rows if r["purpose"] == "development"} == {
        (recipe, cause, criterion)
        for recipe in ("cox", "short")
        for cause in ("recovered", "died_without_recovery")
        for criterion in ("shrinkage", "optimism", "overall_risk")
    }
    assert {(r["cause"], r["horizon_days"]) for r in rows if r["criterion"] == "oe_ratio"} >= {("recovered", 84.0)}
    assert len({tuple(row) for row in rows}) == 1


def test_more_columns_need_more_patients_and_the_table_says_how_many_are_supported(contract, extract):
    rows = {(r["recipe"], r["criterion"]): r for r in table(study(), contract, extract)}
    long, short = rows["cox", "shrinkage"], rows["short", "shrinkage"]
    assert long["parameters"] > long["supported"] > short["parameters"]
    assert not long["met"]
    assert short["met"]


def test_what_is_expected_of_the_model_is_declared_or_a_share_of_what_is_possible(contract, extract):
    declared, unsaid = study(), study("survival", "anticipated_r2=0.2")
    assert table(declared, contract, extract)[0]["r2"] == 0.35
    assert table(unsaid, contract, extract)[0]["r2"] == 0.2
    silent = Study.from_json({**declared.to_json(), "anticipated_r2": None})
    rows = table(silent, contract, extract)
    assert 0.10 < rows[0]["r2"] < 0.15
    assert "15%" in sample_size_facts(silent, rows)["anticipated_r2"]
    assert sample_size_facts(silent, rows)["sample_size_met"] is False
    with pytest.raises(StudyError, match=r"anticipated_r2: the Cox–Snell R² must lie between 0 and"):
        table(study("survival", "anticipated_r2=0.89"), contract, extract)


def test_a_study_that_asks_for_it_is_stopped_with_what_it_needs_and_what_there_is(contract, extract, tmp_path):
    strict = study("survival", "require_sample_size=true")
    with pytest.raises(StudyError) as caught:
        run_study(strict, contract, extract, tmp_path)
    said = str(caught.value)
    assert "too few patients" in said
    assert "cox for died: " in said
    assert f"there are {table(strict, contract, extract)[0]['available']}" in said
    assert "short" not in said
    assert not list(tmp_path.iterdir())


def test_a_plan_shows_what_would_stop_the_study(contract, extract):
    seen = plan(study("survival", "require_sample_size=true"), contract, extract, pilot=False)
    assert any("the study will stop here" in remark for remark in seen.remarks)
    assert seen.sample_size[0]["purpose"] == "development"
    assert len(shortfalls(list(seen.sample_size))) == 1
