"""`Outcome`: the only representation of follow-up in the house, checked at birth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HALF_DAY: Final = 0.5
"""Follow-up that ends on the day it began: time zero itself is no time at risk."""


class OutcomeError(ValueError):
    """Follow-up that cannot be true: counts and the rule, never a patient's value."""


@final
@dataclass(frozen=True)
class Outcome:
    """When each patient was last known, and what happened.

    entry_days  (n,) when observation starts; > 0 only for landmarks and left truncation.
    left_days   (n,) the event had not happened by then.
    right_days  (n,) the event had happened by then. Equal to `left_days` unless interval-censored;
                an interval-censored event lies in (left, right].
    event       (n,) 0 censored, k = the k-th of `causes`.
    causes      names of the causes, the study's own cause first.

    Days on the platform; any positive unit inside `training/`, which never converts.
    """

    entry_days: Floats
    left_days: Floats
    right_days: Floats
    event: Ints
    causes: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, dtype in (("entry_days", float), ("left_days", float), ("right_days", float), ("event", np.int64)):
            array = np.array(getattr(self, name), dtype=dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        self._require_shapes()
        self._require_times()

    @classmethod
    def right_censored(cls, time_days: ArrayLike, event: ArrayLike, causes: Sequence[str] = ("event",)) -> Outcome:
        """Follow-up known to the day, from time zero."""
        time = np.asarray(time_days, dtype=float)
        return cls(np.zeros_like(time), time, time, np.asarray(event, dtype=np.int64), tuple(causes))

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.event)

    @property
    def interval_censored(self) -> bool:
        """Whether any event is known only to lie between two visits."""
        return bool(np.any(self.left_days < self.right_days))

    @property
    def time_days(self) -> Floats:
        """(n,) the day on which follow-up ends or the event was first *seen*: the right end of the interval."""
        return self.right_days

    def cause_index(self, cause: str) -> int:
        """The code k of a cause in `event`."""
        if cause not in self.causes:
            raise OutcomeError(f'unknown cause "{cause}". Known: {", ".join(self.causes)}.')
        return self.causes.index(cause) + 1

    def take(self, rows: NDArray[np.intp] | Sequence[int]) -> Outcome:
        """The same follow-up for these rows, in this order (repeats allowed: a bootstrap)."""
        rows = np.asarray(rows)
        return Outcome(
            self.entry_days[rows], self.left_days[rows], self.right_days[rows], self.event[rows], self.causes
        )

    def _require_shapes(self) -> None:
        lengths = {len(self.entry_days), len(self.left_days), len(self.right_days), len(self.event)}
        if len(lengths) != 1:
            raise OutcomeError(f"arrays of one outcome must have one length, got {sorted(lengths)}.")
        if not self.causes or len(set(self.causes)) != len(self.causes):
            raise OutcomeError("an outcome needs at least one cause, each named once.")
        foreign = int(((self.event < 0) | (self.event > len(self.causes))).sum())
        if foreign:
            raise OutcomeError(
                f"event codes must be 0 (censored) to {len(self.causes)} ({', '.join(self.causes)}); "
                f"{foreign} of {len(self.event)} rows differ."
            )

    def _require_times(self) -> None:
        n = len(self.event)
        checks = (
            (
                "are not finite",
                ~(np.isfinite(self.entry_days) & np.isfinite(self.left_days) & np.isfinite(self.right_days)),
            ),
            ("end at or before time zero", self.right_days <= 0),
            ("start before time zero", self.entry_days < 0),
            ("end at or before their entry", self.right_days <= self.entry_days),
            ("have an interval that ends before it starts", self.right_days < self.left_days),
            ("are censored inside an interval", (self.event == 0) & (self.left_days < self.right_days)),
        )
        for sentence, wrong in checks:
            if wrong.any():
                raise OutcomeError(f"{int(wrong.sum())} of {n} rows {sentence}.")
