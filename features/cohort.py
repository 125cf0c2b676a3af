"""`Cohort`: eligible patients at time zero, and the `Flow` of who left and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from numpy.typing import NDArray


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
    """

    frame: pd.DataFrame
    ids: NDArray[np.str_]
    sites: NDArray[np.str_] | None
    flow: Flow

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
        )
