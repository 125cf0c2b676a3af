"""Do effects change with time? Laws, and R's published answers on the Veterans' lung cancer trial."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Undefined
from training.proportionality import GLOBAL, TimeTrend, time_trends


def by_name(trends: tuple[TimeTrend, ...]) -> dict[str, TimeTrend]:
    return {one.predictor: one for one in trends}


def veterans() -> tuple[dict[str, NDArray[np.float64]], Outcome]:
    from sksurv.datasets import load_veterans_lung_cancer

    frame, y = load_veterans_lung_cancer()
    columns = {
        "trt": (frame["Treatment"] == "test").to_numpy(float),
        "prior": (frame["Prior_therapy"] == "yes").to_numpy(float) * 10,
        "karno": frame["Karnofsky_score"].to_numpy(float),
        "age": frame["Age_in_years"].to_numpy(float),
    }
    return columns, Outcome.right_censored(y["Survival_in_days"], y["Status"].astype(int))


def drawn(seed: int, n: int = 400, fading: float = 0.0) -> tuple[NDArray[np.float64], Outcome]:
    """Two predictors; the first loses `fading` of its effect after the median time."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    exposure = rng.exponential(size=n)
    early, late = np.exp(0.8 * X[:, 0] + 0.3 * X[:, 1]), np.exp((0.8 - fading) * X[:, 0] + 0.3 * X[:, 1])
    turn = 0.5
    time = np.where(exposure < early * turn, exposure / early, turn + (exposure - early * turn) / late)
    end = rng.uniform(0.5, 4, n)
    return X, Outcome.right_censored(np.minimum(time, end) * 100, (time <= end).astype(int))


@pytest.mark.parametrize(
    "published",
    [
        # survival 3, cox.zph(coxph(Surv(time, status) ~ ..., veteran)), transform "km"
        {"trt": (0.284, 0.59439), "karno": (12.003, 0.00053), "age": (2.100, 0.14735), GLOBAL: (19.102, 0.00026)},
        {"trt": (0.288, 0.59125), "prior": (2.168, 0.14087), "karno": (12.138, 0.00049), GLOBAL: (18.073, 0.00042)},
    ],
)
def test_the_veterans_come_out_as_r_prints_them(published: dict[str, tuple[float, float]]) -> None:
    columns, outcome = veterans()
    names = [name for name in published if name != GLOBAL]
    found = by_name(time_trends(np.column_stack([columns[name] for name in names]), outcome, 1, names))
    for name, (chi_squared, p) in published.items():
        assert found[name].chi_squared == pytest.approx(chi_squared, abs=6e-4)
        assert found[name].p == pytest.approx(p, abs=6e-6)
    assert [one.df for one in found.values()] == [1] * len(names) + [len(names)]


def test_scale_unit_of_time_order_of_rows_and_a_constant_column_change_nothing() -> None:
    X, outcome = drawn(1)
    plain = time_trends(X, outcome, 1, ["a", "b"])
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = time_trends(X[order], outcome.take(order), 1, ["a", "b"])
    months = Outcome.right_censored(outcome.time_days / 30.4375, outcome.event)
    scaled = time_trends(X * [10, 0.01] + 3, months, 1, ["a", "b"])
    constant = time_trends(np.column_stack([X, np.ones(len(X))]), outcome, 1, ["a", "b", "c"])
    for other in (shuffled, scaled, (*constant[:2], constant[3])):
        for one, same in zip(plain, other, strict=True):
            assert same.chi_squared == pytest.approx(one.chi_squared, rel=1e-6)
    assert (constant[2].df, constant[2].p, constant[3].df) == (0, 1.0, 2)


def test_columns_of_one_predictor_are_tested_together_and_a_repeated_column_counts_once() -> None:
    X, outcome = drawn(2)
    both = time_trends(X, outcome, 1, ["a", "a"])
    assert [one.predictor for one in both] == ["a", GLOBAL]
    assert both[0].df == 2
    assert both[0].chi_squared == pytest.approx(both[1].chi_squared)
    twice = time_trends(np.column_stack([X[:, 0], X]), outcome, 1, ["a", "a", "b"], ridge=1e-3)
    assert twice[0].df == 1
    assert twice[0].chi_squared == pytest.approx(time_trends(X, outcome, 1, ["a", "b"])[0].chi_squared, rel=1e-3)


def test_an_effect_that_fades_is_found_and_one_that_stays_is_found_as_often_as_chance_allows() -> None:
    fading = by_name(time_trends(*drawn(3, n=800, fading=0.7), 1, ["a", "b"]))
    assert fading["a"].p < 1e-4
    steady = [time_trends(*drawn(seed, n=150), 1, ["a", "b"])[0].p for seed in range(200)]
    assert 0.015 < np.mean(np.array(steady) < 0.05) < 0.10


def test_competing_causes_censor_and_a_ridge_hardly_matters() -> None:
    X, outcome = drawn(4)
    others = np.where((outcome.event == 0) & (np.arange(outcome.n) % 2 == 0), 2, outcome.event)
    competing = Outcome(outcome.entry_days, outcome.left_days, outcome.right_days, others, ("died", "left"))
    plain = time_trends(X, outcome, 1, ["a", "b"])
    assert time_trends(X, competing, 1, ["a", "b"]) == plain
    ridged = time_trends(X, outcome, 1, ["a", "b"], ridge=1.0)
    assert [one.chi_squared for one in ridged] == pytest.approx([one.chi_squared for one in plain], rel=0.05, abs=0.02)


def test_heavy_ties_are_efrons() -> None:
    X, outcome = drawn(5, n=300)
    tied = Outcome.right_censored(np.ceil(outcome.time_days / 6), outcome.event)
    found, fine = time_trends(X, tied, 1, ["a", "b"]), time_trends(X, outcome, 1, ["a", "b"])
    assert len(np.unique(tied.time_days[tied.event > 0])) < 60
    assert [one.chi_squared for one in found] == pytest.approx([one.chi_squared for one in fine], abs=0.5)


def test_late_entry_is_not_applicable() -> None:
    X, outcome = drawn(6, n=50)
    late = Outcome(outcome.right_days * 0.9, outcome.left_days, outcome.right_days, outcome.event, outcome.causes)
    with pytest.raises(Undefined, match="left truncation"):
        time_trends(X, late, 1, ["a", "b"])
