"""Search over a recipe's settings, inside the training rows alone. The only importer of Optuna."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from features.contract import Contract
from features.outcome import Outcome
from features.predictors import derive, field_of
from training.evidence import canonical_json
from training.families import CauseSpecific
from training.families.family import Design, Experienced, Family
from training.inner_score import InnerScore, clearly_worse
from training.recipe import Recipe
from training.resampling import Resample, derive_seed

Floats = NDArray[np.float64]
Space = Mapping[str, tuple[str, Any, Any]]

# Optuna models only after so many settings; those it starts from count, so that most of ten are chosen, not drawn.
_RANDOM_FIRST = 4


@final
class TuningSettings(BaseModel):
    """How long to search: settings tried per recipe (the recipe's own first), and inner folds that judge each."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    trials: int = Field(ge=1)
    folds: int = Field(ge=2)


@final
@dataclass(frozen=True)
class InnerFold:
    """One inner fold, encoded for one recipe: nothing in `test` taught the encoding."""

    design: Design
    outcome: Outcome
    test: Floats
    rows: NDArray[np.intp]


@final
@dataclass(frozen=True)
class Tuned:
    """A recipe with the settings that did best, their inner score (lower is better), and every trial as a row."""

    recipe: Recipe
    score: float
    trials: tuple[dict[str, Any], ...]


def encode_folds(
    recipe: Recipe,
    frame: pd.DataFrame,
    outcome: Outcome,
    contract: Contract,
    inner: Sequence[Resample],
    *,
    seed: int,
) -> list[InnerFold]:
    """The inner folds as matrices. Encoded once per recipe's road and predictors, not once per trial."""
    fields = [field_of(contract, name) for name in recipe.predictors]
    deciding = [name for field in fields for name in field.applies_when]
    table = derive(frame, list(dict.fromkeys([*recipe.predictors, *deciding])))
    encoded = []
    for one in inner:
        train = frame.iloc[one.train].reset_index(drop=True)
        rows = recipe.encode(train, contract, seed=derive_seed(seed, "encoding", one.fold))
        test = rows.encoding.transform(table.iloc[one.test])
        encoded.append(InnerFold(rows.design, outcome.take(one.train), test, one.test))
    return encoded


def tune(
    recipe: Recipe,
    name: str,
    inner: Sequence[InnerFold],
    score: InnerScore,
    settings: TuningSettings,
    *,
    fixed: Collection[str] = (),
    seed: int,
) -> Tuned:
    """Search the family's space by out-of-fold score; a family with nothing to tune is scored once.

    fixed  settings that the study has decided and no search may change.

    Deterministic: one process, one seed, one order of folds. A trial whose patients do clearly worse than with the best
    settings so far skips its remaining folds.
    """
    space = {name: bounds for name, bounds in recipe.family.space().items() if name not in fixed}
    tried: list[_Trial] = []
    search = _Search(space, recipe.family, seed)
    for _ in range(settings.trials if space else 1):
        asked, chosen = search.ask()
        best = min(tried, key=lambda one: one.score, default=None)
        family = recipe.family.with_settings(chosen) if space else recipe.family
        trial = _judge(family, chosen, inner, score, best, seed)
        search.tell(asked, trial.score)
        tried.append(trial)
    best = min(tried, key=lambda one: one.score)
    family = recipe.family.with_settings(best.settings) if space else recipe.family
    rows = tuple(
        {
            "recipe": name,
            "trial": number,
            "settings": canonical_json(trial.settings),
            "score": trial.score if np.isfinite(trial.score) else None,
            "folds": trial.folds,
            "state": "failed" if not np.isfinite(trial.score) else "pruned" if trial.folds < len(inner) else "complete",
        }
        for number, trial in enumerate(tried)
    )
    return Tuned(replace(recipe, family=family), best.score, rows)


@dataclass(frozen=True)
class _Trial:
    settings: dict[str, Any]
    score: float
    folds: int
    losses: Floats


def _judge(
    family: Family,
    settings: dict[str, Any],
    inner: Sequence[InnerFold],
    score: InnerScore,
    best: _Trial | None,
    seed: int,
) -> _Trial:
    learner = family if family.causes == "any" or len(inner[0].outcome.causes) == 1 else CauseSpecific(family)
    losses = np.empty(0)
    for number, fold in enumerate(inner, start=1):
        try:
            curves = learner.fit(fold.design, fold.outcome, seed).predict(fold.test, score.times)
        except (ArithmeticError, np.linalg.LinAlgError):
            # Settings at which a fit does not converge are settings not to choose; anything else is a fault and rises.
            return _Trial(settings, np.inf, number, losses)
        losses = np.concatenate([losses, score.losses(fold.rows, curves)])
        if best is not None and number < len(inner) and clearly_worse(losses, best.losses[: len(losses)]):
            # Folds differ in difficulty: what stands in for the whole is the best trial's score plus the paired gap.
            gap = float((losses - best.losses[: len(losses)]).mean())
            return _Trial(settings, best.score + gap, number, losses)
    return _Trial(settings, float(losses.mean()), len(inner), losses)


class _Search:
    """Optuna's TPE, in memory, silent, seeded; the family's own settings are asked first, then its starts."""

    def __init__(self, space: Space, family: Family, seed: int) -> None:
        self.space = space
        if not space:
            return
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_RANDOM_FIRST)
        self.study = optuna.create_study(direction="minimize", sampler=sampler)
        self.distributions = {name: _distribution(*bounds) for name, bounds in space.items()}
        own = {name: _within(getattr(family, name), *bounds) for name, bounds in space.items()}
        for start in ({}, *(family.starts() if isinstance(family, Experienced) else ())):
            asked = own | {name: value for name, value in start.items() if name in space}
            self.study.enqueue_trial(asked, skip_if_exists=True)

    def ask(self) -> tuple[Any, dict[str, Any]]:
        """The next settings, and Optuna's handle for them."""
        if not self.space:
            return None, {}
        trial = self.study.ask(self.distributions)
        return trial, dict(trial.params)

    def tell(self, trial: Any, score: float) -> None:
        """What they scored."""
        import optuna

        if trial is None:
            return
        if np.isfinite(score):
            self.study.tell(trial, score)
        else:
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _distribution(kind: str, low: Any, high: Any) -> Any:
    import optuna.distributions as d

    if kind == "choice":
        return d.CategoricalDistribution(list(low))
    return d.IntDistribution(low, high) if kind == "int" else d.FloatDistribution(low, high, log=kind == "log")


def _within(value: Any, kind: str, low: Any, high: Any) -> Any:
    return value if kind == "choice" else min(max(value, low), high)
