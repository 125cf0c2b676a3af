"""`refuse_late`: fields that a study may not use, by what the contract declares and the study's moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features.contract import UNDECLARED, Contract
from features.predictors import field_of

# Last day on which a visit with this label may take place (clinical reference §1.1, nearest visit by half distance).
_LAST_DAY: Final = {"V6w": 62, "V12w": 132, "V26w": 272, "V52w": 545, "V104w": 910}


def refuse_late(
    contract: Contract, names: Sequence[str], landmark_days: float, treatment_conditional: bool
) -> list[str]:
    """One sentence for each of the fields `names` that is not known at the study's moment; empty where all are.

    A value of a visit is known once the last day on which that visit may take place has passed.
    """
    refused = []
    for name in names:
        field = field_of(contract, name)
        if (reason := _late(field.known_at, landmark_days, treatment_conditional)) is not None:
            refused.append(f"{name}: {reason}")
    return refused


def _late(known_at: str, landmark_days: float, treatment_conditional: bool) -> str | None:
    if known_at == UNDECLARED:
        return (
            f"nobody has said when it is known ({UNDECLARED}), and it looks as if it were known too late. "
            "try: set known_at in the contract, and say in source how you know."
        )
    if known_at == "T0":
        return None
    if known_at == "TX":
        if treatment_conditional or landmark_days >= _LAST_DAY["V6w"]:
            return None
        return (
            "known at the end of the index treatment (TX), not before it. "
            "try: treatment_conditional = true, or leave it out."
        )
    if known_at in _LAST_DAY:
        if landmark_days >= _LAST_DAY[known_at]:
            return None
        return (
            f"known at a visit that may take place until day {_LAST_DAY[known_at]} ({known_at}); "
            f"the study predicts from day {landmark_days:g}. try: a later landmark_days, or leave it out."
        )
    return f"known only {'after the visits' if known_at == 'AFTER' else 'at the end'} ({known_at}). try: leave it out."
