"""The Karnofsky status that most scores ask for, and its stand-in where a registry holds only the ECOG status."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from features.scores.condition import Condition, all_of, any_of, one_of, presumed_no, within

# ECOG 0: 90–100, 1: 70–80, 2: 50–60, 3: 30–40, 4: 10–20. ECOG 1 straddles the cut at 80.
EcogOne = Literal[70, 80]
_POOR: Final = ("3", "4")
_NOT_RECORDED: Final = Condition(("kps",), lambda frame: np.where(frame["kps"].isna(), 1.0, 0.0))
KARNOFSKY_ASSUMED: Final = (
    "Karnofsky from ECOG where it is not recorded: 0 and 1 as 80 or more, 2 as 50–60, 3 and 4 as 40 or less"
)
KARNOFSKY_OTHERWISE: Final = "ECOG 1 as a Karnofsky status of 70 instead of 80"


def karnofsky_good(ecog_one: EcogOne = 80) -> Condition:
    """80 to 100. ecog_one: the status that an ECOG of 1 stands for."""
    return _karnofsky(within("kps", at_least=80), ("0", "1") if ecog_one == 80 else ("0",))


def karnofsky_moderate(ecog_one: EcogOne = 80) -> Condition:
    """50 to 70. ecog_one: the status that an ECOG of 1 stands for."""
    return _karnofsky(within("kps", at_least=50, below=80), ("2",) if ecog_one == 80 else ("1", "2"))


def karnofsky_poor() -> Condition:
    """10 to 40."""
    return _karnofsky(within("kps", below=50), _POOR)


def _karnofsky(recorded: Condition, ecog: tuple[str, ...]) -> Condition:
    return any_of(presumed_no(recorded), all_of(_NOT_RECORDED, one_of("ecog", *ecog)))
