"""Pooled logistic regression in discrete time: hazards that need not be proportional, of all causes at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import BaselineHazard, linear_predictor
from training.curves import Curves
from training.families.family import Design, FamilyError, ModelState, Road
from training.families.interval_curves import HEADROOM, interval_curves
from training.families.person_periods import PersonPeriods, fit_pooled, interval_clock
from training.families.proportional import require_acceptable
from training.families.settings import changed, require_positive
from training.families.splines import Bends, knots_for

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class PooledHazards:
    """Fitted hazards of each interval, P(cause k in interval j | alive at its start) = softmax.

    clock      how much of the intervals has passed by a time: 0 at the start, j after the j-th, by the cohort's own
               hazard within each; only ranks of time enter it.
    intercept  (causes, intervals) log odds at the encoding's zero; −∞ for a cause that nobody had.
    main, drift  (causes, p + bends) log odds per column, and their change per unit of `position`.
    position   (intervals,) place of each interval, centred and scaled.
    low, high  (causes, intervals) where log odds end.
    """

    causes: tuple[str, ...]
    bends: Bends
    clock: BaselineHazard
    position: Floats
    intercept: Floats
    main: Floats
    drift: Floats
    low: Floats
    high: Floats

    def predict(self, X: Floats, times: Floats) -> Curves:
        """Incidences at `times`: within an interval the hazard is spread as the cohort's; flat after the last."""
        return interval_curves(X, times, self.causes, self.clock, self._scores)

    def _scores(self, X: Floats) -> list[Floats]:
        """(n, intervals) log odds of each cause."""
        wide = self.bends.widened(X)
        scores = []
        for k in range(len(self.causes)):
            level, drift = linear_predictor(wide, self.main[k]), linear_predictor(wide, self.drift[k])
            score = self.intercept[k] + level[:, None] + np.multiply.outer(drift, self.position)
            scores.append(np.clip(score, self.low[k], self.high[k]))
        return scores

    def coarsened(self, times: Floats) -> PooledHazards:
        """The same answers at `times`, and nobody's day between them."""
        return replace(self, clock=self.clock.coarsened(times))

    def state(self) -> ModelState:
        """Plain data."""
        arrays = {name: getattr(self, name) for name in ("position", "intercept", "main", "drift", "low", "high")}
        clock = {"steps": self.clock.steps, "increments": self.clock.increments}
        return ModelState({"causes": list(self.causes)}, {**arrays, **clock, **self.bends.arrays()})

    @classmethod
    def from_state(cls, state: ModelState) -> PooledHazards:
        """Back, to the last bit."""
        arrays = state.arrays
        own = {name: arrays[name] for name in ("position", "intercept", "main", "drift", "low", "high")}
        clock = BaselineHazard(arrays["steps"], arrays["increments"])
        return cls(tuple(state.json["causes"]), Bends.from_arrays(arrays), clock, **own)


@final
@dataclass(frozen=True)
class PooledLogistic:
    """log odds of each cause in each of a few intervals = α_j + x'β + position_j · x'γ, with a ridge on β and γ.

    intervals  at most so many, cut at quantiles of the event times (fewer where events are few).
    penalty    on the whole log-likelihood and per encoded (standardised) column: penalty/2 · Σ β².
    drift      how many times stronger the penalty on γ is: an effect changes over time only where the data insist.
    bend       how many times stronger it is on the splines' bends (`splines.py`).

    Non-proportional by nature; several causes by the multinomial, so that incidences and survival are one model's.
    Only ranks of time matter. An interval-censored event counts on the day on which it was first seen.
    Sources: Cox 1972 §6; Efron 1988, doi:10.1080/01621459.1988.10478612; Tutz & Schmid 2016.
    """

    intervals: int = 10
    penalty: float = 10.0
    drift: float = 4.0
    bend: float = 16.0

    name: ClassVar[str] = "pooled_logistic"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "any"

    def __post_init__(self) -> None:
        require_positive(self.name, penalty=self.penalty, drift=self.drift, bend=self.bend)
        if self.intervals < 1:
            raise FamilyError(f"{self.name}: intervals must be at least 1, got {self.intervals}.")

    def fit(self, design: Design, outcome: Outcome, seed: int) -> PooledHazards:
        """All causes at once. Deterministic: the seed is not used."""
        require_acceptable(self.name, design, outcome, causes="any")
        bends = Bends.fit(design.X, knots_for(int(np.sum(outcome.event > 0))))
        wide = bends.widened(design.X)
        clock, edges = interval_clock(outcome, self.intervals, design.weights)
        periods = PersonPeriods.of(outcome, clock, edges, design.weights)
        fitted = fit_pooled(
            wide, periods, penalty=self.penalty * bends.strengths(design.X, self.bend), drift=self.drift
        )
        low, high = periods.range_of(fitted.scores(wide, periods.position))
        return PooledHazards(
            outcome.causes,
            bends,
            clock,
            periods.position,
            fitted.intercept,
            fitted.main,
            fitted.drift,
            low - HEADROOM,
            high + HEADROOM,
        )

    @staticmethod
    def load(state: ModelState) -> PooledHazards:
        """Back from its state."""
        return PooledHazards.from_state(state)

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Both penalties."""
        return {"penalty": ("log", 0.3, 300.0), "drift": ("log", 1.0, 30.0)}

    @staticmethod
    def starts() -> tuple[Mapping[str, Any], ...]:
        """Freer with steadier effects; and held."""
        return ({"penalty": 3.0, "drift": 12.0}, {"penalty": 50.0})

    def with_settings(self, settings: Mapping[str, Any]) -> PooledLogistic:
        """The same with these settings."""
        return changed(self, settings)
