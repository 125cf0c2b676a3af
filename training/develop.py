"""`Develop`: everything that learns, in one importable object, so that any process can do it again on other rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import Contract
from features.outcome import Outcome
from training.comparators import Comparator
from training.inner_score import InnerScore
from training.interval_times import resolve
from training.recipe import Model, Recipe, TrainingRows
from training.resampling import derive_seed, folds
from training.tuning import InnerFold, TuningSettings, encode_folds, tune

Floats = NDArray[np.float64]
NULL_FAMILIES = ("kaplan_meier", "aalen_johansen")
"""What reads no predictor: for one cause, for several. Always fitted, never chosen."""


@final
@dataclass(frozen=True)
class Developed:
    """What came out of one development.

    models  name → model: every recipe at its best settings, and the null.
    chosen  the recipe with the best inner score; ties go to the one listed first.
    scores  name → inner score, lower is better.
    trials  one row per settings tried.
    """

    models: Mapping[str, Model]
    chosen: str
    scores: Mapping[str, float]
    trials: tuple[dict[str, Any], ...]


@final
@dataclass(frozen=True)
class Develop:
    """Tune every recipe inside the given rows, compare them by the same score, refit the best settings on all of them.

    recipes   name → recipe, in the order in which a tie is decided.
    null      name and recipe of what reads no predictor.
    contract  of the registry.
    tuning    trials and inner folds.
    times     (t,) days at which models answer.
    fixed     recipe's name → settings that the study has decided; the search leaves them alone.
    comparators  published scores that are judged beside the models; no part of the development.
    """

    recipes: Mapping[str, Recipe]
    null: tuple[str, Recipe]
    contract: Contract
    tuning: TuningSettings
    times: Floats
    fixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    comparators: tuple[Comparator, ...] = ()

    def __call__(
        self, frame: pd.DataFrame, outcome: Outcome, ids: NDArray[Any], sites: NDArray[Any] | None, seed: int
    ) -> Developed:
        """Develop on these rows; the same rows, in the same order, and seed give the same models.

        Events seen at visits get their days from these rows alone: what others' visits say of them is learned too.
        """
        outcome = resolve(outcome)
        score = InnerScore.of(outcome)
        dealt = derive_seed(seed, "inner")
        inner = list(folds(ids, outcome.event, sites, k=self.tuning.folds, repeats=1, seed=dealt, design="inner"))
        encoded: dict[tuple[str, tuple[str, ...]], tuple[list[InnerFold], TrainingRows]] = {}
        models, best = {}, {}
        for name, recipe in self.recipes.items():
            key = (recipe.family.road, recipe.predictors)
            if key not in encoded:
                rows = recipe.encode(frame, self.contract, seed=derive_seed(seed, "encoding"))
                encoded[key] = encode_folds(recipe, frame, outcome, self.contract, inner, seed=seed), rows
            within, rows = encoded[key]
            best[name] = tune(
                recipe,
                name,
                within,
                score,
                self.tuning,
                fixed=self.fixed.get(name, ()),
                seed=derive_seed(seed, "tune", name),
            )
            refitting = derive_seed(seed, "refit", name)
            models[name] = best[name].recipe.fit(
                frame, outcome, self.contract, times=self.times, seed=refitting, rows=rows
            )
        name, null = self.null
        refitting = derive_seed(seed, "refit", name)
        models[name] = null.fit(frame, outcome, self.contract, times=self.times, seed=refitting)
        scores = {name: tuned.score for name, tuned in best.items()}
        trials = tuple(row for tuned in best.values() for row in tuned.trials)
        return Developed(models, min(scores, key=scores.__getitem__), scores, trials)
