"""Do predicted risks come true on average? O/E, calibration slope and intercept by three named estimators."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Observing, Undefined, censoring, ipcw, require_follow_up
from training.curves import Curves
from training.metrics.metric import Floats, Measured, Metric, events_by
from training.nonparametric import aalen_johansen, pseudo_values
from training.partial_likelihood import PartialLikelihood

MIN_EVENTS = 10
"""Below this a slope or a smooth curve is not shown: it would be noise drawn as a line."""


@final
@dataclass(frozen=True)
class Line:
    """A calibration slope or intercept with its standard error."""

    value: float
    standard_error: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Normal interval."""
        z = NormalDist().inv_cdf(0.5 + level / 2)
        return self.value - z * self.standard_error, self.value + z * self.standard_error


def oe_ratio(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    weights: Floats | None = None,
    level: float = 0.95,
    standard_error: Literal["observed", "events"] = "observed",
) -> tuple[float, float | None, float | None]:
    """Observed (Aalen–Johansen; one cause: Kaplan–Meier) over mean predicted risk by the horizon, with a log interval.

    standard_error: of log(O/E), "observed" SE(O)/O (Debray 2017), "events" √(1/events) (McLernon 2023, wider). The
    expected part is taken as known. Without an event the ratio is 0 and has no interval.
    """
    expected = float(np.average(risk, weights=weights))
    if expected <= 0:
        raise Undefined("nobody is expected to have the event")
    curve = aalen_johansen(outcome, weights)
    observed = float(curve.at(horizon, cause))
    if observed <= 0:
        return 0.0, None, None
    w = np.ones(outcome.n) if weights is None else weights
    happened = float(w @ events_by(outcome, cause, horizon))
    error = float(curve.standard_error_at(horizon, cause)) / observed
    spread = np.exp(NormalDist().inv_cdf(0.5 + level / 2) * (error if standard_error == "observed" else happened**-0.5))
    ratio = observed / expected
    return ratio, float(ratio / spread), float(ratio * spread)


def ipcw_oe(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    weights: Floats | None = None,
    g: Observing,
) -> Measured:
    """Observed over mean predicted risk with the observed one weighed by a given `g`: for censoring given predictors.

    Over the patients whom `g` says could have been seen at the horizon; the weights are taken as known, the predictions
    are not: the influence is that of both means.
    """
    w = np.ones(outcome.n) if weights is None else weights
    seen, known = w * g.seen(horizon), w * ipcw(outcome, horizon, g)
    if not seen.sum() > 0 or not known.sum() > 0:
        raise Undefined("nobody could have been observed as long as this horizon, given the predictors")
    y = events_by(outcome, cause, horizon)
    expected, observed = float(seen @ risk / seen.sum()), float(known @ y / known.sum())
    if expected <= 0 or observed <= 0:
        raise Undefined("no event, or none expected, among those who could have been observed")
    ratio = observed / expected
    moved = known * (y - observed) / (known.sum() * observed) - seen * (risk - expected) / (seen.sum() * expected)
    return Measured(ratio, ratio * moved)


def log_hazard_scale(risk: Floats) -> Floats:
    """log(−log(1 − risk)), where a Cox model's risks are its linear predictor; risks are kept off 0 and 1 by 1e-6."""
    return np.asarray(np.log(-np.log1p(-np.clip(risk, 1e-6, 1 - 1e-6))))


def cox_slope(outcome: Outcome, risk: Floats, cause: int = 1, *, weights: Floats | None = None) -> Line:
    """Slope over the whole range: Cox (Efron) of the outcome on the log hazard scale of the risks.

    1 is right, below 1 too extreme. Standard error of the partial likelihood. Source: van Houwelingen 2000.
    """
    _require(outcome, risk, cause, None)
    x = log_hazard_scale(risk)
    fit = PartialLikelihood(outcome, cause).fit(x[:, None], weights=weights)
    return Line(float(fit.coef[0]), float(fit.standard_error[0]))


@final
@dataclass(frozen=True)
class PseudoCalibration:
    """Calibration at a horizon by pseudo-observations: slope, intercept (slope held at 1), test of both."""

    slope: Line
    intercept: Line
    joint_p: float


