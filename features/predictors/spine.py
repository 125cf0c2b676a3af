"""Derived from the index level and its imaging: stability and compression."""

from __future__ import annotations

from typing import Final

import pandas as pd

from features.contract import NOT_APPLICABLE
from features.predictors.derived import Derived, banded, chosen, derived, flag, number

_COMPONENTS: Final = tuple(
    f"sins_{part}" for part in ("location", "pain", "lesion", "alignment", "collapse", "posterolateral")
)
_REGIONS: Final = {"C": "cervical", "T": "thoracic", "L": "lumbar", "S": "sacral"}
_JUNCTIONS: Final = ("C1", "C2", "C7", "T1", "T2", "T11", "T12", "L1", "L5", "S1")


def _sins_total(frame: pd.DataFrame) -> pd.Series:
    """All six components, or nothing: a component left out is not a zero."""
    return pd.concat([number(frame, name) for name in _COMPONENTS], axis=1).sum(axis=1, skipna=False)


def _region(frame: pd.DataFrame) -> pd.Series:
    letter = frame["index_level"].str[0] if len(frame) else frame["index_level"]
    return chosen(frame.index, [(letter == first, region) for first, region in _REGIONS.items()])


def _escc_high(frame: pd.DataFrame) -> pd.Series:
    # Below the conus the grade is not defined, and there is no cord that could be compressed: not high.
    return flag(frame, "escc_grade", ("2", "3")).mask(frame["escc_grade"] == NOT_APPLICABLE, 0.0)


SPINE: Final[tuple[Derived, ...]] = (
    derived(
        "sins_total",
        "SINS",
        _COMPONENTS,
        _sins_total,
        kind="integer",
        unit="points",
        source="Fisher 2010: sum of the six components, 0 to 18",
    ),
    derived(
        "sins_band",
        "SINS band",
        _COMPONENTS,
        lambda frame: banded(_sins_total(frame), (7, 13), ("stable", "potentially_unstable", "unstable")),
        kind="ordinal",
        levels=("stable", "potentially_unstable", "unstable"),
        source="Fisher 2010: 0–6, 7–12, 13–18",
    ),
    derived(
        "sins_mechanical_pain",
        "Mechanical pain by SINS",
        ["sins_pain"],
        lambda frame: flag(frame, "sins_pain", ("3",)),
        source="Fisher 2010: 3 points",
    ),
    derived(
        "escc_high",
        "High-grade epidural compression",
        ["escc_grade"],
        _escc_high,
        source="Bilsky 2010: grade 2 or 3; no compression of the cord below the conus",
    ),
    derived(
        "spine_region",
        "Region of the index level",
        ["index_level"],
        _region,
        kind="category",
        levels=tuple(_REGIONS.values()),
    ),
    derived(
        "index_junctional",
        "Index level at a junction",
        ["index_level"],
        lambda frame: flag(frame, "index_level", _JUNCTIONS),
        source="Fisher 2010: occiput–C2, C7–T2, T11–L1, L5–S1",
    ),
)
