"""Who is eligible, and the flow of those who are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from features.cohort import Flow, Rule, select_cohort
from features.contract import ContractError
from features.registries import Conformed


@pytest.fixture
def conformed() -> Conformed:
    frame = pd.DataFrame(
        {
            "age": [17.0, 18.0, 60.0, 81.0, np.nan],
            "treatment_arm": pd.Series(["surgery", "rt_alone", "surgery_rt", "surgery", None], dtype=object),
        }
    )
    ids, sites = np.array(["a", "b", "c", "d", "e"]), np.array(["S1", "S1", "S2", "S2", "S2"])
    return Conformed(frame, ids, sites, {}, Flow(6).then("consent withdrawn", 1))


def test_every_rule_is_a_step_and_so_is_what_is_not_known(conformed: Conformed) -> None:
    rules = {"age": Rule(at_least=18, at_most=80), "treatment_arm": Rule(among=("surgery", "surgery_rt"))}
    cohort = select_cohort(conformed, rules)
    assert cohort.ids.tolist() == ["c"]
    assert cohort.sites is not None
    assert cohort.sites.tolist() == ["S2"]
    assert [(step.reason, step.left) for step in cohort.flow.steps] == [
        ("consent withdrawn", 1),
        ("age not known", 1),
        ("age below 18 or above 80", 2),
        ("treatment_arm not known", 0),
        ("treatment_arm not among surgery, surgery_rt", 1),
    ]
    assert cohort.flow.remaining == cohort.n == 1


def test_without_rules_everyone_stays(conformed: Conformed) -> None:
    assert select_cohort(conformed, {}).n == 5


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"los_days": Rule(at_most=10)}, 'eligibility by "los_days": no such field is known'),
        ({"age": Rule(among=("old",))}, 'eligibility by "age": use at_least or at_most.'),
        ({"treatment_arm": Rule(at_least=1)}, 'eligibility by "treatment_arm": use among.'),
        (
            {"age": Rule(at_least=100)},
            "no patient is left: 1 left by: consent withdrawn; 1 left by: age not known; 4 left",
        ),
    ],
)
def test_a_rule_that_cannot_hold_is_refused(conformed: Conformed, rules: dict[str, Rule], sentence: str) -> None:
    with pytest.raises(ContractError, match=sentence):
        select_cohort(conformed, rules)


@pytest.mark.parametrize("rule", [{}, {"at_least": 1, "among": ["x"]}, {"atleast": 1}, {"at_least": float("nan")}])
def test_a_rule_says_one_thing(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)
