"""How far is each family from the patients' true survival curves? Synthetic registries, whose law is known.

Trained on one registry, read on another of 2,000 patients: the mean squared distance of the predicted to the true
survival curve over two years, beside a Cox model that knows the true predictors of every patient, complete and in their
true form; and the slope of the true on the predicted risk (as log cumulative hazards) at each horizon: 1 is calibrated,
below it predictions are too extreme. No outcome enters these figures, so that they have no noise but the training's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.demonstration import Demonstration, demonstrate
from features.registries.synthetic import SyntheticSettings, simulate_predictors
from features.registries.synthetic_truth import Variant
from training.families import FAMILIES
from training.families.cox import Cox
from training.families.family import Design
from training.metrics.calibration import log_hazard_scale
from training.recipe import Model, Recipe
from training.tuning import TuningSettings

Floats = NDArray[np.float64]
_TIMES: Final = np.linspace(20.0, 720.0, 36)
_HORIZONS: Final = (42.0, 90.0, 365.0)
_CHANGE: Final = 90.0  # the effect of polymetastatic disease changes on day 91
_TUNED: Final = ("cox", "coxnet", "spline_cox", "pooled_logistic", "boosted_cox", "boosted_pooled")
_AS_THEY_COME: Final = ("pseudo_value_forest", "super_learner")
_ORACLE: Final = "Cox, true predictors"
_EFFECT: Final = {"G1": (0.30, 0.30), "G2": (0.80, 0.10)}  # log hazard ratio of more than five metastases


@final
@dataclass(frozen=True)
class Found:
    """One model against the truth: squared distance, slopes at the horizons; effect: early, late, and their errors."""

    distance: float
    slopes: tuple[float, ...]
    effect: tuple[float, float, float, float] | None = None


def measure(
    *,
    sizes: tuple[int, ...] = (400, 1500),
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5),
    fresh: int = 2000,
    trials: int = 5,
) -> Iterator[str]:
    """Lines per law and size."""
    yield (
        f"distance to the true survival curves over two years, {fresh} fresh patients, {len(seeds)} training "
        f"registries, {trials} trials a recipe; ratio to the Cox model that knows the true predictors"
    )
    variants: tuple[Variant, ...] = ("G1", "G2")
    for variant in variants:
        new = demonstrate("survival", fresh, 1000, variant=variant)
        for n in sizes:
            found = [_one(variant, n, seed, new, trials) for seed in seeds]
            yield f"  {variant}, {n} patients: 1000 × squared distance (SD), ratio; slope at 42, 90, 365 days"
            yield from _table(found)
            if n == max(sizes):
                yield from _effects(variant, found)


def _one(variant: Variant, n: int, seed: int, new: Demonstration, trials: int) -> dict[str, Found]:
    shown = demonstrate("survival", n, seed, variant=variant)
    ready, cohort = shown.prepared, new.prepared.cohort
    truth = np.asarray(new.simulated.truth.survival(cohort.ids, _TIMES))
    at = np.asarray(new.simulated.truth.survival(cohort.ids, np.array(_HORIZONS)))
    train = ready.cohort
    grid = np.union1d(_TIMES, _HORIZONS)
    found = {}
    for name, model in _models(shown, seed, trials).items():
        found[name] = _against(model.predict(cohort.frame, times=grid).mean.survival, grid, truth, at)
        if name == "cox_changing":
            found[name] = replace(found[name], effect=_effect(model))
    settings = SyntheticSettings(patients=n, seed=seed, variant=variant)
    known = simulate_predictors(settings).loc[train.ids.tolist()]
    unseen = simulate_predictors(replace(settings, patients=len(new.simulated.truth.ids), seed=1000)).loc[
        cohort.ids.tolist()
    ]
    centre, spread = known.mean(), known.std()
    design = Design(((known - centre) / spread).to_numpy(), tuple(known.columns))
    for name, family in ((_ORACLE, Cox(penalty=1.0)), (f"{_ORACLE}, poly may change", _changing("poly", penalty=1.0))):
        fitted = family.fit(design, ready.observed.outcome, seed)
        curves = fitted.predict(((unseen - centre) / spread).to_numpy(), grid)
        found[name] = _against(curves.survival, grid, truth, at)
    return found


def _models(shown: Demonstration, seed: int, trials: int) -> dict[str, Model]:
    """The study's development with more families to tune, and those with nothing to tune."""
    ready, predictors = shown.prepared, shown.study.predictors
    recipes = {name: Recipe(FAMILIES[name](), predictors, name) for name in _TUNED}
    recipes["cox_changing"] = Recipe(_changing("oligometastatic"), predictors, "cox_changing")
    develop = replace(ready.develop, recipes=recipes, fixed={}, tuning=TuningSettings(trials=trials, folds=3))
    train, outcome = ready.cohort, ready.observed.outcome
    models = dict(develop(train.frame, outcome, train.ids, train.sites, seed).models)
    for name in _AS_THEY_COME:
        recipe = Recipe(FAMILIES[name](), predictors)
        models[name] = recipe.fit(train.frame, outcome, develop.contract, times=develop.times, seed=seed)
    return models


def _changing(predictor: str, penalty: float = 10.0) -> Cox:
    return Cox(penalty=penalty, time_varying=(predictor,), change_days=(_CHANGE,))


def _against(survival: Floats, grid: Floats, truth: Floats, at: Floats) -> Found:
    read = survival[:, np.searchsorted(grid, _TIMES)]
    slopes = []
    for k, horizon in enumerate(_HORIZONS):
        predicted = log_hazard_scale(1 - survival[:, np.searchsorted(grid, horizon)])
        slopes.append(float(np.polyfit(predicted, log_hazard_scale(1 - at[:, k]), 1)[0]) if np.ptp(predicted) else 0.0)
    return Found(float(np.mean((read - truth) ** 2)), tuple(slopes))


def _effect(model: Model) -> tuple[float, float, float, float]:
    """Log hazard ratio of more than five metastases against at most five, early and late, with standard errors."""
    rows = [row for row in model.describe()["coefficients"] if row["column"] == "oligometastatic"]
    early, late = (-row["estimate"] for row in rows)
    errors = [(row["high"] - row["low"]) / 2 / 1.96 for row in rows]
    return early, late, errors[0], errors[1]


def _table(found: list[dict[str, Found]]) -> Iterator[str]:
    oracle = np.mean([each[_ORACLE].distance for each in found])
    for name in sorted(found[0], key=lambda one: float(np.mean([each[one].distance for each in found]))):
        distance = np.array([each[name].distance for each in found])
        slopes = np.mean([each[name].slopes for each in found], axis=0)
        shown = "  ".join(f"{slope:5.2f}" for slope in slopes) if name != "kaplan_meier" else "–"
        yield (
            f"    {name:<38} {1000 * distance.mean():7.2f} ({1000 * distance.std(ddof=1):5.2f})"
            f"  {distance.mean() / oracle:5.2f}   {shown}"
        )


def _effects(variant: Variant, found: list[dict[str, Found]]) -> Iterator[str]:
    early, late = _EFFECT[variant]
    yield f"    more than five metastases: log hazard ratio to day {_CHANGE:g} and after; in truth {early} and {late}"
    for number, each in enumerate(found, start=1):
        effect = each["cox_changing"].effect
        if effect is not None:
            first, second, one, other = effect
            apart = (first - second) / np.hypot(one, other)
            told = f"{first:5.2f} (SE {one:.2f}) and {second:5.2f} (SE {other:.2f})"
            yield f"      seed {number}: {told}; difference {apart:4.1f} SE"
