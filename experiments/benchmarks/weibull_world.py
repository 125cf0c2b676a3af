"""A world whose truth is a formula: ten predictors, Weibull times, independent censoring, and hospitals that differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.metrics.calibration import log_hazard_scale
from training.metrics.metric import Floats
from training.partial_likelihood import CoxFit, PartialLikelihood

HORIZON: Final = 1.0
COEFFICIENTS: Final = np.array([0.4, 0.3, 0.25, 0.2, 0.15, 0.0, 0.0, 0.0, 0.0, 0.0])
PENALTY: Final = 10.0
CAUSE: Final = "died"
TIMES: Final = np.arange(1, 17) / 4
_SHAPE, _SCALE, _END = 1.2, 1.6, 4.0
_BINS: Final = 1000


@final
@dataclass(frozen=True)
class Patients:
    """X (n, 10) · outcome in years, right-censored · whole the same, had nobody been lost · log_hazard (n,)."""

    X: Floats
    outcome: Outcome
    whole: Outcome
    log_hazard: Floats

    @cached_property
    def risk(self) -> Floats:
        """(n,) true risk of the event by `HORIZON`."""
        return self.risk_by(HORIZON)

    def risk_by(self, day: float) -> Floats:
        """(n,) true risk of the event by any day."""
        return np.asarray(-np.expm1(-((day / _SCALE) ** _SHAPE) * np.exp(self.log_hazard)))


def patients(rng: np.random.Generator, n: int, shift: Floats | float = 0.0) -> Patients:
    """New patients. shift: of their log hazard, one for all or (n,), as a hospital's."""
    X = rng.normal(size=(n, len(COEFFICIENTS)))
    log_hazard = X @ COEFFICIENTS + shift
    happens = _SCALE * (rng.exponential(size=n) / np.exp(log_hazard)) ** (1 / _SHAPE)
    lost = rng.uniform(0.3, _END, n)
    time = np.maximum(np.minimum(happens, lost), 1e-9)
    outcome = Outcome.right_censored(time, (happens <= lost).astype(np.int64), (CAUSE,))
    last = np.clip(happens, 1e-9, _END)
    whole = Outcome.right_censored(last, (happens <= _END).astype(np.int64), (CAUSE,))
    return Patients(X, outcome, whole, log_hazard)


def fit(X: Floats, outcome: Outcome, start: Floats | None = None) -> CoxFit:
    """Cox with a penalty that nobody tunes."""
    return PartialLikelihood(outcome, 1).fit(X, ridge=PENALTY, start=start, tolerance=1e-8)


def risk_of(model: CoxFit, X: Floats) -> Floats:
    """(n,) the model's risk by `HORIZON`."""
    return np.asarray(-np.expm1(-model.cumulative_hazard(HORIZON) * np.exp(X @ model.coef)))


def curves_of(model: CoxFit, X: Floats) -> Curves:
    """What the model says at `TIMES`."""
    hazard = np.array([model.cumulative_hazard(day) for day in TIMES])
    return Curves(TIMES, (CAUSE,), -np.expm1(-hazard * np.exp(X @ model.coef)[:, None])[:, None, :])


def true_performance(risk: Floats, new: Patients) -> tuple[float, float, float]:
    """C, IPA and Cox slope of these risks in new patients, as many as you like.

    The squared error is taken in expectation over what happens to each of them, so that only who they are is random.
    """
    loss = new.risk * (1 - new.risk) + (new.risk - risk) ** 2
    average = float(new.risk.mean())
    x = log_hazard_scale(risk)[:, None]
    slope = PartialLikelihood(new.outcome, 1).fit(x, start=np.ones(1), tolerance=1e-6).coef[0]
    return concordance(new.outcome, risk), 1 - float(loss.mean()) / (average * (1 - average)), float(slope)


def concordance(outcome: Outcome, risk: Floats) -> float:
    """Harrell's C of one cause from a thousand bins of time by a thousand of risk, in O(n).

    Pairs of one bin of time are left out and pairs of one bin of risk count one half: of a hundred thousand patients it
    differs from the C of all pairs by about 1e-4.
    """
    time, level = _bins(outcome.right_days), _bins(risk)
    cell, size = time * _BINS + level, _BINS * _BINS
    early = np.bincount(cell, outcome.event == 1, size).reshape(_BINS, _BINS)
    everyone = np.bincount(cell, minlength=size).reshape(_BINS, _BINS)
    later = np.cumsum(everyone[::-1], axis=0)[::-1] - everyone
    lower = np.cumsum(later, axis=1) - later / 2
    return float(np.sum(early * lower) / np.sum(early * later.sum(axis=1, keepdims=True)))


def _bins(values: Floats) -> NDArray[np.intp]:
    rank = np.empty(len(values), np.intp)
    rank[np.argsort(values)] = np.arange(len(values))
    return rank * _BINS // len(values)
