"""Pooled logistic regression, boosted: trees on person-periods, with the period as one more column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import BaselineHazard
from training.curves import Curves
from training.families.boosting import Boosting, best_rounds, float32_rows, held_back, tree_settings
from training.families.family import Design, FamilyError, ModelState, Road
from training.families.interval_curves import HEADROOM, interval_curves
from training.families.person_periods import PersonPeriods, fit_pooled, interval_clock
from training.families.proportional import require_acceptable
from training.families.settings import changed, require_positive
from training.row_order import row_order
from training.trees import Trees

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@final
@dataclass(frozen=True)
class BoostedPeriods:
    """Fitted hazards of each interval, P(cause k in interval j | alive at its start) = softmax.

    clock      how much of the intervals has passed by a time, as in `PooledHazards`.
    intercept  (causes, intervals) log odds of the cohort; −∞ for a cause that nobody had.
    trees      of each cause: what they add, from a patient's columns and, last, the interval's number.
    gain       (causes, p) share of the gain that each predictor brought, whichever the interval.
    low, high  (causes, intervals) where log odds end.
    """

    causes: tuple[str, ...]
    clock: BaselineHazard
    intercept: Floats
    trees: tuple[Trees, ...]
    gain: Floats
    low: Floats
    high: Floats

    def predict(self, X: Floats, times: Floats) -> Curves:
        """Incidences at `times`: within an interval the hazard is spread as the cohort's; flat after the last."""
        return interval_curves(X, times, self.causes, self.clock, self._scores)

    def _scores(self, X: Floats) -> list[Floats]:
        """(n, intervals) log odds of each cause."""
        intervals = self.intercept.shape[1]
        periods = np.column_stack([np.repeat(X, intervals, axis=0), np.tile(np.arange(intervals, dtype=float), len(X))])
        scores = []
        for k, trees in enumerate(self.trees):
            score = self.intercept[k] + trees.predict(periods).reshape(len(X), intervals)
            scores.append(np.clip(score, self.low[k], self.high[k]))
        return scores

    def coarsened(self, times: Floats) -> BoostedPeriods:
        """The same answers at `times`, and nobody's day between them."""
        return replace(self, clock=self.clock.coarsened(times))

    def state(self) -> ModelState:
        """Plain data."""
        arrays = {name: getattr(self, name) for name in ("intercept", "gain", "low", "high")}
        arrays |= {"steps": self.clock.steps, "increments": self.clock.increments}
        for k, trees in enumerate(self.trees):
            arrays |= {f"trees_{k}_{name}": array for name, array in trees.arrays().items()}
        return ModelState({"causes": list(self.causes)}, arrays)

    @classmethod
    def from_state(cls, state: ModelState) -> BoostedPeriods:
        """Back, to the last bit."""
        arrays, causes = state.arrays, tuple(state.json["causes"])
        own = {name: arrays[name] for name in ("intercept", "gain", "low", "high")}
        trees = []
        for k in range(len(causes)):
            start = f"trees_{k}_"
            trees.append(
                Trees.from_arrays({n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)})
            )
        return cls(causes, BaselineHazard(arrays["steps"], arrays["increments"]), trees=tuple(trees), **own)


