"""Rades' score of death within two months, for patients of ECOG 2 or worse with a motor deficit.

6 to 25, higher is worse. Source: medicalalgorithms.com, "Prognostic score of Rades for death within 2 months".
"""

from __future__ import annotations

from typing import Final

from features.scores.condition import all_of, one_of, within
from features.scores.score import Item, RiskGroup, Row, Score

RADES: Final = Score(
    name="rades_two_month",
    title="Rades, death within two months",
    source="Rades, by medicalalgorithms.com: sensitivity 81 %, specificity 84 %, negative predictive value 95 % at 19",
    higher_is_worse=True,
    lowest=6,
    highest=25,
    items=(
        Item("ECOG status", (Row(0, "2", one_of("ecog", "2")), Row(4, "3 or 4", one_of("ecog", "3", "4")))),
        Item(
            "Primary tumour",
            (
                Row(1, "breast, myeloma, lymphoma", one_of("primary_site", "breast", "myeloma", "lymphoma")),
                Row(2, "prostate", one_of("primary_site", "prostate")),
                Row(
                    3,
                    "lung and others",
                    one_of(
                        "primary_site",
                        "lung_nsclc",
                        "lung_sclc",
                        "kidney",
                        "melanoma",
                        "colorectal",
                        "thyroid",
                        "liver_hpb",
                        "stomach",
                        "esophagus",
                        "pancreas",
                        "bladder_urothelial",
                        "uterus_cervix_ovary",
                        "head_neck",
                        "sarcoma",
                        "carcinoid_net",
                        "unknown",
                        "other",
                    ),
                ),
            ),
        ),
        Item(
            "Other bone metastases",
            (
                Row(1, "no", one_of("n_extraspinal_bone", "0")),
                Row(3, "yes", one_of("n_extraspinal_bone", "1-2", ">=3")),
            ),
        ),
        Item(
            "Visceral metastases",
            (
                Row(1, "no", one_of("visceral_mets", "none")),
                Row(4, "yes", one_of("visceral_mets", "nodular", "disseminated")),
            ),
        ),
        Item(
            "Interval from diagnosis",
            (
                Row(1, "more than 15 months", within("interval_dx_to_spine", more_than=15)),
                Row(3, "15 months or less", within("interval_dx_to_spine", at_most=15)),
            ),
        ),
        Item(
            "Ambulation",
            (
                Row(1, "walks", one_of("ambulatory_status", "independent", "with_aid")),
                Row(4, "does not walk", one_of("ambulatory_status", "non_ambulatory")),
            ),
        ),
        Item(
            "Motor deficit developed in",
            (
                Row(1, "more than 7 days", one_of("deficit_development_days", "8-14", ">14")),
                Row(4, "7 days or less", one_of("deficit_development_days", "1-7")),
            ),
        ),
    ),
    # Of 100 with this specificity, sensitivity and negative predictive value 19 died: 5 % of those below 19 points and
    # 54 % of the others.
    groups=(RiskGroup("6–18", 6, ((2, 0.95),)), RiskGroup("19–25", 19, ((2, 0.46),))),
    published="death by two months, from its sensitivity, specificity and negative predictive value",
    made_for=all_of(one_of("ecog", "2", "3", "4"), one_of("ais_grade", "A", "B", "C", "D")),
    assumptions=("made for ECOG 2 to 4 with a motor deficit: nobody else has this score",),
)
