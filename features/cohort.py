"""`Cohort`: eligible patients at time zero, and the `Flow` of who left and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from features.contract import ContractError

if TYPE_CHECKING:
    from features.registries.registry import Conformed


@final
@dataclass(frozen=True)
class FlowStep:
    """One reason to leave, and how many left for it."""

    reason: str
    left: int


@final
@dataclass(frozen=True)
class Flow:
    """From all rows of the registry to the patients analysed. Counts only."""

    started: int
    steps: tuple[FlowStep, ...] = ()

    @property
    def remaining(self) -> int:
        """Patients left after every step."""
        return self.started - sum(step.left for step in self.steps)

    def then(self, reason: str, left: int) -> Flow:
        """The flow with one more step; a step that nobody leaves by is kept: it was checked."""
        return Flow(self.started, (*self.steps, FlowStep(reason, left)))


@final
@dataclass(frozen=True)
class Cohort:
    """One row per eligible patient.

    frame  typed columns of the contract's baseline fields and date-derived intervals, index 0…n-1:
           numbers as float64 with NaN for unknown; booleans as float64 0/1/NaN; categories and ordinals as str objects
           with None for unknown and "not_applicable" where structurally missing.
    ids    (n,) unique patient ids as text.
    sites  (n,) site ids as text, or None where the registry has no sites.
    time_zero  (n,) day of time zero, or None where the registry gives none; it divides patients, it predicts nothing.
    """

    frame: pd.DataFrame
    ids: NDArray[np.str_]
    sites: NDArray[np.str_] | None
    flow: Flow
    time_zero: NDArray[np.datetime64] | None = None

    def __post_init__(self) -> None:
        if len(set(self.ids.tolist())) != len(self.ids) or len(self.frame) != len(self.ids):
            raise ValueError(
                f"a cohort has one row per patient: {len(self.frame)} rows, {len(set(self.ids.tolist()))} ids."
            )

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.ids)

    def take(self, rows: NDArray[np.intp] | Sequence[int]) -> Cohort:
        """These patients, in this order."""
        rows = np.asarray(rows)
        return Cohort(
            self.frame.iloc[rows].reset_index(drop=True),
            self.ids[rows],
            None if self.sites is None else self.sites[rows],
            self.flow,
            None if self.time_zero is None else self.time_zero[rows],
        )


@final
class Rule(BaseModel):
    """Who is eligible by one field: at least, at most, or among these levels. Of whom it is not known leaves too."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)

    at_least: float | None = None
    at_most: float | None = None
    among: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        bounded = self.at_least is not None or self.at_most is not None
        if bounded == (self.among is not None):
            raise ValueError('a rule is {"at_least": x}, {"at_most": x}, both of these, or {"among": [...]}.')
        return self

    def sentence(self, field: str) -> str:
        """The rule as the flow names it."""
        if self.among is not None:
            return f"{field} not among {', '.join(self.among)}"
        bounds = (("below", self.at_least), ("above", self.at_most))
        return f"{field} " + " or ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def select_cohort(conformed: Conformed, eligibility: Mapping[str, Rule]) -> Cohort:
    """Eligible patients; every rule is a step of the flow, and so is each field that is not known of some.

    Raises `ContractError` for a field that is not known at time zero, for levels under a number (and the reverse),
    and where nobody is left.
    """
    frame, flow = conformed.frame, conformed.flow
    keep = np.ones(len(frame), dtype=bool)
    for name, rule in eligibility.items():
        if name not in frame:
            raise ContractError(f'eligibility by "{name}": no such field is known by the end of the index treatment.')
        values = frame[name]
        numeric = bool(pd.api.types.is_numeric_dtype(values.dtype))
        if numeric == (rule.among is not None):
            raise ContractError(f'eligibility by "{name}": use {"at_least or at_most" if numeric else "among"}.')
        unknown = values.isna().to_numpy() & keep
        flow = flow.then(f"{name} not known", int(unknown.sum()))
        keep &= ~unknown
        failing = ~_satisfies(values, rule) & keep
        flow = flow.then(rule.sentence(name), int(failing.sum()))
        keep &= ~failing
    if not keep.any():
        raise ContractError(
            "no patient is left: " + "; ".join(f"{step.left} left by: {step.reason}" for step in flow.steps) + "."
        )
    rows = np.flatnonzero(keep)
    sites = None if conformed.sites is None else conformed.sites[rows]
    days = None if conformed.time_zero is None else conformed.time_zero[rows]
    return Cohort(frame.iloc[rows].reset_index(drop=True), conformed.ids[rows], sites, flow, days)


def _satisfies(values: pd.Series, rule: Rule) -> NDArray[np.bool_]:
    if rule.among is not None:
        return values.isin(list(rule.among)).to_numpy(dtype=bool)
    number = values.to_numpy(dtype=float)
    low = -np.inf if rule.at_least is None else rule.at_least
    high = np.inf if rule.at_most is None else rule.at_most
    return np.asarray((number >= low) & (number <= high))