@final
@dataclass(frozen=True)
class BoostedPooled:
    """log odds of each cause in each of a few intervals = the cohort's + trees of (predictors, interval).

    trees          how many per cause; one of each cause is grown at a time, by the multinomial likelihood of all.
    depth          of each: a split on the interval below one on a predictor is an effect that changes over time.
    learning_rate  how much of each tree is kept.
    leaf_hessian   least information in a leaf, in events' worth.
    ridge          on leaf values.
    columns        share of the columns each tree may use.
    patience       stop growing once this many rounds have not helped a fifth of the patients, held back for that with
                   all their periods; then as many as helped, on all. 0: always `trees`.
    intervals      at most so many, cut at quantiles of the event times (fewer where events are few).

    Missing values are a branch of their own. Only ranks of time matter, rows may come in any order; the likelihood is
    that of `person_periods.py`. An interval-censored event counts on the day on which it was first seen.
    """

    trees: int = 100
    depth: int = 3
    learning_rate: float = 0.08
    leaf_hessian: float = 10.0
    ridge: float = 10.0
    columns: float = 0.7
    patience: int = 0
    intervals: int = 10

    name: ClassVar[str] = "boosted_pooled"
    road: ClassVar[Road] = "native"
    causes: ClassVar[Literal["one", "any"]] = "any"

    def __post_init__(self) -> None:
        require_positive(
            self.name,
            trees=self.trees,
            depth=self.depth,
            learning_rate=self.learning_rate,
            ridge=self.ridge,
            columns=self.columns,
            intervals=self.intervals,
        )
        if self.patience < 0:
            raise FamilyError(f"{self.name}: patience must be zero (never stop early) or more, got {self.patience}.")

    def fit(self, design: Design, outcome: Outcome, seed: int) -> BoostedPeriods:
        """All causes at once."""
        require_acceptable(self.name, design, outcome, causes="any", native=True)
        # XGBoost's bins and sums follow the order of rows; in one canonical order they are the same for all.
        weights = design.weights
        order = row_order(design.X, outcome.time_days, outcome.event, *([] if weights is None else [weights]))
        X, outcome = float32_rows(design.X, order), outcome.take(order)
        weights = None if weights is None else weights[order]
        clock, edges = interval_clock(outcome, self.intervals, weights)
        periods = PersonPeriods.of(outcome, clock, edges, weights)
        likelihood = _Likelihood(periods)
        trees, gain = [Trees.none()] * len(outcome.causes), np.zeros((len(outcome.causes), X.shape[1]))
        scores = np.broadcast_to(likelihood.intercept[:, None, :], periods.event.shape)
        if X.shape[1]:
            rounds = self._rounds(X, outcome, periods, seed) if self.patience else self.trees
            grown = _Growth(likelihood, likelihood.rows(X), self._settings(seed))
            for _ in range(rounds):
                grown.step()
            for k, boosting in zip(likelihood.causes, grown.boosted, strict=True):
                trees[k], gain[k] = boosting.trees(), _shares(boosting.gain()[:-1])
            scores = likelihood.spread(grown.margins())
        low, high = periods.range_of(scores)
        return BoostedPeriods(
            outcome.causes, clock, likelihood.intercept, tuple(trees), gain, low - HEADROOM, high + HEADROOM
        )

    def _rounds(self, X: NDArray[np.float32], outcome: Outcome, periods: PersonPeriods, seed: int) -> int:
        """How many rounds do best by the likelihood of patients held back."""
        held = held_back([*X.T, outcome.time_days, outcome.event], seed)
        growing, judge = (_Likelihood(periods.take(np.flatnonzero(rows))) for rows in (~held, held))
        if not judge.causes or growing.causes != judge.causes:
            return self.trees
        grown = _Growth(growing, growing.rows(X[~held]), self._settings(seed), judge.rows(X[held]))
        return best_rounds(
            grown.step,
            lambda: judge.loss(grown.margins(held=True), growing.intercept),
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
    def load(state: ModelState) -> BoostedPeriods:
        """Back from its state."""
        return BoostedPeriods.from_state(state)

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """How many trees of which depth at what rate, and how cautious a leaf is."""
        return {
            "trees": ("int", 30, 200),
            "depth": ("int", 1, 4),
            "learning_rate": ("log", 0.03, 0.2),
            "leaf_hessian": ("log", 2.0, 50.0),
            "ridge": ("log", 1.0, 50.0),
            "columns": ("float", 0.4, 1.0),
        }

    @staticmethod
    def starts() -> tuple[Mapping[str, Any], ...]:
        """No interactions, not even with time; and few, cautious trees."""
        return ({"depth": 1, "trees": 150}, {"depth": 2, "trees": 60, "leaf_hessian": 20.0})

    def with_settings(self, settings: Mapping[str, Any]) -> BoostedPooled:
        """The same with these settings."""
        return changed(self, settings)


@final
class _Likelihood:
    """The multinomial likelihood of person-periods as a function of what is added to the cohort's log odds.

    causes     those that somebody had; margins are (len(causes), person-periods).
    intercept  (all causes, intervals) the cohort's log odds.
    """

    def __init__(self, periods: PersonPeriods) -> None:
        event = periods.event.sum(axis=0)
        self._patient, self._interval = np.nonzero((periods.exposure > 0) | (event > 0))
        self.causes = [k for k in range(len(periods.event)) if periods.event[k].any()]
        nothing = np.zeros((len(event), 0))
        fitted = fit_pooled(nothing, periods, penalty=np.zeros(0), drift=1.0) if self.causes else None
        self.intercept = np.full((len(periods.event), event.shape[1]), -np.inf) if fitted is None else fitted.intercept
        self._shape = periods.event.shape
        self._event = periods.event[:, self._patient, self._interval][self.causes]
        self._exposure = periods.exposure[self._patient, self._interval]

    def rows(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """(person-periods, p + 1) the columns of each, and its interval."""
        return np.column_stack([X[self._patient], self._interval.astype(np.float32)])

    def _scores(self, margins: Floats, intercept: Floats) -> Floats:
        return np.asarray(intercept[self.causes][:, self._interval] + margins)

    def derivatives(self, margins: Floats) -> tuple[Floats, Floats]:
        """Gradient of the loss, and its expected second derivative, by margin."""
        scores = self._scores(margins, self.intercept)
        every = np.logaddexp.reduce(scores, axis=0)
        force = np.logaddexp(0.0, every)
        share, chance = np.exp(scores - every), np.exp(scores - force)
        gained = self._event + self._event.sum(axis=0) * (chance / force - share) - self._exposure * chance
        return -gained, self._exposure * (chance**2 / force + force * share * (1.0 - share))

    def loss(self, margins: Floats, intercept: Floats) -> float:
        """Negative log-likelihood on top of this cohort's log odds."""
        scores = self._scores(margins, intercept)
        every = np.logaddexp.reduce(scores, axis=0)
        force = np.logaddexp(0.0, every)
        return float((self._exposure * force).sum() - (self._event * (np.log(force) + scores - every)).sum())

    def spread(self, margins: Floats) -> Floats:
        """(all causes, n, intervals) log odds where somebody was at risk; elsewhere the cohort's."""
        scores = np.array(np.broadcast_to(self.intercept[:, None, :], self._shape))
        for row, k in zip(margins, self.causes, strict=True):
            scores[k, self._patient, self._interval] += row
        return scores


@final
class _Growth:
    """Trees of all causes, one of each at a time."""

    def __init__(
        self,
        likelihood: _Likelihood,
        rows: NDArray[np.float32],
        settings: Mapping[str, Any],
        held: NDArray[np.float32] | None = None,
    ) -> None:
        self._likelihood = likelihood
        self.boosted = [Boosting(settings, rows, held) for _ in likelihood.causes]

    def margins(self, *, held: bool = False) -> Floats:
        """(causes, person-periods) sums so far."""
        return np.stack([boosting.margin(held=held) for boosting in self.boosted])

    def step(self) -> None:
        """One more tree of each cause, all by the same derivatives."""
        gradient, hessian = self._likelihood.derivatives(self.margins())
        for boosting, grad, hess in zip(self.boosted, gradient, hessian, strict=True):
            boosting.step(grad, hess)


def _shares(gain: Floats) -> Floats:
    return gain / gain.sum() if gain.sum() > 0 else gain
