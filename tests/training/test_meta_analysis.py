"""Sites taken together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evidence import Estimate, Evidence
from training.meta_analysis import pool, sites_pooled

# Thirteen trials of BCG vaccine against tuberculosis (Colditz 1994): cases and others, vaccinated and not.
BCG = np.array(
    [
        [4, 119, 11, 128],
        [6, 300, 29, 274],
        [3, 228, 11, 209],
        [62, 13536, 248, 12619],
        [33, 5036, 47, 5761],
        [180, 1361, 372, 1079],
        [8, 2537, 10, 619],
        [505, 87886, 499, 87892],
        [29, 7470, 45, 7232],
        [17, 1699, 65, 1600],
        [186, 50448, 141, 27197],
        [5, 2493, 3, 2338],
        [27, 16886, 29, 17825],
    ],
    dtype=float,
)


def test_the_bcg_trials_come_out_as_published():
    """metafor's `rma(yi, vi, data = dat.bcg, test = "knha")`: Viechtbauer 2010."""
    a, b, c, d = BCG.T
    found = pool(np.log(a / (a + b) / (c / (c + d))), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)))
    assert found.mean == pytest.approx(-0.7145, abs=5e-5)
    assert found.tau**2 == pytest.approx(0.3132, abs=5e-5)
    assert (found.low, found.high) == pytest.approx((-1.1084, -0.3206), abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 12), st.floats(-3, 3), st.floats(0.05, 2), st.integers(0, 10**6))
def test_the_pool_moves_with_its_numbers(k, shift, scale, seed):
    rng = np.random.default_rng(seed)
    values, errors = rng.normal(0, 0.5, k), rng.uniform(0.1, 0.6, k)
    one, other = pool(values, errors), pool(shift + scale * values, scale * errors)
    assert other.mean == pytest.approx(shift + scale * one.mean, abs=1e-6)
    assert other.tau == pytest.approx(scale * one.tau, abs=1e-5)
    assert one.weights.sum() == pytest.approx(1)
    assert one.low <= one.mean <= one.high
    assert one.next_low <= one.low
    assert one.high <= one.next_high


def test_equal_sites_do_not_differ():
    found = pool(np.full(6, 0.3), np.full(6, 0.1))
    assert (found.tau, found.mean, found.low, found.high) == pytest.approx((0, 0.3, 0.3, 0.3))


def test_two_sites_have_a_mean_but_nothing_to_say_of_the_next():
    found = pool(np.array([0.1, 0.3]), np.array([0.1, 0.2]))
    assert found.next_low is None
    assert found.low < found.mean < found.high
    with pytest.raises(ValueError, match="at least 2 values"):
        pool(np.array([0.1]), np.array([0.1]))


def site(name: str, metric: str, value: float | None, low: float | None, high: float | None, **more) -> Estimate:
    key = {"cause": "died", "horizon_days": 365.0, "design": "leave_one_site_out", "model": "chosen", "n": 100}
    return Estimate(metric, "e", population=f"site={name}", value=value, low=low, high=high, **{**key, **more})


def ratio(name: str, value: float, error: float = 0.1) -> Estimate:
    return site(name, "oe_ratio", value, value * np.exp(-1.96 * error), value * np.exp(1.96 * error), events=40)


def test_sites_are_pooled_on_the_scale_of_their_metric():
    shares = [0.70, 0.75, 0.65]
    errors = [0.02, 0.03, 0.02]
    found = sites_pooled(
        Evidence(
            (
                *(ratio(n, v) for n, v in zip("ABC", (0.9, 1.2, 1.1), strict=True)),
                *(
                    site(n, "harrell_c", c, c - 1.959964 * e, c + 1.959964 * e)
                    for n, c, e in zip("ABC", shares, errors, strict=True)
                ),
            )
        ),
        level=0.95,
    )
    mean = found.one(metric="oe_ratio", population="all sites, pooled")
    ahead = found.one(metric="oe_ratio", population="next site")
    assert (mean.estimator, mean.events) == ("reml_hartung_knapp", 120)
    by_hand = pool(np.log([0.9, 1.2, 1.1]), np.full(3, 0.1))
    assert np.log([mean.value, mean.low, mean.high]) == pytest.approx(
        [by_hand.mean, by_hand.low, by_hand.high], abs=1e-4
    )
    assert ahead.low < mean.low < mean.value < mean.high < ahead.high
    c = np.array(shares)
    of_c = pool(np.log(c / (1 - c)), np.array(errors) / (c * (1 - c)))
    said = found.one(metric="harrell_c", population="next site")
    assert said.low == pytest.approx(1 / (1 + np.exp(-of_c.next_low)), abs=1e-5)
    assert found.one(metric="tau", estimator="reml_logit_c").value == pytest.approx(of_c.tau, abs=1e-5)
    assert [row["weight"] is not None for row in found.tables["site_performance"]] == [True] * 6


def test_a_site_without_a_number_is_named_counted_and_left_out():
    silent = site("D", "oe_ratio", None, None, None, state="not applicable", reason="fewer than 10 events: suppressed")
    none = site("E", "oe_ratio", 0.0, None, None, events=0)
    found = sites_pooled(Evidence((*(ratio(n, 1.0 + i / 10) for i, n in enumerate("ABC")), silent, none)), level=0.95)
    mean = found.one(metric="oe_ratio", population="all sites, pooled")
    assert "3 of 5 sites, 2 left out" in mean.method
    assert mean.n == 300
    rows = {row["site"]: row for row in found.tables["site_performance"]}
    assert rows["D"]["reason"] == "fewer than 10 events: suppressed"
    assert rows["D"]["weight"] is rows["E"]["weight"] is None
    assert rows["E"]["reason"] == "no interval, so no weight"


def test_one_site_is_no_pool():
    found = sites_pooled(Evidence((ratio("A", 1.1),)), level=0.95)
    assert {e.state for e in found.estimates} == {"not applicable"}
    assert "a pool needs 2" in found.one(metric="tau").reason


def test_where_weights_are_given_the_predictors_only_the_headline_is_pooled():
    marginal = [ratio(name, value) for name, value in zip("ABCD", (0.9, 1.2, 1.1, 1.0), strict=True)]
    headline = [replace(one, estimator="e_given_predictors", value=1.0) for one in marginal]
    found = sites_pooled(Evidence((*marginal, *headline)), level=0.95)
    pooled = [one for one in found.estimates if one.metric == "oe_ratio" and one.population == "all sites, pooled"]
    assert [round(one.value or 0.0, 9) for one in pooled] == [1.0]
