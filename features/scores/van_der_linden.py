"""Van der Linden score. Van der Linden, Dijkstra, Vonk and others: Cancer 2005;103:320. 0 to 6, higher is better."""

from __future__ import annotations

from typing import Final

from features.scores.condition import any_level, one_of
from features.scores.karnofsky import (
    KARNOFSKY_ASSUMED,
    KARNOFSKY_OTHERWISE,
    EcogOne,
    karnofsky_good,
    karnofsky_moderate,
    karnofsky_poor,
)
from features.scores.score import Item, Reading, RiskGroup, Row, Score


def _karnofsky(ecog_one: EcogOne) -> Item:
    return Item(
        "Karnofsky status",
        (
            Row(2, "80–100", karnofsky_good(ecog_one)),
            Row(1, "50–70", karnofsky_moderate(ecog_one)),
            Row(0, "20–40", karnofsky_poor()),
        ),
    )


VAN_DER_LINDEN: Final = Score(
    name="van_der_linden",
    title="Van der Linden",
    source="van der Linden 2005, Cancer 103:320",
    higher_is_worse=False,
    lowest=0,
    highest=6,
    items=(
        _karnofsky(80),
        Item(
            "Primary tumour",
            (
                Row(3, "breast", one_of("primary_site", "breast")),
                Row(2, "prostate", one_of("primary_site", "prostate")),
                Row(1, "lung", one_of("primary_site", "lung_nsclc", "lung_sclc")),
                Row(0, "another", any_level("primary_site")),
            ),
        ),
        Item(
            "Visceral metastases",
            (
                Row(1, "none", one_of("visceral_mets", "none")),
                Row(0, "present", one_of("visceral_mets", "nodular", "disseminated")),
            ),
        ),
    ),
    groups=(
        RiskGroup("A: 0–3", 0, ((3.0, 0.5), (24, 0.04))),
        RiskGroup("B: 4–5", 4, ((9.0, 0.5), (24, 0.22))),
        RiskGroup("C: 6", 6, ((18.7, 0.5), (24, 0.37))),
    ),
    published="median and two-year survival by group, constant hazard between them",
    assumptions=(KARNOFSKY_ASSUMED, "a Karnofsky status of 10 counts as 20–40"),
    readings=(Reading(KARNOFSKY_OTHERWISE, _karnofsky(70)),),
)
