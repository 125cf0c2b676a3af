from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.metrics.panel import (
    Panel,
    basic_interval,
    distance_interval,
    multiplicities,
    smooth,
)


def panel() -> Panel:
    """Three patients of a cohort of five, two repeats, the second in another order."""
    outcome = Outcome.right_censored([5.0, 6.0, 7.0, 8.0, 9.0], [1, 0, 1, 0, 1])
    risk = np.array([0.1, 0.2, 0.3, 0.3, 0.1, 0.2])
    curves = Curves(np.array([4.0]), ("event",), risk[:, None, None])
    return Panel.build(outcome, [4, 0, 2, 2, 4, 0], [0, 0, 1, 2, 2, 3], curves)


def test_each_patient_stands_once_and_weighs_one() -> None:
    found = panel()
    assert found.patients.tolist() == [0, 2, 4]
    assert found.outcome.right_days.tolist() == [5, 7, 9]
    assert found.per_patient(found.weights).tolist() == [1, 1, 1]
    assert found.rows.right_days.tolist() == [9, 5, 7, 7, 9, 5]


def test_a_subset_keeps_its_patients_rows_and_groups() -> None:
    some = panel().subset(np.array([4, 1]))
    assert some.patients.tolist() == [4]
    assert some.groups.tolist() == [0, 2]
    assert some.curves.n == 2


def test_patients_are_drawn_within_strata_as_often_as_they_are_many() -> None:
    strata = np.repeat([0, 1], [30, 10])
    drawn = multiplicities(40, 50, 1, strata)
    assert (drawn[:30].sum(axis=0) == 30).all()
    assert (drawn[30:].sum(axis=0) == 10).all()
    assert np.array_equal(drawn, multiplicities(40, 50, 1, strata))


def test_reflection_takes_back_the_bias_that_resampling_adds() -> None:
    resampled = np.random.default_rng(0).normal(3.0, 1.0, 10_000)  # the value is 2: resamples lie one above it
    low, high = basic_interval(2.0, resampled, 0.95)
    assert (low, high) == pytest.approx((4 - 4.96, 4 - 1.04), abs=0.1)
    assert basic_interval(0.0, np.zeros(10), 0.95) == (0.0, 0.0)


def test_a_distance_reaches_as_far_as_the_curve_may_be_from_the_true_one_and_never_below_nothing() -> None:
    noise = np.linspace(0.0, 1.0, 101)
    assert distance_interval(0.2, noise / 10, 0.95) == pytest.approx((0.105, 0.295))
    assert distance_interval(0.05, noise / 10, 0.95) == pytest.approx((0.0, 0.145))


def test_a_distance_between_two_risks_is_never_above_one() -> None:
    assert distance_interval(0.6, np.linspace(0, 1, 101), 0.95) == (0.0, 1.0)


@pytest.mark.parametrize("causes", [1, 2])
def test_where_predictions_are_right_the_interval_of_their_distance_holds_nothing(causes: int) -> None:
    held, few = 0, 40
    for seed in range(few):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=200)
        hazard = np.stack([0.5 * np.exp(0.8 * x), 0.4 * np.exp(-0.2 * x)][:causes])
        total = hazard.sum(axis=0)
        died, lost = rng.exponential(1 / total), rng.uniform(0.3, 3, 200)
        first = rng.random(200) < hazard[0] / total
        names = ("a", "b")[:causes]
        outcome = Outcome.right_censored(
            np.minimum(died, lost), np.where(died > lost, 0, np.where(first, 1, causes)), names
        )
        truth = np.repeat((hazard[0] / total * -np.expm1(-total))[:, None, None], causes, axis=1)
        truth[:, 1:] = 0.0
        panel = Panel.build(outcome, np.arange(200), np.zeros(200), Curves(np.array([1.0]), names, truth))
        drawn = multiplicities(200, 40, seed)
        found = smooth(panel, 1, 1.0, drawn)
        held += distance_interval(found.errors.ici, found.noise["ici"], 0.95)[0] == 0.0
    assert held >= 34  # 38 of 40, less two and a half standard errors
