"""Numbers read from predictions and weights alone, so that a resample costs one reading: what optimism is made of.

`given`, where a measure takes it, is the censoring given the predictors, fitted once on everybody and not anew in each
draw: a draw's patients keep their G, each as often as he was drawn. A refit's own draw and everybody then weigh a
patient alike, so that their difference is what the predictions owe to the draw. Each G comes from a model that had not
seen the patient; what a censoring model fitted anew would add is noise of the weights, which the intervals of all
numbers given the predictors leave out in the same way ("taken as known").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from features.outcome import Outcome
from training.censoring import GivenPredictors, Undefined, censoring, require_common_entry, require_follow_up
from training.curves import Curves
from training.metrics.accuracy import brier, null_risk
from training.metrics.calibration import (
    ipcw_calibration,
    ipcw_oe,
    log_hazard_scale,
    oe_ratio,
    pseudo_calibration,
    require_events,
)
from training.metrics.discrimination import auc, harrell_c
from training.metrics.metric import GIVEN_PREDICTORS, Floats, risk_for
from training.metrics.smooth_calibration import cox_smoother, errors
from training.nonparametric import pseudo_values
from training.partial_likelihood import PartialLikelihood

Read = Callable[[Curves, "Floats | None"], Floats]


@final
@dataclass(frozen=True)
class Measure:
    """Numbers that are read together.

    names  metric and estimator of each number · cause 1-based · horizon in the outcome's unit, None over the range ·
    read   (curves, weight of each patient or None) → the numbers, then the `grid`'s observed risks, NaN where nobody
           with weight has such a risk · grid predicted risks of a calibration curve, ascending. Raises `Undefined`.
    """

    names: tuple[tuple[str, str], ...]
    cause: int
    horizon: float | None
    read: Read
    grid: tuple[float, ...] = ()


def discrimination(outcome: Outcome, cause: int, horizon: float | None) -> Measure:
    """Harrell's C."""

    def read(curves: Curves, weights: Floats | None) -> Floats:
        if horizon is not None:
            require_follow_up(outcome, horizon)
        risk = risk_for(curves, cause, horizon)
        return np.array([harrell_c(outcome, risk, cause, horizon=horizon, weights=weights).value])

    return Measure((("harrell_c", "within_fold_pairs"),), cause, horizon, read)


def accuracy(outcome: Outcome, cause: int, horizon: float, given: GivenPredictors | None = None) -> Measure:
    """Brier and IPA; marginal censoring is estimated in the weighted patients."""

    def read(curves: Curves, weights: Floats | None) -> Floats:
        risk, g = risk_for(curves, cause, horizon), given or censoring(outcome, weights)
        squared = brier(outcome, risk, cause, horizon=horizon, weights=weights, g=g).value
        null = np.full(outcome.n, null_risk(outcome, cause, horizon, weights, given))
        of_null = brier(outcome, null, cause, horizon=horizon, weights=weights, g=g).value
        return np.array([squared, 1 - squared / of_null if of_null > 0 else np.nan])

    end = _ending(given)
    return Measure((("brier", f"ipcw{end}"), ("ipa", f"ipcw_null_of_scored_data{end}")), cause, horizon, read)


def area(outcome: Outcome, cause: int, horizon: float, given: GivenPredictors | None = None) -> Measure:
    """AUC(t)."""

    def read(curves: Curves, weights: Floats | None) -> Floats:
        risk = risk_for(curves, cause, horizon)
        return np.array([auc(outcome, risk, cause, horizon=horizon, weights=weights, g=given).value])

    return Measure((("auc", f"ipcw_cumulative_dynamic{_ending(given)}"),), cause, horizon, read)


def observed_over_expected(
    outcome: Outcome, cause: int, horizon: float, given: GivenPredictors | None = None
) -> Measure:
    """O/E: the observed part by Kaplan–Meier or Aalen–Johansen; given the predictors the weighed share of events."""

    def read(curves: Curves, weights: Floats | None) -> Floats:
        require_follow_up(outcome, horizon)
        risk = risk_for(curves, cause, horizon)
        if given is not None:
            return np.array([ipcw_oe(outcome, risk, cause, horizon=horizon, weights=weights, g=given).value])
        return np.array([oe_ratio(outcome, risk, cause, horizon=horizon, weights=weights)[0]])

    observed = "kaplan_meier" if len(outcome.causes) == 1 else "aalen_johansen"
    estimator = f"{observed if given is None else 'ipcw'}_over_mean_risk{_ending(given)}"
    return Measure((("oe_ratio", estimator),), cause, horizon, read)


