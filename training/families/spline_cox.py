"""Cox's model with restricted cubic splines for columns of many values, as far as the events allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.families.family import Design, ModelState, Road
from training.families.proportional import Linear, ProportionalHazards, require_acceptable, with_baseline
from training.families.settings import changed, require_positive
from training.families.splines import Bends, knots_for
from training.partial_likelihood import fit_cox

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class BentHazard:
    """A proportional hazard of the encoded columns and their bends."""

    bends: Bends
    hazard: ProportionalHazards

    @property
    def steps(self) -> Floats:
        """(s,) times of the sub-steps."""
        return self.hazard.steps

    def increments(self, X: Floats) -> Floats:
        """(n, s) hazard in each sub-step."""
        return self.hazard.increments(self.bends.widened(X))

    def predict(self, X: Floats, times: Floats) -> Curves:
        """S = exp(−H): the answer of the model with one cause."""
        return self.hazard.predict(self.bends.widened(X), times)

    def coarsened(self, times: Floats) -> BentHazard:
        """`BaselineHazard.coarsened`: what may leave the house."""
        return replace(self, hazard=self.hazard.coarsened(times))

    def state(self) -> ModelState:
        """Plain data."""
        own = self.hazard.state()
        return ModelState(own.json, {**own.arrays, **self.bends.arrays()})

    @classmethod
    def from_state(cls, state: ModelState) -> BentHazard:
        """Back, to the last bit."""
        own: dict[str, NDArray[Any]] = {k: v for k, v in state.arrays.items() if not k.startswith("bend_")}
        return cls(Bends.from_arrays(state.arrays), ProportionalHazards.from_state(ModelState(state.json, own)))


@final
@dataclass(frozen=True)
class SplineCox:
    """log hazard = β'x + bends, maximising the Efron partial likelihood − penalty/2 · Σ β²: `Cox` on wider columns.

    penalty  on lines, per standardised column.
    bend     how many times stronger it is on bends.

    Knots by events: 3 below 1,000, 4 below 5,000, then 5; none below 30, where this is `Cox`.
    """

    penalty: float = 10.0
    bend: float = 16.0

    name: ClassVar[str] = "spline_cox"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "one"

    def __post_init__(self) -> None:
        require_positive(self.name, penalty=self.penalty, bend=self.bend)

    def fit(self, design: Design, outcome: Outcome, seed: int) -> BentHazard:
        """The model of one cause. Deterministic: the seed is not used."""
        require_acceptable(self.name, design, outcome, causes="one")
        return self.fit_hazard(design, outcome, 1, seed)

    def fit_hazard(self, design: Design, outcome: Outcome, cause: int, seed: int) -> BentHazard:
        """The hazard of one cause, the others censoring it."""
        require_acceptable(self.name, design, outcome, causes="any")
        bends = Bends.fit(design.X, knots_for(int(np.sum(outcome.event == cause))))
        wide = Design(bends.widened(design.X), design.columns, design.weights)
        score = Linear(np.zeros(wide.X.shape[1]))
        if np.any(outcome.event == cause) and len(score.coef):
            ridge = self.penalty * bends.strengths(design.X, self.bend)
            fit = fit_cox(wide.X, outcome, cause, ridge=ridge, weights=design.weights)
            score = Linear(fit.coef, np.nan_to_num(fit.covariance))
        return BentHazard(bends, with_baseline(score, wide, outcome, cause))

    @staticmethod
    def load(state: ModelState) -> BentHazard:
        """Back from its state."""
        return BentHazard.from_state(state)

    load_hazard = load

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Both penalties, lines over Cox's range."""
        return {"penalty": ("log", 0.1, 1000.0), "bend": ("log", 1.0, 100.0)}

    @staticmethod
    def starts() -> tuple[Mapping[str, Any], ...]:
        """Freer, and held."""
        return ({"penalty": 2.0}, {"penalty": 50.0})

    def with_settings(self, settings: Mapping[str, Any]) -> SplineCox:
        """The same with these settings."""
        return changed(self, settings)
