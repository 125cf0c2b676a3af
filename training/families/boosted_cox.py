"""Boosted Cox: trees on the Efron partial likelihood, with our own tie-correct objective; XGBoost grows the trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.families.boosting import Boosting, best_rounds, float32_rows, held_back, tree_settings
from training.families.family import Design, FamilyError, ModelState, Road
from training.families.proportional import Boosted, Linear, ProportionalHazards, require_acceptable, with_baseline
from training.families.settings import changed, require_positive
from training.row_order import row_order

Floats = NDArray[np.float64]


@final
class EfronObjective:
    """Gradient and diagonal of the Hessian of the negative Efron log partial likelihood, for log hazards (n,).

    Everything that depends on the outcome alone is worked out once; a call is a few cumulative sums over rows in the
    order of time. Case weights as in R's coxph: an event counts with its weight, a tied sub-step with the mean weight
    of its events, a risk set with sums of weights. Rows in any order; fastest where they already ascend in time.
    """

    def __init__(self, outcome: Outcome, cause: int, weights: Floats | None = None) -> None:
        n = outcome.n
        order = np.argsort(outcome.time_days, kind="stable")
        time = outcome.time_days[order]
        self._order = None if np.array_equal(order, np.arange(n)) else order
        self._weight = np.ones(n) if weights is None else np.asarray(weights, float)[order]
        event = (outcome.event[order] == cause) & (self._weight > 0)
        self._own = self._weight * event
        self._dying = np.flatnonzero(event)
        steps = time[self._dying]
        new = np.concatenate([[True], steps[1:] > steps[:-1]]) if len(steps) else np.zeros(0, bool)
        self._starts = np.flatnonzero(new)
        tied = np.diff(np.append(self._starts, len(steps)))
        self._group = np.repeat(np.arange(len(self._starts)), tied)
        self._share = (np.arange(len(steps)) - self._starts[self._group]) / tied[self._group]
        self._square_share = 1 - (1 - self._share) ** 2
        self._ties = len(self._starts) < len(steps)
        days = steps[self._starts]
        self._stay = n - 1 - np.searchsorted(time, days, side="left")[self._group]
        self._passed = np.searchsorted(days, time, side="right")
        self._mean_weight = self._sums(self._own[self._dying])[self._group] / tied[self._group]

    def _sums(self, by_event: Floats) -> Floats:
        """Over the events of one day."""
        return np.add.reduceat(by_event, self._starts) if self._ties else by_event

    def __call__(self, log_hazard: Floats) -> tuple[Floats, Floats]:
        """(gradient, Hessian diagonal), each (n,)."""
        if not len(self._dying):
            return np.zeros(len(self._own)), np.zeros(len(self._own))
        # Below e⁻³⁰⁰ of the largest hazard a square would overflow; nobody's risk set notices.
        theta = self._weight * np.exp(np.maximum(self._sorted(log_hazard) - log_hazard.max(), -300.0))
        inverse = 1.0 / self._denominator(theta)
        first = self._mean_weight * inverse
        second = first * inverse
        hazard, square = self._accumulated(first), self._accumulated(second)
        if self._ties:
            # At its own tied time an event stands in sub-step j with 1 − j/d of its weight.
            hazard[self._dying] -= self._sums(self._share * first)[self._group]
            square[self._dying] -= self._sums(self._square_share * second)[self._group]
        hazard *= theta
        square *= theta
        square *= theta
        np.subtract(hazard, square, out=square)
        return self._as_given(hazard - self._own), self._as_given(np.maximum(square, 0.0, out=square))

    def _denominator(self, theta: Floats) -> Floats:
        """What is at risk in each sub-step."""
        at_risk: Floats = np.cumsum(theta[::-1])[self._stay]
        return at_risk - self._share * self._sums(theta[self._dying])[self._group] if self._ties else at_risk

    def _accumulated(self, by_event: Floats) -> Floats:
        total = np.zeros(len(self._starts) + 1)
        np.cumsum(self._sums(by_event), out=total[1:])
        return np.asarray(total[self._passed])

    def _sorted(self, values: Floats) -> Floats:
        return values if self._order is None else values[self._order]

    def _as_given(self, values: Floats) -> Floats:
        if self._order is None:
            return values
        given = np.empty_like(values)
        given[self._order] = values
        return given

    def loss(self, log_hazard: Floats) -> float:
        """Negative log partial likelihood."""
        if not len(self._dying):
            return 0.0
        score = self._sorted(log_hazard)
        shift = float(score.max())
        denominator = self._denominator(self._weight * np.exp(score - shift))
        return float(self._mean_weight @ (np.log(denominator) + shift) - self._own[self._dying] @ score[self._dying])


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
    patience       stop growing once this many trees in a row have not helped a fifth of the rows, held back for that;
                   then as many trees as helped, on all rows. 0: always `trees`.

    Only the ranks of time matter, rows may come in any order, ties are Efron's (XGBoost's own `survival:cox` is
    neither: it depends on the order of tied rows). An interval-censored event counts on the day on which it was first
    seen.
    """

    trees: int = 150
    depth: int = 2
    learning_rate: float = 0.1
    leaf_hessian: float = 5.0
    ridge: float = 10.0
    columns: float = 0.5
    patience: int = 0

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
        if self.patience < 0:
            raise FamilyError(f"{self.name}: patience must be zero (never stop early) or more, got {self.patience}.")

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
        keys = [outcome.time_days, outcome.event == cause, *([] if weights is None else [weights])]
        order = row_order(design.X, *keys)
        X = float32_rows(design.X, order)
        score, margin = self._grow(X, outcome.take(order), cause, None if weights is None else weights[order], seed)
        log_hazard = np.empty_like(margin)
        log_hazard[order] = margin
        return with_baseline(score, design, outcome, cause, log_hazard)

    def _grow(
        self, X: NDArray[np.float32], outcome: Outcome, cause: int, weights: Floats | None, seed: int
    ) -> tuple[Boosted, Floats]:
        """The trees, and the log hazards of the rows on which they grew."""
        rounds = self._rounds(X, outcome, cause, weights, seed) if self.patience else self.trees
        objective, boosting = EfronObjective(outcome, cause, weights), Boosting(self._settings(seed), X)
        for _ in range(rounds):
            boosting.step(*objective(boosting.margin()))
        gain = boosting.gain()
        return Boosted(boosting.trees(), gain / gain.sum() if gain.sum() > 0 else gain), boosting.margin()

    def _rounds(self, X: NDArray[np.float32], outcome: Outcome, cause: int, weights: Floats | None, seed: int) -> int:
        """How many trees do best by the partial likelihood of rows held back."""
        held = held_back([*X.T, outcome.time_days, outcome.event == cause], seed)
        if not np.any(outcome.event[held] == cause) or not np.any(outcome.event[~held] == cause):
            return self.trees

        def part(rows: NDArray[np.bool_]) -> EfronObjective:
            chosen = outcome.take(np.flatnonzero(rows))
            return EfronObjective(chosen, cause, None if weights is None else weights[rows])

        growing, judge = part(~held), part(held)
        boosting = Boosting(self._settings(seed), X[~held], X[held])
        return best_rounds(
            lambda: boosting.step(*growing(boosting.margin())),
            lambda: judge.loss(boosting.margin(held=True)),
            most=self.trees,
            patience=self.patience,
        )

    def _settings(self, seed: int) -> dict[str, Any]:
        return tree_settings(
            depth=self.depth,
            learning_rate=self.learning_rate,
            leaf_hessian=self.leaf_hessian,
            ridge=self.ridge,
            columns=self.columns,
            seed=seed,
        )

    @staticmethod
    def load(state: ModelState) -> ProportionalHazards:
        """Back from its state."""
        return ProportionalHazards.from_state(state)

    load_hazard = load

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """How many trees of which depth at what rate, and how cautious a leaf is."""
        return {
            "trees": ("int", 50, 200),
            "depth": ("int", 1, 4),
            "learning_rate": ("log", 0.05, 0.25),
            "leaf_hessian": ("log", 1.0, 30.0),
            "ridge": ("log", 1.0, 50.0),
            "columns": ("float", 0.3, 0.8),
        }

    @staticmethod
    def starts() -> tuple[Mapping[str, Any], ...]:
        """No interactions; and few trees with many."""
        return (
            {"depth": 1, "trees": 120, "learning_rate": 0.25, "ridge": 20.0, "columns": 0.4},
            {"depth": 3, "trees": 80, "leaf_hessian": 10.0},
        )

    def with_settings(self, settings: Mapping[str, Any]) -> BoostedCox:
        """The same with these settings."""
        return changed(self, settings)
