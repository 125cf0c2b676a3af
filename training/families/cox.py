"""Cox's model with a ridge, Efron's ties and Efron's baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np

from features.outcome import Outcome
from training.families.family import Design, ModelState, Road
from training.families.proportional import Linear, ProportionalHazards, require_acceptable, with_baseline
from training.families.settings import changed, require_positive
from training.partial_likelihood import fit_cox


@final
@dataclass(frozen=True)
class Cox:
    """log hazard = β'x, maximising the Efron partial likelihood − penalty/2 · Σ β².

    penalty  on the whole log-likelihood and per encoded (standardised) column: a normal prior with variance 1/penalty,
             so it need not grow with n. It is never zero: without it a separated column sends its coefficient to
             infinity.

    An interval-censored event counts on the day on which it was first seen.
    """

    penalty: float = 10.0

    name: ClassVar[str] = "cox"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "one"

    def __post_init__(self) -> None:
        require_positive(self.name, penalty=self.penalty)

    def fit(self, design: Design, outcome: Outcome, seed: int) -> ProportionalHazards:
        """The model of one cause. Deterministic: the seed is not used."""
        require_acceptable(self.name, design, outcome, causes="one")
        return self.fit_hazard(design, outcome, 1, seed)

    def fit_hazard(self, design: Design, outcome: Outcome, cause: int, seed: int) -> ProportionalHazards:
        """The hazard of one cause, the others censoring it; a cause that nobody had has none."""
        require_acceptable(self.name, design, outcome, causes="any")
        columns = design.X.shape[1]
        if not np.any(outcome.event == cause) or not columns:
            return with_baseline(Linear(np.zeros(columns)), design, outcome, cause)
        fit = fit_cox(design.X, outcome, cause, ridge=self.penalty, weights=design.weights)
        covariance = np.nan_to_num(fit.covariance)  # a column that does not vary has coefficient 0 and no spread
        return with_baseline(Linear(fit.coef, covariance), design, outcome, cause)

    @staticmethod
    def load(state: ModelState) -> ProportionalHazards:
        """Back from its state."""
        return ProportionalHazards.from_state(state)

    load_hazard = load

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """The penalty, from a prior that allows a hazard ratio of 20 per standard deviation to one that allows 1.03."""
        return {"penalty": ("log", 0.1, 1000.0)}

    @staticmethod
    def starts() -> tuple[Mapping[str, Any], ...]:
        """Freer, and held."""
        return ({"penalty": 2.0}, {"penalty": 50.0})

    def with_settings(self, settings: Mapping[str, Any]) -> Cox:
        """The same with these settings."""
        return changed(self, settings)
