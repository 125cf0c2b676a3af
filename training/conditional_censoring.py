"""Censoring given the predictors: do they tell how long a patient is followed, and what weights follow if they do?

Where a predictor tells the date of entry it tells the follow-up, and weights that ignore it pay a model for letting
late entrants die. Here G(t | x) comes from a ridge Cox model of the censoring time whose log hazards are each patient's
own out-of-fold ones, put on one scale by a Cox model of one column: where the predictors tell nothing that scale is 0
and the weights are marginal. Who could hardly have been seen at a time (G < 0.1) says nothing about it. Sources: Robins
& Finkelstein 2000; Gerds & Schumacher 2006; Westling et al. 2023, doi:10.1080/01621459.2023.2205060.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import LEAST_OBSERVED, GivenPredictors, Undefined
from training.censoring_model import censoring_events, censoring_scores, observed_given
from training.evidence import Estimate, Evidence
from training.metrics.discrimination import harrell_c
from training.metrics.metric import GIVEN_PREDICTORS, Floats
from training.metrics.panel import normal_interval
from training.partial_likelihood import fit_cox

Rows = NDArray[np.intp]

TELLING: Final = 0.7
"""From this out-of-sample C on the predictors tell the censoring time, and weights given them are the headline."""

METHOD: Final = (
    f"weights 1/G(t | predictors), out-of-fold ridge Cox of the censoring time, taken as known; dropped where G is "
    f"below {LEAST_OBSERVED:g}"
)


@final
@dataclass(frozen=True)
class ConditionalCensoring:
    """Censoring of a cohort given its predictors, made once for a study.

    given        (n,) patients of the cohort.
    concordance  of the out-of-fold log hazards with the censoring times, with its interval; or why there is none.
    """

    given: GivenPredictors
    concordance: Estimate

    @classmethod
    def cross_fitted(
        cls, X: Floats, outcome: Outcome, folds: Iterable[tuple[Rows, Rows]], *, level: float = 0.95
    ) -> Self:
        """X (n, p): encoded predictors. folds: rows that teach and rows that are predicted; each row predicted once."""
        lost, censored = censoring_events(outcome), outcome.event == 0
        score, fold = np.zeros(outcome.n), np.zeros(outcome.n, np.intp)
        centred = X - X.mean(axis=0)
        for number, (train, test) in enumerate(folds):
            fold[test] = number
            score[test] = centred[test] @ censoring_scores(X[train], outcome.take(train))
        if censored.any() and np.ptp(score) > 0:
            score *= max(float(fit_cox(score[:, None], lost).coef[0]), 0.0)
        given = observed_given(score, outcome)
        return cls(given, _concordance(lost, score, fold, level))

    @property
    def headline(self) -> bool:
        """Whether weights given the predictors are the ones to read first."""
        return self.concordance.value is not None and self.concordance.value >= TELLING

    @property
    def evidence(self) -> Evidence:
        """The concordance, and which weights are the headline."""
        facts = {"headline_weights": GIVEN_PREDICTORS.removeprefix("_") if self.headline else "marginal"}
        return Evidence((self.concordance,), {}, facts)


def _concordance(lost: Outcome, score: Floats, fold: Rows, level: float) -> Estimate:
    key: dict[str, Any] = {"metric": "censoring_c", "estimator": "out_of_sample_cox", "n": lost.n}
    key["events"] = int(lost.event.sum())
    try:
        found = harrell_c(lost, score, groups=fold)
    except Undefined as error:
        return Estimate(state="not applicable", reason=f"nobody's order of leaving is known: {error}", **key)
    low, high = normal_interval(found.value, float(np.sqrt(np.sum(found.total**2))), level)
    method = "infinitesimal jackknife over patients; events are those lost to follow-up"
    return Estimate(value=found.value, low=max(low, 0.0), high=min(high, 1.0), level=level, method=method, **key)
