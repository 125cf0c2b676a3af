from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.censoring import Undefined
from training.curves import Curves
from training.metrics.hazard_calibration import cumulative_hazard, d_calibration, own_survival, poisson_of

TIMES = np.linspace(0.4, 20, 50)


def world(n: int, seed: int, slope: float = 1.0, level: float = 1.0) -> tuple[Outcome, Curves]:
    """Two competing causes with their own hazards; the first one's is said `level` times too high and too extreme."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    first, second, lost = (rng.exponential(s * np.exp(-e)) for s, e in ((8, x), (15, 0.5 * z), (20, 0 * x)))
    died = np.minimum(first, second)
    outcome = Outcome.right_censored(
        np.minimum(died, lost), np.where(died > lost, 0, np.where(first < second, 1, 2)), ("a", "b")
    )
    hazard = level * np.exp(x / slope) / 8, np.exp(0.5 * z) / 15
    total = hazard[0] + hazard[1]
    gone = 1 - np.exp(-TIMES * total[:, None])
    return outcome, Curves(TIMES, ("a", "b"), np.stack([h[:, None] / total[:, None] * gone for h in hazard], axis=1))


def test_the_hazard_behind_curves_of_competing_causes_is_each_causes_own() -> None:
    outcome, curves = world(200, 1)
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=(2, 200))
    days = np.minimum(outcome.right_days, 20.0)
    assert cumulative_hazard(curves, 1, days) == pytest.approx(days * np.exp(x) / 8, rel=1e-3, abs=1e-3)
    assert cumulative_hazard(curves, 2, days) == pytest.approx(days * np.exp(0.5 * z) / 15, rel=1e-3, abs=1e-3)
    both = cumulative_hazard(curves, 1, days) + cumulative_hazard(curves, 2, days)
    assert own_survival(curves, days) == pytest.approx(np.exp(-both), rel=1e-9)


def test_true_hazards_are_calibrated_for_each_cause_and_wrong_ones_are_found_out_by_how_much() -> None:
    outcome, curves = world(6000, 2)
    for cause in (1, 2):
        found = poisson_of(outcome, curves, cause, until=10.0)
        assert abs(found.ratio.value) < 3 * found.ratio.standard_error
        assert abs(found.slope.value - 1) < 3 * found.slope.standard_error
    outcome, curves = world(6000, 3, slope=0.7, level=2.0)
    wrong = poisson_of(outcome, curves, 1, until=1.0)
    assert wrong.slope.value == pytest.approx(0.7, abs=0.05)
    assert wrong.ratio.value < -0.5


def test_repeats_of_a_patient_tell_no_more_than_one() -> None:
    outcome, curves = world(300, 4)
    rows = np.repeat(np.arange(300), 2)
    once = poisson_of(outcome, curves, 1, until=10.0)
    twice = poisson_of(outcome.take(rows), curves.take(rows), 1, until=10.0, weights=np.full(600, 0.5))
    for a, b in ((once.slope, twice.slope), (once.ratio, twice.ratio)):
        assert (a.value, a.standard_error) == pytest.approx((b.value, b.standard_error), rel=1e-8)
    survival = own_survival(curves, outcome.right_days)
    chi2 = d_calibration(survival, outcome.event > 0)[1]
    assert d_calibration(survival[rows], (outcome.event > 0)[rows], weights=np.full(600, 0.5))[1] == pytest.approx(chi2)


def test_survival_is_spread_evenly_where_it_is_right_and_not_where_it_is_too_low() -> None:
    outcome, curves = world(3000, 5)
    assert d_calibration(own_survival(curves, outcome.right_days), outcome.event > 0)[1] < 28  # 99.9 % of chi-square, 9
    outcome, curves = world(3000, 5, level=2.0)
    assert d_calibration(own_survival(curves, outcome.right_days), outcome.event > 0)[1] > 28


def test_the_same_prediction_for_everybody_has_no_slope() -> None:
    outcome, _ = world(100, 6)
    flat = Curves(TIMES, ("a", "b"), np.full((100, 2, 50), 0.2))
    with pytest.raises(Undefined, match="not estimable"):
        poisson_of(outcome, flat, 1, until=10.0)


def test_a_right_model_stays_right_in_a_cohort_that_is_followed_beyond_its_curves() -> None:
    outcome, curves = world(5000, 4)
    short = Curves(curves.times[:20], curves.causes, curves.incidence[:, :, :20])
    found = poisson_of(outcome, short, 1, until=float(short.times[-1]))
    assert abs(found.ratio.value) < 0.06
    assert found.slope.value == pytest.approx(1.0, abs=0.06)
