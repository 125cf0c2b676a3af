"""`Curves`: what every model says, the cumulative incidence of each cause over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_SLACK = 1e-9  # what float64 sums over thousands of steps may miss; anything larger is a fault and raises


class CurvesError(ValueError):
    """Predictions that are no probabilities."""


@final
@dataclass(frozen=True)
class Curves:
    """Cumulative incidence per patient, cause and time; survival is the rest.

    times      (t,) ascending, > 0. Right-continuous steps: the value at a time holds until the next.
    causes     names, as in `Outcome.causes`.
    incidence  (n, causes, t) non-decreasing in time, in [0, 1], summing to at most one over causes.
    """

    times: Floats
    causes: tuple[str, ...]
    incidence: Floats

    def __post_init__(self) -> None:
        times = np.array(self.times, dtype=float)
        incidence = np.array(self.incidence, dtype=float)
        if incidence.shape[1:] != (len(self.causes), len(times)):
            raise CurvesError(f"incidence has shape {incidence.shape}, expected (n, {len(self.causes)}, {len(times)}).")
        if len(times) and (times[0] <= 0 or np.any(np.diff(times) <= 0)):
            raise CurvesError("times must ascend from above zero.")
        if not np.isfinite(incidence).all():
            raise CurvesError(
                f"{int((~np.isfinite(incidence)).any(axis=(1, 2)).sum())} of {len(incidence)} curves are not finite."
            )
        if incidence.size and (
            incidence.min() < -_SLACK
            or incidence.sum(axis=1).max() > 1 + _SLACK
            or (len(times) > 1 and np.diff(incidence, axis=2).min() < -_SLACK)
        ):
            raise CurvesError("incidence must rise within [0, 1] and sum to at most one over causes.")
        incidence = np.maximum.accumulate(np.clip(incidence, 0.0, 1.0), axis=2)
        times.setflags(write=False)
        incidence.setflags(write=False)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "causes", tuple(self.causes))
        object.__setattr__(self, "incidence", incidence)

    @classmethod
    def from_survival(cls, times: ArrayLike, survival: ArrayLike, cause: str = "event") -> Curves:
        """Curves of one cause from survival probabilities (n, t)."""
        return cls(np.asarray(times, float), (cause,), 1.0 - np.asarray(survival, float)[:, None, :])

    @classmethod
    def mean(cls, curves: Sequence[Curves]) -> Curves:
        """The average of curves for the same patients on the same times: a mixture, so again curves."""
        return cls(curves[0].times, curves[0].causes, np.mean([c.incidence for c in curves], axis=0))

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.incidence)

    @property
    def survival(self) -> Floats:
        """(n, t) probability that no cause has happened."""
        rest: Floats = np.clip(1.0 - self.incidence.sum(axis=1), 0.0, 1.0)
        return rest

    def at(self, times: ArrayLike) -> Curves:
        """The same curves read at other times; before the first own time nothing has happened."""
        wanted = np.asarray(times, float)
        index = np.searchsorted(self.times, wanted, side="right")
        padded = np.concatenate([np.zeros((*self.incidence.shape[:2], 1)), self.incidence], axis=2)
        return Curves(wanted, self.causes, padded[:, :, index])

    def risk_at(self, horizon: float, cause: str | None = None) -> Floats:
        """(n,) probability that `cause` (the first by default) has happened by `horizon`."""
        k = 0 if cause is None else self.causes.index(cause)
        place = int(np.searchsorted(self.times, horizon, side="right"))
        return np.array(self.incidence[:, k, place - 1]) if place else np.zeros(self.n)

    def take(self, rows: NDArray[np.intp] | Sequence[int]) -> Curves:
        """The curves of these patients, in this order."""
        return Curves(self.times, self.causes, self.incidence[np.asarray(rows)])
