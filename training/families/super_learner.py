"""The super learner: several families on the same rows, weighed by how well each predicts patients it has not seen."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.families.aalen_johansen import AalenJohansen, FittedIncidence, fit_incidence
from training.families.boosted_cox import BoostedCox
from training.families.cause_specific import CauseSpecific
from training.families.family import Design, Family, FamilyError, FittedFamily, ModelState, Road
from training.families.forest import PseudoValueForest
from training.families.pooled_logistic import PooledLogistic
from training.families.proportional import require_acceptable
from training.families.settings import changed, require_positive
from training.families.spline_cox import SplineCox
from training.families.splines import Bends, knots_for
from training.row_order import row_order
from training.stacking import HonestBrier, convex_weights

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MEMBERS: Final[Mapping[str, Family]] = {
    "spline_cox": SplineCox(),
    "pooled_logistic": PooledLogistic(penalty=3.0),
    "pooled_logistic_held": PooledLogistic(penalty=30.0),
    "boosted_cox": BoostedCox(trees=300, depth=3, learning_rate=0.06, leaf_hessian=10.0, columns=0.7),
    "pseudo_value_forest": PseudoValueForest(),
    "aalen_johansen": AalenJohansen(),
}
"""By name: two linear models, of hazards in proportion and not, two of trees, and the one that knows nothing."""
_NEEDS: Final[Mapping[str, int]] = {"boosted_cox": 1000}
"""Events below which a member earns no weight beside the others, and costs most of the time."""
_UP_TO: Final[Mapping[str, int]] = {"pseudo_value_forest": 20_000}
"""Rows above which a member would take longer than all others together."""
_FOLDS = 5
_TWICE_BELOW = 1500  # rows below which the folds are dealt a second time
_ONE_FOLD_FROM = 5_000  # rows from which a fifth of them is enough to judge six weights by
_TAIL = 0.05  # share of the events behind which models are not told apart
_FEWEST = 10  # events below which nothing can be weighed


@final
@dataclass(frozen=True)
class Blend:
    """Fitted members and the weight of each: one weight for all causes, so that the answer stays coherent.

    names, weights  of every member that was tried; losses: each one's out-of-fold loss (NaN: nothing was weighed).
    fitted          members of weight above zero, by name.
    cohort, until   beyond `until` whoever is still event-free goes on as the cohort does: so few events follow that
                    what a model says there of one patient against another nobody could have checked.
    """

    causes: tuple[str, ...]
    names: tuple[str, ...]
    weights: Floats
    losses: Floats
    fitted: Mapping[str, FittedFamily]
    cohort: FittedIncidence
    until: float

    def predict(self, X: Floats, times: Floats) -> Curves:
        """The weighted mean of the members' incidences, and the cohort's hazard beyond `until`."""
        known = int(np.searchsorted(times, self.until, side="right"))
        if known == len(times):
            return Curves(times, self.causes, self._blended(X, times))
        blended = self._blended(
            X, np.append(times[:known], self.until) if _new(times, known, self.until) else times[:known]
        )
        whole = self.cohort.predict(X[:1], np.concatenate([[self.until], times[known:]])).incidence
        alive = max(1.0 - float(whole[:, :, 0].sum()), 1e-300)
        later = (whole[0, :, 1:] - whole[0, :, :1]) / alive
        rest = np.ones(len(X))
        for k in range(len(self.causes)):
            rest -= blended[:, k, -1]
        beyond = blended[:, :, -1:] + np.maximum(rest, 0.0)[:, None, None] * later
        return Curves(times, self.causes, np.concatenate([blended[:, :, :known], beyond], axis=2))

    def _blended(self, X: Floats, times: Floats) -> Floats:
        total = np.zeros((len(X), len(self.causes), len(times)))
        for name, weight in zip(self.names, self.weights, strict=True):
            if name in self.fitted:
                total += weight * self.fitted[name].predict(X, times).incidence
        return total

    def table(self) -> list[dict[str, Any]]:
        """A row per member that was tried: its weight, and its out-of-fold loss where weights were learned."""
        return [
            {"member": name, "weight": float(weight), "loss": None if np.isnan(loss) else float(loss)}
            for name, weight, loss in zip(self.names, self.weights, self.losses, strict=True)
        ]

    def coarsened(self, times: Floats) -> Blend:
        """Each member's; `until` lies between two events, so that it is nobody's day either."""
        kept = np.union1d(times, [self.until])
        fitted = {name: one.coarsened(kept) for name, one in self.fitted.items()}
        return replace(self, fitted=fitted, cohort=self.cohort.coarsened(kept))

    def state(self) -> ModelState:
        """Plain data: each member's under its name."""
        states = {name: one.state() for name, one in self.fitted.items()}
        json = {
            "causes": list(self.causes),
            "names": list(self.names),
            "until": self.until,
            "members": {name: dict(state.json) for name, state in states.items()},
        }
        arrays = {f"{name}__{key}": array for name, state in states.items() for key, array in state.arrays.items()}
        cohort = {f"cohort__{key}": array for key, array in self.cohort.state().arrays.items()}
        return ModelState(json, {"weights": self.weights, "losses": self.losses, **cohort, **arrays})