def pseudo_calibration(
    pseudo: Floats,
    risk: Floats,
    *,
    patients: NDArray[np.intp] | None = None,
    weights: Floats | None = None,
    curvature: bool = False,
) -> PseudoCalibration:
    """Pseudo-observations (n,) of the outcome regressed on the risks (n,), complementary log-log link.

    Least squares on the risk scale (independence GEE, Gaussian), sandwich standard errors with a patient's rows kept
    together. The slope is 1 + the coefficient beside the offset; the intercept that of the offset alone. joint_p:
    Wald test with 2 degrees of freedom of intercept 0 and slope 1. curvature: the sandwich's bread is the derivative of
    the estimating function itself instead of its expectation; GEE software and the published values use the
    expectation, which makes the intercept's interval too narrow where the slope is far from 1 (coverage 0.88 to 0.91
    at slope 0.64). Source: Royston 2015; van Geloven 2022.
    """
    x = log_hazard_scale(risk)
    if np.ptp(x) < 1e-9:
        raise Undefined("the prediction is the same for everybody, so a slope is not estimable")
    who = np.arange(len(x)) if patients is None else patients
    w = np.ones(len(x)) if weights is None else weights
    both, covariance = _cloglog_regression(np.c_[np.ones_like(x), x], pseudo, x, who, w, curvature)
    alone, variance = _cloglog_regression(np.ones((len(x), 1)), pseudo, x, who, w, curvature)
    wald = float(both @ np.linalg.solve(covariance, both))
    return PseudoCalibration(
        Line(1.0 + float(both[1]), float(np.sqrt(covariance[1, 1]))),
        Line(float(alone[0]), float(np.sqrt(variance[0, 0]))),
        float(np.exp(-wald / 2)),
    )


def _cloglog_regression(
    X: Floats, y: Floats, offset: Floats, who: NDArray[np.intp], w: Floats, curvature: bool
) -> tuple[Floats, NDArray[np.float64]]:
    """Gauss–Newton with step halving for y ≈ 1 − exp(−exp(offset + Xβ)); coefficients and their sandwich covariance."""
    beta = np.zeros(X.shape[1])

    def fitted(b: Floats) -> tuple[Floats, Floats]:
        hazard = np.exp(np.clip(offset + X @ b, -30.0, 6.0))
        return -np.expm1(-hazard), hazard * np.exp(-hazard)

    mean, slope = fitted(beta)
    for _ in range(100):
        D = X * slope[:, None]
        step = np.linalg.lstsq(D * np.sqrt(w)[:, None], (y - mean) * np.sqrt(w), rcond=None)[0]
        loss = float(w @ (y - mean) ** 2)
        for _halving in range(30):
            mean_next, slope_next = fitted(beta + step)
            if float(w @ (y - mean_next) ** 2) <= loss * (1 + 1e-14):
                break
            step = step / 2
        beta, mean, slope = beta + step, mean_next, slope_next
        if np.abs(step).max() < 1e-10:
            break
    else:
        raise Undefined("the regression of pseudo-observations on the risks did not converge")
    D = X * slope[:, None]
    inside = slope**2
    if curvature:
        hazard = np.exp(np.clip(offset + X @ beta, -30.0, 6.0))
        inside = inside - (y - mean) * slope * (1 - hazard)
    bread = np.linalg.pinv((X * (w * inside)[:, None]).T @ X, hermitian=True)
    scores = D * (w * (y - mean))[:, None]
    by_patient = np.stack([np.bincount(who, scores[:, j]) for j in range(X.shape[1])], axis=1)
    return beta, bread @ (by_patient.T @ by_patient) @ bread


def ipcw_calibration(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    weights: Floats | None = None,
    patients: NDArray[np.intp] | None = None,
    g: Observing | None = None,
) -> tuple[Line, Line]:
    """Slope, and intercept at slope 1, of those whose status at the horizon is known, weighed by `ipcw`.

    Binomial likelihood, complementary log-log link on log(−log(1 − risk)). Unlike pseudo-observations it takes weights
    given the predictors. Sandwich standard errors, a patient's rows together, weights taken as known. Source: Gerds,
    Andersen & Kattan 2014, with the link of Royston 2015.
    """
    x = log_hazard_scale(risk)
    known = ipcw(outcome, horizon, g or censoring(outcome, weights)) * (1.0 if weights is None else weights)
    y = events_by(outcome, cause, horizon).astype(float)
    who = np.arange(outcome.n) if patients is None else patients
    both, covariance = _cloglog_likelihood(np.c_[np.ones_like(x), x], y, np.zeros_like(x), who, known)
    alone, variance = _cloglog_likelihood(np.ones((len(x), 1)), y, x, who, known)
    slope = Line(float(both[1]), float(np.sqrt(covariance[1, 1])))
    return slope, Line(float(alone[0]), float(np.sqrt(variance[0, 0])))


