"""The baseline under a log hazard: Efron's sub-steps over all causes, and the product limit that composes them.

At a time with d events of any cause, d_k of them of cause k, sub-step j = 0 … d − 1 carries
(d_k / d) / (R_k − j T_k / d), with R_k = Σ exp(lp_k) over the patients at risk and T_k over the d tied events.
With lp = 0 the product limit over the sub-steps is Aalen and Johansen's estimate exactly; with one cause the sums are
Efron's baseline (R's `survfit` for a model fitted with Efron's ties). One step per event, whatever the order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class BaselineHazard:
    """Hazard of one cause where exp(lp) = 1.

    steps       (s,) times of the sub-steps, ascending, one per event of any cause (repeated where tied).
    increments  (s,) the cause's hazard in each.
    """

    steps: Floats
    increments: Floats

    def cumulative(self, times: Floats) -> Floats:
        """(t,) cumulative hazard by each time."""
        total = np.concatenate([[0.0], np.cumsum(self.increments)])
        return np.asarray(total[np.searchsorted(self.steps, times, side="right")])

    def coarsened(self, times: Floats) -> BaselineHazard:
        """The same hazard by each of these times (ascending), and nobody's day between them.

        Between two times the sub-steps keep their order and their hazards and are spread evenly over the days: the
        answers at `times` are the same to the last bit, and on which day a patient died is kept nowhere.
        """
        if not len(self.steps):
            return self
        ends = np.append(times, self.steps[-1])  # what lies beyond the last time is one more cell
        cell = np.searchsorted(times, self.steps, side="left")
        count = np.bincount(cell, minlength=len(ends))
        starts = np.concatenate([[0.0], times])
        place = (np.arange(len(cell)) - (np.cumsum(count) - count)[cell] + 1) / count[cell]
        # The last of a cell lies on its end exactly: a time asked for must not miss it by a rounding.
        steps = np.where(place == 1.0, ends[cell], starts[cell] + place * (ends - starts)[cell])
        return BaselineHazard(steps, self.increments)


def efron_baseline(log_hazard: Floats, outcome: Outcome, cause: int, weights: Floats | None = None) -> BaselineHazard:
    """The baseline of `cause` (1-based) under these log hazards (n,), in Efron's sub-steps over the events of all
    causes.

    An interval-censored event counts on the day on which it was first seen (`Outcome.time_days`).
    weights  (n,) case weights: with lp = 0 the product limit is that of the duplicated rows.
    """
    time, event = outcome.time_days, outcome.event
    weight = np.ones(outcome.n) if weights is None else np.asarray(weights, float)
    shift = float(np.max(log_hazard, initial=-np.inf)) if outcome.n else 0.0
    theta = weight * np.exp(log_hazard - shift)
    order = np.argsort(time, kind="stable")
    at_risk = np.append(np.cumsum(theta[order][::-1])[::-1], 0.0)
    dying = order[(event[order] > 0) & (weight[order] > 0)]
    steps = time[dying]
    if not len(steps):
        return BaselineHazard(steps, np.zeros(0))
    starts = np.flatnonzero(np.concatenate([[True], steps[1:] > steps[:-1]]))
    tied = np.diff(np.append(starts, len(steps)))
    group = np.repeat(np.arange(len(starts)), tied)
    share = (np.arange(len(steps)) - starts[group]) / tied[group]
    risk_set = at_risk[np.searchsorted(time[order], steps[starts], side="left")]
    leaving = np.add.reduceat(theta[dying], starts)
    own = np.add.reduceat(weight[dying] * (event[dying] == cause), starts) / tied
    increments = own[group] / (risk_set[group] - share * leaving[group])
    return BaselineHazard(steps, increments * np.exp(-shift))


def product_limit(steps: Floats, hazards: Sequence[Floats], times: Floats) -> Floats:
    """Cumulative incidence (n, causes, t) from the hazard of each cause in each sub-step, (n, s) per cause.

    Where a patient's hazards of one sub-step sum above 1 they are scaled to 1; CIF += S(t−) dH in each sub-step, so
    that incidences and survival sum to one. Row by row: a patient's answer does not depend on the others in the batch.
    """
    n, reached = len(hazards[0]), np.searchsorted(steps, times, side="right")
    incidence = np.zeros((n, len(hazards), len(times)))
    begun = np.flatnonzero(reached > 0)
    if not len(begun) or not n:
        return incidence
    total = hazards[0].copy()
    for hazard in hazards[1:]:
        total += hazard
    scale = 1.0 / np.maximum(total, 1.0) if total.max() > 1.0 else None
    # In place from here on: this is where a cohort's answers spend their time, and memory is what it costs.
    np.subtract(1.0, np.minimum(total, 1.0, out=total), out=total)
    survival, step = np.multiply.accumulate(total, axis=1, out=total), np.empty_like(total)
    for k, hazard in enumerate(hazards):
        step[:, 0] = hazard[:, 0]
        np.multiply(survival[:, :-1], hazard[:, 1:], out=step[:, 1:])
        if scale is not None:
            step *= scale
        np.add.accumulate(step, axis=1, out=step)
        incidence[:, k, begun] = step[:, reached[begun] - 1]
    return incidence


def linear_predictor(X: Floats, coef: Floats) -> Floats:
    """X @ coef, column by column: to the last bit the same for one row as for a batch, which BLAS does not promise."""
    total = np.zeros(len(X))
    for j in np.flatnonzero(coef):
        total += X[:, j] * coef[j]
    return total
