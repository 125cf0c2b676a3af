from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.censoring import GivenPredictors, censoring
from training.conditional_censoring import ConditionalCensoring
from training.curves import Curves
from training.evaluation import Scored, evaluate
from training.evidence import Estimate
from training.metrics.accuracy import brier, integrated_brier, ipa
from training.metrics.discrimination import auc, uno_c

Floats = np.ndarray


def world(tells: float, n: int = 2000, seed: int = 1) -> tuple[Outcome, Outcome, Floats]:
    """Follow-up, the same patients had nobody been lost, and predictors: the second tells how long one is followed."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    died = np.ceil(rng.exponential(300 * np.exp(-x[:, 0])))
    lost = np.ceil(30 + rng.exponential(400 * np.exp(tells * (x[:, 1] + x[:, 0] / 2))))
    seen = Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int))
    return seen, Outcome.right_censored(died, np.ones(n, int)), x


def fitted(outcome: Outcome, x: Floats) -> ConditionalCensoring:
    fold = np.arange(outcome.n) % 5
    return ConditionalCensoring.cross_fitted(
        x, outcome, [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
    )


def test_predictors_that_tell_nothing_give_the_marginal_weights_and_the_marginal_headline() -> None:
    outcome, _, x = world(0.0)
    found = fitted(outcome, x)
    assert found.concordance.low is not None
    assert found.concordance.high is not None
    assert found.concordance.low < 0.5 < found.concordance.high + 0.01
    assert not found.headline
    assert found.evidence.facts["headline_weights"] == "marginal"
    days = np.array([100.0, 300.0])
    for day in days:
        assert found.given.at(day) == pytest.approx(np.full(outcome.n, censoring(outcome).at(day)), abs=0.1)


def test_predictors_that_tell_the_follow_up_are_found_and_their_weights_take_the_bias_away() -> None:
    seen, full, x = world(2.5, 8000)
    found = fitted(seen, x)
    assert found.headline
    assert found.evidence.facts["headline_weights"] == "given_predictors"
    risk = 1 - np.exp(-180 / 300 * np.exp(x[:, 0]))
    who = np.flatnonzero(found.given.seen(180.0))
    truth = full.take(who)
    for measure in (brier, ipa):
        expected = measure(truth, risk[who], horizon=180).value
        marginal = measure(seen, risk, horizon=180).value
        given = measure(seen, risk, horizon=180, g=found.given).value
        assert abs(given - expected) < 0.5 * abs(marginal - expected)
    expected = auc(truth, risk[who], horizon=180).value
    assert auc(seen, risk, horizon=180, g=found.given).value == pytest.approx(expected, abs=0.02)


def test_constant_log_hazards_make_every_number_marginal() -> None:
    outcome, _, x = world(0.0, 300)
    g = censoring(outcome)
    cumulative = np.concatenate([[0.0], -np.log(np.maximum(g.values[1:], 1e-9))])
    flat, risk = GivenPredictors(g.times, cumulative, np.ones(300)), 1 - np.exp(-0.5 * np.exp(x[:, 0]))
    times = np.linspace(20, 300, 15)
    curves = Curves.from_survival(times, np.exp(-times / 300 * np.exp(x[:, 0])[:, None]))
    for measure in (brier, uno_c, auc):
        marginal, given = (measure(outcome, risk, horizon=150, g=w).value for w in (None, flat))
        assert given == pytest.approx(marginal, abs=1e-12)
    marginal, given = (integrated_brier(outcome, curves, until=200, g=w).value for w in (None, flat))
    assert given == pytest.approx(marginal, abs=1e-12)


def test_whoever_could_hardly_have_been_seen_is_dropped_and_not_weighed_up() -> None:
    outcome = Outcome.right_censored([50.0, 60.0, 70.0, 80.0], [1, 1, 0, 1])
    given = GivenPredictors(np.array([10.0]), np.array([0.0, 1.0]), np.array([0.1, 0.1, 0.1, 5.0]))
    assert given.seen(40.0).tolist() == [True, True, True, False]
    risk = np.array([0.5, 0.5, 0.5, 1.0])
    assert brier(outcome, risk, horizon=55, g=given).value == pytest.approx(0.25 * np.exp(0.1), rel=1e-9)


def test_nobody_lost_and_no_predictors_are_said() -> None:
    _, full, x = world(0.0, 100)
    assert fitted(full, x).concordance.state == "not applicable"
    assert np.array_equal(fitted(full, x).given.at(200.0), np.ones(100))
    seen = world(0.0, 100)[0]
    assert fitted(seen, np.zeros((100, 0))).concordance.value == 0.5


@pytest.mark.parametrize("tells", [0.0, 2.5])
def test_evidence_says_each_weighted_number_twice_where_the_predictors_tell_the_follow_up(tells: float) -> None:
    outcome, _, x = world(tells, 600)
    times = np.linspace(10, 400, 40)
    curves = Curves.from_survival(times, np.exp(-times / 300 * np.exp(x[:, 0])[:, None]))
    scored, given = Scored(np.arange(600), np.zeros(600, int), curves), fitted(outcome, x)
    everybody = {"x > 0": np.flatnonzero(x[:, 2] > 0)}
    evidence = evaluate(
        outcome,
        scored,
        horizons=(90.0, 180.0),
        design="apparent",
        model="m",
        resamples=0,
        level=0.95,
        seed=1,
        censoring=given,
        populations=everybody,
    )
    twice: list[Estimate] = [e for e in evidence.estimates if e.estimator.endswith("_given_predictors")]
    always = {"brier", "ipa", "ibs"}
    more = {"auc", "uno_c", "oe_ratio", "calibration_slope", "calibration_intercept"} if given.headline else set()
    assert {e.metric for e in twice if e.population == "all"} == always | more
    assert bool([e for e in twice if e.population != "all"]) == given.headline
    for e in twice:
        assert e.low is not None, e.id
        assert "given" not in e.method or "predictors" in e.method
        assert "0.1" in e.method
