"""Every family, every law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.families import FAMILIES, CauseSpecific, family_named
from training.families.family import Design, Family, FamilyError, FittedFamily, HazardFamily, ModelState

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 7.0, 30.0])
LEARNERS = [name for name in FAMILIES if FAMILIES[name].road != "none"]
HAZARDS = [name for name in FAMILIES if isinstance(FAMILIES[name](), HazardFamily)]


def patients(
    n: int = 240, causes: int = 1, *, ties: bool = True, missing: bool = False, seed: int = 3
) -> tuple[Design, Outcome]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 3] = rng.integers(0, 2, n)
    latent = rng.exponential(np.exp(-X[:, :1] * 0.8) * 3.0, size=(n, causes))
    censored = rng.uniform(0.5, 9.0, n)
    time = np.minimum(latent.min(axis=1), censored)
    event = np.where(latent.min(axis=1) < censored, latent.argmin(axis=1) + 1, 0)
    time = np.ceil(time * 4) / 4 if ties else time
    if missing:
        X[rng.random(X.shape) < 0.2] = np.nan
    return Design(X, ("a", "b", "c", "d")), Outcome.right_censored(time, event, tuple("xyz"[:causes]))


def made(name: str) -> Family:
    family = FAMILIES[name]()
    if hasattr(family, "members"):
        return family.with_settings({"members": ("spline_cox", "pooled_logistic")})
    return family.with_settings({"trees": 25}) if hasattr(family, "trees") else family


def learner(name: str, causes: int) -> Family:
    family = made(name)
    return CauseSpecific(family) if causes > 1 and family.causes == "one" else family


def accepted(name: str) -> list[int]:
    return [1] if name == "kaplan_meier" else [1, 2]


CASES = [(name, causes) for name in FAMILIES for causes in accepted(name)]


def predicted(name: str, design: Design, outcome: Outcome, X: Any = None, times: Any = TIMES) -> Curves:
    fitted = learner(name, len(outcome.causes)).fit(design, outcome, seed=1)
    return fitted.predict(design.X if X is None else X, times)


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_curves_are_curves_and_read_the_outcome(name: str, causes: int) -> None:
    design, outcome = patients(causes=causes)
    curves = predicted(name, design, outcome)
    assert curves.incidence.shape == (outcome.n, causes, len(TIMES))
    assert curves.causes == outcome.causes
    assert np.abs(curves.incidence.sum(axis=1) + curves.survival - 1).max() < 1e-12
    seen = np.mean((outcome.time_days <= 2.0) & (outcome.event > 0))
    assert abs(curves.incidence[:, :, 2].sum(axis=1).mean() - seen) < 0.1


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_the_order_of_rows_is_irrelevant_also_under_ties(name: str, causes: int) -> None:
    design, outcome = patients(causes=causes)
    straight = predicted(name, design, outcome)
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(outcome.n)
        shuffled = predicted(name, Design(design.X[order], design.columns), outcome.take(order), design.X)
        assert np.abs(straight.incidence - shuffled.incidence).max() < 1e-9


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_what_leaves_the_house_answers_the_same_at_its_times(name: str, causes: int) -> None:
    design, outcome = patients(causes=causes)
    fitted = learner(name, causes).fit(design, outcome, seed=1)
    coarse = fitted.coarsened(TIMES)
    assert np.array_equal(coarse.predict(design.X, TIMES).incidence, fitted.predict(design.X, TIMES).incidence)
    family = learner(name, causes)
    again = family.load(coarse.state()).predict(design.X, TIMES)
    assert np.array_equal(again.incidence, coarse.predict(design.X, TIMES).incidence)


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_the_unit_of_time_is_irrelevant(name: str, causes: int) -> None:
    design, outcome = patients(causes=causes)
    months = Outcome.right_censored(outcome.time_days * 30.4375, outcome.event, outcome.causes)
    days = predicted(name, design, outcome)
    assert np.abs(days.incidence - predicted(name, design, months, times=TIMES * 30.4375).incidence).max() < 1e-9


@pytest.mark.parametrize("name", LEARNERS)
def test_a_monotone_transform_of_time_moves_no_curve_along_its_events(name: str) -> None:
    design, outcome = patients()
    squared = Outcome.right_censored(outcome.time_days**2, outcome.event, outcome.causes)
    plain = predicted(name, design, outcome)
    assert np.abs(plain.incidence - predicted(name, design, squared, times=TIMES**2).incidence).max() < 1e-9


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_state_comes_back_to_the_last_bit(name: str, causes: int) -> None:
    design, outcome = patients(causes=causes)
    family = learner(name, causes)
    fitted = family.fit(design, outcome, seed=1)
    state = fitted.state()
    again = family.load(ModelState(dict(state.json), {k: v.copy() for k, v in state.arrays.items()}))
    assert np.array_equal(fitted.predict(design.X, TIMES).incidence, again.predict(design.X, TIMES).incidence)


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_one_row_at_a_time_is_the_batch_to_the_last_bit(name: str, causes: int) -> None:
    design, outcome = patients(causes=causes)
    fitted: FittedFamily = learner(name, causes).fit(design, outcome, seed=1)
    batch = fitted.predict(design.X[:40], TIMES).incidence
    single = np.concatenate([fitted.predict(design.X[i : i + 1], TIMES).incidence for i in range(40)])
    assert np.array_equal(batch, single)


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_the_same_seed_gives_the_same_model(name: str, causes: int) -> None:
    design, outcome = patients(causes=causes)
    assert np.array_equal(predicted(name, design, outcome).incidence, predicted(name, design, outcome).incidence)


@pytest.mark.parametrize("name", FAMILIES)
def test_unknown_predictors_are_understood_or_refused_with_the_number_of_rows(name: str) -> None:
    design, outcome = patients(missing=True)
    if FAMILIES[name].road == "imputed":
        with pytest.raises(FamilyError, match=rf"{name} needs known and finite predictors, got \d+ of 240 rows"):
            predicted(name, design, outcome)
    else:
        assert np.isfinite(predicted(name, design, outcome).incidence).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_late_entry_is_refused_by_name(name: str) -> None:
    design, outcome = patients()
    late = Outcome(np.full(outcome.n, 0.1), outcome.left_days, outcome.right_days, outcome.event, outcome.causes)
    with pytest.raises(FamilyError, match=f"{name} accepts follow-up from time zero, got 240 of 240"):
        predicted(name, design, late)


@pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name].causes == "one"])
def test_competing_causes_are_refused_by_name_where_one_is_accepted(name: str) -> None:
    design, outcome = patients(causes=2)
    with pytest.raises(FamilyError, match=rf"{name} accepts one cause, got 2 \(x, y\)"):
        made(name).fit(design, outcome, seed=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_without_any_event_are_refused(name: str) -> None:
    design, outcome = patients()
    nobody = Outcome.right_censored(outcome.time_days, np.zeros(outcome.n))
    with pytest.raises(FamilyError, match="at least one event, got 0 in 240 rows"):
        predicted(name, design, nobody)


@pytest.mark.parametrize("name", HAZARDS)
def test_a_cause_that_nobody_had_has_no_incidence(name: str) -> None:
    design, outcome = patients(causes=1)
    two = Outcome.right_censored(outcome.time_days, outcome.event, ("x", "never"))
    curves = predicted(name, design, two)
    assert np.abs(curves.incidence[:, 1]).max() == 0
    assert curves.incidence[:, 0, -1].min() > 0


@pytest.mark.parametrize("name", HAZARDS)
def test_two_causes_that_are_one_split_its_incidence(name: str) -> None:
    """Cause-specific hazards of a cause dealt at random over two names sum to about the whole."""
    design, outcome = patients(n=600)
    dealt = np.where(outcome.event == 1, 1 + np.arange(outcome.n) % 2, 0)
    two = Outcome.right_censored(outcome.time_days, dealt, ("x", "y"))
    whole, parts = predicted(name, design, outcome), predicted(name, design, two)
    assert np.abs(whole.incidence[:, 0] - parts.incidence.sum(axis=1)).mean() < 0.04


@pytest.mark.parametrize("name", LEARNERS)
def test_constant_predictors_are_harmless(name: str) -> None:
    design, outcome = patients()
    wider = Design(np.column_stack([design.X, np.full(outcome.n, 2.0)]), (*design.columns, "constant"))
    family = made(name).with_settings({"columns": 1.0}) if name.startswith("boosted") else made(name)
    plain = family.fit(design, outcome, 1).predict(design.X, TIMES)
    assert np.abs(family.fit(wider, outcome, 1).predict(wider.X, TIMES).incidence - plain.incidence).max() < 1e-7


@pytest.mark.parametrize("name", LEARNERS)
def test_a_separating_predictor_makes_no_one_certain(name: str) -> None:
    """Whoever has the level died at once, all others lived: what the model cannot know stays open."""
    design, outcome = patients(n=120, ties=False)
    early = outcome.time_days < np.quantile(outcome.time_days, 0.2)
    X = np.column_stack([design.X, early.astype(float) * 6])
    separated = Outcome.right_censored(outcome.time_days, early.astype(int))
    curves = predicted(name, Design(X, (*design.columns, "sign")), separated)
    assert np.isfinite(curves.incidence).all()
    assert curves.incidence[~early, 0, -1].min() > 1e-6


@pytest.mark.parametrize("name", LEARNERS)
def test_no_predictors_at_all_leaves_the_null_model(name: str) -> None:
    _, outcome = patients()
    curves = predicted(name, Design(np.zeros((outcome.n, 0)), ()), outcome)
    assert np.ptp(curves.incidence[:, 0], axis=0).max() == 0


def test_an_unknown_family_is_refused_with_the_nearest() -> None:
    with pytest.raises(FamilyError, match=r'unknown family "coxnett".*try: "coxnet"'):
        family_named("coxnett")
    assert family_named("cox") is FAMILIES["cox"]


@pytest.mark.parametrize("name", FAMILIES)
def test_settings_are_searched_and_set_by_name(name: str) -> None:
    family = FAMILIES[name]()
    low = {key: bounds[1] if bounds[0] != "choice" else bounds[1][0] for key, bounds in family.space().items()}
    changed = family.with_settings(low)
    assert all(getattr(changed, key) == value for key, value in low.items())
    with pytest.raises(FamilyError, match='unknown setting "penalti"'):
        family.with_settings({"penalti": 1})