def _cloglog_likelihood(
    X: Floats, y: Floats, offset: Floats, who: NDArray[np.intp], w: Floats
) -> tuple[Floats, NDArray[np.float64]]:
    """Fisher scoring of the weighted binomial likelihood with step halving; coefficients, sandwich covariance."""
    beta = np.zeros(X.shape[1])

    def at(b: Floats) -> tuple[float, Floats, Floats, Floats]:
        hazard = np.exp(np.clip(offset + X @ b, -30.0, 5.0))
        mean = -np.expm1(-hazard)
        loglik = float(w @ (y * np.log(mean) - (1 - y) * hazard))
        # d mean / d eta over mean · (1 − mean): the weight of a residual, and of the information.
        return loglik, mean, hazard / mean, hazard**2 * np.exp(-hazard) / mean

    loglik, mean, pull, curve = at(beta)
    for _ in range(100):
        bread = np.linalg.pinv((X * (w * curve)[:, None]).T @ X, hermitian=True)
        step = bread @ (X.T @ (w * pull * (y - mean)))
        for _halving in range(30):
            trial = at(beta + step)
            if trial[0] >= loglik - 1e-12 * abs(loglik):
                break
            step = step / 2
        beta = beta + step
        loglik, mean, pull, curve = trial
        if np.abs(step).max() < 1e-9:
            break
    else:
        raise Undefined("the regression of the outcome on the risks did not converge")
    bread = np.linalg.pinv((X * (w * curve)[:, None]).T @ X, hermitian=True)
    scores = X * (w * pull * (y - mean))[:, None]
    by_patient = np.stack([np.bincount(who, scores[:, j]) for j in range(X.shape[1])], axis=1)
    return beta, bread @ (by_patient.T @ by_patient) @ bread


def _require(outcome: Outcome, risk: Floats, cause: int, horizon: float | None) -> None:
    if np.ptp(risk) < 1e-12:
        raise Undefined("the prediction is the same for everybody, so a slope is not estimable")
    require_events(outcome, cause, horizon)


def require_events(outcome: Outcome, cause: int, horizon: float | None) -> None:
    """Refuse a slope or a smooth curve on fewer than `MIN_EVENTS` events."""
    happened = int(events_by(outcome, cause, horizon).sum())
    if happened < MIN_EVENTS:
        raise Undefined(f"{happened} events, fewer than the {MIN_EVENTS} that a slope or a smooth curve needs")


def _oe(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    if horizon is None:
        raise Undefined("O/E needs a horizon")
    require_follow_up(outcome, horizon)
    risk = curves.risk_at(horizon, curves.causes[cause - 1])
    return Measured(oe_ratio(outcome, risk, cause, horizon=horizon)[0])


def _line(outcome: Outcome, curves: Curves, cause: int, horizon: float | None) -> PseudoCalibration:
    if horizon is None:
        raise Undefined("calibration by pseudo-observations needs a horizon")
    require_follow_up(outcome, horizon)
    risk = curves.risk_at(horizon, curves.causes[cause - 1])
    _require(outcome, risk, cause, horizon)
    return pseudo_calibration(pseudo_values(outcome, cause, [horizon])[:, 0], risk)


def _pseudo_slope(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    return Measured(_line(outcome, curves, cause, horizon).slope.value)


def _pseudo_intercept(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    return Measured(_line(outcome, curves, cause, horizon).intercept.value)


def _cox(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    last = float(curves.times[-1]) if horizon is None else horizon
    return Measured(cox_slope(outcome, curves.risk_at(last, curves.causes[cause - 1]), cause).value)


METRICS = (
    Metric(
        "oe_ratio",
        "kaplan_meier_over_mean_risk",
        _oe,
        scope="horizon",
        causes="any",
        direction="target",
        range=(0.0, np.inf),
        null=None,
        best=1.0,
        groups=False,
        title="Observed : expected",
        digits=2,
        how="Kaplan–Meier over mean predicted risk",
        how_competing="Aalen–Johansen over mean predicted risk",
        label="Events that happened for each event predicted",
        source="Debray 2017; McLernon 2023; van Geloven 2022",
        estimator_competing="aalen_johansen_over_mean_risk",
    ),
    Metric(
        "calibration_slope",
        "pseudo_cloglog",
        _pseudo_slope,
        scope="horizon",
        causes="any",
        direction="target",
        range=(-np.inf, np.inf),
        null=0.0,
        best=1.0,
        groups=False,
        title="Calibration slope",
        digits=2,
        how="pseudo-observations, cloglog link, at the horizon",
        label="Spread of the risks: below 1 the high ones are too high and the low ones too low",
        source="Royston 2015; van Geloven 2022",
    ),
    Metric(
        "calibration_intercept",
        "pseudo_cloglog",
        _pseudo_intercept,
        scope="horizon",
        causes="any",
        direction="target",
        range=(-np.inf, np.inf),
        null=None,
        best=0.0,
        groups=False,
        title="Calibration intercept",
        digits=2,
        how="pseudo-observations, cloglog link, at the horizon",
        label="Whether risks are too low (above 0) or too high (below 0) on the whole",
        source="Royston 2015; van Geloven 2022",
    ),
    Metric(
        "calibration_slope",
        "cox_on_log_hazard",
        _cox,
        scope="range",
        causes="one",
        direction="target",
        range=(-np.inf, np.inf),
        null=0.0,
        best=1.0,
        groups=False,
        title="Calibration slope",
        digits=2,
        how="Cox on the log hazard, whole range",
        label="Spread of the risks over the whole follow-up: below 1 is too extreme",
        source="van Houwelingen 2000; McLernon 2023",
    ),
)
