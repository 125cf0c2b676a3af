"""Cox's model with a ridge, Efron's ties and Efron's baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.families.family import Design, FamilyError, ModelState, Road
from training.families.piecewise import PiecewiseHazards, fit_piecewise
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

    time_varying  predictors whose effect may change at each of `change_days`: a hazard ratio per interval, drawn
                  towards one for all by the same penalty (`piecewise.py`). A study that names none of the days means
                  its horizons.
    change_days   ascending, in the unit of the follow-up; one with too few events before or after it is passed over.

    An interval-censored event counts on the day on which it was first seen.
    """

    penalty: float = 10.0
    time_varying: tuple[str, ...] = ()
    change_days: tuple[float, ...] = ()

    name: ClassVar[str] = "cox"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "one"

    def __post_init__(self) -> None:
        require_positive(self.name, penalty=self.penalty)
        object.__setattr__(self, "time_varying", _listed(self.name, "time_varying", self.time_varying, str))
        days = _listed(self.name, "change_days", self.change_days, int, float)
        object.__setattr__(self, "change_days", tuple(map(float, days)))
        if list(self.change_days) != sorted(set(self.change_days)) or any(day <= 0 for day in self.change_days):
            raise FamilyError(f"{self.name}: change_days must ascend from above zero, got {list(self.change_days)}.")
        if bool(self.time_varying) != bool(self.change_days):
            raise FamilyError(f"{self.name}: time_varying (predictors) and change_days belong together.")

    def fit(self, design: Design, outcome: Outcome, seed: int) -> ProportionalHazards | PiecewiseHazards:
        """The model of one cause. Deterministic: the seed is not used."""
        require_acceptable(self.name, design, outcome, causes="one")
        return self.fit_hazard(design, outcome, 1, seed)

    def fit_hazard(
        self, design: Design, outcome: Outcome, cause: int, seed: int
    ) -> ProportionalHazards | PiecewiseHazards:
        """The hazard of one cause, the others censoring it; a cause that nobody had has none."""
        require_acceptable(self.name, design, outcome, causes="any")
        columns = design.X.shape[1]
        if not np.any(outcome.event == cause) or not columns:
            return with_baseline(Linear(np.zeros(columns)), design, outcome, cause)
        varying = self.varying(design.columns)
        if len(varying):  # a predictor may have no column here: the same in every row, or known in too few
            return fit_piecewise(design, outcome, cause, varying, self.change_days, self.penalty)
        fit = fit_cox(design.X, outcome, cause, ridge=self.penalty, weights=design.weights)
        covariance = np.nan_to_num(fit.covariance)  # a column that does not vary has coefficient 0 and no spread
        return with_baseline(Linear(fit.coef, covariance), design, outcome, cause)

    def varying(self, columns: Sequence[str]) -> NDArray[np.int64]:
        """Which of these encoded columns belong to a predictor whose effect may change."""
        own = [j for j, name in enumerate(columns) if name.partition("=")[0] in self.time_varying]
        return np.array(own, np.int64)

    @staticmethod
    def load(state: ModelState) -> ProportionalHazards | PiecewiseHazards:
        """Back from its state."""
        return (PiecewiseHazards if "pieces" in state.json else ProportionalHazards).from_state(state)

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


def _listed(family: str, setting: str, value: Any, *kinds: type) -> tuple[Any, ...]:
    """A list from a study as the tuple that a frozen family holds."""
    if isinstance(value, str) or not all(isinstance(one, kinds) and not isinstance(one, bool) for one in value):
        like = "[42, 90]" if float in kinds else '["age"]'
        raise FamilyError(f"{family}: {setting} must be a list, like {like}.")
    return tuple(value)
