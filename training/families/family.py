"""The seam: what a family owes. Nothing is implemented here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves

Floats = NDArray[np.float64]
Road = Literal["imputed", "native", "none"]
"""How a family meets missing values: on an imputed, standardised matrix; on raw values with NaN; or it reads none."""


class FamilyError(ValueError):
    """A family was asked for what it cannot do, named with what it accepts."""


@final
@dataclass(frozen=True)
class Design:
    """What a family fits on: the encoded predictors of the training rows, (n, p), with the names of the columns.

    weights  (n,) case weights; None counts every row once.
    """

    X: Floats
    columns: tuple[str, ...]
    weights: Floats | None = None


@final
@dataclass(frozen=True)
class ModelState:
    """A fitted family as plain data: JSON values and numeric arrays. What a bundle stores; nothing is pickled."""

    json: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


@runtime_checkable
class FittedFamily(Protocol):
    """What came out of a fit. Prediction needs numpy alone."""

    def predict(self, X: Floats, times: Floats) -> Curves:
        """Cumulative incidence of every cause at `times` for each row of the encoded matrix."""
        ...

    def coarsened(self, times: Floats) -> Self:
        """The same answers at these times (ascending), without the day of any one patient between them."""
        ...

    def state(self) -> ModelState:
        """Everything `predict` reads."""
        ...


@runtime_checkable
class Family(Protocol):
    """A way to learn, with its settings as fields of a frozen dataclass.

    causes   "one" or "any": what kinds of outcome it accepts.
    """

    causes: ClassVar[Literal["one", "any"]]

    @property
    def name(self) -> str:
        """Key in `FAMILIES`, and in a study's `[[recipes]]`."""
        ...

    @property
    def road(self) -> Road:
        """How it meets missing values."""
        ...

    def fit(self, design: Design, outcome: Outcome, seed: int) -> FittedFamily:
        """Learn from these rows. Refuses by name an outcome that it does not accept."""
        ...

    def load(self, state: ModelState) -> FittedFamily:
        """Back from `FittedFamily.state`, predicting to the last bit the same."""
        ...

    def space(self) -> Mapping[str, tuple[str, Any, Any]]:
        """Settings to search: name → ("float" | "log" | "int" | "choice", low or choices, high or None).

        Empty: nothing to tune.
        """
        ...

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """The same family with these settings."""
        ...


@runtime_checkable
class Experienced(Protocol):
    """A family that knows where a search does well to begin."""

    def starts(self) -> tuple[Mapping[str, Any], ...]:
        """Settings that did well on other tables, in the order to try them after the family's own; names of `space`."""
        ...


@runtime_checkable
class FittedHazard(Protocol):
    """A fitted cause-specific hazard: what `cause_specific` composes.

    increments  (n, s) this cause's hazard in each step for each row.
    """

    @property
    def steps(self) -> Floats:
        """(s,) times of the hazard's steps, ascending, repeated where a tied time has sub-steps over all causes."""
        ...

    def increments(self, X: Floats) -> Floats:
        """Hazard of the cause in each step, (n, s), ≥ 0."""
        ...

    def coarsened(self, times: Floats) -> Self:
        """The same hazard by each of these times, without the day of any one patient between them."""
        ...

    def state(self) -> ModelState:
        """Everything `increments` reads."""
        ...


@runtime_checkable
class HazardFamily(Protocol):
    """A family that can fit the hazard of one cause among several.

    The other causes censor it, but keep their share of tied sub-steps.
    """

    def fit_hazard(self, design: Design, outcome: Outcome, cause: int, seed: int) -> FittedHazard:
        """The hazard of the `cause`-th cause (1-based, as in `Outcome.event`)."""
        ...

    @staticmethod
    def load_hazard(state: ModelState) -> FittedHazard:
        """Back from `FittedHazard.state`."""
        ...
