"""The objective against numerical derivatives, and against what XGBoost's own objective gets wrong."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import efron_baseline
from training.families.boosted_cox import BoostedCox, EfronObjective
from training.families.family import Design, FamilyError
from training.families.proportional import Boosted
from training.partial_likelihood import fit_cox

Floats = NDArray[np.float64]


def tied(n: int = 40, causes: int = 1, seed: int = 0) -> tuple[Floats, Outcome, Floats]:
    rng = np.random.default_rng(seed)
    outcome = Outcome.right_censored(rng.integers(1, 8, n), rng.integers(0, causes + 1, n), tuple("ab"[:causes]))
    return rng.normal(size=n), outcome, rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("causes", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_and_hessian_are_the_derivatives_of_the_likelihood(causes: int, weighted: bool) -> None:
    lp, outcome, weights = tied(causes=causes)
    objective = EfronObjective(outcome, 1, weights if weighted else None)
    gradient, hessian = objective(lp)
    step = 1e-4
    for i in range(outcome.n):
        nudge = np.zeros(outcome.n)
        nudge[i] = step
        up, here, down = (objective.loss(lp + s * nudge) for s in (1, 0, -1))
        assert abs(gradient[i] - (up - down) / (2 * step)) < 1e-6
        assert abs(hessian[i] - (up - 2 * here + down) / step**2) < 1e-4
    assert abs(gradient.sum()) < 1e-10


def test_the_likelihood_is_the_one_that_cox_maximises() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(80, 2))
    _, outcome, _ = tied(80)
    fit = fit_cox(X, outcome, 1, ridge=0.0)
    objective = EfronObjective(outcome, 1)
    assert abs(objective.loss(X @ fit.coef) + fit.loglik) < 1e-8
    assert np.abs(X.T @ objective(X @ fit.coef)[0]).max() < 1e-4


def test_weighted_ties_are_those_of_r() -> None:
    """Residuals at zero of the weighted example of R's survival package (tests/book6.R): one death against its mean."""
    outcome = Outcome.right_censored([1.0, 1, 2, 2, 2, 2, 3, 4, 5], [1, 0, 1, 1, 1, 0, 0, 1, 0])
    weights = np.array([1.0, 2, 3, 4, 3, 2, 1, 2, 1])
    gradient, _ = EfronObjective(outcome, 1, weights)(np.zeros(9))
    hazard = np.array([1 / 19, 5 / 24, 5 / 19, 5 / 14, 2 / 3])
    dying = hazard[0] + hazard[1] + hazard[2] * 2 / 3 + hazard[3] / 3  # Efron's share of their own day
    passed = np.concatenate([np.full(2, hazard[0]), np.full(3, dying), np.full(2, hazard[:4].sum())])
    passed = np.append(passed, np.full(2, hazard.sum()))
    assert np.abs(gradient - weights * (passed - (outcome.event == 1))).max() < 1e-12


def test_rows_in_any_order_give_the_same_derivatives() -> None:
    lp, outcome, weights = tied(200)
    order = np.random.default_rng(1).permutation(200)
    straight = EfronObjective(outcome, 1, weights)(lp)
    shuffled = EfronObjective(outcome.take(order), 1, weights[order])(lp[order])
    for a, b in zip(straight, shuffled, strict=True):
        assert np.abs(a[order] - b).max() < 1e-12


def test_without_ties_weights_are_duplicated_rows_under_breslow_only() -> None:
    """Under Efron a duplicate creates a tie and a weight does not: the weighted likelihood is R's, not the copies'."""
    lp, _, _ = tied(30)
    outcome = Outcome.right_censored(np.arange(1, 31), np.ones(30))
    once, twice = EfronObjective(outcome, 1)(lp)[0], EfronObjective(outcome, 1, np.full(30, 2.0))(lp)[0]
    assert np.allclose(twice, 2 * once, rtol=1e-12)


def test_a_huge_log_hazard_overflows_nothing() -> None:
    lp, outcome, _ = tied(50)
    gradient, hessian = EfronObjective(outcome, 1)(lp * 300)
    assert np.isfinite(gradient).all()
    assert (hessian >= 0).all()


def test_a_missing_value_that_tells_something_is_heard() -> None:
    rng = np.random.default_rng(2)
    n = 500
    gone = rng.random(n) < 0.4
    X = np.where(gone, np.nan, rng.normal(size=n))[:, None]
    time = rng.exponential(np.where(gone, 1.0, 6.0))
    fitted = BoostedCox(columns=1.0).fit(Design(X, ("a",)), Outcome.right_censored(time, np.ones(n)), 0)
    risk = fitted.predict(X, np.array([2.0])).risk_at(2.0)
    assert risk[gone].mean() - risk[~gone].mean() > 0.4