@final
@dataclass(frozen=True)
class SuperLearner:
    """A convex blend of families, cross-fitted on the training rows.

    members  names in `MEMBERS`; boosted Cox is tried from 1,000 events on, the forest up to 20,000 rows.
    shrink   how strongly weights are drawn to equal ones: shrink / events × the members' mean spread.

    Weights minimise the Brier score over the event times, weighted by censoring given the predictors
    (`training/stacking.py`). Five folds, dealt twice below 1,500 rows, within event and time; from 5,000 rows on the
    first of them alone is judged. Rows that are equal in everything (a bootstrap's copies) stay together. Only ranks
    of time matter, and rows may come in any order.
    """

    members: tuple[str, ...] = tuple(MEMBERS)
    shrink: float = 30.0

    name: ClassVar[str] = "super_learner"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "any"

    def __post_init__(self) -> None:
        require_positive(self.name, shrink=self.shrink)
        object.__setattr__(self, "members", tuple(self.members))
        for member in self.members:
            if member not in MEMBERS:
                near = difflib.get_close_matches(member, MEMBERS, 1)
                raise FamilyError(
                    f'{self.name}: unknown member "{member}". Known: {", ".join(MEMBERS)}.'
                    + (f' try: "{near[0]}".' if near else "")
                )
        if not self.members or len(set(self.members)) != len(self.members):
            raise FamilyError(f"{self.name} needs at least one member, each named once.")

    def fit(self, design: Design, outcome: Outcome, seed: int) -> Blend:
        """Weigh the members by their out-of-fold curves, then fit those that count on all rows."""
        require_acceptable(self.name, design, outcome, causes="any")
        events = int(np.sum(outcome.event > 0))
        tried = (n for n in self.members if events >= _NEEDS.get(n, 0) and outcome.n <= _UP_TO.get(n, outcome.n))
        members = tuple(tried) or self.members
        m = len(members)
        learners = [_learner(name, len(outcome.causes) > 1) for name in members]
        weights, losses = np.full(m, 1.0 / m), np.full(m, np.nan)
        if m > 1 and events >= _FEWEST:
            gram, spread = self._judged(learners, design, outcome, seed)
            weights = convex_weights(gram, self.shrink / events * spread)
            weights = np.where(weights < 1e-3, 0.0, weights)
            weights, losses = weights / weights.sum(), np.diag(gram).copy()
        fitted = {
            name: learner.fit(design, outcome, seed)
            for name, learner, weight in zip(members, learners, weights, strict=True)
            if weight > 0
        }
        return Blend(
            outcome.causes, members, weights, losses, fitted, fit_incidence(design, outcome), _tail_from(outcome)
        )

    def _judged(self, learners: Sequence[Family], design: Design, outcome: Outcome, seed: int) -> tuple[Floats, float]:
        censored = int(np.sum(outcome.event == 0))
        score = HonestBrier.of(Bends.fit(design.X, knots_for(censored)).widened(design.X), outcome)
        grams, spreads = [], []
        for repeat in range(2 if outcome.n < _TWICE_BELOW else 1):
            fold = _dealt(design, outcome, seed + repeat)
            judged = range(fold.max() + 1) if outcome.n < _ONE_FOLD_FROM else range(1)
            rows = np.flatnonzero(np.isin(fold, judged))
            curves = [np.zeros((outcome.n, len(outcome.causes), len(score.times))) for _ in learners]
            for number in judged:
                train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
                own = _rows(design, train)
                for learner, kept in zip(learners, curves, strict=True):
                    fitted = learner.fit(own, outcome.take(train), seed)
                    kept[test] = fitted.predict(design.X[test], score.times).incidence
            gram, spread = score.take(rows).gram([kept[rows] for kept in curves])
            grams.append(gram)
            spreads.append(spread)
        return np.mean(grams, axis=0), float(np.mean(spreads))

    @staticmethod
    def load(state: ModelState) -> Blend:
        """Back from its state."""
        causes = tuple(state.json["causes"])
        fitted = {}
        for name, json in state.json["members"].items():
            own = {k.removeprefix(f"{name}__"): v for k, v in state.arrays.items() if k.startswith(f"{name}__")}
            fitted[name] = _learner(name, len(causes) > 1).load(ModelState(json, own))
        arrays = state.arrays
        cohort = FittedIncidence(arrays["cohort__times"], causes, arrays["cohort__incidence"])
        names, until = tuple(state.json["names"]), float(state.json["until"])
        return Blend(causes, names, arrays["weights"], arrays["losses"], fitted, cohort, until)

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Nothing to tune: the weights are learned."""
        return {}

    def with_settings(self, settings: Mapping[str, Any]) -> SuperLearner:
        """The same with these settings."""
        return changed(self, settings)


def _new(times: Floats, known: int, until: float) -> bool:
    return known == 0 or times[known - 1] < until


def _tail_from(outcome: Outcome) -> float:
    """Where all but a twentieth of the events have happened: in the middle between that event and the next."""
    happened = np.unique(outcome.time_days[outcome.event > 0])
    last = np.quantile(outcome.time_days[outcome.event > 0], 1.0 - _TAIL, method="inverted_cdf")
    place = int(np.searchsorted(happened, last))
    return float(happened[place : place + 2].mean())


def _learner(name: str, several: bool) -> Family:
    member = MEMBERS[name]
    return CauseSpecific(member) if several and member.causes == "one" else member


def _rows(design: Design, rows: Rows) -> Design:
    return Design(design.X[rows], design.columns, None if design.weights is None else design.weights[rows])


def _dealt(design: Design, outcome: Outcome, seed: int) -> NDArray[np.intp]:
    """(n,) fold of each row: neighbours in event and time are dealt to different folds, equal rows to the same one."""
    X, time, event = design.X, outcome.time_days, outcome.event
    order = row_order(X, event, time)
    changes = (np.diff(time[order]) != 0) | (np.diff(event[order]) != 0)
    if X.shape[1]:
        changes |= (np.diff(X[order], axis=0) != 0).any(axis=1)
    unit = np.concatenate([[0], np.cumsum(changes)]) if X.shape[1] else np.arange(outcome.n)
    units = int(unit[-1]) + 1
    folds = min(_FOLDS, units)
    rng = np.random.default_rng(seed)
    blocks = [rng.permutation(folds) for _ in range(-(-units // folds))]
    fold = np.empty(outcome.n, dtype=np.intp)
    fold[order] = np.concatenate(blocks)[unit]
    return fold
