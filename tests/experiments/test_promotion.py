from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest

from experiments.promotion import Challenge, PromotionError, PromotionRule, decide
from training.comparison import Comparison
from training.evidence import Estimate, Evidence

RULE = PromotionRule.model_validate_json(
    """{"level": 0.95, "resamples": 200,
        "recipe_against_recipe": {"ipa_loss": 0.02, "ici_rise": 0.02},
        "model_against_model": {"least_events": 50, "ipa_loss": 0.03, "ici_rise": 0.04}}"""
)


def ipa(low: float | None, high: float | None, *, cause: str = "died", horizon: float = 365.0) -> Estimate:
    place = {"cause": cause, "horizon_days": horizon, "model": "chosen", "design": "nested_cross_validation"}
    if low is None or high is None:
        return Estimate("ipa", "ipcw_null_of_scored_data", **place, state="not applicable", reason="no events by then")
    middle = (low + high) / 2
    return Estimate(
        "ipa", "ipcw_null_of_scored_data", **place, value=middle, low=low, high=high, level=0.95, n=900, events=400
    )


def difference(
    metric: str, low: float | None, high: float | None, *, horizon: float = 365.0, cause: str = "died"
) -> Estimate:
    if low is None or high is None:
        return Estimate(metric, "paired", cause, horizon, state="not applicable", reason="too few events")
    return Estimate(metric, "paired", cause, horizon, value=(low + high) / 2, low=low, high=high, level=0.95)


def comparison(*estimates: Estimate) -> Comparison:
    return Comparison(a="champion", b="challenger", n=900, events=400, estimates=estimates)


GOOD = comparison(difference("delta_ipa", -0.01, 0.02), difference("delta_ici", -0.01, 0.01))
BAD = comparison(difference("delta_ipa", -0.09, 0.02), difference("delta_ici", -0.01, 0.01))
SOUND, NULL_LIKE = Evidence((ipa(0.05, 0.12),)), Evidence((ipa(-0.01, 0.12),))


def challenge(**changes: object) -> Challenge:
    whole = {
        "evidence": SOUND,
        "cause": "died",
        "horizon_days": 365.0,
        "champion": "survival@3",
        "recipes": GOOD,
        "new_patients": GOOD,
        "new_n": 200,
        "new_events": 120,
    }
    return Challenge(**{**whole, **changes})


def passed(decision: object) -> dict[str, bool | None]:
    return {reason.check: reason.passed for reason in decision.reasons}


@pytest.mark.parametrize(("recipes", "new", "null"), list(product((True, False), (True, False, None), (True, False))))
def test_all_three_must_hold_and_too_few_new_patients_are_no_refusal(
    recipes: bool, new: bool | None, null: bool
) -> None:
    decision = decide(
        challenge(
            recipes=GOOD if recipes else BAD,
            new_patients=GOOD if new else BAD,
            new_events=49 if new is None else 50,
            evidence=SOUND if null else NULL_LIKE,
        ),
        RULE,
    )
    assert passed(decision) == {"recipe_vs_recipe": recipes, "model_vs_model": new, "against_null": null}
    assert decision.promoted is (recipes and new is not False and null)
    assert all(reason.sentence.endswith(".") for reason in decision.reasons)


@pytest.mark.parametrize("null", [True, False])
def test_without_a_champion_only_the_null_model_counts(null: bool) -> None:
    decision = decide(
        challenge(champion=None, recipes=None, new_patients=None, evidence=SOUND if null else NULL_LIKE), RULE
    )
    assert passed(decision) == {"against_null": null}
    assert decision.promoted is null


def test_an_unchanged_study_passes_trivially_and_the_decision_says_so() -> None:
    decision = decide(challenge(study_unchanged=True, recipes=None), RULE)
    assert passed(decision)["recipe_vs_recipe"] is True
    assert "trivially" in decision.reasons[0].sentence
    assert decision.promoted


def test_what_was_not_compared_has_not_passed() -> None:
    assert passed(decide(challenge(recipes=None), RULE))["recipe_vs_recipe"] is False
    assert passed(decide(challenge(new_patients=None), RULE))["model_vs_model"] is False
    assert passed(decide(challenge(recipes=comparison()), RULE))["recipe_vs_recipe"] is False
    assert passed(decide(challenge(evidence=Evidence()), RULE))["against_null"] is False


