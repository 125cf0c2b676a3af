"""Is nested cross-validation of the super learner unbiased? One replicate; `coverage` gathers them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from experiments.benchmarks.weibull_world import COEFFICIENTS, HORIZON, patients, true_performance
from features.contract import Contract, Field, Table
from features.outcome import Outcome
from training.families import FAMILIES
from training.metrics.accuracy import ipa
from training.metrics.calibration import cox_slope
from training.metrics.discrimination import harrell_c
from training.metrics.metric import Floats
from training.recipe import Model, Recipe
from training.resampling import derive_seed, folds

FOLDS: Final = 5
_TIMES: Final = np.array([0.25, 0.5, 0.75, HORIZON, 1.5, 2.0])
_NAMES: Final = tuple(f"x{place}" for place in range(len(COEFFICIENTS)))
_CONTRACT: Final = Contract(
    name="weibull_world",
    version="1",
    registry="table",
    tables=(Table(name="t", key=("id",)),),
    fields=tuple(Field(name=name, table="t", kind="number", label=name, known_at="T0", unit="1") for name in _NAMES),
)


def nested_super_learner(n: int, seed: int, *, new: int = 100_000) -> dict[str, list[float]]:
    """C, IPA and slope out of fold, five folds around the super learner's own, and of the fit to all on new patients.

    What the learner weighs its members by is the inner layer; nothing of it has seen the outer test fold.
    """
    rng = np.random.default_rng(seed)
    seen = patients(rng, n)
    frame, ids = pd.DataFrame(seen.X, columns=list(_NAMES)), np.array([f"P{row:05d}" for row in range(n)])
    risk, fold = np.zeros(n), np.zeros(n, np.intp)
    for one in folds(ids, seen.outcome.event, None, k=FOLDS, repeats=1, seed=seed, design="nested"):
        model = _fit(frame.iloc[one.train].reset_index(drop=True), seen.outcome.take(one.train), one.seed(seed))
        risk[one.test], fold[one.test] = _risk(model, frame.iloc[one.test]), one.fold
    ahead = patients(rng, new)
    released = _fit(frame, seen.outcome, derive_seed(seed, "all"))
    estimated = [
        harrell_c(seen.outcome, risk, groups=fold).value,
        ipa(seen.outcome, risk, horizon=HORIZON).value,
        cox_slope(seen.outcome, risk).value,
    ]
    said = _risk(released, pd.DataFrame(ahead.X, columns=list(_NAMES)))
    return {"estimate": estimated, "truth": list(true_performance(said, ahead))}


def _fit(frame: pd.DataFrame, outcome: Outcome, seed: int) -> Model:
    return Recipe(FAMILIES["super_learner"](), _NAMES).fit(frame, outcome, _CONTRACT, times=_TIMES, seed=seed)


def _risk(model: Model, frame: pd.DataFrame) -> Floats:
    parts = [frame.iloc[at : at + 10_000].reset_index(drop=True) for at in range(0, len(frame), 10_000)]
    return np.concatenate([model.predict(part, times=np.array([HORIZON])).mean.incidence[:, 0, 0] for part in parts])
