"""What a study claims is held against the registers before any fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.study import Study
from experiments.study_checks import study_faults
from features.contract import Contract

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture(scope="module")
def spine() -> Contract:
    return Contract.from_toml(CONFIGS / "registries" / "spine.toml")


def faults(spine: Contract, settings: dict[str, Any], family: str = "cox") -> list[str]:
    study = Study.from_toml(CONFIGS / "studies" / "survival.toml").to_json()
    study["recipes"] = [{"family": family, "settings": settings}]
    return list(study_faults(Study.from_json(study), spine))


def test_an_effect_that_changes_is_declared_by_name_and_at_the_horizons_unless_days_are_given(spine: Contract) -> None:
    assert faults(spine, {"time_varying": ["oligometastatic"]}) == []
    assert faults(spine, {"time_varying": ["oligometastatic"], "change_days": [91]}) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"time_varying": ["oligometastatis"]},
            'cox: time_varying names "oligometastatis", no predictor. Did you mean',
        ),
        ({"time_varying": "oligometastatic"}, 'cox: time_varying must be a list, like ["age"].'),
        ({"time_varying": ["sex"], "change_days": [90, 42]}, "cox: change_days must ascend from above zero"),
        ({"change_days": [90]}, "cox: time_varying (predictors) and change_days belong together."),
        ({"time_variing": ["sex"]}, 'cox has no setting "time_variing". Did you mean "time_varying"?'),
        ({"penalty": -1.0}, "cox: penalty must be above zero, got -1.0."),
        ({"penalty": "much"}, "cox: a setting is of the wrong kind."),
    ],
)
def test_a_setting_that_cannot_be_is_said_before_any_fit(spine: Contract, settings: dict[str, Any], said: str) -> None:
    (sentence,) = faults(spine, settings)
    assert sentence.startswith(f"recipes: {said}")


def test_a_family_without_such_effects_says_so(spine: Contract) -> None:
    (sentence,) = faults(spine, {"time_varying": ["sex"]}, family="coxnet")
    assert 'coxnet has no setting "time_varying"' in sentence
