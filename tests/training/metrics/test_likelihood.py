from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.metrics.likelihood import log_likelihood


def test_by_hand_an_event_is_the_mass_of_its_stretch_and_a_censored_patient_his_survival() -> None:
    outcome = Outcome.right_censored([1.0, 2.0, 2.0, 3.0], [1, 2, 0, 1], ("a", "b"))
    incidence = np.tile(np.array([[[0.1, 0.3, 0.4], [0.1, 0.2, 0.3]]]), (4, 1, 1))
    found = log_likelihood(outcome, Curves(np.array([1.0, 2.0, 3.0]), ("a", "b"), incidence))
    assert found.value == pytest.approx(-np.mean(np.log([0.1, 0.1, 0.5, 0.1])))


def test_what_happens_after_the_last_time_has_what_is_left_and_nothing_is_impossible() -> None:
    outcome = Outcome.right_censored([1.0, 9.0], [1, 1])
    curves = Curves.from_survival([1.0, 2.0], [[1.0, 0.8], [0.9, 0.7]])
    assert log_likelihood(outcome, curves).value == pytest.approx(-(np.log(1e-4) + np.log(0.7)) / 2)


def test_the_truth_is_the_likeliest_and_too_extreme_is_worse_than_it() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=3000)
    died, lost = rng.exponential(10 * np.exp(-x)), rng.uniform(2, 40, 3000)
    outcome = Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int))
    times = np.linspace(0.5, 40, 80)
    losses = {
        slope: log_likelihood(
            outcome, Curves.from_survival(times, np.exp(-times / 10 * np.exp(slope * x)[:, None]))
        ).value
        for slope in (0.0, 0.6, 1.0, 1.5)
    }
    assert min(losses, key=lambda slope: losses[slope]) == 1.0


@pytest.mark.parametrize(("early", "late"), [(0, 2), (0.5, 5)])
def test_hazards_a_tenth_too_high_are_not_rewarded_where_follow_up_is_cut(early: float, late: float) -> None:
    rng = np.random.default_rng(0)
    x = 0.7 * rng.normal(size=20_000)
    died, lost = rng.exponential(2 * np.exp(-x)), rng.uniform(early, late, 20_000)
    outcome = Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int))
    times = np.linspace(0.02, late, 120)
    truth, below, above = (
        log_likelihood(outcome, Curves.from_survival(times, np.exp(-k * times / 2 * np.exp(x)[:, None]))).value
        for k in (1.0, 0.9, 1.1)
    )
    assert truth < min(below, above) - 5e-4
