"""Tomita score. Tomita, Kawahara, Kobayashi and others: Spine 2001;26:298. 2 to 10, higher is worse."""

from __future__ import annotations

from typing import Final

from features.scores.condition import Condition, all_of, any_level, any_of, one_of, presumed_no, presumed_yes, within
from features.scores.score import Item, Reading, RiskGroup, Row, Score

_VISCERAL: Final = one_of("visceral_mets", "nodular", "disseminated")
_REMOVABLE: Final = within("visceral_removable", at_least=1)
# The share that is alive at the mean of an exponential survival.
_AT_MEAN: Final = 0.36787944117144233


def _visceral(removable: Condition) -> Item:
    return Item(
        "Visceral metastases",
        (
            Row(0, "none", one_of("visceral_mets", "none")),
            Row(2, "treatable", all_of(_VISCERAL, removable)),
            Row(4, "untreatable", _VISCERAL),
        ),
    )


TOMITA: Final = Score(
    name="tomita",
    title="Tomita",
    source="Tomita 2001, Spine 26:298",
    higher_is_worse=True,
    lowest=2,
    highest=10,
    items=(
        Item(
            "Growth of the primary",
            (
                Row(1, "slow", one_of("primary_site", "breast", "prostate", "thyroid")),
                Row(2, "moderate", one_of("primary_site", "kidney", "uterus_cervix_ovary")),
                Row(4, "rapid", any_level("primary_site")),
            ),
        ),
        _visceral(presumed_no(_REMOVABLE)),
        Item(
            "Bone metastases",
            (
                Row(1, "solitary", all_of(within("n_spinal_mets", below=2), one_of("n_extraspinal_bone", "0"))),
                Row(
                    2,
                    "multiple",
                    any_of(within("n_spinal_mets", at_least=2), one_of("n_extraspinal_bone", "1-2", ">=3")),
                ),
            ),
        ),
    ),
    groups=(
        RiskGroup("2–3", 2, ((49.9, _AT_MEAN),)),
        RiskGroup("4–5", 4, ((23.5, _AT_MEAN),)),
        RiskGroup("6–7", 6, ((15.0, _AT_MEAN),)),
        RiskGroup("8–10", 8, ((5.9, _AT_MEAN),)),
    ),
    published="mean survival by group, taken as that of a constant hazard",
    assumptions=(
        "what is not named as slow or moderate is rapid, an unknown primary too",
        "visceral metastases count as untreatable unless recorded as removable",
    ),
    readings=(Reading("visceral metastases treatable where not recorded", _visceral(presumed_yes(_REMOVABLE))),),
)
