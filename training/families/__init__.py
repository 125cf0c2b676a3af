"""Families: ways to learn, each one file, each under the same laws (`tests/training/families/test_conformance.py`).

Comes in: an encoded matrix and an `Outcome`. Goes out: a fitted family, whose state is plain arrays. Read first:
`family.py`.
"""

from __future__ import annotations

import difflib

from training.families.aalen_johansen import AalenJohansen
from training.families.boosted_cox import BoostedCox
from training.families.boosted_pooled import BoostedPooled
from training.families.cause_specific import CauseSpecific
from training.families.cox import Cox
from training.families.coxnet import Coxnet
from training.families.family import Family, FamilyError
from training.families.forest import PseudoValueForest
from training.families.kaplan_meier import KaplanMeier
from training.families.pooled_logistic import PooledLogistic
from training.families.spline_cox import SplineCox
from training.families.spline_coxnet import SplineCoxnet
from training.families.super_learner import SuperLearner

__all__ = ["FAMILIES", "CauseSpecific", "family_named"]

FAMILIES: dict[str, type[Family]] = {
    family.name: family
    for family in (
        KaplanMeier,
        AalenJohansen,
        Cox,
        Coxnet,
        BoostedCox,
        PseudoValueForest,
        PooledLogistic,
        BoostedPooled,
        SplineCox,
        SplineCoxnet,
        SuperLearner,
    )
}


def family_named(name: str) -> type[Family]:
    """The family of this name; an unknown one is refused with the nearest known."""
    if name in FAMILIES:
        return FAMILIES[name]
    near = difflib.get_close_matches(name, FAMILIES, 1)
    raise FamilyError(
        f'unknown family "{name}". Known: {", ".join(FAMILIES)}.' + (f' try: "{near[0]}".' if near else "")
    )
