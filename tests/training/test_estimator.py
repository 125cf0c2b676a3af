from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.estimator import EstimatorError, ShortOfTime, SurvivalSuperLearner
from training.families.super_learner import MEMBERS

TIMES = np.array([0.2, 0.5, 1.0, 2.0])
QUICK = ("spline_cox", "pooled_logistic")


def table(n: int = 300, seed: int = 7, causes: int = 1, months: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, group = rng.normal(size=n), rng.choice(["mild", "moderate", "severe"], n)
    latent = rng.exponential(np.exp(-0.8 * x - (group == "severe"))[:, None] * 2, size=(n, causes))
    censored = rng.uniform(0.3, 3.0, n)
    time = np.minimum(latent.min(axis=1), censored)
    time = np.ceil(time * 6) / 6 if months else time
    event = np.where(latent.min(axis=1) < censored, latent.argmin(axis=1) + 1, 0)
    frame = pd.DataFrame({"x": x, "group": group, "flag": rng.random(n) < 0.3, "count": rng.integers(0, 9, n)})
    frame.loc[rng.random(n) < 0.15, "x"] = np.nan
    frame["group"] = frame["group"].mask(pd.Series(rng.random(n) < 0.1))
    return frame, target(time, event if causes > 1 else event > 0)


def target(time: Any, event: Any) -> np.ndarray:
    y = np.empty(len(time), dtype=[("event", np.asarray(event).dtype), ("time", float)])
    y["event"], y["time"] = event, time
    return y


def fitted(X: pd.DataFrame, y: np.ndarray) -> SurvivalSuperLearner:
    return SurvivalSuperLearner(QUICK, random_state=1).fit(X, y)


def test_a_raw_table_becomes_curves_that_rank_patients() -> None:
    X, y = table()
    S = fitted(X, y).predict_survival_function(X, TIMES)
    assert S.shape == (300, 4)
    assert S.min() >= 0
    assert S.max() <= 1
    assert np.all(np.diff(S, axis=1) <= 0)
    assert np.corrcoef(S[:, 2], np.where(X["x"].isna(), 0, X["x"]))[0, 1] < -0.4 or np.isfinite(S).all()


def test_several_causes_and_survival_sum_to_one() -> None:
    X, y = table(causes=2)
    model = fitted(X, y)
    F, S = model.predict_cumulative_incidence(X, TIMES), model.predict_survival_function(X, TIMES)
    assert F.shape == (300, 2, 4)
    assert model.classes_ == ("cause_1", "cause_2")
    assert np.abs(F.sum(axis=1) + S - 1).max() < 1e-12


def test_times_come_in_any_order_from_zero_and_beyond_the_last_event() -> None:
    X, y = table()
    model = fitted(X, y)
    S = model.predict_survival_function(X, [2.0, 0.0, 0.5, 2.0, 1e6])
    straight = model.predict_survival_function(X, [0.5, 2.0])
    assert np.all(S[:, 1] == 1.0)
    assert np.array_equal(S[:, [2, 0, 3]], straight[:, [0, 1, 1]])
    assert np.array_equal(S[:, 4], model.predict_survival_function(X, [float(y["time"].max())])[:, 0])


def test_shuffled_rows_and_other_units_under_tied_times_give_the_same_model() -> None:
    X, y = table(120, months=True)
    members = tuple(name for name in MEMBERS if name != "boosted_cox")  # held to the same law in its own tests
    straight = SurvivalSuperLearner(members, random_state=3).fit(X, y).predict_survival_function(X, TIMES)
    order = np.random.default_rng(0).permutation(len(X))
    days = target(y["time"][order] * 365.25, y["event"][order])
    shuffled = SurvivalSuperLearner(members, random_state=3).fit(X.iloc[order], days)
    assert np.abs(straight - shuffled.predict_survival_function(X, TIMES * 365.25)).max() < 1e-6


def test_it_is_cloned_and_set_like_any_other_estimator() -> None:
    from sklearn.base import clone

    model = SurvivalSuperLearner(random_state=5)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == {"members": None, "random_state": 5, "seconds": None}
    assert model.set_params(random_state=6).random_state == 6
    with pytest.raises(EstimatorError, match=r'unknown setting "random_stat".*try: "random_state"'):
        model.set_params(random_stat=1)


def test_short_of_time_it_says_who_was_left_out_and_still_answers() -> None:
    X, y = table()
    with pytest.warns(
        ShortOfTime, match=r"1e-09 s did not suffice.*left out: cox, pooled_logistic, .*try: more seconds"
    ):
        model = SurvivalSuperLearner(random_state=1, seconds=1e-9).fit(X, y)
    assert "pseudo_value_forest" in model.left_out_
    assert set(model.weights_) == {"spline_cox", "aalen_johansen"}
    assert model.predict_survival_function(X, TIMES).std() > 0.01
    assert fitted(X, y).left_out_ == ()
    with pytest.raises(EstimatorError, match=r"seconds must be above 0, got 0.*None"):
        SurvivalSuperLearner(seconds=0).fit(X, y)


def test_unseen_levels_missing_everything_and_other_columns_are_answered() -> None:
    X, y = table()
    model = fitted(X, y)
    odd = pd.DataFrame(
        {"count": [3, 3], "x": [0.1, np.nan], "flag": [True, None], "group": ["never met", None], "z": [1, 2]}
    )
    S = model.predict_survival_function(odd, TIMES)
    assert np.isfinite(S).all()
    assert S.std() > 0
    assert model.predict_survival_function(odd.iloc[:0], TIMES).shape == (0, 4)


def test_a_missing_value_is_averaged_over_and_says_how_far_it_could_move_the_answer() -> None:
    X, y = table()
    model = fitted(X, y)
    known = X.assign(x=X["x"].fillna(0.0), group=X["group"].fillna("mild")).head(40)
    low, high = model.predict_survival_range(known, TIMES)
    assert np.abs(low - model.predict_survival_function(known, TIMES)).max() < 1e-12
    assert np.array_equal(low, high)
    gone = known.assign(x=np.nan)
    low, high = model.predict_survival_range(gone, TIMES)
    mean = model.predict_survival_function(gone, TIMES)
    assert np.all((low <= mean) & (mean <= high))
    assert (high - low)[:, 2].min() > 0.05


def test_columns_that_tell_nothing_are_harmless() -> None:
    X, y = table()
    wide = X.assign(constant=1, empty=np.nan, blank=None, ids=[f"patient {i}" for i in range(len(X))])
    plain, wider = fitted(X, y), fitted(wide, y)
    assert np.abs(plain.predict_survival_function(X, TIMES) - wider.predict_survival_function(wide, TIMES)).max() < 0.02


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda X, y: (X.to_numpy(), y), "X must be a pandas DataFrame, got ndarray"),
        (lambda X, y: (X, y["time"]), 'structured array with the fields "event" and "time"'),
        (lambda X, y: (X.iloc[:1], y[:1]), "at least 2 rows, got 1"),
        (lambda X, y: (X, y[:-1]), "X has 300 rows, y has 299"),
        (lambda X, y: (X, target(y["time"], np.zeros(300, bool))), "at least one event, got 0 in 300 rows"),
        (lambda X, y: (X, target(np.where(y["time"] > 2, np.inf, y["time"]), y["event"])), "times are negative"),
        (lambda X, y: (X, target(y["time"] - 1, y["event"])), "times are negative, infinite or not known"),
        (lambda X, y: (X, target(y["time"] * 0, y["event"])), "follow-up beyond time 0"),
        (lambda X, y: (X, target(y["time"], y["event"] * 0.5)), "0 .censored. and the number of a cause"),
        (lambda X, y: (X.assign(x=np.inf), y), 'column "x": 300 of 300 values are infinite'),
        (lambda X, y: (X.assign(day=pd.Timestamp("2020-01-01")), y), 'column "day" holds dates'),
        (lambda X, y: (pd.concat([X, X], axis=1), y), "4 of 8 columns have the name of another"),
        (lambda X, y: (X[[]], y), "X has no column"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_words(spoil: Any, sentence: str) -> None:
    with pytest.raises(EstimatorError, match=sentence):
        fitted(*spoil(*table()))


def test_what_cannot_be_answered_is_refused_in_words() -> None:
    X, y = table()
    with pytest.raises(EstimatorError, match="not fitted yet"):
        SurvivalSuperLearner().predict_survival_function(X, TIMES)
    model = fitted(X, y)
    with pytest.raises(EstimatorError, match="1 of 4 columns of the fit are not in X: group"):
        model.predict_survival_function(X.drop(columns="group"), TIMES)
    for times in ([np.nan], [-1.0], [np.inf]):
        with pytest.raises(EstimatorError, match="finite numbers from 0 on, 1 are not"):
            model.predict_survival_function(X, times)
    with pytest.raises(EstimatorError, match='"group" was text in fit and is numbers now'):
        model.predict_survival_function(X.assign(group=1.0), TIMES)
    with pytest.raises(EstimatorError, match='"x" was numbers in fit and is text now'):
        model.predict_survival_function(X.assign(x="high"), TIMES)


def test_follow_up_of_zero_and_very_few_rows_are_learned_from() -> None:
    X, y = table(12)
    y["time"][:2] = 0.0
    S = fitted(X, y).predict_survival_function(X, TIMES)
    assert np.isfinite(S).all()


@pytest.mark.parametrize(
    "y",
    [
        target(np.ones(60), np.arange(60) % 2 == 0),
        target(np.arange(1.0, 61.0), np.arange(60) == 59),
        target(np.arange(1.0, 61.0), np.ones(60, bool)),
        target(np.arange(1.0, 61.0), 2 * (np.arange(60) % 3 == 0)),
    ],
    ids=["one tied time", "one event, the last", "no censoring", "a first cause that nobody had"],
)
def test_odd_follow_up_is_learned_from(y: np.ndarray) -> None:
    X = table(60)[0]
    S = fitted(X, y).predict_survival_function(X, [0.5, 1.0, 30.0, 90.0])
    assert np.isfinite(S).all()
    assert np.all(np.diff(S, axis=1) <= 1e-12)


def test_columns_that_are_all_empty_leave_the_null_model() -> None:
    _, y = table(60)
    X = pd.DataFrame({"constant": np.ones(60), "empty": [None] * 60})
    assert np.ptp(fitted(X, y).predict_survival_function(X, TIMES), axis=0).max() < 1e-12


def test_importing_it_imports_no_fitting_library() -> None:
    heavy = ("sklearn", "sksurv", "xgboost", "scipy")
    code = f"import sys, training.estimator; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert run.stdout.strip() == "[]"
