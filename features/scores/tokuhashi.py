"""Revised Tokuhashi score. Tokuhashi, Matsuzaki, Oda, Oshima, Ryu: Spine 2005;30:2186. 0 to 15, higher is better."""

from __future__ import annotations

from typing import Final, Literal

from features.scores.condition import Condition, all_of, one_of, presumed_no, presumed_yes, within
from features.scores.karnofsky import (
    KARNOFSKY_ASSUMED,
    KARNOFSKY_OTHERWISE,
    EcogOne,
    karnofsky_good,
    karnofsky_moderate,
    karnofsky_poor,
)
from features.scores.score import Item, Reading, RiskGroup, Row, Score

_VISCERAL: Final = one_of("visceral_mets", "nodular", "disseminated")
_REMOVABLE: Final = within("visceral_removable", at_least=1)
_WORST: Final = ("lung_nsclc", "lung_sclc", "stomach", "bladder_urothelial", "esophagus", "pancreas")


def _karnofsky(ecog_one: EcogOne) -> Item:
    return Item(
        "Karnofsky status",
        (
            Row(0, "10–40", karnofsky_poor()),
            Row(1, "50–70", karnofsky_moderate(ecog_one)),
            Row(2, "80–100", karnofsky_good(ecog_one)),
        ),
    )


def _organs(removable: Condition) -> Item:
    return Item(
        "Metastases to major organs",
        (
            Row(1, "removable", all_of(_VISCERAL, removable)),
            Row(0, "not removable", _VISCERAL),
            Row(2, "none", one_of("visceral_mets", "none")),
        ),
    )


def _primary(*, colorectal: Literal[2, 4] = 2, sarcoma: Literal[0, 2] = 2) -> Item:
    """The paper names the rectum (4) and osteosarcoma (0) alone; what the registry holds is wider."""
    worst = (*_WORST, "sarcoma") if sarcoma == 0 else _WORST
    others = ["melanoma", "head_neck", "myeloma", "lymphoma", "other"]
    others += ["colorectal"] if colorectal == 2 else []
    others += ["sarcoma"] if sarcoma == 2 else []
    rows = (
        Row(0, "lung, stomach, bladder, oesophagus, pancreas", one_of("primary_site", *worst)),
        Row(1, "liver, gallbladder, unidentified", one_of("primary_site", "liver_hpb", "unknown")),
        Row(2, "others", one_of("primary_site", *others)),
        Row(3, "kidney, uterus", one_of("primary_site", "kidney", "uterus_cervix_ovary")),
        *((Row(4, "rectum", one_of("primary_site", "colorectal")),) if colorectal == 4 else ()),
        Row(
            5,
            "thyroid, breast, prostate, carcinoid",
            one_of("primary_site", "thyroid", "breast", "prostate", "carcinoid_net"),
        ),
    )
    return Item("Primary tumour", rows)


TOKUHASHI: Final = Score(
    name="tokuhashi_revised",
    title="Revised Tokuhashi",
    source="Tokuhashi 2005, Spine 30:2186",
    higher_is_worse=False,
    lowest=0,
    highest=15,
    items=(
        _karnofsky(80),
        Item(
            "Extraspinal bone metastases",
            (
                Row(0, "3 or more", one_of("n_extraspinal_bone", ">=3")),
                Row(1, "1 or 2", one_of("n_extraspinal_bone", "1-2")),
                Row(2, "none", one_of("n_extraspinal_bone", "0")),
            ),
        ),
        Item(
            "Vertebral metastases",
            (
                Row(0, "3 or more", within("n_spinal_mets", at_least=3)),
                Row(1, "2", within("n_spinal_mets", at_least=2, below=3)),
                Row(2, "1", within("n_spinal_mets", below=2)),
            ),
        ),
        _organs(presumed_no(_REMOVABLE)),
        _primary(),
        Item(
            "Palsy",
            (
                Row(0, "complete (Frankel A, B)", one_of("ais_grade", "A", "B")),
                Row(1, "incomplete (Frankel C, D)", one_of("ais_grade", "C", "D")),
                Row(2, "none (Frankel E)", one_of("ais_grade", "E")),
            ),
        ),
    ),
    groups=(
        RiskGroup("less than 6 months", 0),
        RiskGroup("6 months or more", 9),
        RiskGroup("12 months or more", 12),
    ),
    published="expected periods, no share of survivors: it ranks patients and gives no risk",
    assumptions=(
        KARNOFSKY_ASSUMED,
        "metastases to organs count as not removable unless recorded as removable",
        "colorectal counts with the others (2); rectum alone would have 4, which the registry does not tell apart",
        "sarcoma counts with the others (2); osteosarcoma alone would have 0",
    ),
    readings=(
        Reading(KARNOFSKY_OTHERWISE, _karnofsky(70)),
        Reading("colorectal as rectum (4) instead of others (2)", _primary(colorectal=4)),
        Reading("sarcoma as osteosarcoma (0) instead of others (2)", _primary(sarcoma=0)),
        Reading("metastases to organs removable where not recorded", _organs(presumed_yes(_REMOVABLE))),
    ),
)
