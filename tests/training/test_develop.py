"""Everything that learns, on rows of which some may be copies: what a bootstrap of the whole development rests on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.contract import Contract, Field, Table
from features.outcome import Outcome
from training.develop import Develop, Developed
from training.families import FAMILIES
from training.recipe import Recipe
from training.tuning import TuningSettings

NAMES = tuple(f"x{j}" for j in range(8))
CONTRACT = Contract(
    name="noise",
    version="1",
    registry="table",
    tables=(Table(name="t", key=("id",)),),
    fields=tuple(Field(name=name, table="t", kind="number", label=name, known_at="T0") for name in NAMES),
)


def patients(n: int = 150) -> tuple[pd.DataFrame, Outcome, np.ndarray]:
    """Predictors that say nothing."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(n, len(NAMES))), columns=list(NAMES))
    outcome = Outcome.right_censored(np.ceil(rng.exponential(200, n)), rng.random(n) < 0.7, ("died",))
    return frame, outcome, np.array([f"P{i:03d}" for i in range(n)])


def developed(rows: np.ndarray, trials: int = 1, **settings: float) -> Developed:
    frame, outcome, ids = patients()
    trees = FAMILIES["boosted_cox"]().with_settings({"trees": 150, **settings})
    recipes = {
        "cox": Recipe(FAMILIES["cox"](), NAMES, "cox"),
        "trees": Recipe(trees, NAMES, "trees"),
        "nothing": Recipe(FAMILIES["kaplan_meier"](), (), "nothing"),
    }
    develop = Develop(
        recipes,
        ("kaplan_meier", Recipe(FAMILIES["kaplan_meier"](), ())),
        CONTRACT,
        TuningSettings(trials=trials, folds=3),
        np.array([90.0, 365.0]),
    )
    return develop(frame.iloc[rows].reset_index(drop=True), outcome.take(rows), ids[rows], None, 7)


def test_copies_of_a_patient_never_judge_what_they_taught() -> None:
    """Trees that learn every row by heart would win, were a copy of a patient left in another inner fold."""
    greedy = {"depth": 6, "learning_rate": 0.3, "leaf_hessian": 0.01, "ridge": 0.01, "columns": 1.0}
    twice = np.repeat(np.arange(150), 3)
    found = developed(twice, **greedy)
    assert found.scores["trees"] > 1.2 * found.scores["nothing"]
    drawn = np.sort(np.random.default_rng(1).integers(0, 150, 150))
    found = developed(drawn, **greedy)
    assert found.scores["trees"] > 1.1 * found.scores["nothing"]


def test_the_same_rows_and_seed_give_the_same_development() -> None:
    drawn = np.sort(np.random.default_rng(1).integers(0, 150, 150))
    one, other = developed(drawn, trials=4), developed(drawn, trials=4)
    assert one.trials == other.trials
    frame = patients()[0]
    for name, model in one.models.items():
        again = other.models[name].predict(frame).mean.incidence
        assert np.array_equal(model.predict(frame).mean.incidence, again)


def test_every_recipe_is_refitted_and_the_best_inner_score_is_chosen() -> None:
    found = developed(np.arange(150), trials=2)
    assert set(found.models) == {"cox", "trees", "nothing", "kaplan_meier"}
    assert found.scores[found.chosen] == min(found.scores.values())
    assert {row["recipe"] for row in found.trials} == {"cox", "trees", "nothing"}
