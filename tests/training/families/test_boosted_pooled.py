"""The likelihood against its derivatives; worlds that are linear, bent or cross; real data with several causes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.families.aalen_johansen import AalenJohansen
from training.families.boosted_cox import BoostedCox
from training.families.boosted_pooled import BoostedPooled, _Likelihood
from training.families.family import Design, FamilyError
from training.families.person_periods import PersonPeriods, interval_clock
from training.families.pooled_logistic import PooledLogistic

Floats = NDArray[np.float64]


def patients(n: int, causes: int = 1, seed: int = 3) -> tuple[Design, Outcome]:
    """Linear and proportional: each cause by a column of its own."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    latent = rng.exponential(np.exp(-0.8 * X[:, :causes]))
    censored = rng.uniform(0.3, 3.0, n)
    event = np.where(latent.min(axis=1) < censored, latent.argmin(axis=1) + 1, 0)
    outcome = Outcome.right_censored(np.minimum(latent.min(axis=1), censored), event, ("x", "y", "z")[:causes])
    return Design(X, ("a", "b", "c")), outcome


@pytest.mark.parametrize("causes", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_the_derivative_of_the_likelihood(causes: int, weighted: bool) -> None:
    _, outcome = patients(30, causes)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 30) if weighted else None
    clock, edges = interval_clock(outcome, 3, weights)
    likelihood = _Likelihood(PersonPeriods.of(outcome, clock, edges, weights))
    rows = likelihood.rows(np.zeros((30, 1), np.float32)).shape[0]
    margins = np.random.default_rng(2).normal(size=(causes, rows))
    gradient, hessian = likelihood.derivatives(margins)
    step = 1e-5
    for k in range(causes):
        for i in range(rows):
            nudge = np.zeros((causes, rows))
            nudge[k, i] = step
            up, down = (likelihood.loss(margins + s * nudge, likelihood.intercept) for s in (1, -1))
            assert gradient[k, i] == pytest.approx((up - down) / (2 * step), abs=1e-7)
    assert hessian.min() >= 0


def test_at_the_start_the_cohort_is_where_the_likelihood_wants_it() -> None:
    _, outcome = patients(400, 2)
    clock, edges = interval_clock(outcome, 5, None)
    likelihood = _Likelihood(PersonPeriods.of(outcome, clock, edges, None))
    rows = likelihood.rows(np.zeros((400, 1), np.float32))
    gradient, _ = likelihood.derivatives(np.zeros((2, len(rows))))
    for interval in range(5):
        assert (
            np.abs(gradient[:, rows[:, -1] == interval].sum(axis=1)).max() < 0.5
        )  # of 50 events; levels have a small ridge


@pytest.mark.parametrize("causes", [1, 2])
def test_where_all_is_linear_it_agrees_with_pooled_logistic_regression(causes: int) -> None:
    design, outcome = patients(2000, causes)
    times = np.array([0.3, 0.8, 1.5])
    linear, boosted = (f.fit(design, outcome, 1).predict(design.X, times) for f in (PooledLogistic(), BoostedPooled()))
    apart = np.sqrt(np.mean((linear.incidence - boosted.incidence) ** 2))
    spread = float(linear.incidence.std(axis=0).mean())
    assert apart < 0.35 * spread
    assert np.abs(linear.incidence.mean(axis=0) - boosted.incidence.mean(axis=0)).max() < 0.02


def test_hazards_that_cross_are_found_where_boosted_cox_cannot() -> None:
    rng = np.random.default_rng(2)
    n, times = 2000, np.array([0.5, 1.0, 2.0, 3.0])
    x = rng.integers(0, 2, n).astype(float)
    early, late, power = np.where(x > 0, 0.9, 0.3), np.where(x > 0, 0.2, 0.8), rng.exponential(1.0, n)
    time, censored = np.where(power < early, power / early, 1.0 + (power - early) / late), rng.uniform(1.0, 5.0, n)
    outcome = Outcome.right_censored(np.minimum(time, censored), (time < censored).astype(int))
    truth = np.exp(-(early[:, None] * np.minimum(times, 1.0) + late[:, None] * np.maximum(times - 1.0, 0.0)))
    design = Design(x[:, None], ("x",))
    error = [
        np.abs(
            f.with_settings({"columns": 1.0}).fit(design, outcome, 1).predict(design.X, times).survival - truth
        ).mean()
        for f in (BoostedPooled(), BoostedCox())
    ]
    assert error[0] < 0.5 * error[1]


def test_missing_values_are_a_branch_of_their_own() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(1500, 2))
    sick = rng.random(1500) < 0.4
    X[sick, 0] = np.nan
    time, censored = rng.exponential(np.where(sick, 0.4, 2.0)), rng.uniform(0.3, 3.0, 1500)
    outcome = Outcome.right_censored(np.minimum(time, censored), time < censored)
    fitted = BoostedPooled().fit(Design(X, ("a", "b")), outcome, 1)
    said = fitted.predict(np.array([[np.nan, 0.0], [0.0, 0.0]]), np.array([0.5])).incidence[:, 0, 0]
    assert said == pytest.approx(1 - np.exp(-0.5 / np.array([0.4, 2.0])), abs=0.1)


