"""Curves are probabilities, or they are refused."""

from __future__ import annotations

import numpy as np
import pytest

from training.curves import Curves, CurvesError


def two_causes() -> Curves:
    return Curves(
        np.array([10.0, 20.0]),
        ("recovered", "died"),
        np.array([[[0.1, 0.4], [0.2, 0.3]], [[0.0, 0.5], [0.0, 0.5]]]),
    )


def test_incidences_and_survival_sum_to_one() -> None:
    curves = two_causes()
    assert curves.incidence.sum(axis=1) + curves.survival == pytest.approx(np.ones((2, 2)), abs=1e-15)


def test_a_curve_is_a_right_continuous_step() -> None:
    curves = two_causes()
    read = curves.at([5.0, 10.0, 19.9, 20.0, 500.0])
    assert read.incidence[0, 0].tolist() == [0.0, 0.1, 0.1, 0.4, 0.4]
    assert curves.risk_at(20.0, "died").tolist() == [0.3, 0.5]


def test_the_mean_of_curves_is_a_curve() -> None:
    curves = two_causes()
    assert np.array_equal(Curves.mean([curves, curves]).incidence, curves.incidence)


@pytest.mark.parametrize(
    "incidence",
    [
        [[[0.4, 0.1]]],  # falls
        [[[0.1, 1.2]]],  # above one
        [[[-0.1, 0.2]]],  # below zero
        [[[np.nan, 0.2]]],
    ],
)
def test_what_is_no_probability_is_refused(incidence: list[list[list[float]]]) -> None:
    with pytest.raises(CurvesError):
        Curves(np.array([1.0, 2.0]), ("died",), np.array(incidence))


def test_causes_that_sum_above_one_are_refused() -> None:
    with pytest.raises(CurvesError, match="at most one"):
        Curves(np.array([1.0]), ("a", "b"), np.array([[[0.7], [0.4]]]))
