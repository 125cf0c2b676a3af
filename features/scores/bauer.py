"""Modified Bauer score and, built on it, the NESMS.

Leithner, Radl, Gruber, Hochegger, Leithner, Welkerling, Rehak, Windhager: Eur Spine J 2008;17:1488. 0 to 4.
Ghori, Leonard, Schoenfeld, Saadat, Scott, Ferrone, Harris: Spine J 2015;15:2261. 0 to 3. Higher is better in both.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from features.scores.condition import Condition, Floats, all_of, any_level, any_of, one_of, within
from features.scores.score import Item, Reading, RiskGroup, Row, Score

_LUNG: Final = one_of("primary_site", "lung_nsclc", "lung_sclc")
_FAVOURABLE: Final = one_of("primary_site", "breast", "kidney", "lymphoma", "myeloma")

BAUER: Final = Score(
    name="bauer_modified",
    title="Modified Bauer",
    source="Leithner 2008, Eur Spine J 17:1488",
    higher_is_worse=False,
    lowest=0,
    highest=4,
    items=(
        Item(
            "Visceral metastases",
            (
                Row(1, "none", one_of("visceral_mets", "none")),
                Row(0, "present", one_of("visceral_mets", "nodular", "disseminated")),
            ),
        ),
        Item("Lung cancer", (Row(0, "lung", _LUNG), Row(1, "not lung", any_level("primary_site")))),
        Item(
            "Favourable primary",
            (Row(1, "breast, kidney, lymphoma, myeloma", _FAVOURABLE), Row(0, "another", any_level("primary_site"))),
        ),
        Item(
            "Skeletal metastases",
            (
                Row(1, "solitary", all_of(within("n_spinal_mets", below=2), one_of("n_extraspinal_bone", "0"))),
                Row(
                    0,
                    "multiple",
                    any_of(within("n_spinal_mets", at_least=2), one_of("n_extraspinal_bone", "1-2", ">=3")),
                ),
            ),
        ),
    ),
    groups=(
        RiskGroup("0–1", 0, ((4.8, 0.5),)),
        RiskGroup("2", 2, ((18.2, 0.5),)),
        RiskGroup("3–4", 3, ((28.4, 0.5),)),
    ),
    published="median survival by group, taken as that of a constant hazard",
)


def _bauer_reaches(points: int) -> Condition:
    def holds(frame: pd.DataFrame) -> Floats:
        found = BAUER.points(frame)
        return np.where(found.low >= points, 1.0, np.where(found.high < points, 0.0, np.nan))

    return Condition(BAUER.inputs, holds)


_GOOD_BAUER: Final = _bauer_reaches(3)


def _ambulation(*walking: str) -> Item:
    return Item(
        "Ambulation",
        (
            Row(1, "walks independently", one_of("ambulatory_status", *walking)),
            Row(0, "with aid or not at all", any_level("ambulatory_status")),
        ),
    )


NESMS: Final = Score(
    name="nesms",
    title="New England Spinal Metastasis Score",
    source="Ghori 2015, Spine J 15:2261; components: NCT03224650",
    higher_is_worse=False,
    lowest=0,
    highest=3,  # the items add up to 4: a score of 3 is reached in two ways
    items=(
        Item(
            "Modified Bauer score",
            (
                Row(2, "3 or 4", _GOOD_BAUER),
                Row(0, "0 to 2", Condition(_GOOD_BAUER.inputs, lambda frame: 1.0 - _GOOD_BAUER.holds(frame))),
            ),
        ),
        _ambulation("independent"),
        Item(
            "Albumin",
            (
                Row(1, "3.5 g/dL or more", within("albumin", at_least=3.5)),
                Row(0, "below 3.5 g/dL", within("albumin", below=3.5)),
            ),
        ),
    ),
    groups=(RiskGroup("0", 0), RiskGroup("1", 1), RiskGroup("2", 2), RiskGroup("3", 3)),
    published="one-year survival of all patients, none by score: it ranks patients and gives no risk",
    assumptions=("walking with an aid does not count as independent",),
    readings=(Reading("walking with an aid counts as independent", _ambulation("independent", "with_aid")),),
)
