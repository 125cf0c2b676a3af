"""The forest's curves: coherent, true in the mean, scikit-learn's own answers at the knots."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from features.outcome import Outcome
from training.families.family import Design
from training.families.forest import PseudoValueForest, coherent
from training.nonparametric import aalen_johansen
from training.trees import Forest

Floats = NDArray[np.float64]


def competing(n: int = 800, seed: int = 5, *, missing: float = 0.0) -> tuple[Design, Outcome]:
    """Hazards that cross: the first column makes the first cause likelier and the second rarer."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    latent = rng.exponential(np.column_stack([4 * np.exp(-X[:, 0]), 6 * np.exp(X[:, 0])]))
    censored = rng.uniform(1, 8, n)
    event = np.where(latent.min(axis=1) < censored, latent.argmin(axis=1) + 1, 0)
    time = np.ceil(np.minimum(latent.min(axis=1), censored) * 12) / 12
    X[rng.random(X.shape) < missing] = np.nan
    return Design(X, tuple("abcde")), Outcome.right_censored(time, event, ("recovered", "died"))


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_numpy_gives_scikit_learns_own_means_also_where_values_are_missing(missing: float) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 4))
    y = np.column_stack([X[:, 0] * (X[:, 1] > 0), X[:, 2], np.abs(X[:, 3])])
    X[rng.random(X.shape) < missing] = np.nan
    grown = RandomForestRegressor(20, min_samples_leaf=3, random_state=0).fit(X, y)
    forest = Forest.from_sklearn([tree.tree_ for tree in grown.estimators_])
    new = rng.normal(size=(900, 4))
    new[rng.random(new.shape) < missing] = np.nan
    assert np.abs(forest.predict(new) - grown.predict(new)).max() < 1e-6
    assert np.array_equal(Forest.from_arrays(forest.arrays()).predict(new), forest.predict(new))


def test_a_value_on_a_threshold_goes_where_scikit_learn_sends_it() -> None:
    rng = np.random.default_rng(2)
    X = rng.integers(0, 40, size=(500, 2)) / 7
    grown = RandomForestRegressor(10, random_state=0).fit(X, X[:, 0] + rng.normal(size=500))
    forest = Forest.from_sklearn([tree.tree_ for tree in grown.estimators_])
    edges = np.concatenate([tree.tree_.threshold for tree in grown.estimators_]).astype(np.float32)
    rows = np.column_stack([edges, edges[::-1]]).astype(float)
    assert np.abs(forest.predict(rows)[:, 0] - grown.predict(rows)).max() < 1e-6


def test_leaves_and_outputs_that_do_not_match_are_refused() -> None:
    grown = RandomForestRegressor(3, random_state=0, max_depth=2).fit(np.arange(20.0)[:, None], np.arange(20.0))
    arrays = Forest.from_sklearn([tree.tree_ for tree in grown.estimators_]).arrays()
    with pytest.raises(ValueError, match="12 leaves and 11 outputs"):
        Forest.from_arrays({**arrays, "outputs": arrays["outputs"][1:]})


def test_over_all_patients_the_curves_are_aalen_and_johansens() -> None:
    design, outcome = competing()
    days = np.linspace(0.5, 7.5, 15)
    mean = PseudoValueForest().fit(design, outcome, seed=1).predict(design.X, days).incidence.mean(axis=0)
    curves = aalen_johansen(outcome)
    assert np.abs(mean - [curves.at(days, k) for k in (1, 2)]).max() < 0.012


def test_what_each_predictor_does_to_each_cause_is_found_and_told() -> None:
    design, outcome = competing(1500)
    fitted = PseudoValueForest().fit(design, outcome, seed=1)
    new = competing(1500, seed=6)[0].X
    risk = fitted.predict(new, np.array([3.0])).incidence[:, :, 0]
    rates = np.column_stack([np.exp(new[:, 0]) / 4, np.exp(-new[:, 0]) / 6])
    total = rates.sum(axis=1, keepdims=True)
    truth = rates / total * -np.expm1(-3.0 * total)
    assert np.sqrt(np.mean((risk - truth) ** 2)) < 0.07
    assert fitted.gain.argmax() == 0
    assert fitted.gain[0] > 0.5
    assert abs(fitted.gain.sum() - 1) < 1e-12


