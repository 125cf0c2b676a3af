"""`decide`: may this run become champion? Pure: estimates and a rule in, a verdict with a reason per comparison out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Key

if TYPE_CHECKING:
    from training.comparison import Comparison
    from training.evidence import Estimate, Evidence

_Check = Literal["recipe_vs_recipe", "model_vs_model", "against_null"]
_DESIGN, _MODEL, _POPULATION = "nested_cross_validation", "chosen", "all"
_IPA = "ipcw_null_of_scored_data"  # Kaplan–Meier or Aalen–Johansen of the very patients scored: the strictest null


class PromotionError(ValueError):
    """A rule that cannot be read."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class _Margins(_Strict):
    """How much worse the bad end of a paired difference may be: IPA lost, ICI risen, both as differences."""

    ipa_loss: float = Key(ge=0, le=1)
    ici_rise: float = Key(ge=0, le=1)


class _NewPatients(_Strict):
    """Margins on patients whom the champion never saw, judged from `least_events` events of the primary cause on."""

    least_events: int = Key(ge=1)
    ipa_loss: float = Key(ge=0, le=1)
    ici_rise: float = Key(ge=0, le=1)


@final
class PromotionRule(_Strict):
    """The gate's numbers, from `configs/promotion.toml`. None has a default: each can change what reaches a patient."""

    level: float = Key(gt=0.5, lt=1)
    resamples: int = Key(ge=100)
    recipe_against_recipe: _Margins
    model_against_model: _NewPatients

    @classmethod
    def from_toml(cls, path: Path) -> PromotionRule:
        """Read the rule; an error names the file and every key at fault."""
        try:
            return cls.model_validate_json(json.dumps(tomllib.loads(path.read_text(encoding="utf-8"))))
        except OSError as error:
            raise PromotionError(f"{path.name}: the promotion rule cannot be read ({error.strerror}).") from error
        except tomllib.TOMLDecodeError as error:
            raise PromotionError(f"{path.name}: not TOML: {error}.") from error
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            raise PromotionError(f"{path.name}: {faults}.") from error


@final
@dataclass(frozen=True)
class Challenge:
    """All that the gate looks at.

    evidence        of the challenger.
    cause, horizon_days   what the study is about first of all.
    champion        "survival@3", or None where there is none.
    study_unchanged whether champion and challenger answer the same study, key for key.
    recipes         champion's study → challenger's study on the challenger's table and folds; None where not made.
    new_patients    champion as released → challenger out of fold, on patients whom the champion never saw.
    new_n, new_events   those patients, and their events of `cause`.
    champion_on_new the released champion's own estimates on them.
    no_recipes, no_new_patients   why a comparison could not be made, where it could not.
    """

    evidence: Evidence
    cause: str
    horizon_days: float
    champion: str | None = None
    study_unchanged: bool = False
    recipes: Comparison | None = None
    new_patients: Comparison | None = None
    new_n: int = 0
    new_events: int = 0
    champion_on_new: tuple[Estimate, ...] = ()
    no_recipes: str = ""
    no_new_patients: str = ""


@final
@dataclass(frozen=True)
class Reason:
    """What one comparison said. `passed` is None where it could not be judged and did not have to be."""

    check: _Check
    passed: bool | None
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"check": self.check, "passed": self.passed, "sentence": self.sentence}


