"""Cox's partial likelihood with Efron's ties, and its maximum: one cause's hazard or (Fine–Gray) subdistribution.

Everything is a handful of cumulative sums: with A_i the hazard that patient i has passed through at θ = 1, the gradient
is Xᵀ(wδ − wθA) and the information Xᵀdiag(wθA)X − MᵀWM, M the mean predictors in each Efron sub-step. That costs
O(n p²), without a loop over tied times. Sources: Efron 1977; Therneau & Grambsch 2000 §3.3; Fine & Gray 1999.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import censoring, require_common_entry
from training.row_space import RowSpace

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@final
@dataclass(frozen=True)
class CoxFit:
    """The maximum of a (penalised) partial likelihood.

    coef            (p,) log hazard ratios per unit of X as given; 0 for a column that does not vary.
    covariance      (p, p) inverse of the penalised information; NaN for a column that does not vary.
    loglik          unpenalised log partial likelihood at `coef`; `loglik_null` at zero.
    converged       whether the last Newton step was negligible (a separated column without ridge is not).
    times, hazard   Efron's cumulative baseline hazard at X = 0, after each event time.
    """

    coef: Floats
    covariance: Floats
    loglik: float
    loglik_null: float
    converged: bool
    times: Floats
    hazard: Floats

    @property
    def standard_error(self) -> Floats:
        """(p,) square roots of the covariance's diagonal."""
        return np.sqrt(np.diag(self.covariance))

    def cumulative_hazard(self, days: Floats | float) -> Floats:
        """Cumulative baseline hazard at X = 0 by these days."""
        return np.asarray(np.concatenate([[0.0], self.hazard])[np.searchsorted(self.times, days, side="right")])


@final
@dataclass(frozen=True)
class _Point:
    """The likelihood at one vector of log hazards."""

    loglik: float
    gradient: Floats
    information: Floats
    increments: Floats