@pytest.mark.parametrize(
    ("estimates", "expected"),
    [
        ((difference("delta_ipa", -0.02, 0.1), difference("delta_ici", -0.1, 0.02)), True),  # on the margin is inside
        ((difference("delta_ipa", -0.0201, 0.1), difference("delta_ici", -0.1, 0.02)), False),
        ((difference("delta_ipa", -0.02, 0.1), difference("delta_ici", -0.1, 0.0201)), False),
        ((difference("delta_ipa", None, None), difference("delta_ici", -0.1, 0.0)), False),
        ((difference("delta_ipa", 0.0, 0.1), difference("delta_ici", None, None)), False),
        ((difference("delta_ipa", 0.0, 0.1),), False),
    ],
)
def test_the_bad_end_of_the_interval_is_what_counts(estimates: tuple[Estimate, ...], expected: bool) -> None:
    assert passed(decide(challenge(recipes=comparison(*estimates)), RULE))["recipe_vs_recipe"] is expected


def test_every_horizon_counts_and_the_reason_names_the_one_at_fault() -> None:
    late = comparison(*GOOD.estimates, difference("delta_ipa", -0.2, -0.1, horizon=42.0))
    reason = decide(challenge(recipes=late), RULE).reasons[0]
    assert reason.passed is False
    assert "died at 42 days" in reason.sentence
    assert "365" not in reason.sentence.split("folds: ")[1]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ipa(-0.1, 0.01, horizon=42.0), True),  # uncertain elsewhere is allowed
        (ipa(-0.1, -0.01, horizon=42.0), False),  # worse than no model elsewhere is not
        (ipa(-0.1, -0.01, cause="recovered"), False),
        (ipa(None, None, horizon=42.0), True),
    ],
)
def test_no_other_horizon_or_cause_may_be_wholly_below_the_null(other: Estimate, expected: bool) -> None:
    reason = decide(challenge(champion=None, evidence=Evidence((*SOUND.estimates, other))), RULE).reasons[0]
    assert reason.passed is expected
    if other.value is None:
        assert "1 of 2 horizons and causes could not be estimated" in reason.sentence


def test_a_champion_that_fails_on_the_new_patients_points_at_their_outcomes() -> None:
    failing = ipa(-0.4, -0.2)
    reason = decide(challenge(champion_on_new=(failing,)), RULE).reasons[1]
    assert reason.passed is False
    assert "survival@3 itself is worse than no model" in reason.sentence


def test_a_decision_is_plain_json_with_a_reason_for_either_verdict() -> None:
    for evidence, verdict in ((SOUND, "promoted"), (NULL_LIKE, "refused")):
        value = decide(challenge(evidence=evidence), RULE).to_json()
        assert value["verdict"] == verdict
        assert [reason["check"] for reason in value["reasons"]] == [
            "recipe_vs_recipe",
            "model_vs_model",
            "against_null",
        ]
        assert value["rule"]["model_against_model"]["least_events"] == 50


def test_a_drafted_project_starts_with_the_rule_of_this_repository(root: Path) -> None:
    drafted = files("experiments").joinpath("templates", "promotion.toml").read_bytes()
    assert drafted == (root / "configs" / "promotion.toml").read_bytes()


def test_the_rule_of_this_repository_reads_and_a_fault_is_named(root: Path, tmp_path: Path) -> None:
    assert PromotionRule.from_toml(root / "configs" / "promotion.toml").level == 0.95
    wrong = tmp_path / "promotion.toml"
    wrong.write_text("level = 2.0\nresample = 500\n", encoding="utf-8")
    with pytest.raises(PromotionError, match=r"promotion\.toml: level: .*resample: Extra inputs"):
        PromotionRule.from_toml(wrong)


def test_where_predictors_tell_the_follow_up_the_numbers_weighed_by_them_decide() -> None:
    marginal = ipa(0.05, 0.12)
    honest = replace(ipa(-0.04, 0.03), estimator="ipcw_null_of_scored_data_given_predictors")
    first = Evidence((marginal, honest), facts={"headline_weights": "given_predictors"})
    assert not decide(challenge(evidence=first, champion=None), RULE).promoted
    assert decide(challenge(evidence=Evidence((marginal, honest)), champion=None), RULE).promoted
    bad = replace(difference("delta_ipa", -0.09, 0.02), estimator="paired_given_predictors")
    both = comparison(*GOOD.estimates, bad)
    sound = Evidence((marginal, replace(marginal, estimator=honest.estimator)), facts=first.facts)
    assert decide(challenge(recipes=both), RULE).promoted
    assert not decide(challenge(recipes=both, evidence=sound), RULE).promoted
