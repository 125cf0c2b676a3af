"""Derived from the primary and its spread: growth groups of the published scores, burden, presentation."""

from __future__ import annotations

from typing import Final

import pandas as pd

from features.predictors.derived import Derived, at_least, chosen, derived, flag, number
from features.scores.katagiri import KATAGIRI
from features.scores.tomita import TOMITA

_GROWTH: Final = ("slow", "moderate", "rapid")
_KATAGIRI: Final = KATAGIRI.item("Growth of the primary")
_TOMITA: Final = TOMITA.item("Growth of the primary")


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
        _KATAGIRI.inputs,
        _KATAGIRI.level,
        kind="ordinal",
        levels=_GROWTH,
        source="Katagiri 2014; small sites placed from memory of the paper",
    ),
    derived(
        "tomita_growth",
        "Tomita growth group",
        _TOMITA.inputs,
        _TOMITA.level,
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