def test_where_there_is_nothing_to_learn_it_mostly_stops_early() -> None:
    design, outcome = patients(600)
    family = BoostedPooled(patience=10)
    noise = [Design(np.random.default_rng(seed).normal(size=(600, 3)), design.columns) for seed in range(5)]
    some, *none = (len(family.fit(one, outcome, 1).trees[0].roots) for one in (design, *noise))
    assert some < family.trees
    assert np.median(none) < 0.5 * some


def test_a_patient_without_weight_is_not_there() -> None:
    design, outcome = patients(300)
    design = Design(np.round(design.X), design.columns)
    counted = (np.arange(300) % 3 > 0).astype(float)
    kept = np.flatnonzero(counted)
    family, times = BoostedPooled(columns=1.0, trees=30), np.array([0.5, 1.5])
    weighed = family.fit(Design(design.X, design.columns, counted), outcome, 1).predict(design.X, times)
    alone = family.fit(Design(design.X[kept], design.columns), outcome.take(kept), 1).predict(design.X, times)
    assert np.abs(weighed.incidence - alone.incidence).max() < 1e-6


def test_weights_are_about_as_many_copies() -> None:
    """About: under Efron's ties copies are tied with each other, weights are not."""
    design, outcome = patients(300)
    design = Design(np.round(design.X), design.columns)
    count = 1 + np.arange(300) % 3
    weights, copies = count.astype(float), np.repeat(np.arange(300), count)
    family, times = BoostedPooled(columns=1.0, trees=30), np.array([0.5, 1.5])
    weighed = family.fit(Design(design.X, design.columns, weights), outcome, 1).predict(design.X, times)
    copied = family.fit(Design(design.X[copies], design.columns), outcome.take(copies), 1).predict(design.X, times)
    assert np.abs(weighed.incidence - copied.incidence).mean() < 0.01


def test_a_cause_that_nobody_had_has_no_incidence() -> None:
    design, outcome = patients(300)
    two = Outcome.right_censored(outcome.time_days, outcome.event, ("x", "never"))
    curves = BoostedPooled(trees=20).fit(design, two, 1).predict(design.X, np.array([1.0]))
    assert np.abs(curves.incidence[:, 1]).max() == 0
    assert curves.incidence[:, 0].min() > 0


def test_gain_goes_to_the_columns_that_matter_of_each_cause() -> None:
    design, outcome = patients(1500, 2)
    gain = BoostedPooled().fit(design, outcome, 1).gain
    assert gain.argmax(axis=1).tolist() == [0, 1]
    assert gain.sum(axis=1) == pytest.approx(np.ones(2))


def real(shared: Path, name: str) -> tuple[Design, Outcome]:
    """Progression or death of mgus2; transplant or death of myeloid."""
    table = pd.read_csv(shared / "real" / f"{name}.csv")
    if name == "mgus2":
        time, event = (
            np.where(table.pstat == 1, table.ptime, table.futime),
            np.where(table.pstat == 1, 1, 2 * table.death),
        )
        X = table[["age", "hgb", "creat", "mspike"]].assign(female=table.sex == "F").to_numpy(float)
        return Design(X, ("age", "hgb", "creat", "mspike", "female")), _two(time, event)
    moved = table.txtime < table.futime
    time, event = np.where(moved, table.txtime, table.futime), np.where(moved, 1, 2 * table.death)
    X = np.column_stack([table.trt == "A", table.sex == "f", table.flt3 == "A", table.flt3 == "C"]).astype(float)
    return Design(X, ("arm", "female", "flt3_a", "flt3_c")), _two(time, event)


def _two(time: Floats, event: Floats) -> Outcome:
    return Outcome.right_censored(np.maximum(time, 0.5), event, ("first", "death"))


@pytest.mark.parametrize("name", ["mgus2", "myeloid"])
def test_on_real_causes_the_mean_is_aalen_and_johansens_and_everything_sums_to_one(shared: Path, name: str) -> None:
    design, outcome = real(shared, name)
    times = np.unique(np.quantile(outcome.time_days[outcome.event > 0], [0.1, 0.3, 0.5, 0.7, 0.9]))
    said = BoostedPooled().fit(design, outcome, 1).predict(design.X, times)
    everybody = AalenJohansen().fit(design, outcome, 1).predict(design.X[:1], times).incidence[0]
    assert np.abs(said.incidence.mean(axis=0) - everybody).max() < 0.015
    assert np.abs(said.incidence.sum(axis=1) + said.survival - 1).max() < 1e-12
    assert said.incidence[:, :, -1].std(axis=0).min() > 0.01


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(FamilyError, match="boosted_pooled: patience must be zero"):
        BoostedPooled(patience=-1)
    with pytest.raises(FamilyError, match="boosted_pooled: trees must be above zero, got 0"):
        BoostedPooled(trees=0)
