"""A later extract of one registry beside the champion that was developed on the first."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.compare import Compared, compare_with_champion
from experiments.promotion import PromotionRule, decide
from experiments.results import RunError, RunFolder
from experiments.run import run_study
from features.registries.synthetic import SyntheticSettings, simulate, write_extract
from features.registries.synthetic_faults import inject
from tests.small_study import bundled, extract, small_study, spine
from training.shelf import Shelf


@pytest.fixture(scope="session")
def rule(root: Path) -> PromotionRule:
    whole = PromotionRule.from_toml(root / "configs" / "promotion.toml")
    few = whole.model_against_model.model_copy(update={"least_events": 10})
    return whole.model_copy(update={"model_against_model": few, "resamples": 100})


@pytest.fixture(scope="session")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunFolder]:
    """A root whose champion comes from the first extract, and a finished run on the second."""
    folder = tmp_path_factory.mktemp("compared")
    study = small_study("endpoint.horizons_days=[365]", "endpoint.primary_horizon_days=365")
    tables = [extract(folder / f"tables{number}", patients=200, seed=3, extract=number) for number in (1, 2)]
    first, second = (run_study(study, spine(), one, folder) for one in tables)
    bundled(first, folder / "staged", decision={})
    shelf = Shelf(folder / "bundles")
    shelf.put("survival", folder / "staged")
    shelf.point("survival", "champion", 1, "A", "a test")
    return folder, second


@pytest.fixture(scope="session")
def compared(project: tuple[Path, RunFolder], rule: PromotionRule) -> Compared:
    return compare_with_champion(project[1], project[0], rule, tables=project[0] / "tables2")


def test_what_is_new_in_the_extract_is_counted(compared: Compared) -> None:
    assert compared.news is not None
    assert compared.news.added == compared.challenge.new_n > 0
    assert compared.news.changed > 0
    assert compared.news.vanished == 0
    assert compared.news.withdrawn > 0


def test_an_unchanged_study_is_not_developed_again(compared: Compared, project: tuple[Path, RunFolder]) -> None:
    assert compared.challenge.study_unchanged
    assert compared.challenge.recipes is None
    assert not (project[1].path / "comparison").exists()


def test_the_released_champion_is_judged_on_patients_it_never_saw(compared: Compared) -> None:
    challenge = compared.challenge
    assert challenge.new_patients is not None
    assert (challenge.new_patients.a, challenge.new_patients.n) == ("survival@1", challenge.new_n)
    assert {"delta_ipa", "delta_ici"} <= {one.metric for one in challenge.new_patients.estimates}
    assert "ipa" in {one.metric for one in challenge.champion_on_new}


def test_what_was_found_is_kept_and_read_back_unchanged(
    compared: Compared, project: tuple[Path, RunFolder], rule: PromotionRule
) -> None:
    kept = (project[1].path / "comparison.json").read_bytes()
    assert compare_with_champion(project[1], project[0], rule) == compared  # no tables: nothing is measured again
    assert (project[1].path / "comparison.json").read_bytes() == kept
    assert [one.check for one in decide(compared.challenge, rule).reasons] == [
        "recipe_vs_recipe",
        "model_vs_model",
        "against_null",
    ]


def test_other_tables_than_the_runs_own_are_refused(
    project: tuple[Path, RunFolder], rule: PromotionRule, tmp_path: Path
) -> None:
    again = RunFolder(tmp_path / "again")
    shutil.copytree(project[1].path, again.path)
    (again.path / "comparison.json").unlink(missing_ok=True)
    with pytest.raises(RunError, match="not the run's own"):
        compare_with_champion(again, project[0], rule, tables=project[0] / "tables1")
    with pytest.raises(RunError, match="try: --tables DIR"):
        compare_with_champion(again, project[0], rule)


def test_a_champion_whose_run_folder_is_gone_is_no_silent_pass(
    project: tuple[Path, RunFolder], rule: PromotionRule, tmp_path: Path
) -> None:
    shutil.copytree(project[0] / "bundles", tmp_path / "bundles")
    run = RunFolder(tmp_path / "runs" / project[1].path.name)
    shutil.copytree(project[1].path, run.path)
    (run.path / "comparison.json").unlink(missing_ok=True)
    found = compare_with_champion(run, tmp_path, rule, tables=project[0] / "tables2")
    assert "whom it saw is not known" in found.challenge.no_new_patients
    assert not decide(found.challenge, rule).promoted


def test_an_extract_whose_labels_are_spoilt_is_refused_on_the_patients_that_the_champion_never_saw(
    root: Path, project: tuple[Path, RunFolder], rule: PromotionRule
) -> None:
    folder, second = project
    later = simulate(SyntheticSettings(patients=200, seed=3, extract=2))
    write_extract(replace(later, tables=inject(later.tables, "spoilt_labels", 1)), folder / "spoilt")
    run = run_study(second.study, second.contract, folder / "spoilt", folder)
    decision = decide(compare_with_champion(run, folder, rule, tables=folder / "spoilt").challenge, rule)
    assert not decision.promoted
    assert [(one.check, one.passed) for one in decision.reasons][1] == ("model_vs_model", False)
