"""Do predicted hazards come true over all of follow-up? Poisson calibration, and whether survival is spread evenly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Undefined
from training.curves import Curves
from training.metrics.calibration import Line, log_hazard_scale, require_events
from training.metrics.metric import Floats, Measured, Metric

BINS = 10


@final
@dataclass(frozen=True)
class PoissonCalibration:
    """Calibration over the whole range.

    ratio  log of observed over expected events: its exponential is calibration in the large.
    slope  of the log hazard.
    """

    ratio: Line
    slope: Line


def poisson_calibration(
    outcome: Outcome,
    cumulative_hazard: Floats,
    linear_predictor: Floats,
    cause: int = 1,
    *,
    weights: Floats | None = None,
) -> PoissonCalibration:
    """Poisson regression of the event with the predicted cumulative hazard at each patient's own time as exposure.

    slope: of the linear predictor, the exposure divided by its hazard ratio. Rows with no exposure tell nothing.
    Standard errors are the model's own. Source: Crowson, Atkinson & Therneau 2016.
    """
    keep = cumulative_hazard > 0
    w = np.ones(outcome.n)[keep] if weights is None else weights[keep]
    y, exposure, x = (outcome.event[keep] == cause).astype(float), cumulative_hazard[keep], linear_predictor[keep]
    offset = np.log(exposure)
    ratio = _poisson(np.ones((len(y), 1)), y, offset, w)
    slope = _poisson(np.c_[np.ones_like(x), x - x.mean()], y, offset - x, w)
    return PoissonCalibration(Line(ratio[0][0], ratio[1][0]), Line(slope[0][1], slope[1][1]))


def _poisson(X: Floats, y: Floats, offset: Floats, w: Floats) -> tuple[Floats, Floats]:
    beta = np.zeros(X.shape[1])
    beta[0] = np.log((w @ y) / (w @ np.exp(offset)))
    mean = w * np.exp(offset + X @ beta)
    for _ in range(100):
        step = np.linalg.solve((X * mean[:, None]).T @ X, X.T @ (w * y - mean))
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        mean = w * np.exp(np.clip(offset + X @ beta, -700.0, 50.0))
        if np.abs(step).max() < 1e-12:
            break
    else:
        raise Undefined("the regression of events on the predicted hazards did not converge")
    return beta, np.sqrt(np.diag(np.linalg.inv((X * mean[:, None]).T @ X)))


def cumulative_hazard(curves: Curves, cause: int, days: Floats) -> Floats:
    """(n,) the cause-specific cumulative hazard behind each row's curves by its own day.

    Between two times of the curves the hazard is taken as even, so that a grid that is coarser than the follow-up does
    not count too little; after the last time it does not rise. One cause: −log of survival. A curve that leaves nobody
    is read as if one in a million were left.
    """
    left = np.clip(np.concatenate([np.ones((curves.n, 1)), curves.survival], axis=1), 1e-6, 1.0)
    own = np.diff(curves.incidence[:, cause - 1], axis=1, prepend=0.0)
    fallen = left[:, :-1] - left[:, 1:]
    # The share of an interval's hazard that is this cause's: that of what happened in it.
    share = np.divide(own, fallen, out=np.zeros_like(own), where=fallen > 1e-12)
    total = np.concatenate([np.zeros((curves.n, 1)), np.cumsum(np.clip(share, 0, 1) * -np.diff(np.log(left)), 1)], 1)
    return _between(total, curves.times, days)


def own_survival(curves: Curves, days: Floats) -> Floats:
    """(n,) survival of all causes on each row's own day, the hazard even between two times of the curves."""
    left = np.clip(np.concatenate([np.ones((curves.n, 1)), curves.survival], axis=1), 1e-6, 1.0)
    return np.asarray(np.exp(_between(np.log(left), curves.times, days)))


def _between(values: Floats, times: Floats, days: Floats) -> Floats:
    """Each row read at its own day, straight between times; `values` (n, t + 1) begin at day 0."""
    grid = np.concatenate([[0.0], times])
    place = np.clip(np.searchsorted(grid, days, side="right") - 1, 0, len(times) - 1)
    part = np.clip((days - grid[place]) / (grid[place + 1] - grid[place]), 0.0, 1.0)
    rows = np.arange(len(values))
    return np.asarray(values[rows, place] * (1 - part) + values[rows, place + 1] * part)


