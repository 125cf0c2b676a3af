"""Derived from the neurologic examination: what is lost, and for how long."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from features.predictors.derived import Derived, any_of, derived, flag, number

_DEFICIT: Final = {"ais_grade": ("A", "B", "C", "D")}
_OPERATED: Final = {"treatment_arm": ("surgery", "surgery_rt")}
_NOT_WALKING: Final = {"ambulatory_status": ("non_ambulatory",)}


def _deficit_present(frame: pd.DataFrame) -> pd.Series:
    """Grade below E or motor score below 100. Grade E alone says no: it means that motor function is normal."""
    graded = flag(frame, "ais_grade", ("A", "B", "C", "D")).to_numpy()
    motor = number(frame, "asia_motor_score").to_numpy()
    yes = (graded == 1) | (motor < 100)
    return pd.Series(np.where(yes, 1.0, np.where(np.isnan(graded), np.nan, 0.0)), index=frame.index)


def _within(frame: pd.DataFrame, name: str, bound: float) -> pd.Series:
    duration = number(frame, name)
    return (duration <= bound).astype(float).where(duration.notna())


def _longer(frame: pd.DataFrame, name: str, bound: float) -> pd.Series:
    duration = number(frame, name)
    return (duration > bound).astype(float).where(duration.notna())


NEUROLOGY: Final[tuple[Derived, ...]] = (
    derived(
        "deficit_present",
        "Neurologic deficit",
        ["ais_grade", "asia_motor_score"],
        _deficit_present,
        source="AIS below E, or motor score below 100",
    ),
    derived(
        "deficit_within_24h",
        "Deficit for at most 24 hours",
        ["deficit_duration"],
        lambda frame: _within(frame, "deficit_duration", 1),
        applies_when=_DEFICIT,
    ),
    derived(
        "deficit_within_48h",
        "Deficit for at most 48 hours",
        ["deficit_duration"],
        lambda frame: _within(frame, "deficit_duration", 2),
        applies_when=_DEFICIT,
    ),
    derived(
        "deficit_over_14d",
        "Deficit for more than 14 days",
        ["deficit_duration"],
        lambda frame: _longer(frame, "deficit_duration", 14),
        applies_when=_DEFICIT,
    ),
    derived(
        "non_ambulatory",
        "Does not walk",
        ["ambulatory_status"],
        lambda frame: flag(frame, "ambulatory_status", ("non_ambulatory",)),
    ),
    derived(
        "nonamb_within_48h",
        "Walking lost for at most 48 hours",
        ["nonamb_duration"],
        lambda frame: _within(frame, "nonamb_duration", 48),
        applies_when=_NOT_WALKING,
    ),
    derived(
        "sphincter_dysfunction",
        "Bladder or bowel dysfunction",
        ["bladder_dysfunction", "bowel_dysfunction"],
        lambda frame: any_of(number(frame, "bladder_dysfunction"), number(frame, "bowel_dysfunction")),
    ),
    derived(
        "surgery_within_24h",
        "Surgery within 24 hours of the deficit",
        ["hours_deficit_to_surgery"],
        lambda frame: _within(frame, "hours_deficit_to_surgery", 24),
        known_at="TX",
        applies_when=_OPERATED,
    ),
    derived(
        "surgery_within_48h",
        "Surgery within 48 hours of the deficit",
        ["hours_deficit_to_surgery"],
        lambda frame: _within(frame, "hours_deficit_to_surgery", 48),
        known_at="TX",
        applies_when=_OPERATED,
    ),
    derived(
        "surgery",
        "Surgery, with or without radiotherapy",
        ["treatment_arm"],
        lambda frame: flag(frame, "treatment_arm", ("surgery", "surgery_rt")),
        known_at="TX",
    ),
)
