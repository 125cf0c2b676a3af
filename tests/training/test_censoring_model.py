from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.censoring import censoring
from training.censoring_model import censoring_scores, observed_given


def patients(n: int = 300, seed: int = 1) -> tuple[Outcome, np.ndarray]:
    """Whole days, so that events and censorings are tied; the first predictor tells who leaves early."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    died, lost = np.ceil(rng.exponential(30, n)), np.ceil(rng.exponential(30 * np.exp(-x[:, 0])))
    return Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int)), x


def test_without_predictors_it_is_kaplan_meier_of_censoring_ties_and_all() -> None:
    outcome, _ = patients()
    given, g = observed_given(np.zeros(outcome.n), outcome), censoring(outcome)
    days = np.arange(1.0, 40.0)
    # Efron's sub-steps of a hazard, exponentiated, against a product limit: equal as long as many are at risk.
    assert [given.at(day)[0] for day in days] == pytest.approx(g.at(days), abs=0.01)
    assert [given.before(day)[0] for day in days] == pytest.approx(g.before(days), abs=0.01)


def test_whoever_leaves_early_is_found() -> None:
    outcome, x = patients(2000)
    coef = censoring_scores(x, outcome)
    assert coef == pytest.approx([1.0, 0.0], abs=0.1)
    given = observed_given(x @ coef, outcome)
    assert given.at(20.0)[np.argmax(x[:, 0])] < given.at(20.0)[np.argmin(x[:, 0])]


def test_where_nobody_leaves_everybody_is_seen() -> None:
    outcome = Outcome.right_censored([1.0, 2.0, 3.0], [1, 1, 1])
    assert not censoring_scores(np.ones((3, 2)), outcome).any()
    assert observed_given(np.zeros(3), outcome).at(3.0).tolist() == [1.0, 1.0, 1.0]
