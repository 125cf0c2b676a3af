"""Coxnet: its coefficients are scikit-survival's, its penalty is a share of the one that leaves nothing in."""

from __future__ import annotations

import numpy as np
import pytest
from sksurv.linear_model import CoxnetSurvivalAnalysis

from features.outcome import Outcome
from training.families.coxnet import Coxnet
from training.families.family import Design, FamilyError
from training.families.proportional import Linear


def days(n: int = 250) -> tuple[Design, Outcome]:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, 8))
    time = rng.exponential(np.exp(-X[:, 0] + X[:, 1]))
    return Design(X, tuple("abcdefgh")), Outcome.right_censored(np.minimum(time, 2), time <= 2)


def coefficients(family: Coxnet) -> np.ndarray:
    design, outcome = days()
    score = family.fit(design, outcome, 0).score
    assert isinstance(score, Linear)
    return score.coef


def test_a_strength_just_below_one_leaves_one_predictor_and_a_weak_one_leaves_all() -> None:
    assert np.count_nonzero(coefficients(Coxnet(strength=0.97, l1_ratio=1.0))) == 1
    assert np.count_nonzero(coefficients(Coxnet(strength=0.002, l1_ratio=0.5))) == 8


def test_coefficients_are_scikit_survivals_at_the_same_penalty() -> None:
    design, outcome = days()
    y = np.array(list(zip(outcome.event == 1, outcome.time_days, strict=True)), dtype=[("e", "?"), ("t", "f8")])
    path = CoxnetSurvivalAnalysis(l1_ratio=0.5, tol=1e-9, max_iter=100_000, n_alphas=20, alpha_min_ratio=0.02).fit(
        design.X, y
    )
    share = float(path.alphas_[10] / path.alphas_[0])
    assert np.abs(coefficients(Coxnet(strength=share)) - path.coef_[:, 10]).max() < 1e-3


def test_case_weights_are_refused_by_name() -> None:
    design, outcome = days()
    with pytest.raises(FamilyError, match="coxnet accepts no case weights"):
        Coxnet().fit(Design(design.X, design.columns, np.ones(outcome.n)), outcome, 0)


def test_settings_outside_their_range_are_refused() -> None:
    with pytest.raises(FamilyError, match="strength must be below 1"):
        Coxnet(strength=1.0)
