"""From hazards of intervals to curves: what the pooled families, linear and of trees, share at prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.baseline_hazard import BaselineHazard
from training.curves import Curves

Floats = NDArray[np.float64]
HEADROOM = 2.0
"""Log odds are held within e² of those met in training, as proportional hazards are."""
_CELLS = 200_000  # patients × times at once: what stays in a core's cache


def interval_curves(
    X: Floats, times: Floats, causes: tuple[str, ...], clock: BaselineHazard, scores: Callable[[Floats], list[Floats]]
) -> Curves:
    """Incidences at `times`: within an interval the hazard is spread as the cohort's; flat after the last.

    clock   how much of the intervals has passed by a time: 0 at the start, j after the j-th.
    scores  rows of X → (n, intervals) log odds of each cause; −∞ for a cause that nobody had.
    """
    count = round(float(clock.increments.sum()))
    within = np.clip(clock.cumulative(times)[:, None] - np.arange(count), 0.0, 1.0)
    rows = max(1, _CELLS // max(1, len(times) * len(causes)))
    incidence = np.zeros((len(X), len(causes), len(times)))
    for start in range(0, len(X), rows):
        incidence[start : start + rows] = _incidence(scores(X[start : start + rows]), within)
    return Curves(times, causes, incidence)


def _incidence(scores: Sequence[Floats], within: Floats) -> Floats:
    share, force = _forces(scores)
    n = len(force)
    alive = np.exp(-np.concatenate([np.zeros((n, 1)), np.add.accumulate(force, axis=1)[:, :-1]], axis=1))
    incidence = np.zeros((n, len(share), len(within)))
    for j in range(within.shape[1]):
        reached = np.flatnonzero(within[:, j] > 0)
        if not len(reached):
            break
        lost = -np.expm1(-np.multiply.outer(force[:, j], within[reached, j])) * alive[:, j, None]
        for k, one in enumerate(share):
            incidence[:, k, reached] += one[:, j, None] * lost
    return incidence


def _forces(scores: Sequence[Floats]) -> tuple[list[Floats], Floats]:
    """Each cause's share of the force in each interval, and the force of any cause, each (n, intervals)."""
    odds = [np.exp(one) for one in scores]
    total = np.zeros(odds[0].shape)
    for one in odds:
        total += one
    return [one / total for one in odds], np.log1p(total)
