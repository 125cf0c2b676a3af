from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.evaluation import Scored, evaluate, merged
from training.evidence import Estimate, Evidence
from training.nonparametric import incidence_at

HORIZONS = (100.0, 300.0)
THRESHOLDS = (0.25, 0.35)  # ten patients lie on either side of them, and between


def cohort(n: int = 300, causes: int = 1, seed: int = 1) -> tuple[Outcome, NDArray[np.float64]]:
    """Follow-up in days and the true log hazard."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    died, lost = np.ceil(rng.exponential(250 * np.exp(-x))), np.ceil(rng.uniform(150, 900, n))
    event = np.where(died <= lost, np.where(rng.random(n) < 0.6, 1, causes), 0)
    return Outcome.right_censored(np.minimum(died, lost), event, ("died", "other")[:causes]), x


def scored(outcome: Outcome, x: NDArray[np.float64], repeats: int = 2, noise: float = 0.3, unit: float = 1.0) -> Scored:
    """Out-of-fold predictions as two repeats of five folds give them."""
    rng, n, causes = np.random.default_rng(9), outcome.n, len(outcome.causes)
    patients = np.concatenate([rng.permutation(n) for _ in range(repeats)])
    groups = np.concatenate([5 * r + np.arange(n) % 5 for r in range(repeats)])
    times = np.linspace(20, 700, 35)
    log_hazard = x[patients] + noise * rng.normal(size=len(patients))
    any_cause = 1 - np.exp(-times / 250 * np.exp(log_hazard)[:, None])
    shares = (1.0,) if causes == 1 else (0.6, 0.4)
    return Scored(
        patients, groups, Curves(times / unit, outcome.causes, np.stack([s * any_cause for s in shares], axis=1))
    )


def judge(outcome: Outcome, rows: Scored, *, resamples: int = 30, unit: float = 1.0, seed: int = 3) -> Evidence:
    horizons = tuple(h / unit for h in HORIZONS)
    return evaluate(
        outcome,
        rows,
        horizons=horizons,
        design="apparent",
        model="m",
        resamples=resamples,
        level=0.95,
        seed=seed,
        thresholds=THRESHOLDS,
    )


@pytest.mark.parametrize("causes", [1, 2])
def test_every_number_has_an_interval_that_holds_it_with_counts_and_a_named_method(causes: int) -> None:
    outcome, x = cohort(causes=causes)
    evidence = judge(outcome, scored(outcome, x))
    for e in evidence.estimates:
        assert e.state == "measured", e.id
        assert e.n == 300
        own = outcome.event == outcome.causes.index(e.cause) + 1 if e.cause else outcome.event > 0
        assert e.events == int((own & (outcome.right_days <= (e.horizon_days or 1e9))).sum())
        if e.metric in ("mean_risk", "d_calibration", "d_calibration_p"):
            continue
        assert e.low is not None, e.id
        assert e.high is not None
        assert e.value is not None
        assert e.low <= e.value <= e.high, e.id
        assert e.method
        assert e.level == 0.95
    names = {e.metric for e in evidence.estimates}
    assert names >= {"harrell_c", "antolini_c", "uno_c", "auc", "brier", "ibs", "ipa", "rcll", "royston_d"}
    assert names >= {"oe_ratio", "calibration_slope", "calibration_intercept", "ici", "emax", "net_benefit"}
    assert ("cox_on_log_hazard" in {e.estimator for e in evidence.estimates}) == (causes == 1)


def values(evidence: Evidence) -> dict[str, float]:
    return {
        "/".join(map(str, (e.metric, e.estimator, e.cause, e.population, i))): e.value or math.nan
        for i, e in enumerate(evidence.estimates)
    }


@pytest.mark.parametrize("causes", [1, 2])
def test_the_order_of_rows_and_the_unit_of_time_do_not_matter(causes: int) -> None:
    outcome, x = cohort(causes=causes)
    rows = scored(outcome, x)
    order = np.random.default_rng(0).permutation(len(rows.patients))
    shuffled = Scored(rows.patients[order], rows.groups[order], rows.curves.take(order))
    first, second = judge(outcome, rows), judge(outcome, shuffled)
    months = 30.4375
    rescaled = Outcome.right_censored(outcome.right_days / months, outcome.event, outcome.causes)
    third = judge(rescaled, scored(rescaled, x, unit=months), unit=months)
    for again in (second, third):
        assert values(again) == pytest.approx(values(first), abs=1e-7)
        for a, b in zip(first.estimates, again.estimates, strict=True):
            assert a.low == pytest.approx(b.low, abs=1e-6)
            assert a.high == pytest.approx(b.high, abs=1e-6)


def test_the_same_repeat_twice_tells_no_more_than_once() -> None:
    outcome, x = cohort(200)
    once = scored(outcome, x, repeats=1)
    rows = np.concatenate([np.arange(200)] * 2)
    twice = Scored(once.patients[rows], np.concatenate([once.groups, once.groups + 5]), once.curves.take(rows))
    for a, b in zip(judge(outcome, once).estimates, judge(outcome, twice).estimates, strict=True):
        # Cox fits meet each death twice, a tie that Efron's method shares out: equal in the first order only.
        tolerance = 5e-3 if "cox" in a.estimator else 1e-8
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=tolerance), a.id


def test_a_prediction_that_is_the_same_within_each_fold_ranks_nobody() -> None:
    outcome, x = cohort()
    rows = scored(outcome, x)
    level = 0.2 + 0.01 * rows.groups
    flat = Scored(rows.patients, rows.groups, Curves(np.array([50.0]), outcome.causes, level[:, None, None]))
    evidence = judge(outcome, flat)
    for metric in ("harrell_c", "uno_c", "auc"):
        for e in evidence.find(metric=metric):
            assert (e.value, e.low, e.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-12)
    for e in evidence.find(metric="calibration_slope"):
        assert e.state == "not applicable"
        assert "not estimable" in e.reason
    observed = evidence.one(metric="observed_risk", horizon_days=300.0).value
    assert observed is not None
    assert evidence.one(metric="ici", horizon_days=300.0).value == pytest.approx(np.mean(np.abs(level - observed)))


def test_in_a_world_without_signal_the_intervals_hold_one_half_and_no_gain() -> None:
    outcome, _ = cohort(400)
    noise = np.random.default_rng(11).normal(size=400)
    evidence = judge(outcome, scored(outcome, 0.5 * noise, repeats=1, noise=0.0), resamples=100)
    for e in evidence.find(metric="harrell_c"):
        assert e.low is not None
        assert e.high is not None
        assert e.low < 0.5 < e.high
    for e in evidence.find(metric="ipa"):
        assert e.value is not None
        assert e.value < 0
    for estimator in ("cox_on_log_hazard", "poisson_glm"):
        slope = evidence.one(metric="calibration_slope", estimator=estimator, horizon_days=None)
        assert slope.low is not None
        assert slope.high is not None
        assert slope.low < 0 < slope.high


def test_beyond_follow_up_there_is_a_reason_instead_of_a_number() -> None:
    outcome, x = cohort()
    rows = scored(outcome, x)
    evidence = evaluate(outcome, rows, horizons=(100.0, 5000.0), design="d", model="m", resamples=5, level=0.95, seed=1)
    for e in evidence.find(horizon_days=5000.0):
        if e.metric == "mean_risk":
            continue
        assert e.state == "not applicable", e.id
        assert "as long as this horizon" in e.reason
    for e in evidence.find(metric="calibration_slope", horizon_days=None):
        assert e.state == "measured"


def test_few_events_have_a_c_but_no_curve() -> None:
    outcome, x = cohort()
    event = np.where(np.cumsum(outcome.event) <= 7, outcome.event, 0)
    few = Outcome.right_censored(outcome.right_days, event, outcome.causes)
    evidence = judge(few, scored(few, x))
    assert evidence.one(metric="harrell_c", horizon_days=None).state == "measured"
    assert "fewer than the 10" in evidence.one(metric="ici", horizon_days=300.0).reason
    assert "fewer than the 10" in evidence.one(metric="calibration_slope", horizon_days=300.0).reason


def test_late_entry_is_said_and_the_observed_risk_still_given() -> None:
    outcome, x = cohort()
    entry = np.where(np.arange(300) % 2 == 0, 0.0, np.minimum(60.0, outcome.right_days - 0.5))
    late = Outcome(entry, outcome.right_days, outcome.right_days, outcome.event, outcome.causes)
    evidence = judge(late, scored(late, x))
    assert "left truncation" in evidence.one(metric="harrell_c", horizon_days=None).reason
    assert "left truncation" in evidence.one(metric="ici", horizon_days=100.0).reason
    assert evidence.one(metric="oe_ratio", horizon_days=100.0).state == "measured"


def test_sites_get_every_number_with_its_interval_and_small_ones_nothing() -> None:
    outcome, x = cohort()
    sites = {"site=S1": np.arange(0, 200), "site=S2": np.arange(200, 290), "site=S3": np.arange(290, 300)}
    rows = scored(outcome, x)
    evidence = evaluate(
        outcome, rows, horizons=HORIZONS, design="d", model="m", resamples=10, level=0.95, seed=1, populations=sites
    )
    first = evidence.one(metric="harrell_c", population="site=S1", horizon_days=None)
    assert first.state == "measured"
    assert first.n == 200
    for metric in ("harrell_c", "auc", "brier", "ipa", "oe_ratio", "calibration_slope", "calibration_intercept"):
        e = evidence.one(metric=metric, population="site=S1", horizon_days=300.0)
        assert e.low is not None, metric
        assert e.high is not None
        assert e.value is not None
        assert e.low < e.value < e.high, metric
        assert e.method
    for e in evidence.find(population="site=S3"):
        if e.horizon_days == 100.0:
            assert e.state == "not applicable"
            assert "suppressed" in e.reason
            assert e.events is None


def test_everybody_as_a_population_gets_the_numbers_of_all_and_nearly_the_same_intervals() -> None:
    outcome, x = cohort(500)
    rows = scored(outcome, x)
    everybody = {"everybody": np.arange(500)}
    evidence = evaluate(
        outcome,
        rows,
        horizons=HORIZONS,
        design="d",
        model="m",
        resamples=400,
        level=0.95,
        seed=1,
        populations=everybody,
    )
    for e in evidence.find(population="everybody"):
        whole = evidence.one(metric=e.metric, estimator=e.estimator, horizon_days=e.horizon_days, population="all")
        assert e.value == pytest.approx(whole.value, abs=1e-9), e.id
        if e.low is not None and e.high is not None:
            # What weighs takes the whole cohort's weights as known in a population, which is wider for Brier and IPA.
            width = whole.high - whole.low  # type: ignore[operator]
            weighs = e.metric in ("brier", "ipa", "auc")
            assert e.high - e.low == pytest.approx(width, rel=0.25 if weighs else 1e-6), e.id


def test_tables_carry_the_curve_and_the_histogram() -> None:
    outcome, x = cohort(causes=2)
    evidence = judge(outcome, scored(outcome, x))
    curve = evidence.tables["calibration_curve"]
    assert {row["horizon_days"] for row in curve} == set(HORIZONS)
    assert all(0 <= row["low"] <= row["high"] <= 1 for row in curve)
    for horizon in HORIZONS:
        rows = [r for r in evidence.tables["risk_histogram"] if r["horizon_days"] == horizon and r["cause"] == "died"]
        assert sum(row["patients"] for row in rows) == 300
    assert Evidence.from_json(evidence.to_json()).digest == evidence.digest


def test_the_same_seed_gives_the_same_evidence_and_another_only_other_resamples() -> None:
    outcome, x = cohort(150)
    rows = scored(outcome, x)
    assert judge(outcome, rows).digest == judge(outcome, rows).digest
    assert values(judge(outcome, rows)) == values(judge(outcome, rows, seed=4))


def test_evidence_of_two_models_is_joined_without_doubling_what_is_said_of_the_data() -> None:
    outcome, x = cohort(150)
    rows = scored(outcome, x)
    one, two = (
        evaluate(outcome, rows, horizons=(100.0,), design="d", model=m, resamples=5, level=0.95, seed=1)
        for m in ("a", "b")
    )
    both = merged([one, two])
    assert len(both.find(metric="observed_risk")) == 1
    assert len(both.find(metric="auc")) == 2
    assert len(both.tables["calibration_curve"]) == 2 * len(one.tables["calibration_curve"])
    assert isinstance(both.estimates[0], Estimate)


def test_the_data_of_a_part_of_the_cohort_do_not_pass_for_the_whole_cohorts() -> None:
    outcome, x = cohort(300)
    rows = scored(outcome, x, repeats=1)
    later = np.flatnonzero(rows.patients >= 200)
    part = Scored(rows.patients[later], rows.groups[later], rows.curves.take(later))
    judged = [
        evaluate(outcome, each, horizons=(300.0,), design=design, model="m", resamples=0, level=0.95, seed=1)
        for design, each in (("temporal", part), ("apparent", rows))
    ]
    both = merged(judged)
    whole, own = (both.one(metric="observed_risk", design=design) for design in ("data", "temporal"))
    assert (whole.n, own.n, own.model) == (300, 100, "")
    assert own.value == pytest.approx(incidence_at(outcome.take(np.arange(200, 300)), 1, [300.0])[0])
    ratio, mean = (both.one(metric=name, design="temporal").value for name in ("oe_ratio", "mean_risk"))
    assert ratio * mean == pytest.approx(own.value)
