from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcome import Outcome
from training.stacking import HonestBrier, convex_weights


def told_entry(n: int = 4000, seed: int = 1) -> tuple[np.ndarray, Outcome, np.ndarray]:
    """A predictor tells how long a patient can be followed, and nothing about the event."""
    rng = np.random.default_rng(seed)
    late = rng.integers(0, 2, n).astype(float)
    time, censored = rng.exponential(10.0, n), np.where(late > 0, rng.uniform(0.5, 3.0, n), rng.uniform(4.0, 8.0, n))
    return (late - 0.5)[:, None] * 2, Outcome.right_censored(np.minimum(time, censored), time < censored), late


def test_letting_late_entrants_die_does_not_pay() -> None:
    X, outcome, late = told_entry()
    score = HonestBrier.of(X, outcome)
    honest = np.broadcast_to(1 - np.exp(-score.times / 10.0), (outcome.n, 1, len(score.times))).copy()
    gamed = honest.copy()
    gamed[late > 0] = np.maximum(gamed[late > 0], (score.times > 2.0) * 0.6)
    gram, _ = score.gram([honest, gamed])
    assert gram[0, 0] < gram[1, 1]
    assert convex_weights(gram, 0.0)[0] > 0.9


def test_who_could_hardly_be_seen_at_a_time_says_nothing_about_it() -> None:
    X, outcome, late = told_entry()
    score = HonestBrier.of(X, outcome)
    assert score.weights[late > 0][:, score.times > 4.0].max() == 0
    assert score.weights[late == 0][:, score.times > 4.0].max() > 0
    assert score.weights.max() <= 10.0


def test_without_censoring_every_pair_counts_once() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome.right_censored(rng.exponential(1.0, 200), np.ones(200))
    assert np.all(HonestBrier.of(rng.normal(size=(200, 2)), outcome).weights == 1.0)


def test_the_gram_gives_the_loss_of_every_blend() -> None:
    X, outcome, _ = told_entry(300)
    score = HonestBrier.of(X, outcome)
    rng = np.random.default_rng(3)
    curves = [np.sort(rng.random((300, 1, len(score.times))), axis=2) for _ in range(3)]
    gram, spread = score.gram(curves)
    w = np.array([0.2, 0.5, 0.3])
    blend = sum(share * one for share, one in zip(w, curves, strict=True))
    loss = np.sum(score.weights * (blend - score.state)[:, 0] ** 2) / score.weights.sum()
    assert w @ gram @ w == pytest.approx(loss)
    assert spread > 0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(0, 10_000), st.floats(0.0, 2.0))
def test_the_weights_are_the_best_of_all_convex_ones(m: int, seed: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(8, m)) + rng.normal(size=(8, 1))
    gram = errors.T @ errors / 8

    def loss(w: np.ndarray) -> float:
        return float(w @ gram @ w + ridge * np.sum((w - 1 / m) ** 2))

    found = convex_weights(gram, ridge)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1.0)
    for other in (*np.eye(m), *rng.dirichlet(np.ones(m), 50)):
        assert loss(found) <= loss(0.5 * found + 0.5 * other) + 1e-9
        assert loss(found) <= loss(other) + 1e-9


def test_with_few_events_weights_are_nearly_equal() -> None:
    gram = np.diag([0.1, 0.11, 0.2]) + 0.05
    assert np.ptp(convex_weights(gram, 1e3)) < 1e-3


def test_where_nothing_is_known_models_count_alike() -> None:
    assert convex_weights(np.zeros((4, 4)), 0.0).tolist() == [0.25] * 4
