"""How several models' out-of-fold curves are weighed against each other, honestly: censoring given the predictors.

A loss whose censoring weights ignore the predictors pays a model for letting late entrants die: where a predictor tells
the date of entry it tells the follow-up. Here who could not have been observed at a time (G(t | x) < 0.1) says nothing
about it. Sources: van der Laan, Polley & Hubbard 2007; Westling et al. 2023, doi:10.1080/01621459.2023.2205060.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import LEAST_OBSERVED
from training.censoring_model import censoring_scores, observed_given

Floats = NDArray[np.float64]

_POINTS = 25


@final
@dataclass(frozen=True)
class HonestBrier:
    """The squared error of curves against what happened, for each patient at each time.

    times    (t,) quantiles of the event times.
    weights  (n, t) inverse probability of still being observed, given the predictors; 0 where the state is not known or
             could hardly have been seen.
    state    (n, causes, t) whether the cause has happened.
    """

    times: Floats
    weights: Floats
    state: NDArray[np.bool_]

    @classmethod
    def of(cls, X: Floats, outcome: Outcome) -> Self:
        """X (n, p): encoded predictors, from which the censoring time is predicted by a ridge Cox model."""
        time, event = outcome.time_days, outcome.event
        happened = np.sort(time[event > 0])
        grid = np.unique(np.quantile(happened, np.linspace(0.04, 0.92, _POINTS), method="inverted_cdf"))
        g = observed_given(X @ censoring_scores(X, outcome), outcome)
        at, before = np.stack([g.at(day) for day in grid], axis=1), g.before(time)
        seen = at >= LEAST_OBSERVED
        past = (time[:, None] <= grid) & (event > 0)[:, None]
        weights = np.where(past, 1.0 / np.maximum(before, LEAST_OBSERVED)[:, None], 0.0)
        weights = np.where(time[:, None] > grid, 1.0 / np.maximum(at, LEAST_OBSERVED), weights) * seen
        codes = np.arange(1, len(outcome.causes) + 1)
        return cls(grid, weights, past[:, None, :] & (event[:, None] == codes)[:, :, None])

    def take(self, rows: NDArray[np.intp]) -> HonestBrier:
        """The loss of these patients alone."""
        return HonestBrier(self.times, self.weights[rows], self.state[rows])

    def gram(self, curves: Sequence[Floats]) -> tuple[Floats, float]:
        """(m, m) mean weighted products of the models' errors, so that w'Gw is the loss of the blend w; and the spread.

        curves  one (n, causes, t) per model. spread: mean weighted squared distance of the models from their mean.
        """
        known = self.weights.sum()
        scale = np.sqrt(self.weights[:, None, :] / max(known, 1e-300))
        centre = np.mean(curves, axis=0)
        errors = [((one - self.state) * scale).ravel() for one in curves]
        product = np.array([[float(a @ b) for b in errors] for a in errors])
        spread = float(np.mean([np.sum(((one - centre) * scale) ** 2) for one in curves]))
        return product, spread


def convex_weights(gram: Floats, ridge: float) -> Floats:
    """(m,) weights ≥ 0 that sum to one and minimise w'Gw + ridge · Σ (w − 1/m)², exactly: each support is tried."""
    m = len(gram)
    if not np.trace(gram) > 0:
        return np.full(m, 1.0 / m)  # nobody's state is known at any time: nothing tells the models apart
    quadratic = gram + (ridge + 1e-12 * float(np.trace(gram))) * np.eye(m)  # a tie between twins goes to equal weights
    best, least = np.full(m, 1.0 / m), np.inf
    for size in range(1, m + 1):
        for support in combinations(range(m), size):
            own = np.ix_(support, support)
            share = np.linalg.solve(quadratic[own], np.ones(size))
            share /= share.sum()
            value = float(share @ quadratic[own] @ share)
            if share.min() >= 0 and value < least:
                best, least = np.zeros(m), value
                best[list(support)] = share
    return best
