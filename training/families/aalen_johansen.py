"""Aalen–Johansen as a family: the null model where causes compete, which reads no predictor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import efron_baseline, product_limit
from training.curves import Curves
from training.families.family import Design, ModelState, Road
from training.families.proportional import require_acceptable
from training.families.settings import changed

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class FittedIncidence:
    """One set of curves for everybody.

    times      (m,) distinct event times.
    incidence  (causes, m) cumulative incidence after each.
    """

    times: Floats
    causes: tuple[str, ...]
    incidence: Floats

    def predict(self, X: Floats, times: Floats) -> Curves:
        """The same answer for each row of X, of which only the number of rows is read."""
        padded = np.concatenate([np.zeros((len(self.causes), 1)), self.incidence], axis=1)
        at = padded[:, np.searchsorted(self.times, times, side="right")]
        return Curves(times, self.causes, np.broadcast_to(at, (len(X), *at.shape)))

    def coarsened(self, times: Floats) -> FittedIncidence:
        """The same curves at `times`, level between them."""
        return FittedIncidence(times, self.causes, self.predict(np.zeros((1, 0)), times).incidence[0])

    def state(self) -> ModelState:
        """Plain data."""
        return ModelState({"causes": list(self.causes)}, {"times": self.times, "incidence": self.incidence})

    @classmethod
    def from_state(cls, state: ModelState) -> FittedIncidence:
        """Back, to the last bit."""
        return cls(state.arrays["times"], tuple(state.json["causes"]), state.arrays["incidence"])


def fit_incidence(design: Design, outcome: Outcome) -> FittedIncidence:
    """The product limit over all causes: Kaplan–Meier where there is one."""
    null = np.zeros(outcome.n)
    baselines = [efron_baseline(null, outcome, k + 1, design.weights) for k in range(len(outcome.causes))]
    steps = baselines[0].steps
    times = np.unique(steps)
    incidence = product_limit(steps, [baseline.increments[None, :] for baseline in baselines], times)[0]
    return FittedIncidence(times, outcome.causes, incidence)


@final
@dataclass(frozen=True)
class AalenJohansen:
    """The cumulative incidence of each cause: the same curves for everybody."""

    name: ClassVar[str] = "aalen_johansen"
    road: ClassVar[Road] = "none"
    causes: ClassVar[Literal["one", "any"]] = "any"

    def fit(self, design: Design, outcome: Outcome, seed: int) -> FittedIncidence:
        """The curves of these rows."""
        require_acceptable(self.name, design, outcome, causes="any", native=True)
        return fit_incidence(design, outcome)

    @staticmethod
    def load(state: ModelState) -> FittedIncidence:
        """Back from its state."""
        return FittedIncidence.from_state(state)

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Nothing to tune."""
        return {}

    def with_settings(self, settings: Mapping[str, Any]) -> AalenJohansen:
        """The same; there is nothing to set."""
        return changed(self, settings)
