"""Derived from the primary and its spread: growth groups of the published scores, burden, presentation."""

from __future__ import annotations

from typing import Final

import pandas as pd

from features.predictors.derived import Derived, applicable, at_least, chosen, derived, flag, number

_GROWTH: Final = ("slow", "moderate", "rapid")
_KATAGIRI_SLOW: Final = ("thyroid", "myeloma", "lymphoma")
# Cervical cancer is rapid, endometrial and ovarian are moderate; the registry has one site for them, taken as moderate.
_KATAGIRI_MODERATE: Final = ("kidney", "uterus_cervix_ovary", "sarcoma", "carcinoid_net", "other")
_KATAGIRI_RAPID: Final = (
    "lung_sclc",
    "colorectal",
    "stomach",
    "pancreas",
    "head_neck",
    "esophagus",
    "bladder_urothelial",
    "melanoma",
    "liver_hpb",
    "unknown",
)
_HORMONAL: Final = ("breast", "prostate")
_TARGETS: Final = ("EGFR", "ALK", "other_targetable")


def _katagiri(frame: pd.DataFrame) -> pd.Series:
    """By treatability, not by organ; not known where hormone dependence or a target would decide and is not known."""
    site, hormone, target = frame["primary_site"], frame["hormone_dependence"], frame["molecular_target"]
    hormonal, lung = site.isin(_HORMONAL), site == "lung_nsclc"
    return chosen(
        frame.index,
        [
            (site.isin(_KATAGIRI_SLOW) | (hormonal & (hormone == "dependent")), "slow"),
            (hormonal & (hormone == "independent"), "moderate"),
            (lung & target.isin(_TARGETS), "moderate"),
            (site.isin(_KATAGIRI_MODERATE), "moderate"),
            (lung & (target == "none"), "rapid"),
            (site.isin(_KATAGIRI_RAPID), "rapid"),
        ],
    )


def _tomita(frame: pd.DataFrame) -> pd.Series:
    site = frame["primary_site"]
    return chosen(
        frame.index,
        [
            (site.isin(("breast", "prostate", "thyroid")), "slow"),
            (site.isin(("kidney", "uterus_cervix_ovary")), "moderate"),
            (site.notna() & applicable(frame, "primary_site"), "rapid"),
        ],
    )


def _presentation(frame: pd.DataFrame) -> pd.Series:
    months = number(frame, "interval_dx_to_spine")
    return chosen(frame.index, [(months < 1, "synchronous"), (months >= 1, "metachronous")])


def _at_most_five(frame: pd.DataFrame) -> pd.Series:
    count = number(frame, "n_mets_total")
    return (count <= 5).astype(float).where(count.notna())


TUMOUR: Final[tuple[Derived, ...]] = (
    derived(
        "katagiri_growth",
        "Katagiri growth group",
        ["primary_site", "hormone_dependence", "molecular_target"],
        _katagiri,
        kind="ordinal",
        levels=_GROWTH,
        source="Katagiri 2014; small sites placed from memory of the paper",
    ),
    derived(
        "tomita_growth",
        "Tomita growth group",
        ["primary_site"],
        _tomita,
        kind="ordinal",
        levels=_GROWTH,
        source="Tomita 2001: what is not named is rapid",
    ),
    derived(
        "oligometastatic",
        "At most five metastases",
        ["n_mets_total"],
        _at_most_five,
        source="Barzilai 2019",
    ),
    derived(
        "multiple_spinal_mets",
        "Three or more spinal metastases",
        ["n_spinal_mets"],
        lambda frame: at_least(number(frame, "n_spinal_mets"), 3),
        source="Tokuhashi 2005",
    ),
    derived(
        "visceral_present",
        "Visceral metastases present",
        ["visceral_mets"],
        lambda frame: flag(frame, "visceral_mets", ("nodular", "disseminated")),
    ),
    derived(
        "presentation",
        "Presentation of the spinal metastasis",
        ["interval_dx_to_spine"],
        _presentation,
        kind="category",
        levels=("synchronous", "metachronous"),
        source="synchronous: less than a month from the diagnosis of the primary",
    ),
)