def test_an_interaction_is_found_and_the_gain_told() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(800, 4))
    time = rng.exponential(np.exp(-2.0 * (X[:, 0] > 0) * (X[:, 1] > 0)))
    fitted = BoostedCox(columns=1.0).fit(Design(X, tuple("abcd")), Outcome.right_censored(time, np.ones(800)), 0)
    assert isinstance(fitted.score, Boosted)
    assert fitted.score.gain[:2].sum() > 0.7
    assert abs(fitted.score.gain.sum() - 1) < 1e-12


def test_the_objective_is_that_of_every_pair_written_out() -> None:
    """Efron's sub-steps one by one, over risk sets counted patient by patient."""
    lp, outcome, weights = tied(60, causes=2, seed=3)
    theta = weights * np.exp(lp)
    gradient, hessian = -weights * (outcome.event == 1), np.zeros(60)
    for day in np.unique(outcome.time_days[outcome.event == 1]):
        dying = (outcome.time_days == day) & (outcome.event == 1)
        d = int(dying.sum())
        for j in range(d):
            share = theta * ((outcome.time_days >= day) - dying * j / d)
            p = share / share.sum()
            gradient = gradient + weights[dying].mean() * p
            hessian += weights[dying].mean() * p * (1 - p)
    found = EfronObjective(outcome, 1, weights)(lp)
    assert np.abs(found[0] - gradient).max() < 1e-12
    assert np.abs(found[1] - hessian).max() < 1e-12


def test_growing_stops_where_the_rows_held_back_say_that_there_is_nothing_more() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(500, 5))
    noise = Outcome.right_censored(rng.exponential(1.0, 500), np.ones(500))
    signal = Outcome.right_censored(rng.exponential(np.exp(-X[:, 0] - X[:, 1] ** 2)), np.ones(500))
    early = BoostedCox(trees=300, patience=10)
    design = Design(X, tuple("abcde"))

    def grown(outcome: Outcome) -> int:
        score = early.fit(design, outcome, 1).score
        assert isinstance(score, Boosted)
        return len(score.trees.roots)

    assert grown(noise) < 25
    assert 40 < grown(signal) < 300
    order = rng.permutation(500)
    moved = early.fit(Design(X[order], design.columns), signal.take(order), 1).log_hazard(X)
    assert np.abs(moved - early.fit(design, signal, 1).log_hazard(X)).max() < 1e-9
    with pytest.raises(FamilyError, match="patience must be zero"):
        BoostedCox(patience=-1)


def test_copies_of_a_patient_do_not_make_trees_look_better_than_they_are() -> None:
    """A bootstrap repeats rows: were a copy held back from its twin, noise would look learned."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(300, 5))
    drawn = np.sort(rng.integers(0, 300, 300))
    noise = Outcome.right_censored(rng.exponential(1.0, 300), np.ones(300)).take(drawn)
    family = BoostedCox(trees=300, depth=4, learning_rate=0.2, leaf_hessian=0.5, ridge=0.5, patience=10)
    score = family.fit(Design(X[drawn], tuple("abcde")), noise, 1).score
    assert isinstance(score, Boosted)
    assert len(score.trees.roots) < 15


@pytest.mark.parametrize("ties", [False, True])
def test_the_baseline_stands_under_the_scores_that_are_predicted(ties: bool) -> None:
    """The sums that XGBoost keeps while growing are those that numpy adds up afterwards."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(400, 3))
    X[rng.random(X.shape) < 0.1] = np.nan
    time = rng.exponential(np.exp(-np.nan_to_num(X[:, 0])))
    outcome = Outcome.right_censored(np.ceil(time * 6) / 6 if ties else time, rng.integers(0, 2, 400))
    fitted = BoostedCox().fit(Design(X, tuple("abc")), outcome, 1)
    expected = efron_baseline(fitted.score.predict(X), outcome, 1)
    assert np.array_equal(fitted.baseline.steps, expected.steps)
    assert np.allclose(fitted.baseline.increments, expected.increments, rtol=1e-12)


def test_the_matrix_is_copied_once() -> None:
    """A wide table in single precision: what numpy holds at its peak is one more matrix, and columns of rows."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(16_000, 200)).astype(np.float32)
    outcome = Outcome.right_censored(np.ceil(rng.exponential(24.0, 16_000)), rng.integers(0, 2, 16_000))
    family, design = BoostedCox(trees=2), Design(X, tuple(f"x{j}" for j in range(200)))  # type: ignore[arg-type]
    family.fit(design, outcome, 1)
    tracemalloc.start()
    family.fit(design, outcome, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * X.nbytes
