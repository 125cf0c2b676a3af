"""What tuning minimises."""

from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.inner_score import InnerScore, clearly_worse


def uncensored(n: int = 200) -> Outcome:
    time = np.random.default_rng(0).exponential(100, n) + 1
    return Outcome.right_censored(time, np.ones(n, int))


def test_without_censoring_it_is_the_plain_brier_score_over_the_grid():
    outcome = uncensored()
    score = InnerScore.of(outcome)
    rng = np.random.default_rng(1)
    risk = np.sort(rng.uniform(size=(200, len(score.times))), axis=1)
    losses = score.losses(np.arange(200), Curves(score.times, ("event",), risk[:, None, :]))
    happened = outcome.time_days[:, None] <= score.times
    assert losses == pytest.approx(((happened - risk) ** 2).mean(axis=1), abs=1e-12)


def test_weights_of_the_known_sum_to_everyone():
    rng = np.random.default_rng(2)
    event_time, lost = rng.exponential(100, 4000), rng.uniform(50, 400, 4000)
    time = np.round(np.minimum(event_time, lost)) + 1
    score = InnerScore.of(Outcome.right_censored(time, (event_time <= lost).astype(int)))
    assert score.weights.mean(axis=0) == pytest.approx(1.0, abs=0.02)


def test_the_truth_scores_better_than_a_shifted_truth_under_competing_risks():
    rng = np.random.default_rng(3)
    n = 3000
    rate = np.exp(rng.normal(size=n)) / 100
    time, cause = rng.exponential(1 / rate), rng.integers(1, 3, n)
    lost = rng.uniform(0, 300, n)
    outcome = Outcome.right_censored(
        np.minimum(time, lost) + 1e-6, np.where(time <= lost, cause, 0), ("recovered", "died")
    )
    score = InnerScore.of(outcome)
    rows = np.arange(n)

    def loss(factor: float) -> float:
        half = 0.5 * (1 - np.exp(-factor * rate[:, None] * score.times))
        return float(score.losses(rows, Curves(score.times, outcome.causes, np.stack([half, half], axis=1))).mean())

    assert loss(1.0) < min(loss(1.6), loss(0.6))


def test_only_a_clear_paired_loss_ends_a_trial():
    rng = np.random.default_rng(4)
    best = rng.uniform(size=300)
    noise = rng.normal(size=300)
    assert clearly_worse(best + 0.1 + 0.1 * noise, best)
    assert not clearly_worse(best + 0.005 + 0.5 * (noise - noise.mean()), best)
    assert not clearly_worse(best, best)