@final
class PartialLikelihood:
    """Who is at risk when, worked out once for an outcome, to be evaluated and maximised for any X and weights."""

    def __init__(self, outcome: Outcome, cause: int, *, subdistribution: bool = False) -> None:
        """cause: 1-based, as in `Outcome.event`. Interval-censored events count on the day they were first seen."""
        time, self._death = outcome.right_days, outcome.event == cause
        self.times = np.unique(time[self._death])
        self._n, self._m = outcome.n, len(self.times)
        self._until = np.searchsorted(self.times, time, side="right")
        self._from = np.searchsorted(self.times, outcome.entry_days, side="right")
        self._late = bool(np.any(self._from > 0))
        self._deaths = np.flatnonzero(self._death)[np.argsort(time[self._death], kind="stable")]
        self._step = np.searchsorted(self.times, time[self._deaths])
        self._starts = np.searchsorted(self._step, np.arange(self._m))
        self._leaving = np.argsort(-time, kind="stable")
        self._present = self._n - np.searchsorted(np.sort(time), self.times, side="left")
        self._entering = np.argsort(-outcome.entry_days, kind="stable")
        self._absent = self._n - np.searchsorted(np.sort(outcome.entry_days), self.times, side="left")
        self._competing: Ints = np.zeros(0, np.intp)
        if subdistribution:
            self._keep_competing(outcome, cause)

    def _keep_competing(self, outcome: Outcome, cause: int) -> None:
        """Fine & Gray: whoever had another cause stays at risk, weighted by the chance of still being observed."""
        require_common_entry(outcome)
        time = outcome.right_days
        g = censoring(outcome)
        rows = np.flatnonzero((outcome.event > 0) & ~self._death)
        self._competing = rows[np.argsort(time[rows], kind="stable")]
        self._gone = np.searchsorted(time[self._competing], self.times, side="left")
        self._g = g.before(self.times)
        self._g_own = g.before(time[self._competing])

    def _at_risk(self, values: Floats) -> Floats:
        """Sum of `values` (n,) or (n, p) over the risk set of each event time."""
        total = np.cumsum(values[self._leaving], axis=0)[self._present - 1]
        if self._late:
            zero = np.zeros((1, *values.shape[1:]))
            total = total - np.concatenate([zero, np.cumsum(values[self._entering], axis=0)])[self._absent]
        if len(self._competing):
            zero, column = np.zeros((1, *values.shape[1:])), (-1,) + (1,) * (values.ndim - 1)
            past = np.cumsum(values[self._competing] / self._g_own.reshape(column), axis=0)
            total = total + self._g.reshape(column) * np.concatenate([zero, past])[self._gone]
        return np.asarray(total)

    def _passed(self, increments: Floats, own: Floats) -> Floats:
        """(n,) hazard each patient passed through; a death counts its share of its own tied time only."""
        total = np.concatenate([[0.0], np.cumsum(increments)])
        passed: Floats = total[self._until] - total[self._from]
        passed[self._deaths] -= own[self._step]
        if len(self._competing):
            later = np.concatenate([[0.0], np.cumsum(increments * self._g)])
            passed[self._competing] += (later[-1] - later[self._until[self._competing]]) / self._g_own
        return passed

    def _evaluate(self, X: Floats, coef: Floats, weights: Floats) -> _Point:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # A step that went too far is not finite here, and whoever took it takes a shorter one.
            return self._evaluated(X, X @ coef, weights)

    def _evaluated(self, X: Floats, eta: Floats, weights: Floats) -> _Point:
        shift = float(eta.max()) if len(eta) else 0.0
        theta = weights * np.exp(eta - shift)
        wd = weights[self._deaths]
        counted = np.bincount(self._step[wd > 0], minlength=self._m)
        sub = np.repeat(np.arange(self._m), counted)
        first = np.cumsum(counted) - counted
        share = (np.arange(len(sub)) - first[sub]) / counted[sub]
        mean_weight = (_sums(self._step, wd, self._m) / np.maximum(counted, 1))[sub]
        dying = _sums(self._step, theta[self._deaths], self._m)
        denominator = self._at_risk(theta)[sub] - share * dying[sub]
        hazard = mean_weight / denominator
        increments = _sums(sub, hazard, self._m)
        passed = theta * self._passed(increments, _sums(sub, hazard * share, self._m))
        loglik = float(wd @ eta[self._deaths] - mean_weight @ (np.log(denominator) + shift))
        residual = weights * self._death - passed
        if not X.shape[1]:
            return _Point(loglik, np.zeros(0), np.zeros((0, 0)), increments * np.exp(-shift))
        weighted = X * theta[:, None]
        dying_x = np.add.reduceat(weighted[self._deaths], self._starts, axis=0)
        mean = (self._at_risk(weighted)[sub] - share[:, None] * dying_x[sub]) / denominator[:, None]
        information = (X * passed[:, None]).T @ X - (mean * mean_weight[:, None]).T @ mean
        return _Point(loglik, X.T @ residual, information, increments * np.exp(-shift))

    def fit(
        self,
        X: Floats,
        *,
        weights: Floats | None = None,
        ridge: Floats | float = 0.0,
        start: Floats | None = None,
        tolerance: float = 1e-10,
    ) -> CoxFit:
        """The maximum by Newton's method with step halving, on centred and scaled columns.

        weights: (n,) case weights, as in R's coxph (a weight multiplies a patient's terms, it creates no ties).
        ridge: the penalty is ridge/2 · Σ coef², on the scale of X as given and of the whole log-likelihood; a scalar or
        one per column. start: coefficients to begin at.
        """
        w = np.ones(self._n) if weights is None else np.asarray(weights, float)
        if not self._m or not np.any(w[self._deaths] > 0):
            raise ValueError("a partial likelihood needs at least one event of this cause.")
        centre = np.average(X, axis=0, weights=w) if X.shape[1] else np.zeros(0)
        spread = np.sqrt(np.average((X - centre) ** 2, axis=0, weights=w)) if X.shape[1] else np.zeros(0)
        varies = spread > 1e-12 * np.maximum(np.abs(centre), 1.0)
        scale = np.where(varies, spread, 1.0)
        Z = (X - centre) / scale * varies
        penalty = np.broadcast_to(np.asarray(ridge, float), scale.shape) / scale**2
        begin = np.zeros(len(scale)) if start is None else np.asarray(start, float) * scale * varies
        turned = RowSpace.of(Z, penalty)
        if turned is not None:
            Z, begin, penalty = turned.scores, turned.into(begin), np.full(len(Z), turned.level)
        null = self._evaluate(Z, np.zeros(Z.shape[1]), w)
        coef, point, converged = self._newton(Z, w, penalty, begin, null, tolerance)
        inverse = np.linalg.pinv(point.information + np.diag(penalty), rcond=1e-12, hermitian=True)
        if turned is not None:
            coef, inverse = turned.back(coef), turned.inverse(inverse)
        inverse = inverse / np.outer(scale, scale)
        inverse[~varies, :] = inverse[:, ~varies] = np.nan
        coef = coef / scale * varies
        hazard = np.cumsum(point.increments) * float(np.exp(-centre @ coef))
        return CoxFit(coef, inverse, point.loglik, null.loglik, converged, self.times, hazard)

    def refit(self, Z: Floats, start: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Coefficients and cumulative baseline hazard under nearby weights (a resample), from a fit on the same Z.

        Newton steps until what is left is a few hundredths of a standard error; Z (n, p) should be about centred.
        """
        point, coef = self._evaluate(Z, start, weights), start
        events = max(float(np.sum(weights[self._deaths])), 1.0)
        for _ in range(8):
            step = np.linalg.pinv(point.information, rcond=1e-12, hermitian=True) @ point.gradient
            gain = float(step @ point.gradient)
            step = step * min(1.0, 2.0 / max(gain, 1e-300))
            trial = self._evaluate(Z, coef + step, weights)
            # Where a column all but decides who dies next, a step may lead to where nothing is finite.
            for _halving in range(60):
                if np.isfinite(trial.loglik) and np.isfinite(trial.information).all():
                    break
                step = step / 2
                trial = self._evaluate(Z, coef + step, weights)
            coef, point = coef + step, trial
            # The error that a Newton step leaves is the square of its length over the root of the events.
            if gain**2 <= 1e-3 * events and gain <= 2.0:
                break
        return coef, np.cumsum(point.increments)

    def _newton(
        self, Z: Floats, w: Floats, penalty: Floats, begin: Floats, null: _Point, tolerance: float
    ) -> tuple[Floats, _Point, bool]:
        coef = begin
        point = self._evaluate(Z, coef, w) if coef.any() else null
        if not np.isfinite(point.loglik):
            coef, point = np.zeros_like(begin), null
        for _ in range(60):
            gradient = point.gradient - penalty * coef
            step = np.linalg.pinv(point.information + np.diag(penalty), rcond=1e-12, hermitian=True) @ gradient
            gain = float(step @ gradient)
            if gain <= tolerance * (1.0 + 1e-3 * abs(point.loglik)):
                return coef, point, bool(np.abs(coef).max(initial=0.0) < 10.0)
            # A standardised log hazard ratio that moves by more than 4 in one step is on its way to infinity.
            step = step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-300))
            before = point.loglik - 0.5 * float(penalty @ coef**2)
            for _halving in range(30):
                trial = self._evaluate(Z, coef + step, w)
                after = trial.loglik - 0.5 * float(penalty @ (coef + step) ** 2)
                if np.isfinite(after) and after >= before - 1e-12 * abs(before):
                    break
                step = step / 2
            else:
                return coef, point, False
            coef, point = coef + step, trial
        return coef, point, False


def _sums(index: Ints, values: Floats, length: int) -> Floats:
    return np.bincount(index, values, length).astype(float)


def fit_cox(
    X: Floats,
    outcome: Outcome,
    cause: int = 1,
    ridge: Floats | float = 0.0,
    *,
    weights: Floats | None = None,
    subdistribution: bool = False,
) -> CoxFit:
    """Cox's model of one cause's hazard (other causes censor it), or Fine & Gray's of its subdistribution.

    X: (n, p), finite. See `PartialLikelihood.fit` for `ridge` and `weights`.
    """
    X = np.asarray(X, float)
    if X.ndim != 2 or len(X) != outcome.n:
        raise ValueError(f"X has shape {X.shape}, expected ({outcome.n}, p).")
    return PartialLikelihood(outcome, cause, subdistribution=subdistribution).fit(X, ridge=ridge, weights=weights)
