"""Every finding has evidence in which it is found and evidence in which it has passed; nothing is silently skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from training.appraisal import CHECKS, Finding, appraise
from training.disclosure import WITHHELD
from training.evidence import Estimate, Evidence

NESTED, SITES = "nested_cross_validation", "leave_one_site_out"
Change = Callable[[Evidence], Evidence]


def estimate(metric: str, value: float, width: float = 0.02, *, horizon: float | None = 90.0, **more: Any) -> Estimate:
    estimators = {
        "harrell_c": "within_fold_pairs",
        "auc": "ipcw_cumulative_dynamic",
        "ipa": "ipcw_null_of_scored_data",
        "calibration_slope": "pseudo_cloglog" if horizon else "cox_on_log_hazard",
        "oe_ratio": "kaplan_meier_over_mean_risk",
        "ici": "flexible_cox_rcs3",
        "observed_risk": "kaplan_meier",
        "mape": "bootstrap_refits",
        "censoring_c": "out_of_sample_cox",
    }
    about = {"cause": "died", "horizon_days": horizon, "design": NESTED, "model": "chosen", "n": 1000, "events": 400}
    bounds = {"low": value - width, "high": value + width, "level": 0.95}
    return Estimate(metric, estimators[metric], value=value, **{**about, **bounds, **more})


def sound() -> Evidence:
    """A model of which there is nothing to say."""
    estimates = [
        estimate("harrell_c", 0.72, horizon=None),
        estimate("harrell_c", 0.75),
        estimate("harrell_c", 0.76, population="complete cases", n=700),
        estimate("harrell_c", 0.74, horizon=None, design="apparent"),
        estimate("auc", 0.78),
        estimate("ipa", 0.15),
        estimate("ipa", 0.17, design="apparent"),
        estimate("calibration_slope", 1.02, 0.1),
        estimate("calibration_slope", 1.01, 0.1, horizon=None),
        estimate("oe_ratio", 1.02, 0.1),
        estimate("oe_ratio", 1.03, 0.2, population="complete cases", n=700),
        estimate("ici", 0.01),
        estimate("observed_risk", 0.25, design="data", model=""),
        replace(estimate("mape", 0.07, design="bootstrap"), metric="mape_p95"),
        estimate("mape", 0.02, design="bootstrap"),
        estimate("censoring_c", 0.55, horizon=None, design="data", model=""),
        estimate("harrell_c", 0.72, 0.08, horizon=None, design=SITES, population="next site"),
        estimate("oe_ratio", 1.0, 0.25, design=SITES, population="next site"),
    ]
    for site in ("site=S01", "site=S02"):
        estimates += [
            estimate("harrell_c", 0.73, 0.1, design=SITES, population=site),
            estimate("oe_ratio", 1.1, 0.3, design=SITES, population=site),
        ]
    criteria = {
        "recipe": "cox",
        "cause": "died",
        "horizon_days": 90.0,
        "parameters": 10,
        "available": 1000,
        "met": True,
    }
    criteria |= {"needed_n": 500, "target": "shrinkage 0.9"}
    tables: dict[str, list[dict[str, Any]]] = {
        "sample_size": [{**criteria, "purpose": purpose} for purpose in ("development", "evaluation")],
        "tuning": [{"recipe": "cox", "trial": k} for k in range(4)],
        "refits": [{"design": NESTED, "repeat": k, "chosen": "cox"} for k in range(2)],
        "table_one": [{"site": "all", "field": "albumin", "missing": 100, "of": 1000}],
        "proportionality": [
            {"cause": "died", "predictor": "albumin", "p": 0.3, "p_holm": 0.6},
            {"cause": "died", "predictor": "all predictors", "p": 0.4, "p_holm": None},
        ],
        "extrapolation": [{"site": "S01", "n": 500, "outside": 20}, {"site": "S02", "n": 500, "outside": 10}],
        "split_proofs": [{"design": NESTED, "label": "fold 1 of 5", "overlap": 0}],
        "subgroup_gaps": [gap(0.4)],
        "comparator_differences": [better("delta_c", 0.03), better("delta_ipa", 0.05)],
    }
    facts = {
        "n": 1000,
        "events": {"died": 400},
        "follow_up": {"median_days": 700.0},
        "chosen": "cox",
        "recipes": ["cox", "coxnet"],
        "null": "kaplan_meier",
        "ties": {"events": 400, "days": 350, "events_per_day": 1.14, "whole_months_share": 0.07},
        "extrapolation": {"n": 1000, "outside": 30, "least": 10},
        "screened": 16,
    }
    return Evidence(tuple(estimates), tables, facts)


def gap(p_holm: float) -> dict[str, Any]:
    about = {"group": "sex", "level": "female", "metric": "harrell_c", "cause": "died", "horizon_days": 90.0}
    return {**about, "value": 0.70, "rest": 0.75, "p_holm": p_holm}


def better(metric: str, by: float) -> dict[str, Any]:
    about = {"design": NESTED, "comparator": "katagiri_revised", "metric": metric, "cause": "died"}
    about |= {"estimator": "within_fold_pairs" if metric == "delta_c" else "ipcw_null_of_scored_data"}
    return {**about, "horizon_days": 90.0, "value": by, "low": by - 0.01, "high": by + 0.01}


def shifted(by: float, **key: Any) -> Change:
    """Every estimate with this key moved, its interval with it."""

    def change(evidence: Evidence) -> Evidence:
        assert evidence.find(**key)
        moved = tuple(
            replace(one, value=one.value + by, low=one.low + by, high=one.high + by)
            if all(getattr(one, name) == value for name, value in key.items())
            else one
            for one in evidence.estimates
        )
        return replace(evidence, estimates=moved)

    return change


def table(name: str, **cells: Any) -> Change:
    """The first row of a table with other cells."""

    def change(evidence: Evidence) -> Evidence:
        first, *rest = evidence.tables[name]
        return replace(evidence, tables={**evidence.tables, name: [{**first, **cells}, *rest]})

    return change


def fact(**facts: Any) -> Change:
    return lambda evidence: replace(evidence, facts={**evidence.facts, **facts})


def without(**key: Any) -> Change:
    def change(evidence: Evidence) -> Evidence:
        gone = evidence.find(**key)
        return replace(evidence, estimates=tuple(one for one in evidence.estimates if one not in gone))

    return change


def silenced(population: str) -> Change:
    def change(evidence: Evidence) -> Evidence:
        reason = {"state": "not applicable", "reason": "fewer than 10 events: suppressed", "events": None}
        nothing = {"value": None, "low": None, "high": None, "level": None}
        changed = (
            replace(one, **nothing, **reason) if one.population == population else one for one in evidence.estimates
        )
        return replace(evidence, estimates=tuple(changed))

    return change


def knows_nothing(evidence: Evidence) -> Evidence:
    for change in (
        shifted(-0.22, metric="harrell_c", horizon_days=None, design=NESTED),
        shifted(-0.15, metric="ipa", model="chosen", design=NESTED),
    ):
        evidence = change(evidence)
    return evidence


# Code → what makes it found.
TRIGGERS: dict[str, Change] = {
    "PM001": table("sample_size", parameters=50),
    "PM002": table("sample_size", met=False, needed_n=3000),
    "PM003": lambda evidence: replace(
        evidence,
        tables={**evidence.tables, "sample_size": [{**row, "met": False} for row in evidence.tables["sample_size"]]},
    ),
    "PM004": table("sample_size", parameters=20),
    "PM005": table("table_one", missing=450),
    "PM006": shifted(0.1, population="complete cases", metric="harrell_c"),
    "PM007": fact(follow_up={"median_days": 80.0}),
    "PM008": fact(ties={"events": 400, "days": 60, "events_per_day": 6.7, "whole_months_share": 0.9}),
    "PM009": shifted(0.2, metric="censoring_c"),
    "PM010": fact(extrapolation={"n": 1000, "outside": 130, "least": 10}),
    "PM011": silenced("site=S02"),
    "PM012": table("split_proofs", overlap=3),
    "PM013": shifted(0.06, design="apparent", metric="ipa"),
    "PM014": shifted(0.04, metric="mape"),
    "PM015": lambda evidence: replace(
        evidence,
        tables={
            **evidence.tables,
            "refits": [{"design": NESTED, "repeat": k, "chosen": "coxnet"} for k in range(2)],
        },
    ),
    "PM016": table("refits", repeat=1),
    "PM017": table("proportionality", p=0.001, p_holm=0.002),
    "PM018": knows_nothing,
    "PM019": shifted(-0.14, metric="ipa", model="chosen", design=NESTED),
    "PM020": shifted(0.15, metric="harrell_c", horizon_days=None, design=NESTED),
    "PM021": shifted(-0.25, metric="calibration_slope", horizon_days=90.0),
    "PM022": shifted(0.3, metric="oe_ratio", population="all"),
    "PM023": shifted(0.06, metric="ici"),
    "PM024": table("comparator_differences", value=-0.01, low=-0.03, high=0.01),
    "PM025": shifted(0.6, metric="oe_ratio", population="site=S02"),
    "PM026": shifted(-0.1, metric="harrell_c", population="next site"),
    "PM027": without(design=SITES),
    "PM028": table("subgroup_gaps", p_holm=0.01),
    "PM029": lambda evidence: replace(
        evidence,
        tables={
            **evidence.tables,
            "suspicions": [{"field": "crp", "by": "data", "sentence": "crp: alone it ranks survival with C = 0.97."}],
        },
    ),
}


def asked(evidence: Evidence) -> dict[str, Finding]:
    return {one.code: one for one in appraise(evidence, cause="died", horizon_days=90.0)}


def test_every_code_has_a_case_in_which_it_is_found() -> None:
    assert TRIGGERS.keys() == CHECKS.keys()


@pytest.mark.parametrize("code", CHECKS)
def test_a_sound_model_passes(code: str) -> None:
    found = asked(sound())[code]
    assert (found.state, found.code) == ("passed", code)
    assert any(sign.isdigit() for sign in found.sentence) or code in ("PM024", "PM027", "PM028")


@pytest.mark.parametrize("code", CHECKS)
def test_it_is_found_where_it_is(code: str) -> None:
    found = asked(TRIGGERS[code](sound()))[code]
    assert found.state == "found"
    assert found.sentence.endswith(".")


@pytest.mark.parametrize("code", CHECKS)
def test_of_evidence_that_says_nothing_each_question_says_why_it_could_not_be_asked(code: str) -> None:
    found = asked(Evidence())[code]
    assert found.state == "not applicable"
    assert len(found.sentence) > 10


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.code)
def test_each_question_has_a_threshold_a_source_and_words_for_who_asks(check: Any) -> None:
    assert min(len(check.threshold), len(check.source), len(check.why), len(check.act)) > 10
    assert check.why.endswith(".")
    assert check.act.endswith(".")


def test_codes_are_numbered_without_a_gap_and_stand_in_order() -> None:
    assert list(CHECKS) == [f"PM{k:03}" for k in range(1, len(CHECKS) + 1)]


def test_sentences_hold_the_numbers() -> None:
    found = asked(TRIGGERS["PM024"](sound()))["PM024"]
    assert found.sentence == "model minus score by 90 d: katagiri_revised C -0.010 (-0.030 to +0.010)."
    assert asked(sound())["PM001"].sentence == "400 events for 10 candidate parameters: 40.0 events each."
    moved = (
        "a prediction by 90 d moves by 0.020 on average when the model is made again, by less than 0.070 for 95 of 100"
    )
    assert asked(sound())["PM014"].sentence == f"{moved} patients."
    slope = asked(TRIGGERS["PM021"](sound()))["PM021"]
    assert slope.sentence == "slope 0.77 (0.67 to 0.87) by 90 d."
    silent = asked(TRIGGERS["PM011"](sound()))["PM011"]
    assert silent.sentence == "1 of 2 sites and subgroups cannot be judged: site=S02."


def test_a_high_c_of_few_events_is_no_leak() -> None:
    wide = replace(estimate("auc", 0.93, 0.1, horizon=42.0))
    found = asked(replace(sound(), estimates=(*sound().estimates, wide)))["PM020"]
    assert found.state == "passed"


def test_a_slope_that_cannot_be_estimated_is_said_and_has_not_passed() -> None:
    constant = {"value": None, "low": None, "high": None, "level": None, "state": "not applicable"}
    reason = "not estimable: within a fold the prediction is the same for everybody"
    estimates = tuple(
        replace(one, **constant, reason=reason) if one.metric == "calibration_slope" else one
        for one in sound().estimates
    )
    found = asked(replace(sound(), estimates=estimates))["PM021"]
    assert (found.state, found.sentence) == ("not applicable", reason)


def test_where_the_predictors_tell_the_censoring_the_conditional_figure_is_the_one_read() -> None:
    conditional = replace(estimate("ipa", -0.05), estimator="ipcw_null_of_scored_data_given_predictors")
    both = replace(sound(), estimates=(*sound().estimates, conditional))
    assert asked(both)["PM019"].state == "passed"
    assert asked(fact(headline_weights="given_predictors")(both))["PM019"].state == "found"


def test_the_corrected_figure_of_a_bootstrap_is_the_honest_one() -> None:
    estimates = tuple(replace(one, design="bootstrap") if one.design == NESTED else one for one in sound().estimates)
    corrected = replace(
        estimate("ipa", 0.01, design="bootstrap"), estimator="ipcw_null_of_scored_data_optimism_corrected"
    )
    found = asked(replace(sound(), estimates=(*estimates, corrected)))
    assert found["PM019"].state == "found"
    assert found["PM013"].sentence.endswith("IPA by 90 d 0.170 on its own patients, 0.010 on others.")


def test_of_two_corrected_figures_the_one_with_the_headlines_weights_is_read() -> None:
    estimates = tuple(replace(one, design="bootstrap") if one.design == NESTED else one for one in sound().estimates)
    name = "ipcw_null_of_scored_data"
    more = (
        replace(estimate("ipa", 0.11, design="bootstrap"), estimator=f"{name}_optimism_corrected"),
        replace(estimate("ipa", 0.02, design="bootstrap"), estimator=f"{name}_given_predictors_optimism_corrected"),
        replace(estimate("ipa", 0.12, design="apparent"), estimator=f"{name}_given_predictors"),
    )
    both = replace(sound(), estimates=(*estimates, *more))
    given = fact(headline_weights="given_predictors")(both)
    assert asked(both)["PM013"].sentence.endswith("IPA by 90 d 0.170 on its own patients, 0.110 on others.")
    assert asked(given)["PM013"].sentence.endswith("IPA by 90 d 0.120 on its own patients, 0.020 on others.")
    assert asked(given)["PM013"].state == "found"


def test_apparent_and_honest_are_compared_with_the_same_weights() -> None:
    """Where the honest number has marginal weights alone, the headline's apparent one answers another question."""
    name = "ipcw_null_of_scored_data"
    estimates = tuple(replace(one, design="bootstrap") if one.design == NESTED else one for one in sound().estimates)
    more = (
        replace(estimate("ipa", 0.15, design="bootstrap"), estimator=f"{name}_optimism_corrected"),
        replace(estimate("ipa", 0.30, design="apparent"), estimator=f"{name}_given_predictors"),
    )
    given = fact(headline_weights="given_predictors")(replace(sound(), estimates=(*estimates, *more)))
    found = asked(given)["PM013"]
    assert found.sentence.endswith("IPA by 90 d 0.170 on its own patients, 0.150 on others.")
    assert found.state == "passed"


