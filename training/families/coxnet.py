"""Coxnet: an L1 + L2 penalised Cox model (scikit-survival), kept as coefficients with our own baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.families.family import Design, FamilyError, ModelState, Road
from training.families.proportional import Linear, ProportionalHazards, require_acceptable, with_baseline
from training.families.settings import changed, require_positive

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Coxnet:
    """log hazard = β'x under alpha · (l1_ratio Σ|β| + (1 − l1_ratio)/2 Σβ²), on the mean log-likelihood.

    strength  alpha as a share of the smallest alpha that leaves no predictor in: 1 is the null model, and a study's
              range of strengths means the same at any n.
    l1_ratio  1 is the lasso, towards 0 a ridge.

    scikit-survival's coordinate descent knows Breslow's ties only (order of rows still does not matter); the baseline
    is Efron's like everywhere in the house. Simon, Friedman, Hastie & Tibshirani 2011, doi:10.18637/jss.v039.i05.
    """

    strength: float = 0.01
    l1_ratio: float = 0.5

    name: ClassVar[str] = "coxnet"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "one"

    def __post_init__(self) -> None:
        require_positive(self.name, strength=self.strength, l1_ratio=self.l1_ratio)
        if self.strength >= 1 or self.l1_ratio > 1:
            raise FamilyError(f"{self.name}: strength must be below 1 and l1_ratio at most 1.")

    def fit(self, design: Design, outcome: Outcome, seed: int) -> ProportionalHazards:
        """The model of one cause. Deterministic: the seed is not used."""
        require_acceptable(self.name, design, outcome, causes="one")
        return self.fit_hazard(design, outcome, 1, seed)

    def fit_hazard(self, design: Design, outcome: Outcome, cause: int, seed: int) -> ProportionalHazards:
        """The hazard of one cause, the others censoring it."""
        require_acceptable(self.name, design, outcome, causes="any")
        if design.weights is not None:
            raise FamilyError(f"{self.name} accepts no case weights. try: cox.")
        coef = np.zeros(design.X.shape[1])
        varies = np.ptp(design.X, axis=0) > 0 if len(design.X) else coef > 0
        if np.any(outcome.event == cause) and varies.any():
            coef[varies] = self._coefficients(design.X[:, varies], outcome.time_days, outcome.event == cause)
        return with_baseline(Linear(coef), design, outcome, cause)

    def _coefficients(self, X: Floats, time: Floats, event: NDArray[np.bool_]) -> Floats:
        from sksurv.linear_model import CoxnetSurvivalAnalysis

        order = np.lexsort([*X.T[::-1], event, time])  # coordinate descent stops at a tolerance: one order, one answer
        X, time, event = np.asfortranarray(X[order]), time[order], event[order]
        alpha = self.strength * _largest_alpha(X, time, event) / self.l1_ratio
        if not alpha > 0:
            return np.zeros(X.shape[1])
        y = np.empty(len(time), dtype=[("event", "?"), ("time", "f8")])
        y["event"], y["time"] = event, time
        # A path down from a stronger penalty starts each fit near its answer.
        path = alpha * np.geomspace(min(1 / self.strength, 16.0), 1.0, 5)
        fitted = CoxnetSurvivalAnalysis(alphas=path, l1_ratio=self.l1_ratio, tol=1e-9, max_iter=100_000).fit(X, y)
        return np.array(fitted.coef_[:, -1], dtype=float)

    @staticmethod
    def load(state: ModelState) -> ProportionalHazards:
        """Back from its state."""
        return ProportionalHazards.from_state(state)

    load_hazard = load

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Both penalties."""
        return {"strength": ("log", 0.002, 0.7), "l1_ratio": ("float", 0.05, 1.0)}

    @staticmethod
    def starts() -> tuple[Mapping[str, Any], ...]:
        """Nearly free; a lasso that leaves some out; and one that leaves most out."""
        return ({"strength": 0.003}, {"strength": 0.03, "l1_ratio": 0.9}, {"strength": 0.15, "l1_ratio": 0.9})

    def with_settings(self, settings: Mapping[str, Any]) -> Coxnet:
        """The same with these settings."""
        return changed(self, settings)


def _largest_alpha(X: Floats, time: Floats, event: NDArray[np.bool_]) -> float:
    """Largest absolute gradient of the mean Breslow log-likelihood at β = 0: above it, over l1_ratio, nothing
    enters.
    """
    n = len(time)
    at_risk = n - np.searchsorted(time, time, side="left")
    hazard = np.cumsum(event / at_risk)[np.searchsorted(time, time, side="right") - 1]
    return float(np.abs(X.T @ (event - hazard)).max() / n)
