from __future__ import annotations

import numpy as np

from features.outcome import Outcome
from training.families.cox import Cox
from training.families.family import Design
from training.families.pooled_logistic import PooledLogistic


def crossing(n: int = 1500, seed: int = 2) -> tuple[Design, Outcome, np.ndarray]:
    """A predictor that kills early and protects late: hazards cross at time 1."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n).astype(float)
    early, late = np.where(x > 0, 0.9, 0.3), np.where(x > 0, 0.2, 0.8)
    power = rng.exponential(1.0, n)
    time = np.where(power < early, power / early, 1.0 + (power - early) / late)
    censored = rng.uniform(1.0, 5.0, n)
    outcome = Outcome.right_censored(np.minimum(time, censored), (time < censored).astype(int))
    grid = np.array([0.5, 1.0, 2.0, 3.0])
    truth = np.exp(-(early[:, None] * np.minimum(grid, 1.0) + late[:, None] * np.maximum(grid - 1.0, 0.0)))
    return Design((x[:, None] - 0.5) * 2, ("x",)), outcome, truth


def test_hazards_that_cross_are_found_where_cox_cannot() -> None:
    design, outcome, truth = crossing()
    grid = np.array([0.5, 1.0, 2.0, 3.0])
    ours = PooledLogistic().fit(design, outcome, 0).predict(design.X, grid).survival
    cox = Cox().fit(design, outcome, 0).predict(design.X, grid).survival
    assert np.abs(ours - truth).mean() < 0.5 * np.abs(cox - truth).mean()


def test_with_one_cause_and_no_effect_the_mean_curve_is_near_kaplan_meier() -> None:
    from training.nonparametric import kaplan_meier

    rng = np.random.default_rng(1)
    time, censored = rng.exponential(2.0, 800), rng.uniform(0.5, 6.0, 800)
    outcome = Outcome.right_censored(np.minimum(time, censored), (time < censored).astype(int))
    grid = np.quantile(outcome.time_days, np.linspace(0.05, 0.9, 30))
    ours = PooledLogistic().fit(Design(np.zeros((800, 0)), ()), outcome, 0).predict(np.zeros((1, 0)), grid).survival[0]
    assert np.abs(ours - kaplan_meier(outcome.time_days, outcome.event).at(grid)).max() < 0.01


def test_beyond_the_last_event_nothing_more_is_said() -> None:
    design, outcome, _ = crossing()
    last = outcome.time_days[outcome.event > 0].max()
    curves = PooledLogistic().fit(design, outcome, 0).predict(design.X, np.array([last, 2 * last, 100 * last]))
    assert np.ptp(curves.incidence, axis=2).max() == 0
