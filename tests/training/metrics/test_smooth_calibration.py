from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.metrics.smooth_calibration import cox_smoother, errors, neighbour_smoother, spline_basis


def test_the_spline_is_linear_beyond_its_outer_knots_and_smooth_between() -> None:
    knots = np.array([0.0, 1.0, 2.0, 4.0])
    x = np.linspace(-3, 8, 1101)
    basis = spline_basis(x, knots)
    assert basis.shape == (1101, 3)
    second = np.diff(basis, 2, axis=0) / 0.01**2
    outside = (x[1:-1] < -0.02) | (x[1:-1] > 4.02)
    assert np.abs(second[outside]).max() < 1e-6
    assert np.abs(np.diff(second, axis=0)).max() < 0.05


def test_true_risks_lie_on_the_curve_and_shifted_ones_beside_it() -> None:
    rng = np.random.default_rng(0)
    eta = rng.normal(-0.5, 0.8, 4000)
    died, lost = rng.exponential(np.exp(-eta)), rng.uniform(0.5, 4, 4000)
    outcome = Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int))
    risk = 1 - np.exp(-np.exp(eta))
    assert errors(risk, cox_smoother(outcome, risk, 1.0)(None)).ici < 0.02
    high = 1 - np.exp(-2 * np.exp(eta))
    observed = cox_smoother(outcome, high, 1.0)(None)
    assert errors(high, observed).ici == pytest.approx(np.mean(high - risk), abs=0.02)


def test_neighbours_are_a_running_mean_over_five_hundredths_of_rank_on_either_side() -> None:
    rng = np.random.default_rng(1)
    risk, pseudo = rng.permutation(200) / 200, rng.normal(size=200)
    found = neighbour_smoother(risk, risk)(pseudo, None)
    rank = (np.argsort(np.argsort(risk)) + 1) / 200
    for i in range(0, 200, 17):
        near = np.abs(rank - rank[i]) <= 0.05 + 1e-12
        assert found[i] == pytest.approx(pseudo[near].mean())


def test_weights_are_copies() -> None:
    rng = np.random.default_rng(2)
    risk, pseudo, weights = np.round(rng.uniform(size=80), 2), rng.normal(size=80), rng.integers(0, 4, 80).astype(float)
    rows = np.repeat(np.arange(80), weights.astype(int))
    copied = neighbour_smoother(risk[rows], risk[rows])(pseudo[rows], None)
    assert neighbour_smoother(risk, risk)(pseudo, weights)[rows] == pytest.approx(copied, abs=1e-12)
    observed = rng.uniform(size=80)
    weighted, plain = errors(risk, observed, weights), errors(risk[rows], observed[rows])
    assert (weighted.ici, weighted.e50, weighted.e90, weighted.emax) == pytest.approx(
        (plain.ici, plain.e50, plain.e90, plain.emax), abs=1e-12
    )


def test_few_distinct_risks_give_a_straight_line_instead_of_a_fault() -> None:
    rng = np.random.default_rng(3)
    risk = rng.choice([0.2, 0.6], 100)
    outcome = Outcome.right_censored(rng.exponential(1 / risk), np.ones(100, int))
    observed = cox_smoother(outcome, risk, 1.0)(None)
    assert len(np.unique(np.round(observed, 9))) == 2


def test_what_happens_after_the_horizon_does_not_bend_the_observed_risk_by_it() -> None:
    """Early hazards follow the risk steeply, late ones run against it: the distance is never below the mean's error."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=3000)
    early = rng.exponential(1 / (0.3 * np.exp(1.2 * x)))
    died = np.where(early < 1, early, 1 + rng.exponential(1 / (0.6 * np.exp(-0.8 * x))))
    outcome = Outcome.right_censored(np.minimum(died, 9.0), (died < 9).astype(int))
    risk = 1 - np.exp(-0.3 * np.exp(1.2 * x))
    observed = cox_smoother(outcome, risk, 1.0)(None)
    assert observed.mean() == pytest.approx(np.mean(died <= 1), abs=0.01)
    assert errors(risk, observed).ici < 0.02
    ended = Outcome.right_censored(np.minimum(died, 1.0), (died <= 1).astype(int))
    assert observed == pytest.approx(cox_smoother(ended, risk, 1.0)(None), abs=1e-12)


def test_who_enters_after_the_horizon_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=300)
    died = rng.exponential(np.exp(-x))
    risk = 1 - np.exp(-np.exp(x))
    late = Outcome(
        np.concatenate([np.zeros(300), [2.0, 3.0]]),
        np.concatenate([died, [2.5, 4.0]]),
        np.concatenate([died, [2.5, 4.0]]),
        np.ones(302, int),
        ("event",),
    )
    alone = cox_smoother(late.take(np.arange(300)), risk, 1.0, knots=(0.0, 0.5, 1.0))(None)
    both = cox_smoother(late, np.append(risk, np.quantile(risk, [0.5, 0.5])), 1.0, knots=(0.0, 0.5, 1.0))(None)
    assert both[:300] == pytest.approx(alone, abs=1e-7)
