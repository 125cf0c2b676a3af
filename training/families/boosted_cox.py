"""Boosted Cox: trees on the Efron partial likelihood, with our own tie-correct objective; XGBoost grows the trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.families.family import Design, ModelState, Road
from training.families.proportional import Boosted, Linear, ProportionalHazards, require_acceptable, with_baseline
from training.families.settings import changed, require_positive
from training.trees import Trees

Floats = NDArray[np.float64]


@final
class EfronObjective:
    """Gradient and diagonal of the Hessian of the negative Efron log partial likelihood, for log hazards (n,).

    Everything that depends on the outcome alone is worked out once; a call is a few cumulative sums. Case weights as
    in R's coxph: an event counts with its weight, a tied sub-step with the mean weight of its events, a risk set with
    sums of weights. Rows in any order.
    """

    def __init__(self, outcome: Outcome, cause: int, weights: Floats | None = None) -> None:
        time, n = outcome.time_days, outcome.n
        self._weight = np.ones(n) if weights is None else np.asarray(weights, float)
        self._event = (outcome.event == cause) & (self._weight > 0)
        self._order = np.argsort(time, kind="stable")
        dying = self._order[self._event[self._order]]
        steps = time[dying]
        self._dying = dying
        self._starts = (
            np.flatnonzero(np.concatenate([[True], steps[1:] > steps[:-1]])) if len(steps) else steps.astype(int)
        )
        tied = np.diff(np.append(self._starts, len(steps)))
        self._group = np.repeat(np.arange(len(self._starts)), tied)
        self._share = (np.arange(len(steps)) - self._starts[self._group]) / tied[self._group]
        self._enter = np.searchsorted(time[self._order], steps[self._starts], side="left")
        self._passed = np.searchsorted(steps[self._starts], time, side="right")
        self._mean_weight = (
            (np.add.reduceat(self._weight[dying], self._starts) / tied)[self._group] if len(steps) else steps
        )

    def __call__(self, log_hazard: Floats) -> tuple[Floats, Floats]:
        """(gradient, Hessian diagonal), each (n,)."""
        # Below e⁻³⁰⁰ of the largest hazard a square would overflow; nobody's risk set notices.
        theta = self._weight * np.exp(np.maximum(log_hazard - log_hazard.max(initial=-np.inf), -300.0))
        if not len(self._dying):
            return np.zeros_like(theta), np.zeros_like(theta)
        at_risk = np.cumsum(theta[self._order][::-1])[::-1][self._enter]
        leaving = np.add.reduceat(theta[self._dying], self._starts)
        inverse = 1.0 / (at_risk[self._group] - self._share * leaving[self._group])
        first, second = self._mean_weight * inverse, self._mean_weight * inverse**2
        hazard = self._accumulated(first)
        square = self._accumulated(second)
        # At its own tied time an event stands in sub-step j with 1 − j/d of its weight.
        hazard[self._dying] -= np.add.reduceat(self._share * first, self._starts)[self._group]
        square[self._dying] -= np.add.reduceat((1 - (1 - self._share) ** 2) * second, self._starts)[self._group]
        passed = theta * hazard
        return passed - self._weight * self._event, np.maximum(passed - theta**2 * square, 0.0)

    def _accumulated(self, by_event: Floats) -> Floats:
        total = np.concatenate([[0.0], np.cumsum(np.add.reduceat(by_event, self._starts))])
        return np.asarray(total[self._passed])

    def loss(self, log_hazard: Floats) -> float:
        """Negative log partial likelihood."""
        shift = float(log_hazard.max(initial=0.0))
        theta = self._weight * np.exp(log_hazard - shift)
        if not len(self._dying):
            return 0.0
        at_risk = np.cumsum(theta[self._order][::-1])[::-1][self._enter]
        leaving = np.add.reduceat(theta[self._dying], self._starts)
        denominator = at_risk[self._group] - self._share * leaving[self._group]
        return float(
            self._mean_weight @ (np.log(denominator) + shift) - self._weight[self._dying] @ log_hazard[self._dying]
        )


@final
@dataclass(frozen=True)
class BoostedCox:
    """Gradient-boosted trees on the log hazard. Missing values are a branch of their own.

    trees          how many.
    depth          of each; 2 lets pairs of predictors interact.
    learning_rate  how much of each tree is kept.
    leaf_hessian   least information in a leaf, in events' worth of partial likelihood.
    ridge          on leaf values.
    columns        share of the columns each tree may use.

    Only the ranks of time matter, rows may come in any order, ties are Efron's (XGBoost's own `survival:cox` is
    neither: it depends on the order of tied rows). An interval-censored event counts on the day on which it was first
    seen.
    """

    trees: int = 100
    depth: int = 2
    learning_rate: float = 0.06
    leaf_hessian: float = 10.0
    ridge: float = 10.0
    columns: float = 0.7

    name: ClassVar[str] = "boosted_cox"
    road: ClassVar[Road] = "native"
    causes: ClassVar[Literal["one", "any"]] = "one"

    def __post_init__(self) -> None:
        require_positive(
            self.name,
            trees=self.trees,
            depth=self.depth,
            learning_rate=self.learning_rate,
            ridge=self.ridge,
            columns=self.columns,
        )

    def fit(self, design: Design, outcome: Outcome, seed: int) -> ProportionalHazards:
        """The model of one cause."""
        require_acceptable(self.name, design, outcome, causes="one", native=True)
        return self.fit_hazard(design, outcome, 1, seed)

    def fit_hazard(self, design: Design, outcome: Outcome, cause: int, seed: int) -> ProportionalHazards:
        """The hazard of one cause, the others censoring it."""
        require_acceptable(self.name, design, outcome, causes="any", native=True)
        if not np.any(outcome.event == cause) or not design.X.shape[1]:
            return with_baseline(Linear(np.zeros(design.X.shape[1])), design, outcome, cause)
        # XGBoost's bins and sums follow the order of rows; in one canonical order they are the same for all.
        weights = design.weights
        keys = [] if weights is None else [weights]
        order = np.lexsort([*keys, *design.X.T[::-1], outcome.event == cause, outcome.time_days])
        objective = EfronObjective(outcome.take(order), cause, None if weights is None else weights[order])
        score = self._grow(design.X[order], objective, seed)
        return with_baseline(score, design, outcome, cause)

    def _grow(self, X: Floats, objective: EfronObjective, seed: int) -> Boosted:
        import xgboost

        settings = {
            "max_depth": self.depth,
            "eta": self.learning_rate,
            "min_child_weight": self.leaf_hessian,
            "reg_lambda": self.ridge,
            "colsample_bytree": self.columns,
            "tree_method": "hist",
            "base_score": 0.0,
            "nthread": 1,
            "seed": seed % 2**31,
            "verbosity": 0,
            "disable_default_eval_metric": True,
        }
        matrix = xgboost.QuantileDMatrix(X.astype(np.float32), missing=np.nan, nthread=1)
        rows = len(X)

        def derivatives(margin: Any, _: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            gradient, hessian = objective(np.asarray(margin, dtype=float).reshape(rows))
            return gradient.astype(np.float32), hessian.astype(np.float32)

        booster = xgboost.train(settings, matrix, num_boost_round=self.trees, obj=derivatives)
        gains = booster.get_score(importance_type="total_gain")
        gain = np.array([gains.get(f"f{j}", 0.0) for j in range(X.shape[1])], dtype=float)
        trees = Trees.from_xgboost(bytes(booster.save_raw("json")))
        return Boosted(trees, gain / gain.sum() if gain.sum() > 0 else gain)

    @staticmethod
    def load(state: ModelState) -> ProportionalHazards:
        """Back from its state."""
        return ProportionalHazards.from_state(state)

    load_hazard = load

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """How many trees of which depth at what rate, and how cautious a leaf is."""
        return {
            "trees": ("int", 40, 400),
            "depth": ("int", 1, 4),
            "learning_rate": ("log", 0.02, 0.2),
            "leaf_hessian": ("log", 1.0, 30.0),
            "ridge": ("log", 0.5, 50.0),
            "columns": ("float", 0.3, 1.0),
        }

    def with_settings(self, settings: Mapping[str, Any]) -> BoostedCox:
        """The same with these settings."""
        return changed(self, settings)
