"""Predictions beside what happened to the same patients, and what resampling those patients does to the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.disclosure import LEAST
from training.metrics.calibration import require_events
from training.metrics.metric import Floats
from training.metrics.smooth_calibration import Errors, Smoother, cox_smoother, errors
from training.nonparametric import incidence_at

Rows = NDArray[np.intp]
CURVE_POINTS = 50


@final
@dataclass(frozen=True)
class Panel:
    """Rows of predictions (a patient stands once per repeat) and the patients behind them, each counting once.

    patients  (n,) rows of the cohort, ascending, each once · outcome theirs · of (r,) which of them a row is about ·
    weights (r,) one over the patient's number of rows · groups (r,) fold × repeat · curves (r,).
    """

    patients: Rows
    outcome: Outcome
    of: Rows
    weights: Floats
    groups: Rows
    curves: Curves

    @classmethod
    def build(cls, outcome: Outcome, patients: ArrayLike, groups: ArrayLike, curves: Curves) -> Panel:
        """From out-of-fold predictions: the cohort's outcome, and for each row of `curves` its patient and group."""
        who, of = np.unique(np.asarray(patients, np.intp), return_inverse=True)
        label = np.unique(np.asarray(groups), return_inverse=True)[1]
        return cls(who, outcome.take(who), of, 1.0 / np.bincount(of)[of], label, curves)

    @cached_property
    def rows(self) -> Outcome:
        """(r,) the outcome repeated for each row."""
        return self.outcome.take(self.of)

    def subset(self, patients: Rows) -> Panel:
        """Only these rows of the cohort."""
        keep = np.flatnonzero(np.isin(self.patients[self.of], patients))
        present, of = np.unique(self.of[keep], return_inverse=True)
        return Panel(
            self.patients[present],
            self.outcome.take(present),
            of,
            1.0 / np.bincount(of)[of],
            self.groups[keep],
            self.curves.take(keep),
        )

    def risk(self, cause: int, horizon: float) -> Floats:
        """(r,) predicted risk of a cause by the horizon."""
        return self.curves.risk_at(horizon, self.curves.causes[cause - 1])

    def varies(self, risk: Floats) -> bool:
        """Whether anybody within a group differs from the others: a constant per fold is no prediction of anybody."""
        low, high = np.full(self.groups.max() + 1, np.inf), np.full(self.groups.max() + 1, -np.inf)
        np.minimum.at(low, self.groups, risk)
        np.maximum.at(high, self.groups, risk)
        return bool(np.any(high - low > 1e-12))

    def per_patient(self, values: Floats) -> Floats:
        """(n,) sum of row values by patient."""
        return np.bincount(self.of, values, len(self.patients)).astype(float)

    def standard_error(self, influence: Floats) -> float:
        """Infinitesimal jackknife: influences added up by patient, squared."""
        return float(np.sqrt(np.sum(self.per_patient(influence) ** 2)))


def multiplicities(patients: int, resamples: int, seed: int, strata: Rows | None = None) -> Floats:
    """(n, b) how often each patient stands in each resample: drawn with replacement within strata."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((patients, resamples))
    labels = np.zeros(patients, np.intp) if strata is None else strata
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        drawn[rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples).T
    return drawn


@final
@dataclass(frozen=True)
class Smooth:
    """The calibration curve on a grid of predicted risks with its errors, and in each resample of b.

    noise  name → (b,) the same summaries of the distance between the resample's curve and the curve itself ·
    ici_resampled (b,) ICI of the resample's curve.
    """

    errors: Errors
    noise: Mapping[str, Floats]
    ici_resampled: Floats
    predicted: Floats
    observed: Floats
    observed_resampled: Floats


def smooth(panel: Panel, cause: int, horizon: float, drawn: Floats) -> Smooth:
    """The whole step again in each resample: fit, curve, distances."""
    require_events(panel.outcome, cause, horizon)
    risk = panel.risk(cause, horizon)
    grid = calibration_grid(panel.per_patient(risk * panel.weights))
    observed = _smoother(panel, cause, horizon, risk, np.concatenate([risk, grid]))
    curve, r = observed(None), len(risk)
    names = ("ici", "e50", "e90", "emax")
    noise, again_ici = {name: np.zeros(drawn.shape[1]) for name in names}, np.zeros(drawn.shape[1])
    curves = np.zeros((drawn.shape[1], len(grid)))
    for b in range(drawn.shape[1]):
        again = observed(drawn[:, b])
        found = errors(curve[:r], again[:r], panel.weights)
        for name in names:
            noise[name][b] = getattr(found, name)
        again_ici[b] = np.average(np.abs(risk - again[:r]), weights=panel.weights * drawn[panel.of, b])
        curves[b] = again[r:]
    return Smooth(errors(risk, curve[:r], panel.weights), noise, again_ici, grid, curve[r:], curves)


def calibration_grid(risk: Floats) -> Floats:
    """(50,) where a calibration curve is read: from the mean of the ten lowest risks to that of the ten highest.

    The lowest and the highest are two patients' own.
    """
    ordered = np.sort(risk)
    return np.linspace(ordered[:LEAST].mean(), ordered[-LEAST:].mean(), CURVE_POINTS)


def _smoother(panel: Panel, cause: int, horizon: float, risk: Floats, everywhere: Floats) -> Smoother:
    """Multiplicity of patients or None → observed risk `everywhere`."""
    if not panel.varies(risk):
        # A constant per fold ranks nobody: its curve is the observed risk itself.
        return lambda drawn: np.full(len(everywhere), incidence_at(panel.outcome, cause, [horizon], drawn)[0])
    fitted = cox_smoother(
        panel.rows,
        risk,
        horizon,
        cause,
        read_at=everywhere,
        subdistribution=len(panel.outcome.causes) > 1,
        weights=panel.weights,
    )
    return lambda drawn: fitted(None if drawn is None else panel.weights * drawn[panel.of])


def normal_interval(value: float, error: float, level: float) -> tuple[float, float]:
    """Value ± z · error."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return value - z * error, value + z * error


def basic_interval(value: float, resampled: Floats, level: float) -> tuple[float, float]:
    """The basic bootstrap: quantiles of the resampled values reflected at the value, widened to hold it.

    A distance between a smooth curve and the diagonal is biased upward by noise, and a resample adds the same bias once
    more; percentiles would double it, the reflection takes it back. Source: Davison & Hinkley 1997 §5.2.
    """
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return min(2 * value - float(high), value), max(2 * value - float(low), value)


def distance_interval(value: float, noise: Floats, level: float) -> tuple[float, float]:
    """A distance between predicted and observed risk, as far either way as the observed curve may be from the truth.

    noise: the same distance between each resample's curve and the curve. By the triangle inequality the true distance
    is no farther from the estimated one than the curve is from the true curve: so this holds at least as often as it
    says for a mean and a maximum (nearly so for a quantile), also where predictions are right and the distance is all
    noise. There the bootstrap of the distance itself, which is biased upward, held 0 in 27 to 83 of 100.
    """
    reach = float(np.quantile(noise, level))
    return max(value - reach, 0.0), max(value, min(value + reach, 1.0))
