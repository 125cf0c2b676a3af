from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.families.cox import Cox
from training.families.coxnet import Coxnet
from training.families.family import Design
from training.families.spline_cox import SplineCox
from training.families.spline_coxnet import SplineCoxnet
from training.families.splines import Bends, knots_for


@pytest.mark.parametrize("knots", [3, 4, 5])
def test_a_bend_is_straight_beyond_the_outer_knots_and_free_of_its_line(knots: int) -> None:
    X = np.random.default_rng(0).normal(size=(500, 2))
    bends = Bends.fit(X, knots)
    assert len(bends.column) == 2 * (knots - 2)
    wide = bends.widened(X)
    for b in range(2, wide.shape[1]):
        assert abs(np.corrcoef(wide[:, bends.column[b - 2]], wide[:, b])[0, 1]) < 1e-9
        assert wide[:, b].std() == pytest.approx(1.0)
    outside = np.repeat(np.array([5.0, 6.0, 7.0, -7.0, -6.0, -5.0])[:, None], 2, axis=1)
    second = np.diff(bends.widened(outside)[:, 2:].reshape(2, 3, -1), n=2, axis=1)
    assert np.abs(second).max() < 1e-9


def test_columns_of_few_values_and_few_events_stay_straight() -> None:
    X = np.random.default_rng(0).integers(0, 5, size=(400, 2)).astype(float)
    assert len(Bends.fit(X, 5).column) == 0
    assert knots_for(29) == 0
    assert Bends.fit(np.random.default_rng(0).normal(size=(50, 1)), 0).widened(X) is X


def test_a_curved_effect_is_found_where_a_line_is_blind() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=800)
    time, censored = rng.exponential(np.exp(-(x**2))), rng.uniform(0.2, 2.0, 800)
    outcome = Outcome.right_censored(np.minimum(time, censored), (time < censored).astype(int))
    design = Design(x[:, None], ("x",))
    at = np.array([0.3])
    truth = np.exp(-0.3 * np.exp(x**2))
    bent = SplineCox().fit(design, outcome, 0).predict(design.X, at).survival[:, 0]
    straight = Cox().fit(design, outcome, 0).predict(design.X, at).survival[:, 0]
    assert np.corrcoef(bent, truth)[0, 1] > 0.9 > np.corrcoef(straight, truth)[0, 1] + 0.3


def test_an_elastic_net_keeps_the_bend_that_matters_and_leaves_the_others_out() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(1200, 3))
    time, censored = rng.exponential(np.exp(-(X[:, 0] ** 2))), rng.uniform(0.2, 2.0, 1200)
    outcome = Outcome.right_censored(np.minimum(time, censored), (time < censored).astype(int))
    fitted = SplineCoxnet(strength=0.2, l1_ratio=0.95).fit(Design(X, ("x", "y", "z")), outcome, 0)
    coef = fitted.hazard.score.coef
    bent = coef[3:]
    assert np.any(bent[fitted.bends.column == 0] != 0)
    assert np.all(bent[fitted.bends.column > 0] == 0)
    alive = fitted.predict(X, np.array([0.3])).survival[:, 0]
    assert np.corrcoef(alive, np.exp(-0.3 * np.exp(X[:, 0] ** 2)))[0, 1] > 0.9


def test_without_events_enough_for_a_bend_it_is_coxnet() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 2))
    event = np.zeros(60, int)
    event[:20] = 1
    outcome = Outcome.right_censored(rng.exponential(size=60), event)
    design, at = Design(X, ("x", "y")), np.array([0.5, 1.0])
    own = SplineCoxnet().fit(design, outcome, 0).predict(X, at).survival
    assert np.array_equal(own, Coxnet().fit(design, outcome, 0).predict(X, at).survival)


def test_a_yes_or_no_with_guesses_in_between_is_not_bent() -> None:
    """An unknown flag stands at its chance: a bend through such guesses once moved everyone who has the flag."""
    rng = np.random.default_rng(3)
    flag, level = rng.integers(0, 2, 400).astype(float), rng.normal(size=400)
    flag[:60] = rng.uniform(0.2, 0.8, 60)
    assert set(Bends.fit(np.column_stack([flag, level]), 3).column.tolist()) == {1}