@final
@dataclass(frozen=True)
class Decision:
    """The verdict and a reason per comparison; a refusal has them too."""

    reasons: tuple[Reason, ...]
    champion: str | None
    rule: PromotionRule

    @property
    def promoted(self) -> bool:
        """Whether every comparison that had to hold holds; no comparison at all promotes nobody."""
        null = [reason for reason in self.reasons if reason.check == "against_null"]
        return bool(null) and null[0].passed is True and all(reason.passed is not False for reason in self.reasons)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what is stored with the version and inside the bundle."""
        return {
            "verdict": "promoted" if self.promoted else "refused",
            "as": "champion",
            "champion": self.champion,
            "reasons": [reason.to_json() for reason in self.reasons],
            "rule": self.rule.model_dump(mode="json"),
        }


def decide(challenge: Challenge, rule: PromotionRule) -> Decision:
    """Judge one challenge.

    Without a champion only the comparison with the null model counts. With one, all three must hold; too few new
    patients are no refusal, but are said.
    """
    reasons: list[Reason] = []
    if challenge.champion is not None:
        reasons.append(_recipe_against_recipe(challenge, rule))
        reasons.append(_model_against_model(challenge, rule))
    reasons.append(_against_null(challenge))
    return Decision(tuple(reasons), challenge.champion, rule)


def _recipe_against_recipe(challenge: Challenge, rule: PromotionRule) -> Reason:
    check: _Check = "recipe_vs_recipe"
    if challenge.study_unchanged:
        return Reason(
            check,
            True,
            f"The study learns as that of {challenge.champion} does, unchanged: nothing to compare, passed trivially.",
        )
    if challenge.recipes is None:
        why = challenge.no_recipes or "it was not compared with it"
        return Reason(check, False, f"The study differs from that of {challenge.champion}: {why}.")
    allowed = {"ipa": rule.recipe_against_recipe.ipa_loss, "ici": rule.recipe_against_recipe.ici_rise}
    faults, judged = _outside(challenge.recipes, _given_predictors(challenge), allowed)
    n = challenge.recipes.n
    whose = f"against the study of {challenge.champion}, both developed on the same {n} patients and folds"
    return _margins_reason(check, faults, judged, whose)


def _model_against_model(challenge: Challenge, rule: PromotionRule) -> Reason:
    check: _Check = "model_vs_model"
    margins = rule.model_against_model
    events = f"{challenge.new_events} events of {challenge.cause}"
    seen = f"{challenge.new_n} patients whom {challenge.champion} never saw, {events}"
    if challenge.no_new_patients:
        why = challenge.no_new_patients
        return Reason(check, False, f"Not compared with {challenge.champion} on new patients: {why}.")
    if challenge.new_events < margins.least_events:
        return Reason(check, None, f"Not enough new patients: {seen}; judged from {margins.least_events} events on.")
    if challenge.new_patients is None:
        return Reason(check, False, f"Not compared on new patients, though there are enough: {seen}.")
    allowed = {"ipa": margins.ipa_loss, "ici": margins.ici_rise}
    faults, judged = _outside(challenge.new_patients, _given_predictors(challenge), allowed)
    # A champion that does worse than no model on new patients points at the data before it points at the champion.
    own = [e for e in challenge.champion_on_new if e.metric == "ipa" and e.estimator.startswith(_IPA)]
    for estimate in _headline(own, _given_predictors(challenge)):
        at_primary = estimate.cause == challenge.cause and estimate.horizon_days == challenge.horizon_days
        if at_primary and estimate.high is not None and estimate.high < 0:
            faults.append(
                f"{challenge.champion} itself is worse than no model there, IPA {_interval(estimate)}: "
                "look at the new extract's outcomes before anything learned from them is released"
            )
    return _margins_reason(check, faults, judged, f"against {challenge.champion} as released, on {seen}")


def _against_null(challenge: Challenge) -> Reason:
    check: _Check = "against_null"
    judged = challenge.evidence.find(metric="ipa", design=_DESIGN, model=_MODEL, population=_POPULATION)
    found = _headline([e for e in judged if e.estimator.startswith(_IPA)], _given_predictors(challenge))
    primary = [e for e in found if e.cause == challenge.cause and e.horizon_days == challenge.horizon_days]
    where = f"IPA of {challenge.cause} at {challenge.horizon_days:g} days"
    if not primary or primary[0].low is None:
        why = primary[0].reason if primary and primary[0].reason else "it was not estimated with an interval"
        return Reason(check, False, f"{where} is missing: {why}.")
    faults = []
    if primary[0].low <= 0:
        faults.append(f"{where} is not above zero: {_interval(primary[0])}")
    faults.extend(
        f"IPA of {e.cause} at {e.horizon_days:g} days is wholly below zero: {_interval(e)}"
        for e in found
        if e is not primary[0] and e.horizon_days is not None and e.high is not None and e.high < 0
    )
    unjudged = sum(e.value is None for e in found)
    note = f" {unjudged} of {len(found)} horizons and causes could not be estimated." if unjudged else ""
    if faults:
        return Reason(check, False, f"Not better than no model: {'; '.join(faults)}.{note}")
    n = f"n {primary[0].n}, {primary[0].events} events"
    return Reason(
        check,
        True,
        f"{where} is above zero: {_interval(primary[0])}; {n}; no other horizon or cause is below it.{note}",
    )


def _outside(comparison: Comparison, given: bool, margins: Mapping[str, float]) -> tuple[list[str], int]:
    """The differences whose worse end leaves its margin (or has none), and how many were looked at.

    given: whether weights given the predictors are the challenger's headline; margins: metric → how much may be lost.
    """
    from training.metrics import metric_of

    faults, judged = [], 0
    for metric, margin in margins.items():
        found = _headline([e for e in comparison.estimates if e.metric == f"delta_{metric}"], given)
        judged += len(found)
        name, record = f"Δ{metric.upper()}", metric_of(metric)
        sign = "−" if record.direction == "higher" else "+"
        if not found:
            faults.append(f"{name} was not compared")
        for e in found:
            if e.low is None or e.high is None:
                faults.append(f"{name} of {_place(e)} could not be estimated ({e.reason or 'no interval'})")
            elif record.loses(e.low, e.high) > margin:
                faults.append(f"{name} of {_place(e)} may be worse than {sign}{margin:g}: {_interval(e)}")
    return faults, judged


def _headline(found: list[Estimate], given: bool) -> list[Estimate]:
    """Of each cause and horizon the one with the headline's weights; where that was not made, the other."""
    from training.metrics.metric import GIVEN_PREDICTORS

    kept: dict[tuple[str, float | None], Estimate] = {}
    for e in sorted(found, key=lambda e: e.estimator.endswith(GIVEN_PREDICTORS) is given):
        kept[e.cause, e.horizon_days] = e
    return [e for e in found if kept[e.cause, e.horizon_days] is e]


def _given_predictors(challenge: Challenge) -> bool:
    return bool(challenge.evidence.facts.get("headline_weights") == "given_predictors")


def _margins_reason(check: _Check, faults: Iterable[str], judged: int, whose: str) -> Reason:
    listed = list(faults)
    if listed:
        return Reason(check, False, f"Outside the margins {whose}: {'; '.join(listed)}.")
    return Reason(check, True, f"Inside the margins {whose}: all {judged} differences of IPA and ICI.")


def _place(estimate: Estimate) -> str:
    return (
        f"{estimate.cause} at {estimate.horizon_days:g} days" if estimate.horizon_days is not None else estimate.cause
    )


def _interval(estimate: Estimate) -> str:
    level = "" if estimate.level is None else f"{100 * estimate.level:g} % "
    low, high = (f"{bound:.3f}" if bound is not None else "–" for bound in (estimate.low, estimate.high))
    return f"{estimate.value:.3f} ({level}interval {low} to {high})"
