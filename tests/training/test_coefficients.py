"""What a model tells of its predictors: against the truth it was drawn from, and against its own predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import Contract, Field, Table
from features.outcome import Outcome
from training.families import FAMILIES
from training.recipe import Model, Recipe

TIMES = np.array([30.0, 90.0, 180.0, 365.0])
NAMES = ("age", "lump", "female", "site")


def contract() -> Contract:
    def field(name: str, kind: Any, **more: Any) -> Field:
        return Field(name=name, table="t", kind=kind, label=name.title(), known_at="T0", **more)

    fields = (
        field("age", "number", unit="a"),
        field("lump", "number", unit="mm"),
        field("female", "boolean"),
        field("site", "category", levels=("lung", "breast", "kidney")),
    )
    return Contract(name="demo", version="1", registry="table", tables=(Table(name="t", key=("id",)),), fields=fields)


def patients(n: int, causes: int) -> tuple[pd.DataFrame, Outcome]:
    """Age acts above 62 only, and being female until day 90 only."""
    rng = np.random.default_rng(2)
    age, lump, female = rng.normal(62, 11, n), np.exp(rng.normal(2, 0.8, n)), rng.integers(0, 2, n).astype(float)
    site = rng.choice(["lung", "breast", "kidney"], n)
    frame = pd.DataFrame({"age": age, "lump": lump, "female": female, "site": pd.Series(site, dtype=object)})
    rate = np.exp(0.06 * np.maximum(age - 62, 0) + 0.5 * np.log(lump) + 0.8 * (site == "lung") - 1) / 300
    early, due = rate * np.exp(1.0 * female), rng.exponential(size=n)
    latent = np.where(due < early * 90, due / early, 90 + (due - early * 90) / rate)
    censored = rng.uniform(60, 700, n)
    event = np.where(latent < censored, rng.integers(1, causes + 1, n), 0)
    return frame, Outcome.right_censored(np.ceil(np.minimum(latent, censored)), event, ("died", "left")[:causes])


def model(name: str, causes: int = 1, n: int = 1500, **settings: Any) -> tuple[Model, pd.DataFrame]:
    frame, outcome = patients(n, causes)
    recipe = Recipe(FAMILIES[name]().with_settings(settings), NAMES)
    return recipe.fit(frame, outcome, contract(), times=TIMES, seed=11), frame


def rows_of(fitted: Model, column: str, table: str = "coefficients") -> list[dict[str, Any]]:
    return [row for row in fitted.describe()[table] if row["column"] == column]


def test_coefficients_are_told_in_steps_a_reader_thinks_in_with_intervals() -> None:
    fitted, _ = model("cox", n=3000)
    (lump,), (age,) = rows_of(fitted, "lump"), rows_of(fitted, "age")
    assert (age["per"], lump["per"]) == ("10 a", "doubling")
    assert lump["low"] < 0.5 * np.log(2) < lump["high"]
    assert age["hazard_ratio"] == np.exp(age["estimate"])
    baseline = fitted.describe()["baseline"]
    assert [row["time_days"] for row in baseline] == list(TIMES)
    assert all(0 < row["S0"] < 1 for row in baseline)


def test_an_effect_that_changes_is_told_for_each_interval_of_days() -> None:
    fitted, _ = model("cox", n=3000, time_varying=["female", "site"], change_days=[90.0])
    early, late = rows_of(fitted, "female")
    assert (early["label"], late["label"]) == ("Female (day 0 to 90)", "Female (from day 90)")
    assert (early["from_days"], early["until_days"], late["until_days"]) == (0.0, 90.0, None)
    assert 0.7 < early["low"] < early["high"] < 1.1
    assert late["low"] < 0.0 < late["high"]
    assert sum(row["field"] == "site" for row in fitted.describe()["coefficients"]) == 4  # two levels, two intervals
    (age,) = rows_of(fitted, "age")
    assert (age["label"], age["until_days"]) == ("Age", None)
    assert {row["time_days"] for row in fitted.describe()["baseline"]} == set(TIMES)


def test_an_effect_that_bends_is_told_between_values_and_is_the_predictions_own() -> None:
    fitted, frame = model("spline_cox", n=3000)
    rows = rows_of(fitted, "age")
    assert len(rows) == 3  # four knots at so many events
    values = [(float(row["per"].split()[1]), float(row["per"].split()[3])) for row in rows]
    assert [one[1] for one in values[:-1]] == [one[0] for one in values[1:]]
    assert all(row["per"].endswith(" a") for row in rows)
    slopes = [row["estimate"] / (high - low) for row, (low, high) in zip(rows, values, strict=True)]
    assert slopes[0] < 0.02 < 0.04 < slopes[-1]
    same = frame.iloc[[0, 0]].assign(age=values[-1])
    hazard = -np.log(fitted.predict(same).mean.survival[:, 1])
    assert hazard[1] / hazard[0] == pytest.approx(rows[-1]["hazard_ratio"], rel=0.02)  # values are told in three digits
    (female,) = rows_of(fitted, "female")
    assert female["per"] == "yes against no"


def test_pooled_hazards_tell_the_first_and_the_last_interval_of_each_cause() -> None:
    fitted, _ = model("pooled_logistic", causes=2, n=3000, penalty=1.0, drift=1.0)
    for cause in ("died", "left"):
        (female,) = [row for row in rows_of(fitted, "female") if row["cause"] == cause]
        assert female["hazard_ratio_first_interval"] > 1.5 * female["hazard_ratio_last_interval"]
        assert female["hazard_ratio_first_interval"] > female["hazard_ratio"] > female["hazard_ratio_last_interval"]
        assert female["drift"] < 0
        assert female["low"] is None


def test_a_boosted_model_tells_the_importance_of_each_column() -> None:
    tables = model("boosted_cox", causes=2, n=400, trees=30)[0].describe()
    assert set(tables) == {"importance"}
    for cause in ("died", "left"):
        shares = {row["column"]: row["value"] for row in tables["importance"] if row["cause"] == cause}
        assert abs(sum(shares.values()) - 1) < 1e-12
        assert max(shares, key=lambda column: shares[column]) in {"age", "lump", "site=lung"}


def test_a_forest_tells_one_importance_for_all_causes() -> None:
    fitted, _ = model("pseudo_value_forest", causes=2, n=400, trees=10)
    assert [row["value"] for row in rows_of(fitted, "age", "importance")] == [fitted.fitted.gain[0]] * 2  # type: ignore[attr-defined]


def test_a_blend_tells_the_weight_and_loss_of_each_member() -> None:
    fitted, _ = model("super_learner", causes=2, n=300, members=("spline_cox", "pooled_logistic"))
    rows = fitted.describe()["members"]
    assert [row["member"] for row in rows] == ["spline_cox", "pooled_logistic"]
    assert sum(row["weight"] for row in rows) == pytest.approx(1.0)
    assert all(0 < row["loss"] < 1 for row in rows)


def test_a_null_model_has_nothing_to_tell() -> None:
    frame, outcome = patients(200, 1)
    null = Recipe(FAMILIES["kaplan_meier"](), ()).fit(frame, outcome, contract(), times=TIMES, seed=1)
    assert null.describe() == {}
