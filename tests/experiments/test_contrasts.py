"""Comparators and subgroups of a study: what it may ask for, and what a run says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.comparators import comparators_of
from experiments.results import RunFolder
from experiments.run import prepare, run_study
from experiments.study import Study, StudyError
from experiments.study_checks import require_study
from features.contract import Contract
from features.extract import read_extract
from tests.small_study import extract as write
from tests.small_study import small_study, spine

ROOT = Path(__file__).resolve().parents[2]
DESIGN = "nested_cross_validation"
ASKED = (
    "comparators=['katagiri_revised', 'rades_two_month', {name='tool', columns={sorg_mla_p90=90}}]",
    "subgroups=['sex', {field='age_at_treatment', bands=[55, 65], name='age'}, 'primary_site', "
    "{field='treatment_start_date', bands=[2018, 2020], name='period'}, 'spine_region']",
)


def study(*more: str) -> Study:
    return small_study(*ASKED, *more)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return spine()


@pytest.fixture(scope="module")
def extract(tmp_path_factory) -> Path:
    folder = write(tmp_path_factory.mktemp("extract"), patients=300, sites=3)
    baseline = pd.read_csv(folder / "baseline.csv", dtype=str)
    baseline["sorg_mla_p90"] = np.round(np.random.default_rng(1).uniform(0.01, 0.5, len(baseline)), 3).astype(str)
    baseline.to_csv(folder / "baseline.csv", index=False)
    (folder / "manifest.json").unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module")
def run(contract, extract, tmp_path_factory) -> RunFolder:
    return run_study(study(), contract, extract, tmp_path_factory.mktemp("root"))


def test_comparators_stand_beside_the_models_and_among_no_recipes(run):
    facts, evidence = run.evidence.facts, run.evidence
    names = ["katagiri_revised", "rades_two_month", "tool"]
    assert facts["comparators"] == [*names, *(f"{name}_recalibrated" for name in names)]
    assert facts["recipes"] == ["cox"]
    whole = {"metric": "harrell_c", "horizon_days": None, "design": DESIGN, "population": "all"}
    assert facts["n"] == evidence.one(model="chosen", **whole).n == evidence.one(model="katagiri_revised", **whole).n
    for name in facts["comparators"]:
        assert evidence.find(metric="harrell_c", model=name, design=DESIGN)
        assert name in run.predictions(DESIGN).models
    assert [row["model"] for row in evidence.tables["comparators"]] == names
    assert {row["comparator"] for row in evidence.tables["comparator_differences"]} == set(facts["comparators"])


def test_subgroups_are_judged_for_the_elected_model_in_one_design(run, contract, extract):
    evidence = run.evidence
    groups = evidence.facts["subgroups"]
    assert groups["age"] == ["below 55", "55 to 64", "65 and over"]
    assert groups["sex"] == ["female", "male"]
    assert groups["period"] == ["below 2018", "2018 to 2019", "2020 and over"]
    assert set(groups["spine_region"]) <= {"cervical", "thoracic", "lumbar", "sacral", "not known"}
    found = [e for e in evidence.estimates if e.population.startswith("age=")]
    assert {(e.model, e.design) for e in found} == {("chosen", DESIGN), ("", "data")}
    ready = prepare(study(), contract, read_extract(extract, contract))
    (age,) = [one for one in ready.subgroups if one.name == "age"]
    years = ready.cohort.frame["age_at_treatment"]
    assert sum(len(rows) for rows in age.levels.values()) == ready.cohort.n
    assert years.iloc[age.levels["55 to 64"]].between(55, 65, inclusive="left").all()
    assert not [e for e in evidence.estimates if " not " in e.population and "known" not in e.population]


def test_small_levels_have_no_counts_and_are_never_hidden_alone(run):
    sites = [e for e in run.evidence.estimates if e.population.startswith("primary_site=")]
    counts = {e.population: e.n for e in sites}
    assert None in counts.values()
    assert list(counts.values()).count(None) >= 2
    assert min(n for n in counts.values() if n is not None) >= 10
    assert all(e.value is None for e in sites if e.n is not None and e.n < 10)
    gaps = run.evidence.tables["subgroup_gaps"]
    assert {row["group"] for row in gaps} >= {"sex", "age", "period"}


def test_the_default_study_names_every_score_and_none_lacks_a_field(extract):
    whole = Study.from_toml(ROOT / "configs" / "studies" / "survival.toml")
    require_study(whole, Contract.from_toml(ROOT / "configs" / "registries" / "spine.toml"))
    assert len(comparators_of(whole)) == 16
    assert Study.from_json(whole.to_json()) == whole


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("comparators=['katagiri']", 'unknown score "katagiri". Did you mean "katagiri_revised"?'),
        ("comparators=['sins', 'sins']", 'the name "sins" stands twice'),
        ("comparators=[{name='cox', columns={sorg_mla_p90=90}}]", 'the name "cox" stands twice'),
        ("comparators=[{name='tool', columns={albumin=90}}]", "albumin must be a risk, a number whose contract says"),
        ("comparators=[{name='tool', columns={sorg_mla_p9=90}}]", 'Did you mean "sorg_mla_p90"?'),
        ("comparators=[{name='tool', columns={sorg_mla_p90=0}}]", "its own day above zero, got 0"),
        ("comparators=[{name='tool', columns={eq5d_vas_v=90}}]", "known at a visit"),
        ("subgroups=['sexx']", 'no field "sexx". Did you mean "sex"?'),
        ("subgroups=['sex', 'sex']", '"sex" stands twice'),
        ("subgroups=['albumin']", "albumin needs bands"),
        ("subgroups=[{field='sex', bands=[1]}]", "sex has levels of its own"),
        ("subgroups=[{field='albumin', bands=[4, 3]}]", "bands must ascend"),
        ("subgroups=['site_id']", "site_id is identifier, which makes no groups"),
        ("subgroups=[{field='visit_date', bands=[2018]}]", "follow_up, which has several rows of a patient"),
    ],
)
def test_a_study_is_told_what_cannot_be_compared(contract, override, said):
    with pytest.raises(StudyError) as caught:
        require_study(study(override), contract)
    assert said in str(caught.value)


def test_scores_of_death_are_no_comparators_of_recovery(contract):
    path = ROOT / "configs" / "studies" / "recovery.toml"
    with pytest.raises(StudyError, match="they give the risk of one event; ais_improvement has recovered, died"):
        require_study(Study.from_toml(path, ["comparators=['sins']"]), contract)


def test_a_contract_without_a_score_s_fields_is_told_which(contract):
    fields = tuple(one for one in contract.fields if one.name != "prior_chemotherapy")
    with pytest.raises(StudyError, match="katagiri_revised reads prior_chemotherapy, which the contract"):
        require_study(study(), contract.model_copy(update={"fields": fields}))