def test_between_knots_time_passes_as_it_does_for_all_patients() -> None:
    """One group alone, no predictor: every time is Aalen and Johansen's, not only the knots."""
    _, outcome = competing()
    fitted = PseudoValueForest(knots=4).fit(Design(np.zeros((outcome.n, 0)), ()), outcome, seed=1)
    days = np.unique(outcome.time_days)
    curves = aalen_johansen(outcome)
    for k in (1, 2):
        assert np.abs(fitted.predict(np.zeros((1, 0)), days).incidence[0, k - 1] - curves.at(days, k)).max() < 1e-12


def test_a_weight_of_zero_is_a_patient_who_is_not_there() -> None:
    design, outcome = competing(300)
    there = np.random.default_rng(0).integers(0, 2, outcome.n)
    rows = np.flatnonzero(there)
    some, days = PseudoValueForest(trees=20), np.array([1.0, 3.0, 6.0])
    weighted = some.fit(Design(design.X, design.columns, there.astype(float)), outcome, 1)
    alone = some.fit(Design(design.X[rows], design.columns), outcome.take(rows), 1)
    assert np.abs(weighted.predict(design.X, days).incidence - alone.predict(design.X, days).incidence).max() < 1e-9


def test_a_weight_of_two_is_a_patient_who_stands_twice_among_all() -> None:
    design, outcome = competing(300)
    twice = np.random.default_rng(0).integers(0, 3, outcome.n)
    rows = np.repeat(np.arange(outcome.n), twice)
    some = PseudoValueForest(trees=2)
    weighted = some.fit(Design(design.X, design.columns, twice.astype(float)), outcome, 1)
    copied = some.fit(Design(design.X[rows], design.columns), outcome.take(rows), 1)
    assert np.array_equal(weighted.reading.times, copied.reading.times)
    assert np.allclose(weighted.everybody, copied.everybody, atol=1e-12)
    assert abs(weighted.prior - copied.prior) < 1e-15


def test_the_state_is_small_and_no_leaf_stands_for_few_patients() -> None:
    design, outcome = competing(1500)
    fitted = PseudoValueForest(trees=20).fit(design, outcome, seed=1)
    file = io.BytesIO()
    np.savez_compressed(file, **fitted.state().arrays)
    assert len(file.getvalue()) < 20 * 1500 * 60  # bytes: 30 MB for 100 trees on 5,000 patients
    leaves = fitted.forest.trees.leaves(design.X)
    assert min(np.bincount(leaves[:, t])[np.unique(leaves[:, t])].min() for t in range(20)) >= 10


def test_where_rows_are_many_each_tree_draws_some_and_the_forest_sees_nearly_all() -> None:
    design, outcome = competing(1000)
    part = PseudoValueForest(trees=30, rows=200).fit(design, outcome, seed=1)
    whole = PseudoValueForest(trees=30).fit(design, outcome, seed=1)
    assert len(part.forest.outputs) < 0.4 * len(whole.forest.outputs)
    days = np.array([1.0, 3.0, 6.0])
    mean = part.predict(design.X, days).incidence.mean(axis=0)
    assert np.abs(mean - whole.predict(design.X, days).incidence.mean(axis=0)).max() < 0.02


@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 8), st.integers(0, 10_000))
@settings(max_examples=80, deadline=None)
def test_what_was_regressed_becomes_curves_and_curves_stay(n: int, causes: int, times: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = coherent(rng.normal(0.4, 0.4, (n, causes, times)))
    assert made.min() >= 0
    assert made.sum(axis=1).max() <= 1 + 1e-12
    assert np.diff(made, axis=2).min(initial=0.0) >= -1e-12
    assert np.allclose(coherent(made), made, atol=1e-12)
    single = np.concatenate([coherent(made[i : i + 1]) for i in range(n)])
    assert np.array_equal(single, coherent(made))
