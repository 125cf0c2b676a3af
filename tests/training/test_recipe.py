"""A model is one door: the same answer alone and in a batch, before and after it was stored, with and without gaps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import Contract, ContractError, Field, Table
from features.outcome import Outcome
from training.curves import Curves
from training.families import FAMILIES
from training.families.family import FamilyError, ModelState
from training.recipe import Model, Recipe

ROOT = Path(__file__).resolve().parents[2]
TIMES = np.array([30.0, 90.0, 180.0, 365.0])
NAMES = ("age", "lump", "female", "site", "extent")


def contract() -> Contract:
    def field(name: str, kind: Any, **more: Any) -> Field:
        return Field(name=name, table="t", kind=kind, label=name.title(), known_at="T0", **more)

    fields = (
        field("age", "number", unit="a"),
        field("lump", "number", unit="mm"),
        field("female", "boolean"),
        field("site", "category", levels=("lung", "breast", "kidney")),
        field("spread", "category", levels=("no", "yes")),
        field("extent", "number", unit="cm", applies_when={"spread": ("yes",)}),
    )
    return Contract(name="demo", version="1", registry="table", tables=(Table(name="t", key=("id",)),), fields=fields)


def patients(n: int = 300, causes: int = 1, seed: int = 2, missing: float = 0.15) -> tuple[pd.DataFrame, Outcome]:
    rng = np.random.default_rng(seed)
    age, lump = rng.normal(62, 11, n), np.exp(rng.normal(2, 0.8, n))
    site = rng.choice(["lung", "breast", "kidney"], n)
    spread = rng.choice(["no", "yes"], n)
    frame = pd.DataFrame(
        {
            "age": age,
            "lump": lump,
            "female": rng.integers(0, 2, n).astype(float),
            "site": pd.Series(site, dtype=object),
            "spread": pd.Series(spread, dtype=object),
            "extent": np.where(spread == "yes", rng.exponential(3, n), np.nan),
        }
    )
    risk = 0.04 * (age - 62) + 0.5 * np.log(lump) + 0.8 * (site == "lung")
    latent = rng.exponential(300 * np.exp(-risk + 1)[:, None], (n, causes))
    censored = rng.uniform(60, 700, n)
    time = np.ceil(np.minimum(latent.min(axis=1), censored))
    event = np.where(latent.min(axis=1) < censored, latent.argmin(axis=1) + 1, 0)
    for name in frame.columns:
        frame.loc[rng.random(n) < missing, name] = np.nan if frame[name].dtype == float else None
    return frame, Outcome.right_censored(time, event, ("recovered", "died")[:causes] if causes > 1 else ("died",))


def made(name: str) -> Any:
    family = FAMILIES[name]()
    if hasattr(family, "members"):
        return family.with_settings({"members": ("spline_cox", "pooled_logistic")})
    return family.with_settings({"trees": 30}) if hasattr(family, "trees") else family


def model(name: str = "cox", causes: int = 1, **more: Any) -> tuple[Model, pd.DataFrame]:
    frame, outcome = patients(causes=causes, **more)
    return Recipe(made(name), NAMES).fit(frame, outcome, contract(), times=TIMES, seed=11), frame


CASES = [(name, causes) for name in FAMILIES for causes in ((1,) if name == "kaplan_meier" else (1, 2))]


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_one_patient_alone_gets_the_answer_of_the_batch_to_the_last_bit(name: str, causes: int) -> None:
    fitted, frame = model(name, causes)
    few = frame.head(25)
    batch = fitted.predict(few, draws=2 if fitted.encoding.n_draws else 0)
    for i in range(25):
        alone = fitted.predict(few.iloc[i : i + 1], draws=len(batch.draws))
        assert np.array_equal(alone.mean.incidence[0], batch.mean.incidence[i])
        assert all(
            np.array_equal(a.incidence[0], b.incidence[i]) for a, b in zip(alone.draws, batch.draws, strict=True)
        )


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_a_stored_model_predicts_to_the_last_bit_the_same(name: str, causes: int) -> None:
    fitted, frame = model(name, causes)
    parts = {
        part: ModelState(json.loads(json.dumps(dict(state.json), allow_nan=False)), dict(state.arrays))
        for part, state in fitted.to_parts().items()
    }
    again = Model.from_parts(parts, fitted.contract)
    assert np.array_equal(fitted.predict(frame).mean.incidence, again.predict(frame).mean.incidence)
    assert again.inputs == fitted.inputs
    assert again.describe() == fitted.describe()
    assert all(array.dtype.kind in "biuf" for state in parts.values() for array in state.arrays.values())


@pytest.mark.parametrize(("name", "causes"), CASES)
def test_shuffled_training_rows_and_times_in_months_make_the_same_model(name: str, causes: int) -> None:
    frame, outcome = patients(causes=causes)
    order = np.random.default_rng(0).permutation(len(frame))
    recipe = Recipe(made(name), NAMES)
    a = recipe.fit(frame, outcome, contract(), times=TIMES, seed=1).predict(frame).mean.incidence
    shuffled = recipe.fit(
        frame.iloc[order].reset_index(drop=True), outcome.take(order), contract(), times=TIMES, seed=1
    )
    assert np.abs(a - shuffled.predict(frame).mean.incidence).max() < 1e-9
    months = Outcome.right_censored(outcome.time_days / 30.4375, outcome.event, outcome.causes)
    rescaled = recipe.fit(frame, months, contract(), times=TIMES / 30.4375, seed=1)
    assert np.abs(a - rescaled.predict(frame).mean.incidence).max() < 1e-9


def test_the_mean_is_the_average_over_all_stored_draws() -> None:
    fitted, frame = model()
    answer = fitted.predict(frame, draws=fitted.encoding.n_draws)
    assert np.abs(Curves.mean(answer.draws).incidence - answer.mean.incidence).max() < 1e-12
    uncertain = fitted.unknown(frame).any(axis=1)
    spread = np.ptp([d.incidence for d in answer.draws], axis=0).max(axis=(1, 2))
    assert (spread[~uncertain] == 0).all()
    assert (spread[uncertain] > 0).mean() > 0.95


def test_a_draw_that_was_not_stored_is_refused() -> None:
    fitted, frame = model()
    with pytest.raises(ValueError, match="99 draws asked for, 20 are stored"):
        fitted.predict(frame, draws=99)


def test_times_may_be_asked_for_that_are_not_on_the_grid() -> None:
    fitted, frame = model(causes=2)
    assert fitted.predict(frame, times=[10.0, 5000.0]).mean.incidence.shape == (300, 2, 2)
    assert np.array_equal(
        fitted.predict(frame, times=[90.0]).mean.incidence[:, :, 0], fitted.predict(frame).mean.incidence[:, :, 1]
    )


def test_competing_causes_make_a_hazard_family_cause_specific() -> None:
    fitted, frame = model("cox", causes=2)
    curves = fitted.predict(frame).mean
    assert curves.causes == ("recovered", "died")
    assert np.abs(curves.incidence.sum(axis=1) + curves.survival - 1).max() < 1e-12


def test_the_null_model_asks_for_nothing_and_the_others_for_the_fields_behind_their_predictors() -> None:
    assert model("kaplan_meier")[0].inputs == ()
    fitted, frame = model("cox")
    assert set(fitted.inputs) == {*NAMES, "spread"}
    assert set(fitted.contract.names) == set(fitted.inputs)
    assert model("aalen_johansen", causes=2)[0].predict(frame[[]]).mean.n == len(frame)


def test_a_patient_of_whom_nothing_is_known_gets_about_the_average_answer() -> None:
    fitted, frame = model("cox", missing=0.1)
    nobody = frame.head(1).assign(age=np.nan, lump=np.nan, female=np.nan, extent=np.nan)
    nobody["site"] = nobody["spread"] = pd.Series([None], dtype=object)
    answer = fitted.predict(nobody).mean.incidence[0, 0]
    assert np.abs(answer - fitted.predict(frame).mean.incidence[:, 0].mean(axis=0)).max() < 0.12


def test_a_recipe_without_predictors_or_with_an_unknown_one_is_refused() -> None:
    frame, outcome = patients()
    with pytest.raises(FamilyError, match="cox needs predictors, got none"):
        Recipe(made("cox"), ()).fit(frame, outcome, contract(), times=TIMES, seed=1)
    with pytest.raises(ContractError, match="agee"):
        Recipe(made("cox"), ("agee",)).fit(frame, outcome, contract(), times=TIMES, seed=1)


def test_an_encoding_made_once_serves_every_setting() -> None:
    frame, outcome = patients()
    recipe = Recipe(made("cox"), NAMES)
    rows = recipe.encode(frame, contract(), seed=11)
    once = recipe.fit(frame, outcome, contract(), times=TIMES, seed=11, rows=rows)
    assert np.array_equal(once.predict(frame).mean.incidence, model()[0].predict(frame).mean.incidence)


def test_predicting_imports_no_fitting_library() -> None:
    blocked = "xgboost", "sklearn", "sksurv", "scipy", "optuna", "mlflow"
    code = f"import sys\nfor name in {blocked}: sys.modules[name] = None\nimport training.recipe, training.families"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
