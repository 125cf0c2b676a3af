"""Riley's criteria: the cases of pmsampsize, and what must hold of any sample size."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from features.outcome import Outcome
from training.partial_likelihood import fit_cox
from training.sample_size import (
    Setting,
    development_criteria,
    evaluation_criteria,
    largest_r2,
    slope_criterion,
    supported_parameters,
)


def needed(setting: Setting, parameters: int, horizon: float = 2.0) -> dict[str, int]:
    return {one.criterion: one.needed_n for one in development_criteria(setting, parameters, 1000, horizon)}


# Published by the authors with pmsampsize (the version that rounds no intermediate value).
CASES = [
    (0.051, 25, 0.065, 2.07, [4286, 866, 4286]),
    (0.065, 25, 0.065, 2.07, [3335, 859, 3335]),
    (0.051, 50, 0.065, 2.07, [8572, 1731, 8572]),
    (0.051, 25, 0.1, 2.07, [4286, 731, 4286]),
]


@pytest.mark.parametrize(("r2", "parameters", "rate", "follow_up", "published"), CASES)
def test_development_asks_for_as_many_as_pmsampsize(r2, parameters, rate, follow_up, published):
    found = needed(Setting(rate, follow_up, r2), parameters)
    assert [found["shrinkage"], found["optimism"], max(found.values())] == published


@pytest.mark.golden
def test_the_cases_are_those_of_the_published_reference(shared):
    sets = json.loads((shared / "golden" / "expected.json").read_text(encoding="utf-8"))["sets"]
    cases = sets["pmsampsize_survival"]["cases"]
    names = ("r2_cs", "parameters", "rate", "mean_followup", "published")
    assert [tuple(case[name] for name in names) for case in cases] == CASES
    for case in cases:
        setting = Setting(case["rate"], case["mean_followup"], case["r2_cs"])
        n = max(needed(setting, case["parameters"], case["timepoint"]).values())
        assert n * case["rate"] * case["mean_followup"] / case["parameters"] == pytest.approx(case["epp"], abs=0.01)


def test_the_columns_that_patients_carry_are_those_that_need_no_more():
    setting = Setting(0.065, 2.07, 0.051)
    most = supported_parameters(setting, 4286)
    assert most == 25
    assert max(needed(setting, most)[name] for name in ("shrinkage", "optimism")) <= 4286
    assert max(needed(setting, most + 1)[name] for name in ("shrinkage", "optimism")) > 4286


def test_the_overall_risk_needs_as_many_as_its_poisson_interval_says():
    setting = Setting(0.3, 1.5, 0.2)
    n = needed(setting, 1)["overall_risk"]

    def margin(patients: int) -> float:
        upper = 0.3 + 1.96 * math.sqrt(0.3 / (patients * 1.5))
        return math.exp(-0.3 * 2) - math.exp(-upper * 2)

    assert margin(n) <= 0.05 < margin(n - 1)


def test_a_competing_cause_takes_its_share_of_the_risk():
    assert Setting(0.3, 1.0, 0.1, 0.2).risk(1.0) == pytest.approx(0.3 / 0.5 * (1 - math.exp(-0.5)))


def test_the_unit_of_time_does_not_matter():
    days, years = Setting(0.3 / 365.25, 1.5 * 365.25, 0.2), Setting(0.3, 1.5, 0.2)
    assert needed(days, 12, 365.25) == needed(years, 12, 1.0)


def test_the_ratio_of_observed_to_expected_has_the_closed_form():
    setting = Setting(0.3, 1.5, 0.2)
    one = {c.criterion: c for c in evaluation_criteria(setting, 1000, 0.25)}["oe_ratio"]
    error = math.sqrt((1 - 0.25) / (0.25 * one.needed_n))
    assert math.exp(1.96 * error) - math.exp(-1.96 * error) == pytest.approx(0.2, rel=1e-3)
    assert one.met == (one.needed_n <= 1000)


def test_the_interval_of_c_is_as_wide_as_newcombe_says():
    def width(c: float, n: int, risk: float) -> float:
        spread = 1 + (n / 2 - 1) * ((1 - c) / (2 - c) + c / (1 + c))
        return 2 * 1.96 * math.sqrt(c * (1 - c) * spread / (n**2 * risk * (1 - risk)))

    assert width(0.7, 1154, 0.1) == pytest.approx(0.1, abs=1e-4)  # the published example
    one = {c.criterion: c for c in evaluation_criteria(Setting(0.3, 1.5, 0.2), 1000, 0.1)}["harrell_c"]
    assert width(float(one.target.rsplit(" ", 1)[1]), one.needed_n, 0.1) == pytest.approx(0.1, rel=0.02)


def test_more_signal_needs_fewer_patients_for_every_purpose():
    weak, strong = (Setting(0.3, 1.5, r2) for r2 in (0.1, 0.3))
    assert needed(weak, 20)["shrinkage"] > needed(strong, 20)["shrinkage"]
    for a, b in zip(evaluation_criteria(weak, 500, 0.3), evaluation_criteria(strong, 500, 0.3), strict=True):
        assert a.needed_n >= b.needed_n
    assert slope_criterion(weak, 500).needed_n > slope_criterion(strong, 500).needed_n


def test_the_slope_of_a_cox_model_is_as_precise_as_said():
    """The error of one large fit, brought to the size that was asked for."""
    rng, n, until = np.random.default_rng(2), 20_000, 1.5
    lp = rng.normal(0, 0.8, n)
    happens = rng.exponential(1 / (0.4 * np.exp(lp)))
    outcome = Outcome.right_censored(np.minimum(happens, until), (happens <= until).astype(int), ("died",))
    fit = fit_cox(lp[:, None], outcome)
    r2 = -math.expm1(-2 * (fit.loglik - fit.loglik_null) / n)
    follow_up = float(outcome.time_days.mean())
    needed_n = slope_criterion(Setting(float(outcome.event.mean()) / follow_up, follow_up, r2), n).needed_n
    width = 2 * 1.96 * float(fit.standard_error[0]) * math.sqrt(n / needed_n)
    assert width == pytest.approx(0.2, rel=0.1)


def test_an_r2_that_no_model_can_reach_is_refused():
    assert largest_r2(0.065 * 2.07) == pytest.approx(0.5547, abs=1e-4)
    with pytest.raises(ValueError, match=r"between 0 and 0\.555, got 0\.6\. try: 0\.0832"):
        Setting(0.065, 2.07, 0.6)
