"""Search inside the training rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.outcome import Outcome
from training.families import FAMILIES
from training.families.family import Design, Experienced
from training.inner_score import InnerScore
from training.recipe import Recipe
from training.resampling import folds
from training.tuning import InnerFold, TuningSettings, tune


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(11)
    X = rng.normal(size=(300, 6))
    time = rng.exponential(100 * np.exp(-X[:, 0] - 0.5 * X[:, 1]))
    lost = rng.uniform(50, 400, 300)
    outcome = Outcome.right_censored(np.ceil(np.minimum(time, lost)), (time <= lost).astype(int))
    dealt = folds(np.arange(300).astype(str), outcome.event, None, k=3, repeats=1, seed=1, design="inner")
    columns = tuple("abcdef")
    inner = [InnerFold(Design(X[one.train], columns), outcome.take(one.train), X[one.test], one.test) for one in dealt]
    return inner, InnerScore.of(outcome), outcome


def tuned(rows, family="cox", trials=6, seed=3, **fixed):
    inner, score, _ = rows
    recipe = Recipe(FAMILIES[family]().with_settings(fixed), ("a",))
    settings = TuningSettings(trials=trials, folds=3)
    return tune(recipe, family, inner, score, settings, fixed=tuple(fixed), seed=seed)


def test_the_recipes_own_settings_come_first_and_the_best_is_kept(rows):
    result = tuned(rows)
    assert json.loads(result.trials[0]["settings"]) == {"penalty": FAMILIES["cox"]().penalty}
    scores = [row["score"] for row in result.trials]
    assert result.score == min(scores)
    best = json.loads(result.trials[int(np.argmin(scores))]["settings"])
    assert result.recipe.family.penalty == best["penalty"]


def test_a_search_begins_where_others_did_well_and_leaves_alone_what_is_fixed(rows):
    tried = [json.loads(row["settings"]) for row in tuned(rows, family="coxnet", trials=4).trials]
    starts = FAMILIES["coxnet"]().starts()
    assert [one["strength"] for one in tried[1:]] == [one["strength"] for one in starts]
    held = [json.loads(row["settings"]) for row in tuned(rows, family="coxnet", trials=3, l1_ratio=1.0).trials]
    assert held[1] == {"strength": starts[0]["strength"]}


@pytest.mark.parametrize("name", [name for name in FAMILIES if isinstance(FAMILIES[name](), Experienced)])
def test_every_start_lies_in_the_space(name):
    space = FAMILIES[name]().space()
    for start in FAMILIES[name]().starts():
        assert all(space[key][1] <= value <= space[key][2] for key, value in start.items())


def test_the_same_seed_searches_the_same_way_and_another_does_not(rows):
    assert tuned(rows).trials == tuned(rows).trials
    assert tuned(rows).trials[1:] != tuned(rows, seed=4).trials[1:]


def test_a_setting_that_the_study_decided_is_never_searched(rows):
    result = tuned(rows, penalty=500.0)
    assert len(result.trials) == 1
    assert result.recipe.family.penalty == 500.0


def test_what_has_nothing_to_tune_is_scored_once(rows):
    result = tuned(rows, family="kaplan_meier")
    assert [row["state"] for row in result.trials] == ["complete"]


def test_clearly_worse_settings_skip_their_remaining_folds(rows):
    result = tuned(rows, family="coxnet", trials=8)
    pruned = [row for row in result.trials if row["state"] == "pruned"]
    assert pruned
    assert all(row["folds"] < 3 and row["score"] > result.score for row in pruned)


def test_competing_causes_are_tuned_by_the_average_over_causes(rows):
    inner, _, outcome = rows
    causes = np.where(outcome.event == 1, 1 + (np.arange(outcome.n) % 3 == 0), 0)
    competing = Outcome.right_censored(outcome.time_days, causes, ("recovered", "died"))
    dealt = [
        InnerFold(one.design, competing.take(np.setdiff1d(np.arange(outcome.n), one.rows)), one.test, one.rows)
        for one in inner
    ]
    result = tune(
        Recipe(FAMILIES["cox"](), ("a",)),
        "cox",
        dealt,
        InnerScore.of(competing),
        TuningSettings(trials=2, folds=3),
        seed=1,
    )
    assert 0 < result.score < 0.25