def test_a_curve_is_held_against_the_observed_risk_of_those_whom_it_is_about() -> None:
    """Later patients die twice as often as the cohort: 0.06 is 12 % of their risk, 24 % of everybody's."""
    estimates = tuple(
        replace(one, design="temporal") if one.design == NESTED else one
        for one in sound().estimates
        if one.design in (NESTED, "data") and one.metric not in ("ici", "oe_ratio")
    )
    mean = replace(estimate("observed_risk", 0.5, design="temporal"), metric="mean_risk")
    more = (estimate("ici", 0.06, design="temporal"), estimate("oe_ratio", 1.0, design="temporal"), mean)
    found = asked(replace(sound(), estimates=(*estimates, *more)))["PM023"]
    assert (found.state, found.sentence.split(", ")[1]) == ("passed", "12% of the observed risk 0.500.")


def test_the_numbers_that_are_read_are_those_that_documents_put_first() -> None:
    """One order of estimators, for cards and for findings."""
    other = replace(estimate("calibration_slope", 0.2, 0.1), estimator="poisson_glm")
    beside = replace(estimate("ipa", -0.2), estimator="ipcw_null_out_of_fold")
    for more in ((other, beside, *sound().estimates), (*sound().estimates, other, beside)):
        states = {code: one.state for code, one in asked(replace(sound(), estimates=more)).items()}
        assert (states["PM019"], states["PM021"]) == ("passed", "passed")


