"""Do a study's predictors tell how long a patient is followed? The model of it that weighs every number once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from experiments.study import Study
from features.cohort import Cohort
from features.contract import Contract
from features.outcome import Outcome
from training.conditional_censoring import ConditionalCensoring
from training.families.cox import Cox
from training.recipe import Recipe
from training.resampling import derive_seed, folds
from training.validation import Predictions

_FOLDS = 10
_LEAST = 50  # patients: with fewer nothing can be said about their follow-up


def censoring_given_predictors(
    study: Study, contract: Contract, cohort: Cohort, outcome: Outcome, predictors: Sequence[str] | None = None
) -> ConditionalCensoring | None:
    """Of a cohort, from `predictors`, by default all that any recipe reads; None without any, or with hardly a patient.

    outcome: each event with its day.
    """
    read = dict.fromkeys(name for one in study.recipes for name in study.predictors_of(one))
    names = tuple(read) if predictors is None else tuple(predictors)
    if not names or cohort.n < _LEAST:
        return None
    seed = derive_seed(study.seed, "censoring")
    X = Recipe(Cox(), names).encode(cohort.frame, contract, seed=seed).design.X
    dealt = folds(cohort.ids, outcome.event, cohort.sites, k=_FOLDS, repeats=1, seed=seed, design="censoring")
    each = [(one.train, one.test) for one in dealt]
    return ConditionalCensoring.cross_fitted(X, outcome, each, level=study.intervals.level)


def among(
    study: Study,
    contract: Contract,
    cohort: Cohort,
    outcome: Outcome,
    rows: NDArray[np.intp],
    whole: ConditionalCensoring | None,
) -> ConditionalCensoring | None:
    """The same from these patients alone: weights come from the data that are scored.

    Which weights are the headline stays what the `whole` cohort says. Of patients who are not among `rows` nothing may
    be asked.
    """
    if whole is None or len(rows) == cohort.n:
        return whole
    part = censoring_given_predictors(study, contract, cohort.take(rows), outcome.take(rows))
    if part is None:
        return None
    ratio = np.ones(cohort.n)
    ratio[rows] = part.given.ratio
    return ConditionalCensoring(replace(part.given, ratio=ratio), whole.concordance)


def by_design(
    study: Study,
    contract: Contract,
    cohort: Cohort,
    outcome: Outcome,
    predictions: Mapping[str, Predictions],
    whole: ConditionalCensoring | None,
) -> dict[str, ConditionalCensoring | None]:
    """Design → censoring of the patients whom it scores, given their predictors."""
    return {
        name: among(study, contract, cohort, outcome, np.unique(each.patients), whole)
        for name, each in predictions.items()
    }
