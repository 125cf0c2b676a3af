"""Kaplan–Meier as a family: the null model of one cause, which reads no predictor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

from features.outcome import Outcome
from training.families.aalen_johansen import FittedIncidence, fit_incidence
from training.families.family import Design, ModelState, Road
from training.families.proportional import require_acceptable
from training.families.settings import changed


@final
@dataclass(frozen=True)
class KaplanMeier:
    """The product limit: the same curve for everybody."""

    name: ClassVar[str] = "kaplan_meier"
    road: ClassVar[Road] = "none"
    causes: ClassVar[Literal["one", "any"]] = "one"

    def fit(self, design: Design, outcome: Outcome, seed: int) -> FittedIncidence:
        """The curve of these rows."""
        require_acceptable(self.name, design, outcome, causes="one", native=True)
        return fit_incidence(design, outcome)

    @staticmethod
    def load(state: ModelState) -> FittedIncidence:
        """Back from its state."""
        return FittedIncidence.from_state(state)

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Nothing to tune."""
        return {}

    def with_settings(self, settings: Mapping[str, Any]) -> KaplanMeier:
        """The same; there is nothing to set."""
        return changed(self, settings)
