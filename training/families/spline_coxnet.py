"""Coxnet with restricted cubic splines for columns of many values, as far as the events allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, final

import numpy as np

from features.outcome import Outcome
from training.families.coxnet import Coxnet
from training.families.family import Design, ModelState, Road
from training.families.proportional import Linear, require_acceptable
from training.families.settings import changed, require_positive
from training.families.spline_cox import BentHazard
from training.families.splines import Bends, knots_for


@final
@dataclass(frozen=True)
class SplineCoxnet:
    """`Coxnet` on wider columns: lines and bends may each be left out.

    strength, l1_ratio  as in `Coxnet`, on lines.
    bend                how many times stronger the squared part of the penalty is on bends; the absolute part by its
                        root: a bend enters only where the data insist.

    Knots by events, as in `SplineCox`; none below 30, where this is `Coxnet`.
    """

    strength: float = 0.01
    l1_ratio: float = 0.5
    bend: float = 4.0

    name: ClassVar[str] = "spline_coxnet"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "one"

    def __post_init__(self) -> None:
        require_positive(self.name, bend=self.bend)
        Coxnet(self.strength, self.l1_ratio)  # which refuses what no elastic net can be

    def fit(self, design: Design, outcome: Outcome, seed: int) -> BentHazard:
        """The model of one cause. Deterministic: the seed is not used."""
        require_acceptable(self.name, design, outcome, causes="one")
        return self.fit_hazard(design, outcome, 1, seed)

    def fit_hazard(self, design: Design, outcome: Outcome, cause: int, seed: int) -> BentHazard:
        """The hazard of one cause, the others censoring it."""
        bends = Bends.fit(design.X, knots_for(int(np.sum(outcome.event == cause))))
        # A column divided by f bears a penalty f times as strong on |β| and f² times on β².
        factor = np.sqrt(bends.strengths(design.X, self.bend))
        narrow = replace(design, X=bends.widened(design.X) / factor)
        hazard = Coxnet(self.strength, self.l1_ratio).fit_hazard(narrow, outcome, cause, seed)
        coef = hazard.score.coef if isinstance(hazard.score, Linear) else np.zeros(len(factor))
        return BentHazard(bends, replace(hazard, score=Linear(coef / factor)))

    @staticmethod
    def load(state: ModelState) -> BentHazard:
        """Back from its state."""
        return BentHazard.from_state(state)

    load_hazard = load

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Coxnet's penalties, and the bends'."""
        return {**Coxnet.space(), "bend": ("log", 1.0, 30.0)}

    @staticmethod
    def starts() -> tuple[Mapping[str, Any], ...]:
        """Coxnet's."""
        return Coxnet.starts()

    def with_settings(self, settings: Mapping[str, Any]) -> SplineCoxnet:
        """The same with these settings."""
        return changed(self, settings)
