"""`CauseSpecific`: makes of any hazard family one for competing risks, coherent by construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import product_limit
from training.curves import Curves
from training.families.family import (
    Design,
    Family,
    FamilyError,
    FittedFamily,
    FittedHazard,
    HazardFamily,
    ModelState,
    Road,
)
from training.families.settings import changed

Floats = NDArray[np.float64]
_CELLS = 100_000  # patients × sub-steps at once: what stays in a core's cache


@final
@dataclass(frozen=True)
class FittedCauses:
    """One fitted hazard per cause, on the same sub-steps."""

    causes: tuple[str, ...]
    hazards: tuple[FittedHazard, ...]

    def predict(self, X: Floats, times: Floats) -> Curves:
        """The product limit over the sub-steps of all causes (`baseline_hazard.product_limit`), in chunks of rows."""
        steps = self.hazards[0].steps
        steps = steps[: np.searchsorted(steps, times[-1], side="right")] if len(times) else steps[:0]
        rows = max(1, _CELLS // max(1, len(steps)))
        incidence = np.zeros((len(X), len(self.causes), len(times)))
        for start in range(0, len(X), rows):
            part = X[start : start + rows]
            hazards = [hazard.increments(part)[:, : len(steps)] for hazard in self.hazards]
            incidence[start : start + rows] = product_limit(steps, hazards, times)
        return Curves(times, self.causes, incidence)

    def coarsened(self, times: Floats) -> FittedCauses:
        """Each cause's: their sub-steps stay the same for all."""
        return FittedCauses(self.causes, tuple(hazard.coarsened(times) for hazard in self.hazards))

    def state(self) -> ModelState:
        """Plain data: each cause's under its number."""
        states = [hazard.state() for hazard in self.hazards]
        return ModelState(
            {"causes": list(self.causes), "hazards": [dict(state.json) for state in states]},
            {f"{k}_{name}": array for k, state in enumerate(states) for name, array in state.arrays.items()},
        )


@final
@dataclass(frozen=True)
class CauseSpecific:
    """One hazard per cause, each censored by the others, composed into cumulative incidences of all causes.

    hazard  the family that learns each cause's hazard; its settings serve all causes.

    With one cause this is the family itself: S = exp(−H).
    """

    hazard: Family

    causes: ClassVar[Literal["one", "any"]] = "any"

    def __post_init__(self) -> None:
        if not isinstance(self.hazard, HazardFamily):
            raise FamilyError(f"{self.hazard.name} has no hazard to compose. try: cox, coxnet, boosted_cox.")

    @property
    def name(self) -> str:
        """The name of the family that it composes."""
        return self.hazard.name

    @property
    def road(self) -> Road:
        """The road of the family that it composes."""
        return self.hazard.road

    def fit(self, design: Design, outcome: Outcome, seed: int) -> FittedFamily:
        """A hazard per cause on the same rows."""
        if len(outcome.causes) == 1:
            return self.hazard.fit(design, outcome, seed)
        hazards = tuple(self._learner.fit_hazard(design, outcome, k + 1, seed) for k in range(len(outcome.causes)))
        return FittedCauses(outcome.causes, hazards)

    @property
    def _learner(self) -> HazardFamily:
        if not isinstance(self.hazard, HazardFamily):  # checked at birth; here for the type checker
            raise FamilyError(f"{self.hazard.name} has no hazard to compose.")
        return self.hazard

    def load(self, state: ModelState) -> FittedFamily:
        """Back from the state of `fit`, whichever number of causes it had."""
        if "hazards" not in state.json:
            return self.hazard.load(state)
        hazards = []
        for k, json in enumerate(state.json["hazards"]):
            own = {n.removeprefix(f"{k}_"): a for n, a in state.arrays.items() if n.startswith(f"{k}_")}
            hazards.append(self._learner.load_hazard(ModelState(json, own)))
        return FittedCauses(tuple(state.json["causes"]), tuple(hazards))

    def space(self) -> Mapping[str, tuple[str, Any, Any]]:
        """The composed family's."""
        return self.hazard.space()

    def with_settings(self, settings: Mapping[str, Any]) -> CauseSpecific:
        """The same over the composed family with these settings."""
        return changed(self, {"hazard": self.hazard.with_settings(settings)})
