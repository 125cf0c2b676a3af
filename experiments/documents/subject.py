"""`Subject`: the model a document is about, read from evidence, study, identity and decision. It computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

from experiments.declared import FACTS, Declared
from experiments.documents.page import Cell
from experiments.documents.words import number, plain
from training.evidence import Estimate, Evidence
from training.metrics import headline_place

_HEADLINES = ("nested_cross_validation", "bootstrap", "leave_one_site_out", "temporal", "external", "apparent")


class DocumentError(ValueError):
    """A document that would contradict itself or its evidence. It is not written."""


@final
@dataclass(frozen=True)
class Subject:
    """What the documents ask. Every answer is found in the parts or said to be missing.

    predictors  fields (name, label, kind, unit, levels, …) behind the model, from the contract or derived from it.
    """

    evidence: Evidence
    study: Mapping[str, Any]
    identity: Mapping[str, Any]
    decision: Mapping[str, Any]
    predictors: tuple[Any, ...]
    declared_facts: Declared = field(default_factory=Declared)

    @property
    def description(self) -> Mapping[str, Any]:
        """The endpoint's own description."""
        described: Mapping[str, Any] = self.study.get("endpoint_description") or {}
        return described

    @cached_property
    def causes(self) -> tuple[str, ...]:
        """The study's own cause first."""
        named = tuple(self.description.get("causes") or ())
        found = dict.fromkeys(e.cause for e in self.evidence.estimates if e.cause)
        own = (self.study.get("endpoint") or {}).get("primary_cause")
        causes = named or tuple(found) or ("event",)
        return (str(own), *(c for c in causes if c != own)) if own in causes else causes

    @cached_property
    def horizons(self) -> tuple[float, ...]:
        """Days, ascending."""
        declared = (self.study.get("endpoint") or {}).get("horizons_days")
        found = {
            e.horizon_days for e in self.evidence.estimates if e.horizon_days is not None and e.metric == "oe_ratio"
        }
        return tuple(sorted(float(h) for h in (declared or found)))

    @property
    def primary(self) -> float:
        """The horizon that the gate reads; the middle one where the study names none."""
        named = (self.study.get("endpoint") or {}).get("primary_horizon_days")
        return float(named) if named is not None else self.horizons[len(self.horizons) // 2]

    @cached_property
    def design(self) -> str:
        """The design whose numbers stand in front: the most honest that was run."""
        run = {e.design for e in self.evidence.estimates if e.model}
        return next((name for name in _HEADLINES if name in run), "nested_cross_validation")

    @cached_property
    def model(self) -> str:
        """The name under which the evidence judges the model: "chosen", the election included."""
        run = [e.model for e in self.evidence.estimates if e.model]
        return "chosen" if "chosen" in run or not run else run[0]

    @cached_property
    def evidence_digest(self) -> str:
        """SHA-256 of the evidence, taken once."""
        return self.evidence.digest

    @property
    def null(self) -> str:
        """The model that knows no predictor."""
        return "aalen_johansen" if len(self.causes) > 1 else "kaplan_meier"

    @property
    def n(self) -> int | None:
        """Patients in the cohort."""
        counted = self.facts("n", "patients")
        return int(counted) if isinstance(counted, int | float) else None

    @property
    def events(self) -> Mapping[str, int]:
        """Events by cause over the whole follow-up."""
        counted = self.facts("events", "events_by_cause")
        if isinstance(counted, Mapping):
            return {str(cause): int(events) for cause, events in counted.items()}
        return {self.causes[0]: int(counted)} if isinstance(counted, int | float) else {}

    @property
    def band(self) -> str:
        """What has to stand above everything: nothing, or that no patient behind the numbers is real."""
        return "Synthetic patients: this model is for looking at, not for patients." if self.facts("synthetic") else ""

    def facts(self, *names: str) -> Any:
        """The first of these facts that the evidence, or its endpoint, holds; None where it holds none."""
        own = self.evidence.facts.get("endpoint")
        facts = {**(own if isinstance(own, Mapping) else {}), **self.evidence.facts}
        return next((facts[name] for name in names if name in facts), None)

    def declared(self, name: str) -> Cell:
        """What a person said in the study's facts file, why it has no answer, or the question that nobody answered."""
        facts = self.declared_facts
        if name in facts.said:
            return Cell(facts.said[name], state="declared")
        if name in facts.not_applicable:
            return Cell(f"not applicable: {facts.not_applicable[name]}", state="not applicable")
        return Cell(f"MISSING: nobody has answered “{FACTS[name]}”", state="missing")

    def label(self, cause: str) -> str:
        """A cause in the endpoint's own words."""
        return str((self.description.get("labels") or {}).get(cause) or plain(cause))

    def table(self, name: str, **where: object) -> list[Mapping[str, Any]]:
        """Rows of a named table whose columns equal these; a column that the table lacks does not filter."""
        rows: Sequence[Mapping[str, Any]] = self.evidence.tables.get(name) or ()
        return [
            row for row in rows if all(column not in row or row[column] == value for column, value in where.items())
        ]

    def find(self, metric: str, **key: Any) -> Estimate | None:
        """The model's estimate for all patients in the headline design unless told otherwise.

        Of several estimators: one with a value, the metric's usual one, corrected for optimism where there is such, and
        with the censoring weights that the evidence makes the headline.
        """
        whose: dict[str, Any] = {}
        if metric == "observed_risk":
            own = key.get("design", "data")
            whose = {"model": "", "design": own if (metric, own, "") in self._index else "data"}
        wanted = {"metric": metric, "population": "all", "design": self.design, "model": self.model, **key, **whose}
        near = self._index.get((metric, wanted["design"], wanted["model"]), ())
        found = [e for e in near if all(getattr(e, name) == value for name, value in wanted.items())]
        return min(found, key=self._rank, default=None)

    def said(self, metric: str, **key: Any) -> Cell:
        """`find`, in words."""
        return number(self.find(metric, **key), missing=f"{plain(metric)} is not in the evidence of this run")

    def populations(self, design: str, prefix: str = "site=") -> tuple[str, ...]:
        """Populations judged in a design, in the order of their names."""
        judged = {e.population for e in self.evidence.estimates if e.design == design and e.model == self.model}
        return tuple(sorted(name for name in judged if name.startswith(prefix)))

    @cached_property
    def _index(self) -> Mapping[tuple[str, str, str], Sequence[Estimate]]:
        """A card asks hundreds of times among thousands of estimates."""
        near: dict[tuple[str, str, str], list[Estimate]] = {}
        for e in self.evidence.estimates:
            near.setdefault((e.metric, e.design, e.model), []).append(e)
        return near

    @property
    def given_predictors(self) -> bool:
        """Whether censoring weights given the predictors stand in front."""
        return bool(self.facts("headline_weights") == "given_predictors")

    def _rank(self, e: Estimate) -> tuple[bool, bool, int, bool, str]:
        headline = headline_place(e.metric, e.estimator, given_predictors=self.given_predictors)
        # The name decides where nothing else does: a mean stands before its own 95 % point.
        return e.value is None, *headline, e.estimator
