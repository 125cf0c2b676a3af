"""A world of two causes whose truth is a formula: Weibull hazards of one shape, so that a cause's share is constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from experiments.benchmarks.weibull_world import PENALTY, TIMES
from features.outcome import Outcome
from training.curves import Curves
from training.metrics.metric import Floats
from training.partial_likelihood import CoxFit, PartialLikelihood

CAUSES: Final = ("failed", "died")
_COEFFICIENTS: Final = np.array(
    [[0.5, 0.3, 0.25, 0.0, 0.15, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.3, -0.2, 0.4, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0]]
)
_SHAPE, _SCALES, _END = 1.2, np.array([2.5, 2.2]), 4.0


@final
@dataclass(frozen=True)
class TwoCausePatients:
    """X (n, 10) · outcome in years, right-censored · whole the same, had nobody been lost · log_hazards (n, 2)."""

    X: Floats
    outcome: Outcome
    whole: Outcome
    log_hazards: Floats

    def risk_by(self, day: float) -> Floats:
        """(n,) true risk of the first cause by a day."""
        return _incidence(day**_SHAPE * np.exp(self.log_hazards) / _SCALES**_SHAPE)[:, 0]


def two_cause_patients(rng: np.random.Generator, n: int) -> TwoCausePatients:
    """New patients; independent censoring."""
    X = rng.normal(size=(n, _COEFFICIENTS.shape[1]))
    log_hazards = X @ _COEFFICIENTS.T
    happens = _SCALES * (rng.exponential(size=(n, 2)) / np.exp(log_hazards)) ** (1 / _SHAPE)
    first, cause = np.maximum(happens.min(axis=1), 1e-9), 1 + happens.argmin(axis=1)
    lost = rng.uniform(0.3, _END, n)
    seen = Outcome.right_censored(np.minimum(first, lost), np.where(first <= lost, cause, 0), CAUSES)
    whole = Outcome.right_censored(np.minimum(first, _END), np.where(first <= _END, cause, 0), CAUSES)
    return TwoCausePatients(X, seen, whole, log_hazards)


@final
@dataclass(frozen=True)
class TwoCoxes:
    """A Cox model for each cause; risks as if a patient's causes kept their shares of the hazard over time."""

    models: tuple[CoxFit, ...]

    @classmethod
    def fit(cls, X: Floats, outcome: Outcome) -> TwoCoxes:
        """With a penalty that nobody tunes."""
        return cls(tuple(PartialLikelihood(outcome, k).fit(X, ridge=PENALTY, tolerance=1e-8) for k in (1, 2)))

    def curves(self, X: Floats) -> Curves:
        """What the model says at `TIMES`."""
        ratios = np.stack([np.exp(X @ model.coef) for model in self.models], axis=1)
        ends = np.array([[model.cumulative_hazard(day) for model in self.models] for day in (*TIMES, 1.0)])
        share = ratios * ends[-1]
        share = share / share.sum(axis=1, keepdims=True)
        total = np.maximum.accumulate(ratios @ ends[:-1].T, axis=1)
        return Curves(TIMES, CAUSES, -np.expm1(-total)[:, None, :] * share[:, :, None])


def _incidence(hazards: Floats) -> Floats:
    """(n, 2) incidences of causes whose cumulative hazards keep their ratio."""
    total = hazards.sum(axis=1, keepdims=True)
    return np.asarray(-np.expm1(-total) * hazards / total)
