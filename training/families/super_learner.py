"""The super learner: several families on the same rows, weighed by how well each predicts patients it has not seen."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.families.aalen_johansen import AalenJohansen, FittedIncidence, fit_incidence
from training.families.boosted_cox import BoostedCox
from training.families.cause_specific import CauseSpecific
from training.families.cox import Cox
from training.families.cross_fitting import Allowance, Judged, judged
from training.families.family import Design, Family, FamilyError, FittedFamily, ModelState, Road
from training.families.forest import PseudoValueForest
from training.families.pooled_logistic import PooledLogistic
from training.families.proportional import require_acceptable
from training.families.settings import changed, require_positive
from training.families.spline_cox import SplineCox
from training.recalibration import Recalibration, judged_recalibration
from training.stacking import convex_weights

Floats = NDArray[np.float64]

MEMBERS: Final[Mapping[str, Family]] = {
    "spline_cox": SplineCox(),
    "aalen_johansen": AalenJohansen(),
    "cox": Cox(penalty=1.0),
    "pooled_logistic": PooledLogistic(penalty=3.0),
    "pooled_logistic_held": PooledLogistic(penalty=30.0),
    "boosted_cox": BoostedCox(trees=300, depth=3),
    "pseudo_value_forest": PseudoValueForest(trees=60),
}
"""By name, the quick ones first: linear models, of hazards in proportion and not, under light and heavy penalties; the
one that knows nothing; and two of trees."""
_NEEDS: Final[Mapping[str, int]] = {"boosted_cox": 1000}
"""Events below which a member earns no weight beside the others, and costs most of the time."""
_TAIL = 0.02  # share of the events behind which models are not told apart
_AT_RISK = (5.0, 0.02)  # nor where fewer patients are still followed than this many, or than this share of all
_FEWEST = 10  # events below which nothing can be weighed


@final
@dataclass(frozen=True)
class Blend:
    """Fitted members and the weight of each: one weight for all causes, so that the answer stays coherent.

    names, weights  of every member that was tried; losses: each one's out-of-fold loss (NaN: nothing was weighed).
    left_out        members for which there was no time.
    fitted          members of weight above zero, by name.
    cohort, until   beyond `until` whoever is still event-free goes on as the cohort does: so few events follow, or so
                    few patients are followed, that what a model says there of one patient against another nobody could
                    have checked.
    """

    causes: tuple[str, ...]
    names: tuple[str, ...]
    weights: Floats
    losses: Floats
    left_out: tuple[str, ...]
    fitted: Mapping[str, FittedFamily]
    cohort: FittedIncidence
    until: float
    recalibration: Recalibration | None = None

    def predict(self, X: Floats, times: Floats) -> Curves:
        """The weighted mean of the members' incidences, and the cohort's hazard beyond `until`."""
        known = int(np.searchsorted(times, self.until, side="right"))
        if known == len(times):
            return Curves(times, self.causes, self._said(X, times))
        blended = self._said(
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

    def _said(self, X: Floats, times: Floats) -> Floats:
        """Incidences until `until`, recalibrated where that helps."""
        mending = self._mending
        if mending is None:
            return self._blended(X, times)
        edges = mending.edges
        every = np.union1d(times, edges)
        blended = self._blended(X, every)
        at = np.searchsorted(every, edges)
        cohort = self.cohort.predict(X[:1], edges).incidence[0] if len(X) else np.zeros((len(self.causes), len(edges)))
        return mending.applied(blended[:, :, np.searchsorted(every, times)], times, blended[:, :, at], cohort)

    @property
    def _mending(self) -> Recalibration | None:
        return self.recalibration if self.recalibration is not None and self.recalibration.helps else None

    def _blended(self, X: Floats, times: Floats) -> Floats:
        total = np.zeros((len(X), len(self.causes), len(times)))
        for name, weight in zip(self.names, self.weights, strict=True):
            if name in self.fitted:
                total += weight * self.fitted[name].predict(X, times).incidence
        return total

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """`members`: of each that was tried its weight, and its out-of-fold loss where weights were learned;
        `recalibration`: of each cause what was found and whether it acts.
        """
        members = [
            {"member": name, "weight": float(weight), "loss": None if np.isnan(loss) else float(loss)}
            for name, weight, loss in zip(self.names, self.weights, self.losses, strict=True)
        ]
        found = self.recalibration
        return {"members": members, "recalibration": [] if found is None else found.table(self.causes)}

    def coarsened(self, times: Floats) -> Blend:
        """Each member's; `until` and the cells' edges lie between two events, so that they are nobody's day either."""
        kept = np.union1d(times, [self.until])
        kept = kept if self._mending is None else np.union1d(kept, self._mending.edges)
        fitted = {name: one.coarsened(kept) for name, one in self.fitted.items()}
        return replace(self, fitted=fitted, cohort=self.cohort.coarsened(kept))

    def state(self) -> ModelState:
        """Plain data: each member's under its name."""
        states = {name: one.state() for name, one in self.fitted.items()}
        json = {
            "causes": list(self.causes),
            "names": list(self.names),
            "left_out": list(self.left_out),
            "until": self.until,
            "recalibration": None if self.recalibration is None else self.recalibration.json(),
            "members": {name: dict(state.json) for name, state in states.items()},
        }
        arrays = {f"{name}__{key}": array for name, state in states.items() for key, array in state.arrays.items()}
        cohort = {f"cohort__{key}": array for key, array in self.cohort.state().arrays.items()}
        return ModelState(json, {"weights": self.weights, "losses": self.losses, **cohort, **arrays})


