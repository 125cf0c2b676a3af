"""`ProportionalHazards`: a log hazard (linear or trees) over a baseline; what Cox, Coxnet and boosted Cox leave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import BaselineHazard, efron_baseline, linear_predictor
from training.curves import Curves
from training.families.family import Design, FamilyError, ModelState
from training.trees import Trees

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Linear:
    """A log hazard that is a weighted sum of columns.

    coef        (p,) log hazard ratios per unit of the encoded columns.
    covariance  (p, p) of the penalised estimate, or None where the family has none (an L1 penalty).
    """

    coef: Floats
    covariance: Floats | None = None

    def predict(self, X: Floats) -> Floats:
        """(n,) log hazards."""
        return linear_predictor(X, self.coef)


@final
@dataclass(frozen=True)
class Boosted:
    """A log hazard that is a sum of trees.

    gain  (p,) share of the total gain that each column brought; sums to one.
    """

    trees: Trees
    gain: Floats

    def predict(self, X: Floats) -> Floats:
        """(n,) log hazards."""
        return self.trees.predict(X)


@final
@dataclass(frozen=True)
class ProportionalHazards:
    """A fitted cause-specific proportional hazard: `FittedHazard`, and with one cause `FittedFamily`.

    low, high  where log hazards end: a patient's is held within a factor e² of the hazards met in training, because
               beyond them a straight line (or a separated column) says more than any patient has shown.
    """

    score: Linear | Boosted
    baseline: BaselineHazard
    low: float
    high: float
    cause: str

    @property
    def steps(self) -> Floats:
        """(s,) times of the sub-steps."""
        return self.baseline.steps

    def log_hazard(self, X: Floats) -> Floats:
        """(n,) log hazard ratio against the baseline."""
        return np.clip(self.score.predict(X), self.low, self.high)

    def increments(self, X: Floats) -> Floats:
        """(n, s) hazard in each sub-step."""
        return np.multiply.outer(np.exp(self.log_hazard(X)), self.baseline.increments)

    def predict(self, X: Floats, times: Floats) -> Curves:
        """S = exp(−H): the answer of the model with one cause."""
        hazard = np.multiply.outer(np.exp(self.log_hazard(X)), self.baseline.cumulative(times))
        return Curves(times, (self.cause,), -np.expm1(-hazard)[:, None, :])

    def coarsened(self, times: Floats) -> ProportionalHazards:
        """`BaselineHazard.coarsened`: what may leave the house."""
        return replace(self, baseline=self.baseline.coarsened(times))

    def state(self) -> ModelState:
        """Plain data."""
        arrays: dict[str, NDArray[Any]] = {"steps": self.baseline.steps, "increments": self.baseline.increments}
        if isinstance(self.score, Linear):
            arrays["coef"] = self.score.coef
            if self.score.covariance is not None:
                arrays["covariance"] = self.score.covariance
        else:
            arrays |= {"gain": self.score.gain, **{f"trees_{k}": v for k, v in self.score.trees.arrays().items()}}
        return ModelState({"low": self.low, "high": self.high, "cause": self.cause}, arrays)

    @classmethod
    def from_state(cls, state: ModelState) -> ProportionalHazards:
        """Back, to the last bit."""
        arrays = state.arrays
        score: Linear | Boosted
        if "coef" in arrays:
            score = Linear(arrays["coef"], arrays.get("covariance"))
        else:
            trees = {k.removeprefix("trees_"): v for k, v in arrays.items() if k.startswith("trees_")}
            score = Boosted(Trees.from_arrays(trees), arrays["gain"])
        json = state.json
        baseline = BaselineHazard(arrays["steps"], arrays["increments"])
        return cls(score, baseline, float(json["low"]), float(json["high"]), str(json["cause"]))


def with_baseline(
    score: Linear | Boosted, design: Design, outcome: Outcome, cause: int, log_hazard: Floats | None = None
) -> ProportionalHazards:
    """The fitted hazard: this score, and Efron's baseline under it. log_hazard: the score of these rows, if known."""
    log_hazard = score.predict(design.X) if log_hazard is None else log_hazard
    baseline = efron_baseline(log_hazard, outcome, cause, design.weights)
    return ProportionalHazards(
        score, baseline, float(log_hazard.min()) - 2.0, float(log_hazard.max()) + 2.0, outcome.causes[cause - 1]
    )


def require_acceptable(name: str, design: Design, outcome: Outcome, *, causes: str, native: bool = False) -> None:
    """Refuse by name what a family here cannot learn from. native: NaN is a value that the family understands."""
    rows = outcome.n
    if len(design.X) != rows:
        raise FamilyError(f"{name}: {len(design.X)} rows of predictors, {rows} of follow-up.")
    if causes == "one" and len(outcome.causes) > 1:
        raise FamilyError(
            f"{name} accepts one cause, got {len(outcome.causes)} ({', '.join(outcome.causes)}). "
            "try: CauseSpecific, which composes one hazard per cause."
        )
    late = int(np.sum(outcome.entry_days > 0))
    if late:
        raise FamilyError(
            f"{name} accepts follow-up from time zero, got {late} of {rows} rows that enter later. "
            "try: move time zero to the landmark."
        )
    if not np.any(outcome.event > 0):
        raise FamilyError(f"{name} needs at least one event, got 0 in {rows} rows.")
    wrong = np.isinf(design.X) if native else ~np.isfinite(design.X)
    if wrong.any():
        raise FamilyError(
            f"{name} needs {'finite or missing' if native else 'known and finite'} predictors, "
            f"got {int(wrong.any(axis=1).sum())} of {rows} rows that are not. try: the encoding's road for this family."
        )