def slope(outcome: Outcome, horizon: float) -> Measure:
    """The Cox slope over the whole range of one cause, on the risks by `horizon`."""
    likelihood = PartialLikelihood(outcome, 1)

    def read(curves: Curves, weights: Floats | None) -> Floats:
        x = log_hazard_scale(risk_for(curves, 1, horizon))
        require_events(outcome, 1, None)
        if np.ptp(x) < 1e-9:
            raise Undefined("the prediction is the same for everybody, so a slope is not estimable")
        return likelihood.fit(x[:, None], weights=weights, start=np.ones(1), tolerance=1e-8).coef

    return Measure((("calibration_slope", "cox_on_log_hazard"),), 1, None, read)


def weak_calibration(outcome: Outcome, cause: int, horizon: float, given: GivenPredictors | None = None) -> Measure:
    """Slope and intercept: by pseudo-observations of the weighted patients, given the predictors by likelihood."""
    if given is not None:
        return _weighed_calibration(outcome, cause, horizon, given)
    plain = pseudo_values(outcome, cause, [horizon])[:, 0]

    def read(curves: Curves, weights: Floats | None) -> Floats:
        require_follow_up(outcome, horizon)
        require_events(outcome, cause, horizon)
        pseudo = plain if weights is None else pseudo_values(outcome, cause, [horizon], weights)[:, 0]
        found = pseudo_calibration(pseudo, risk_for(curves, cause, horizon), weights=weights)
        return np.array([found.slope.value, found.intercept.value])

    names = (("calibration_slope", "pseudo_cloglog"), ("calibration_intercept", "pseudo_cloglog"))
    return Measure(names, cause, horizon, read)


def calibration_curve(outcome: Outcome, cause: int, horizon: float, grid: Sequence[float]) -> Measure:
    """Distances between predicted and observed risk, and the observed risk at `grid`."""
    competing, at = len(outcome.causes) > 1, np.asarray(grid, float)
    estimator = "flexible_fine_gray_rcs3" if competing else "flexible_cox_rcs3"

    def read(curves: Curves, weights: Floats | None) -> Floats:
        require_follow_up(outcome, horizon)
        require_events(outcome, cause, horizon)
        risk = risk_for(curves, cause, horizon)
        everywhere = np.concatenate([risk, at])
        if np.ptp(risk) < 1e-12:
            raise Undefined("the prediction is the same for everybody")
        smoother = cox_smoother(
            outcome, risk, horizon, cause, read_at=everywhere, subdistribution=competing, weights=weights
        )
        observed = smoother(None)
        found = errors(risk, observed[: len(risk)], weights)
        taught = risk if weights is None else risk[weights > 0]
        seen = np.where((at >= taught.min()) & (at <= taught.max()), observed[len(risk) :], np.nan)
        return np.concatenate([[found.ici, found.e50, found.e90, found.emax], seen])

    names = tuple((name, estimator) for name in ("ici", "e50", "e90", "emax"))
    return Measure(names, cause, horizon, read, tuple(at.tolist()))


def measures_of(
    outcome: Outcome,
    horizons: Sequence[float],
    grids: Mapping[tuple[int, float], Sequence[float]],
    given: GivenPredictors | None = None,
) -> tuple[Measure, ...]:
    """Everything that is corrected for optimism. grids: (cause, horizon) → predicted risks of its calibration curve.

    given: censoring given the predictors, where it is the headline: what it weighs then stands beside the marginal.
    Raises `Undefined` for patients who enter at different times.
    """
    require_common_entry(outcome)
    found: list[Measure] = []
    within = [day for day in horizons if day <= outcome.right_days.max(initial=0.0)] or list(horizons[:1])
    if len(outcome.causes) == 1:
        found.append(slope(outcome, within[-1]))
    for cause in range(1, len(outcome.causes) + 1):
        found.append(discrimination(outcome, cause, None))
        for day in horizons:
            made = (discrimination, area, accuracy, observed_over_expected, weak_calibration)
            found += [one(outcome, cause, day) for one in made]
            found.append(calibration_curve(outcome, cause, day, grids[cause, day]))
            weighed = (area, accuracy, observed_over_expected, weak_calibration)
            if given is not None:
                found += [one(outcome, cause, day, given) for one in weighed]
    return tuple(found)


def _ending(given: GivenPredictors | None) -> str:
    return "" if given is None else GIVEN_PREDICTORS


def _weighed_calibration(outcome: Outcome, cause: int, horizon: float, given: GivenPredictors) -> Measure:
    def read(curves: Curves, weights: Floats | None) -> Floats:
        require_follow_up(outcome, horizon)
        require_events(outcome, cause, horizon)
        risk = risk_for(curves, cause, horizon)
        if np.ptp(risk) < 1e-12:
            raise Undefined("the prediction is the same for everybody, so a slope is not estimable")
        found = ipcw_calibration(outcome, risk, cause, horizon=horizon, weights=weights, g=given)
        return np.array([line.value for line in found])

    estimator = f"ipcw_binomial_cloglog{GIVEN_PREDICTORS}"
    return Measure((("calibration_slope", estimator), ("calibration_intercept", estimator)), cause, horizon, read)