@final
@dataclass(frozen=True)
class SuperLearner:
    """A convex blend of families, cross-fitted on the training rows.

    members  names in `MEMBERS`; boosted Cox is tried from 1,000 events on.
    shrink   how strongly weights are drawn to equal ones: shrink / events × the members' mean spread.
    seconds  of the clock that a fit may take; 0: as many as it needs. Members are tried in the order of `MEMBERS`, and
             who would not be ready is left out, never the first linear one nor the cohort's curve; one fit of one
             member may overrun. Which were left out depends on the machine; the rest of the answer does not.

    Weights minimise the Brier score over the event times, weighted by censoring given the predictors
    (`training/stacking.py`); a recalibration acts where patients held out say that it helps
    (`training/recalibration.py`). Five folds, dealt twice below 1,500 rows, within event and time; from 5,000 rows on
    the first of them alone is judged. Rows that are equal in everything (a bootstrap's copies) stay together. Only
    ranks of time matter, and rows may come in any order.
    """

    members: tuple[str, ...] = tuple(MEMBERS)
    shrink: float = 100.0
    seconds: float = 0.0

    name: ClassVar[str] = "super_learner"
    road: ClassVar[Road] = "imputed"
    causes: ClassVar[Literal["one", "any"]] = "any"

    def __post_init__(self) -> None:
        require_positive(self.name, shrink=self.shrink)
        if not self.seconds >= 0:
            raise FamilyError(f"{self.name}: seconds must be at least 0, got {self.seconds}.")
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
        allowance = Allowance(self.seconds or None)
        events = int(np.sum(outcome.event > 0))
        names = tuple(n for n in MEMBERS if n in self.members and events >= _NEEDS.get(n, 0)) or self.members
        members = {name: _learner(name, len(outcome.causes) > 1) for name in names}
        weights, losses = np.full(len(names), 1.0 / len(names)), np.full(len(names), np.nan)
        left_out: tuple[str, ...] = ()
        cohort, until = fit_incidence(design, outcome), _tail_from(outcome)
        recalibration = None
        if len(names) > 1 and events >= _FEWEST:
            found = judged(members, design, outcome, seed, allowance=allowance, sure=_sure(names))
            names, left_out = found.names, found.left_out
            weights = convex_weights(found.gram, self.shrink / events * found.spread)
            weights = np.where(weights < 1e-3, 0.0, weights)
            weights, losses = weights / weights.sum(), np.diag(found.gram).copy()
            recalibration = _recalibration(found, weights, cohort, outcome, until)
        fitted = {
            name: members[name].fit(design, outcome, seed)
            for name, weight in zip(names, weights, strict=True)
            if weight > 0
        }
        return Blend(outcome.causes, names, weights, losses, left_out, fitted, cohort, until, recalibration)

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
        names, left_out = tuple(state.json["names"]), tuple(state.json["left_out"])
        until = float(state.json["until"])
        found = state.json.get("recalibration")  # a state from before recalibration has none
        recalibration = None if found is None else Recalibration.from_json(found)
        return Blend(causes, names, arrays["weights"], arrays["losses"], left_out, fitted, cohort, until, recalibration)

    @staticmethod
    def space() -> Mapping[str, tuple[str, Any, Any]]:
        """Nothing to tune: the weights are learned."""
        return {}

    def with_settings(self, settings: Mapping[str, Any]) -> SuperLearner:
        """The same with these settings."""
        return changed(self, settings)


def _sure(names: tuple[str, ...]) -> tuple[str, ...]:
    """Who is tried however little time there is: the first, which is linear, and the cohort's curve."""
    return names[0], "aalen_johansen"


def _recalibration(
    found: Judged, weights: Floats, cohort: FittedIncidence, outcome: Outcome, until: float
) -> Recalibration:
    """Judged on the blend of the members' out-of-fold curves; its edges moved to between two events."""
    blended = np.zeros(found.curves[0].shape)
    for weight, curves in zip(weights, found.curves, strict=True):
        blended += weight * curves
    times = found.score.times
    everybody = cohort.predict(np.zeros((1, 0)), times).incidence[0]
    events = int(np.sum(outcome.event > 0))
    judged_one = judged_recalibration(found.score, blended, everybody, found.fold, events)
    happened = np.unique(outcome.time_days[outcome.event > 0])
    between = [float(happened[place : place + 2].mean()) for place in np.searchsorted(happened, judged_one.edges)]
    return replace(judged_one, edges=np.array([edge for edge in between if edge < until] + [until]))


def _new(times: Floats, known: int, until: float) -> bool:
    return known == 0 or times[known - 1] < until


def _tail_from(outcome: Outcome) -> float:
    """Until when models are told apart: in the middle between two events, the first of them the last that leaves a
    fiftieth of the events to come and finds patients enough at risk.
    """
    times = outcome.time_days[outcome.event > 0]
    happened = np.unique(times)
    followed = outcome.n - np.searchsorted(np.sort(outcome.time_days), happened, side="left")
    least, share = _AT_RISK
    watched = happened[followed >= max(least, share * outcome.n)]
    last = float(np.quantile(times, 1.0 - _TAIL, method="inverted_cdf"))
    place = int(np.searchsorted(happened, min(last, watched[-1]) if len(watched) else last))
    return float(happened[place : place + 2].mean())


def _learner(name: str, several: bool) -> Family:
    member = MEMBERS[name]
    return CauseSpecific(member) if several and member.causes == "one" else member
