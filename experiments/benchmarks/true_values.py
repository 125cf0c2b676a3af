"""What each number of the evidence would be on endlessly many new patients: the truth that its interval should hold.

Where the definition allows it, in expectation over what happens to each patient, whose true risk is known, so that only
who they are is random. What depends on how patients were lost, as Harrell's C does, is the number itself of many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, final

import numpy as np

from features.outcome import Outcome
from training.curves import Curves
from training.metrics.calibration import cox_slope, log_hazard_scale, pseudo_calibration
from training.metrics.discrimination import harrell_c, royston_d
from training.metrics.hazard_calibration import poisson_of
from training.metrics.likelihood import log_likelihood
from training.metrics.metric import Floats, risk_for
from training.metrics.smooth_calibration import errors, spline_basis
from training.metrics.time_dependent import antolini_c
from training.metrics.utility import STATED, stated_estimator

RANGE: Final = "range"
"""The horizon of what has none."""
_KNOTS: Final = np.linspace(0.01, 0.99, 10)
_STEPS: Final = 40
Named = tuple[tuple[str, str, str], float]


class Ahead(Protocol):
    """New patients of whom everything is known; of several causes the first one is asked about."""

    @property
    def outcome(self) -> Outcome:
        """As it was seen."""
        ...

    @property
    def whole(self) -> Outcome:
        """Had nobody been lost."""
        ...

    def risk_by(self, day: float) -> Floats:
        """(n,) true risk of the first cause."""
        ...


@final
@dataclass(frozen=True)
class Truth:
    """What is true of one model.

    values       (metric, estimator, horizon or `RANGE`) → value.
    observed     (predicted risks) → mean true risk of those who are told that.
    net_benefit  (threshold) → at the horizon.
    """

    values: dict[tuple[str, str, str], float]
    observed: Callable[[Floats], Floats]
    net_benefit: Callable[[float], float]

    def emax(self, risk: Floats) -> float:
        """The largest distance among these very patients: of endlessly many there is none."""
        return float(np.abs(risk - self.observed(risk)).max())


def true_values(new: Ahead, curves: Curves, horizon: float) -> Truth:
    """Of curves of these patients, in the order of the evidence."""
    risk, truth = curves.risk_at(horizon), new.risk_by(horizon)
    observed = observed_at(risk, truth)
    values = dict(_over_range(new, curves, horizon))
    values |= dict(_by_horizon(new, curves, horizon)) | dict(_agreement(new, risk, truth, horizon))
    found = errors(risk, observed(risk))
    smoother = "flexible_cox_rcs3" if len(curves.causes) == 1 else "flexible_fine_gray_rcs3"
    values |= {(name, smoother, f"{horizon:g}"): getattr(found, name) for name in ("ici", "e50", "e90")}
    return Truth(values, observed, partial(true_net_benefit, risk, truth))


def true_auc(risk: Floats, truth: Floats) -> float:
    """AUC in expectation: each patient is a case with the weight of his true risk, and a control with the rest.

    Risks without ties; nobody is compared with himself.
    """
    order = np.argsort(risk)
    case, control = truth[order], 1 - truth[order]
    below = np.cumsum(control) - control
    return float(case @ below / (case.sum() * control.sum() - case @ control))


def true_brier(risk: Floats, truth: Floats) -> float:
    """Squared error in expectation."""
    return float(np.mean(truth * (1 - truth) + (truth - risk) ** 2))


def true_net_benefit(risk: Floats, truth: Floats, threshold: float) -> float:
    """Net benefit in expectation."""
    return float(np.mean((risk > threshold) * (truth - (1 - truth) * threshold / (1 - threshold))))


def observed_at(risk: Floats, truth: Floats) -> Callable[[Floats], Floats]:
    """(predicted risks) → mean true risk of those who are told that: least squares on a spline of ten knots."""
    knots = np.quantile(log_hazard_scale(risk), _KNOTS)

    def basis(values: Floats) -> Floats:
        return np.hstack([np.ones((len(values), 1)), spline_basis(log_hazard_scale(values), knots)])

    coef = np.linalg.lstsq(basis(risk), truth - risk, rcond=None)[0]
    return lambda asked: np.asarray(asked + basis(asked) @ coef)


def _over_range(new: Ahead, curves: Curves, horizon: float) -> Iterator[Named]:
    outcome, one = new.outcome, len(curves.causes) == 1
    lost, risk = risk_for(curves, 1, None), curves.risk_at(horizon)
    yield ("rcll", "right_censored_log_likelihood", RANGE), log_likelihood(outcome, curves).value
    yield ("harrell_c", "within_fold_pairs", RANGE), harrell_c(outcome, lost).value
    yield ("antolini_c", "within_fold_pairs", RANGE), antolini_c(outcome, curves).value
    yield ("uno_c", "ipcw_within_fold_pairs", RANGE), harrell_c(new.whole, lost).value
    days = (np.arange(_STEPS) + 0.5) * horizon / _STEPS
    integrated = np.mean([true_brier(curves.risk_at(day), new.risk_by(day)) for day in days])
    yield ("ibs", "ipcw", RANGE), float(integrated)
    if one:
        yield ("calibration_slope", "cox_on_log_hazard", RANGE), cox_slope(outcome, risk).value
    poisson = poisson_of(outcome, curves, 1, until=horizon)
    yield ("calibration_slope", "poisson_glm", RANGE), poisson.slope.value
    yield ("calibration_intercept", "poisson_glm", RANGE), poisson.ratio.value
    kind = "cox" if one else "fine_gray"
    yield ("royston_d", f"{kind}_on_normal_scores", RANGE), royston_d(outcome, risk)[0]


def _by_horizon(new: Ahead, curves: Curves, horizon: float) -> Iterator[Named]:
    risk, truth, by = curves.risk_at(horizon), new.risk_by(horizon), f"{horizon:g}"
    yield ("harrell_c", "within_fold_pairs", by), harrell_c(new.outcome, risk, horizon=horizon).value
    yield ("antolini_c", "within_fold_pairs", by), antolini_c(new.outcome, curves, horizon=horizon).value
    yield ("uno_c", "ipcw_within_fold_pairs", by), harrell_c(new.whole, risk, horizon=horizon).value
    yield ("auc", "ipcw_cumulative_dynamic", by), true_auc(risk, truth)
    squared, happened = true_brier(risk, truth), float(truth.mean())
    yield ("brier", "ipcw", by), squared
    yield ("ipa", "ipcw_null_of_scored_data", by), 1 - squared / (happened * (1 - happened))
    for threshold in STATED:
        name = stated_estimator(threshold, len(curves.causes))
        yield ("net_benefit", name, by), true_net_benefit(risk, truth, threshold)


def _agreement(new: Ahead, risk: Floats, truth: Floats, horizon: float) -> Iterator[Named]:
    data, by = "kaplan_meier" if len(new.outcome.causes) == 1 else "aalen_johansen", f"{horizon:g}"
    yield ("observed_risk", data, by), float(truth.mean())
    yield ("oe_ratio", f"{data}_over_mean_risk", by), float(truth.mean() / risk.mean())
    # The estimating function is linear in the outcome, so its expectation is that of the true risks.
    lines = pseudo_calibration(truth, risk)
    yield ("calibration_slope", "pseudo_cloglog", by), lines.slope.value
    yield ("calibration_intercept", "pseudo_cloglog", by), lines.intercept.value
