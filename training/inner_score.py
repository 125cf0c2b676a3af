"""`InnerScore`: what tuning minimises, the integrated Brier score over all causes, weighted for censoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import censoring
from training.curves import Curves

Floats = NDArray[np.float64]

_POINTS = 20
_LEAST_UNCENSORED = 0.1  # beyond this, a handful of patients would carry the weight of all the others
_PRECISE = 2.0  # standard errors by which a paired loss must be worse before its remaining folds are skipped


@final
@dataclass(frozen=True)
class InnerScore:
    """The loss of predicted curves for each row of one outcome.

    A proper score of the whole curve, so that it rewards calibration as well as ranking; the partial likelihood would
    not do, because it is blind to the baseline and does not exist for families without proportional hazards.

    times    (t,) where curves are read: quantiles of the event times, as far as a tenth of patients is uncensored.
    weights  (n, t) inverse probability of still being observed; 0 where the state is not known.
    state    (n, causes, t) whether the cause has happened.
    """

    times: Floats
    weights: Floats
    state: NDArray[np.bool_]

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Prepared once for the rows on which a recipe is tuned; the weights come from all of them."""
        time, event = outcome.time_days, outcome.event
        observed = censoring(outcome)
        happened = np.sort(time[event > 0])
        grid = np.unique(np.quantile(happened, np.linspace(0.05, 0.95, _POINTS))) if len(happened) else time[:0]
        kept = grid[observed.at(grid) >= _LEAST_UNCENSORED]
        grid = kept if len(kept) else grid[:1]
        past = (time[:, None] <= grid) & (event > 0)[:, None]
        # G(t−) for those who had the event, G(t) for those still under observation.
        with np.errstate(divide="ignore"):
            own, at = 1.0 / observed.before(time)[:, None], 1.0 / observed.at(grid)
        weights = np.where(past, own, np.where(time[:, None] > grid, at, 0.0))
        codes = np.arange(1, len(outcome.causes) + 1)
        return cls(grid, weights, past[:, None, :] & (event[:, None] == codes)[:, :, None])

    def losses(self, rows: NDArray[np.intp], curves: Curves) -> Floats:
        """(r,) weighted squared error of these rows' curves, averaged over times and causes."""
        missed = (self.state[rows] - curves.at(self.times).incidence) ** 2
        averaged: Floats = (self.weights[rows][:, None, :] * missed).mean(axis=(1, 2))
        return averaged


def clearly_worse(losses: Floats, best: Floats) -> bool:
    """Whether the paired losses of the same patients leave no hope: what the remaining folds cost is better spent."""
    gap = losses - best
    return bool(gap.mean() > _PRECISE * gap.std(ddof=1) / np.sqrt(len(gap)) > 0)
