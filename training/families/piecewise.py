"""Hazard ratios that change at given days: in each interval a proportional hazard, for the columns that may change.

Follow-up is cut at the days, each patient at risk in one interval after the other, and the columns that may change
stand once for all intervals and once for each: β + δ_j in interval j, all under one ridge, so that an effect is the
same throughout unless the data insist. Source: Therneau & Grambsch 2000, §6.5; Gandrud 2015, doi:10.18637/jss.v065.i03.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import BaselineHazard, efron_baseline
from training.curves import Curves
from training.families.family import Design, ModelState
from training.families.proportional import Linear, ProportionalHazards
from training.partial_likelihood import fit_cox

Floats = NDArray[np.float64]
_LEAST_EVENTS = 10  # of the cause in each interval; a day that leaves fewer on one side is passed over
_HEADROOM = 2.0


@final
@dataclass(frozen=True)
class PiecewiseHazards:
    """A fitted hazard of one cause, proportional within each interval: `FittedHazard`, and alone `FittedFamily`.

    edges    (k,) ascending; interval j holds the times in (edges[j − 1], edges[j]], the last is open.
    pieces   one hazard per interval, (k + 1): its coefficients, and the steps of the baseline inside the interval.
    varying  (v,) the columns whose coefficients differ between intervals.
    """

    edges: Floats
    pieces: tuple[ProportionalHazards, ...]
    varying: NDArray[np.int64]

    @property
    def cause(self) -> str:
        """Whose hazard it is."""
        return self.pieces[0].cause

    @property
    def steps(self) -> Floats:
        """(s,) times of the sub-steps."""
        return np.concatenate([piece.steps for piece in self.pieces])

    @property
    def baseline(self) -> BaselineHazard:
        """Hazard where all columns are zero."""
        return BaselineHazard(self.steps, np.concatenate([piece.baseline.increments for piece in self.pieces]))

    def increments(self, X: Floats) -> Floats:
        """(n, s) hazard in each sub-step."""
        return np.concatenate([piece.increments(X) for piece in self.pieces], axis=1)

    def predict(self, X: Floats, times: Floats) -> Curves:
        """S = exp(−H): the answer of the model with one cause."""
        hazard = np.zeros((len(X), len(times)))
        for piece in self.pieces:
            hazard += np.multiply.outer(np.exp(piece.log_hazard(X)), piece.baseline.cumulative(times))
        return Curves(times, (self.cause,), -np.expm1(-hazard)[:, None, :])

    def coarsened(self, times: Floats) -> PiecewiseHazards:
        """The same answers at `times`, and nobody's day between them; the edges are the study's days."""
        grid = np.union1d(times, self.edges)
        return replace(self, pieces=tuple(piece.coarsened(grid) for piece in self.pieces))

    def state(self) -> ModelState:
        """Plain data: each piece's under its number."""
        states = [piece.state() for piece in self.pieces]
        arrays = {f"{j}_{name}": array for j, state in enumerate(states) for name, array in state.arrays.items()}
        json = {"pieces": [dict(state.json) for state in states]}
        return ModelState(json, {"edges": self.edges, "varying": self.varying, **arrays})

    @classmethod
    def from_state(cls, state: ModelState) -> PiecewiseHazards:
        """Back, to the last bit."""
        pieces = []
        for j, json in enumerate(state.json["pieces"]):
            own: dict[str, NDArray[Any]] = {
                name.removeprefix(f"{j}_"): array for name, array in state.arrays.items() if name.startswith(f"{j}_")
            }
            pieces.append(ProportionalHazards.from_state(ModelState(json, own)))
        return cls(state.arrays["edges"], tuple(pieces), state.arrays["varying"])


def fit_piecewise(
    design: Design, outcome: Outcome, cause: int, varying: NDArray[np.int64], days: Sequence[float], penalty: float
) -> PiecewiseHazards:
    """The penalised maximum of the Efron partial likelihood, for a cause that somebody had.

    varying  columns whose effect may change at each of `days` that has ten events of the cause before and after it.
    """
    X, time = design.X, outcome.time_days
    edges = _carried(days, time[outcome.event == cause])
    rows, interval, cut = _cut(outcome, edges)
    own = interval[:, None] == np.arange(len(edges) + 1)
    changing = (X[rows][:, None, varying] * own[:, :, None]).reshape(len(rows), -1)
    weights = None if design.weights is None else design.weights[rows]
    fit = fit_cox(np.column_stack([X[rows], changing]), cut, cause, ridge=penalty, weights=weights)
    covariance = np.nan_to_num(fit.covariance)
    pieces = []
    for j in range(len(edges) + 1):
        total = np.zeros((X.shape[1], len(fit.coef)))  # of this interval: what is common, and what is its own
        total[np.arange(X.shape[1]), np.arange(X.shape[1])] = 1.0
        total[varying, X.shape[1] + j * len(varying) + np.arange(len(varying))] = 1.0
        score = Linear(total @ fit.coef, total @ covariance @ total.T)
        low = edges[j - 1] if j else 0.0
        high = edges[j] if j < len(edges) else np.inf
        pieces.append(_piece(score, design, outcome, cause, low, high))
    return PiecewiseHazards(edges, tuple(pieces), varying)


def _piece(
    score: Linear, design: Design, outcome: Outcome, cause: int, start: float, end: float
) -> ProportionalHazards:
    log_hazard = score.predict(design.X)
    whole = efron_baseline(log_hazard, outcome, cause, design.weights)
    inside = (whole.steps > start) & (whole.steps <= end)
    baseline = BaselineHazard(whole.steps[inside], whole.increments[inside])
    met = log_hazard[outcome.time_days > start]
    low, high = float(met.min()) - _HEADROOM, float(met.max()) + _HEADROOM
    return ProportionalHazards(score, baseline, low, high, outcome.causes[cause - 1])


def _carried(days: Sequence[float], happened: Floats) -> Floats:
    """The days that have enough events between them, from the first on."""
    edges: list[float] = []
    by = 0
    for day in days:
        passed = int(np.sum(happened <= day))
        if passed - by >= _LEAST_EVENTS and len(happened) - passed >= _LEAST_EVENTS:
            edges.append(float(day))
            by = passed
    return np.array(edges)


def _cut(outcome: Outcome, edges: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Outcome]:
    """Each patient once per interval in which they were at risk: (row, interval, follow-up inside it)."""
    time, bounds = outcome.time_days, np.concatenate([[0.0], edges, [np.inf]])
    last = np.searchsorted(edges, time, side="left")
    rows = np.repeat(np.arange(outcome.n), last + 1)
    interval = np.arange(len(rows)) - np.repeat(np.cumsum(last + 1) - last - 1, last + 1)
    end = np.minimum(time[rows], bounds[interval + 1])
    event = np.where(interval == last[rows], outcome.event[rows], 0)
    return rows, interval, Outcome(bounds[interval], end, end, event, outcome.causes)
