"""The study file: what it must say, and what it says when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.study import Study, StudyError

TEXT = """
name = "survival"
title = "Survival after spine metastasis"
registry = "spine"
contract = "spine"
seed = 7
predictors = ["age_at_treatment", "albumin"]
landmark_days = 0
treatment_conditional = false
[eligibility]
[endpoint]
name = "overall_survival"
horizons_days = [42, 90]
primary_horizon_days = 90
primary_cause = "died"
[[recipes]]
family = "cox"
[tuning]
trials = 4
folds = 3
[[designs]]
design = "nested_cross_validation"
folds = 5
repeats = 2
[intervals]
resamples = 200
level = 0.95
"""


def written(folder: Path, text: str = TEXT) -> Path:
    path = folder / "survival.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_study_survives_json_and_keeps_its_digest(tmp_path):
    study = Study.from_toml(written(tmp_path))
    assert Study.from_json(study.to_json()) == study
    assert Study.from_json(study.to_json()).digest == study.digest


def test_an_override_is_part_of_the_identity(tmp_path):
    path = written(tmp_path)
    study = Study.from_toml(path, ["tuning.trials=9", "designs.0.folds=3", "title=Short"])
    assert (study.tuning.trials, study.designs[0].folds, study.title) == (9, 3, "Short")
    assert study.digest != Study.from_toml(path).digest


@pytest.mark.parametrize("override", ["trials", "designs.7.folds=3", "seed.deep=1"])
def test_an_override_that_leads_nowhere_is_refused(tmp_path, override):
    with pytest.raises(StudyError, match="--set"):
        Study.from_toml(written(tmp_path), [override])


def test_all_faults_come_at_once_with_the_nearest_key(tmp_path):
    text = (
        TEXT.replace("seed = 7", "sede = 7").replace("trials = 4", "trails = 4").replace("level = 0.95", "level = 95")
    )
    with pytest.raises(StudyError) as caught:
        Study.from_toml(written(tmp_path, text))
    said = str(caught.value)
    assert said.startswith("survival.toml: 5 faults.")
    assert "seed: missing; it can change a number, so the study must say it." in said
    assert 'Did you mean "seed"?' in said
    assert 'Did you mean "trials"?' in said
    assert "intervals.level: " in said


def test_a_design_says_its_folds_or_has_none(tmp_path):
    with pytest.raises(StudyError, match="needs folds and repeats"):
        Study.from_toml(written(tmp_path, TEXT.replace("repeats = 2", "")))


def test_a_missing_or_broken_file_is_one_sentence(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        Study.from_toml(tmp_path / "nowhere.toml")
    with pytest.raises(StudyError, match="no TOML"):
        Study.from_toml(written(tmp_path, "name = "))
