"""The Karnofsky status that most scores ask for, and its stand-in where a registry holds only the ECOG status."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.scores.condition import Condition, all_of, any_of, one_of, presumed_no, within

# ECOG 0: 90–100, 1: 70–80, 2: 50–60, 3: 30–40, 4: 10–20. ECOG 1 straddles the cut at 80: taken as 80.
_GOOD: Final = ("0", "1")
_MODERATE: Final = ("2",)
_POOR: Final = ("3", "4")
_NOT_RECORDED: Final = Condition(("kps",), lambda frame: np.where(frame["kps"].isna(), 1.0, 0.0))
KARNOFSKY_ASSUMED: Final = (
    "Karnofsky from ECOG where it is not recorded: 0 and 1 as 80 or more, 2 as 50–60, 3 and 4 as 40 or less"
)


def karnofsky_good() -> Condition:
    """80 to 100."""
    return _karnofsky(within("kps", at_least=80), _GOOD)


def karnofsky_moderate() -> Condition:
    """50 to 70."""
    return _karnofsky(within("kps", at_least=50, below=80), _MODERATE)


def karnofsky_poor() -> Condition:
    """10 to 40."""
    return _karnofsky(within("kps", below=50), _POOR)


def _karnofsky(recorded: Condition, ecog: tuple[str, ...]) -> Condition:
    return any_of(presumed_no(recorded), all_of(_NOT_RECORDED, one_of("ecog", *ecog)))