def d_calibration(
    survival: Floats, event: NDArray[np.bool_], bins: int = BINS, *, weights: Floats | None = None
) -> tuple[Floats, float]:
    """Whether predicted survival at each patient's own time is spread evenly: (bins,) patients, and χ² on bins − 1.

    An event adds 1 to the bin of its survival; a censored patient spreads over all below. weights: a patient's rows
    share one patient. Conservative where much is censored. Source: Haider 2020.
    """
    w = np.ones(len(survival)) if weights is None else weights
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip((survival * bins).astype(int), 0, bins - 1)
    counts = np.bincount(place[event], w[event], minlength=bins).astype(float)
    left = np.clip(survival[~event], 1e-12, None)[:, None]
    share = np.clip(np.minimum(left, edges[1:]) - edges[:-1], 0, None) / left
    counts += w[~event] @ share
    expected = w.sum() / bins
    return counts, float(np.sum((counts - expected) ** 2) / expected)


def as_far_as(curves: Curves, outcome: Outcome) -> Outcome:
    """The follow-up as far as the curves reach: what happens later, as in a cohort followed longer, they do not say."""
    last = float(curves.times[-1])
    later = outcome.right_days > last
    days, left = np.minimum(outcome.right_days, last), np.minimum(outcome.left_days, last)
    return replace(outcome, left_days=left, right_days=days, event=np.where(later, 0, outcome.event))


def poisson_of(
    outcome: Outcome, curves: Curves, cause: int, *, until: float, weights: Floats | None = None
) -> PoissonCalibration:
    """`poisson_calibration` of curves: the linear predictor is the log of the cause's hazard by `until`."""
    outcome = as_far_as(curves, outcome)
    require_events(outcome, cause, None)
    expected = cumulative_hazard(curves, cause, outcome.right_days)
    level = cumulative_hazard(curves, cause, np.full(outcome.n, until))
    if np.ptp(level) < 1e-12:
        raise Undefined("not estimable: the prediction is the same for everybody")
    return poisson_calibration(outcome, expected, log_hazard_scale(-np.expm1(-level)), cause, weights=weights)


def _last(curves: Curves, horizon: float | None) -> float:
    return float(curves.times[-1]) if horizon is None else horizon


def _slope(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    return Measured(poisson_of(outcome, curves, cause, until=_last(curves, horizon)).slope.value)


def _intercept(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: object) -> Measured:
    return Measured(poisson_of(outcome, curves, cause, until=_last(curves, horizon)).ratio.value)


def _spread(outcome: Outcome, curves: Curves, _cause: int, _horizon: float | None, _: object) -> Measured:
    seen = as_far_as(curves, outcome)
    return Measured(d_calibration(own_survival(curves, seen.right_days), seen.event > 0)[1])


METRICS = (
    Metric(
        "calibration_slope",
        "poisson_glm",
        _slope,
        scope="range",
        causes="any",
        direction="target",
        range=(-np.inf, np.inf),
        null=0.0,
        best=1.0,
        groups=False,
        title="Calibration slope",
        digits=2,
        how="Poisson on the expected events, whole range",
        label="Spread of the hazards over the whole follow-up: below 1 is too extreme",
        source="Crowson, Atkinson & Therneau 2016",
    ),
    Metric(
        "calibration_intercept",
        "poisson_glm",
        _intercept,
        scope="range",
        causes="any",
        direction="target",
        range=(-np.inf, np.inf),
        null=None,
        best=0.0,
        groups=False,
        title="Calibration intercept",
        digits=2,
        how="Poisson on the expected events, whole range",
        label="Log of events that happened over events expected, each patient followed as long as he was",
        source="Crowson, Atkinson & Therneau 2016",
    ),
    Metric(
        "d_calibration",
        "chi_squared_ten_bins",
        _spread,
        scope="range",
        causes="any",
        direction="lower",
        range=(0.0, np.inf),
        null=None,
        best=0.0,
        groups=False,
        title="D-calibration, χ²",
        digits=1,
        how="χ² over ten bins of predicted survival",
        label="How unevenly patients spread over predicted survival at their own time: 9 is expected of a right model",
        source="Haider 2020",
    ),
)
