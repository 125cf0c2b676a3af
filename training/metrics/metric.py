"""`Metric`: what a number means, declared once; `Measured`: what measuring gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves

Floats = NDArray[np.float64]
GIVEN_PREDICTORS: Final = "_given_predictors"
CORRECTED: Final = "_optimism_corrected"
"""What an estimator's name ends with when its censoring weights are given the predictors."""
Measure = Callable[[Outcome, Curves, int, float | None, "NDArray[np.intp] | None"], "Measured"]


@final
@dataclass(frozen=True)
class Measured:
    """A value, and for each row how far it would move were that row there once more (None where not known).

    influence  censoring weights, where there are any, held as they are.
    through    what moves through weights that are estimated of the same rows; None where there are none, or where they
               come from elsewhere and are taken as known.

    The sum of squares of `total`, added up by patient first, is the variance (infinitesimal jackknife).
    """

    value: float
    influence: Floats | None = None
    through: Floats | None = None

    @property
    def total(self) -> Floats:
        """(n,) both together. Raises where no influence is known."""
        if self.influence is None:
            raise ValueError("this number has no analytic influence.")
        return self.influence if self.through is None else self.influence + self.through


@final
@dataclass(frozen=True)
class Metric:
    """One way to judge predictions.

    name, estimator     as they stand in evidence; `estimator_competing` where several causes need another.
    measure             (outcome, curves, cause 1-based, horizon or None, groups or None) → Measured, or `Undefined`.
    scope               "horizon", "range" or "both": whether it takes a horizon.
    causes              "one" or "any": whether it is defined with competing causes.
    direction           "higher" or "lower" is better, or "target": near `best` is.
    range, null, best   possible values; that of a prediction which knows nothing (None where it depends on the data);
                        that of a perfect one.
    groups              whether only pairs within a fold are compared.
    title, digits       what a table calls it, and how many decimals it shows.
    how                 the estimator in words; `how_competing` where several causes need another.
    label, source       what it means in a clinician's words, and where the definition stands.
    """

    name: str
    estimator: str
    measure: Measure
    scope: Literal["horizon", "range", "both"]
    causes: Literal["one", "any"]
    direction: Literal["higher", "lower", "target"]
    range: tuple[float, float]
    null: float | None
    best: float
    groups: bool
    title: str
    digits: int
    how: str
    label: str
    source: str
    estimator_competing: str = ""
    how_competing: str = ""

    def estimator_for(self, outcome: Outcome) -> str:
        """The estimator's name for this number of causes."""
        return self.estimator_competing if self.estimator_competing and len(outcome.causes) > 1 else self.estimator

    def loses(self, low: float, high: float) -> float:
        """How much worse the worse end of a difference b − a is, 0 or more; a target has no worse end.

        Raises `ValueError` for a target: there better is nearer, and a difference does not say nearer to what.
        """
        if self.direction == "target":
            raise ValueError(f"{self.name}: near {self.best:g} is better, so a difference alone says nothing.")
        return max(-low if self.direction == "higher" else high, 0.0)


def events_by(outcome: Outcome, cause: int, horizon: float | None) -> NDArray[np.bool_]:
    """(n,) whether the cause happened by the horizon, or at all."""
    happened = outcome.event == cause
    return np.asarray(happened if horizon is None else happened & (outcome.right_days <= horizon))


def risk_for(curves: Curves, cause: int, horizon: float | None) -> Floats:
    """(n,) risk by the horizon; over the whole range the time lost to the cause, the area under its incidence."""
    if horizon is not None:
        return curves.risk_at(horizon, curves.causes[cause - 1])
    width = np.diff(curves.times, append=curves.times[-1:])
    if len(curves.times) == 1:
        width = np.ones(1)
    return np.asarray(curves.incidence[:, cause - 1, :] @ width)