def test_a_missing_count_that_is_not_told_is_taken_for_nine() -> None:
    few = asked(table("table_one", missing=None, of=1000)(sound()))["PM005"]
    assert (few.state, few.sentence) == ("passed", "most is missing of albumin: 1%.")
    assert asked(table("table_one", missing=None, of=20)(sound()))["PM005"].state == "found"


def test_of_a_number_that_is_suppressed_nothing_has_passed() -> None:
    """The gate and the findings may not take what is hidden for good."""
    silent = {"value": None, "low": None, "high": None, "level": None, "events": None, "state": "not applicable"}
    for metric, code in (("oe_ratio", "PM022"), ("calibration_slope", "PM021"), ("ipa", "PM019"), ("ici", "PM023")):
        estimates = tuple(
            replace(one, **silent, reason=WITHHELD) if one.metric == metric else one for one in sound().estimates
        )
        found = asked(replace(sound(), estimates=estimates))[code]
        assert (found.state, found.sentence) == ("not applicable", WITHHELD)


def test_a_bootstrap_judges_those_who_taught_it_on_purpose() -> None:
    drawn = {"design": "bootstrap", "label": "draw 1 of 200", "overlap": 630}
    proofs = [*sound().tables["split_proofs"], drawn]
    assert asked(replace(sound(), tables={**sound().tables, "split_proofs": proofs}))["PM012"].state == "passed"


def test_several_causes_are_each_looked_at_and_named() -> None:
    other = estimate("calibration_slope", 0.5, 0.1, cause="left")
    found = asked(replace(sound(), estimates=(*sound().estimates, other)))["PM021"]
    assert found.sentence == "slope 0.50 (0.40 to 0.60) for left by 90 d."
