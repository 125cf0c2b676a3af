"""Derived from the general condition, the laboratory and what the patient reports."""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd

from features.predictors.derived import (
    Derived,
    at_least,
    below,
    derived,
    flag,
    number,
    ratio,
)
from features.scores.katagiri import KATAGIRI

# SOSGOQ2.0: 20 items, 1 best to 5 worst; the four neurologic items (7 to 10) stand alone and enter no total.
_DOMAINS: Final = {"pf": range(1, 7), "pain": range(11, 16), "mh": range(16, 18), "sf": range(18, 21)}
_LABORATORY: Final = KATAGIRI.item("Laboratory data")
_SOSGOQ: Final = "Versteeg 2018; item split from memory, to be checked against the scoring manual"


def _items(domain: str) -> list[str]:
    return [f"sosgoq_q{item:02d}" for item in _DOMAINS[domain]]


def _domain(frame: pd.DataFrame, domain: str) -> pd.Series:
    """0 worst to 100 best: the mean of the answered items, where at least half are answered."""
    items = frame[_items(domain)].apply(pd.to_numeric, errors="coerce").astype(float)
    answered = items.notna().sum(axis=1) * 2 >= items.shape[1]
    score: pd.Series = ((5 - items) / 4 * 100).mean(axis=1).where(answered)
    return score


def _total(frame: pd.DataFrame) -> pd.Series:
    return pd.concat([_domain(frame, domain) for domain in _DOMAINS], axis=1).mean(axis=1, skipna=False)


def _pni(frame: pd.DataFrame) -> pd.Series:
    # 0.005 per cell/µL, the contract counts in 10⁹/L = 1,000/µL.
    return 10 * number(frame, "albumin") + 5 * number(frame, "lymphocytes_abs")


def _worse_of(frame: pd.DataFrame, first: str, second: str) -> pd.Series:
    """The higher of two pain scales; known from one alone only if that is already the worst possible."""
    pair = pd.concat([number(frame, first), number(frame, second)], axis=1)
    highest = pair.max(axis=1)
    return highest.where(pair.notna().all(axis=1) | (highest == 10))


def _pain(frame: pd.DataFrame, levels: tuple[str, str], scales: tuple[str, str]) -> pd.Series:
    """From the pain type; where it is not known, from the two scales of MTRON."""
    told = flag(frame, "pain_type", levels)
    return told.fillna(at_least(_worse_of(frame, *scales), 1))


GENERAL: Final[tuple[Derived, ...]] = (
    derived(
        "ecog_3_4",
        "ECOG 3 or 4",
        ["ecog"],
        lambda frame: flag(frame, "ecog", ("3", "4")),
        source="Katagiri 2014",
    ),
    derived(
        "pni",
        "Prognostic nutritional index",
        ["albumin", "lymphocytes_abs"],
        _pni,
        kind="number",
        unit="points",
        source="10 · albumin (g/dL) + 0.005 · lymphocytes (/µL)",
    ),
    derived(
        "pni_low",
        "Prognostic nutritional index below 40",
        ["albumin", "lymphocytes_abs"],
        lambda frame: below(_pni(frame), 40),
        source="cut 40: JASA 2025",
    ),
    derived(
        "nlr",
        "Neutrophils to lymphocytes",
        ["neutrophils_abs", "lymphocytes_abs"],
        lambda frame: ratio(number(frame, "neutrophils_abs"), number(frame, "lymphocytes_abs")),
        kind="number",
        unit="1",
    ),
    derived(
        "plr",
        "Platelets to lymphocytes",
        ["platelets", "lymphocytes_abs"],
        lambda frame: ratio(number(frame, "platelets"), number(frame, "lymphocytes_abs")),
        kind="number",
        unit="1",
    ),
    derived(
        "car",
        "C-reactive protein to albumin",
        ["crp", "albumin"],
        lambda frame: ratio(number(frame, "crp"), number(frame, "albumin")),
        kind="number",
        unit="mg/g",
        source="CRP (mg/dL) / albumin (g/dL)",
    ),
    derived(
        "katagiri_lab_tier",
        "Katagiri laboratory tier",
        _LABORATORY.inputs,
        _LABORATORY.level,
        kind="ordinal",
        levels=("normal", "abnormal", "critical"),
        source="Katagiri 2014: critical overrides; the two tiers share no analyte",
    ),
    derived(
        "nrs_axial",
        "Axial pain: the worse of neck and back (NRS)",
        ["nrs_neck", "nrs_back"],
        lambda frame: _worse_of(frame, "nrs_neck", "nrs_back"),
        kind="integer",
        unit="points",
        source="MTRON",
    ),
    derived(
        "nrs_radicular",
        "Radicular pain: the worse of arm and leg (NRS)",
        ["nrs_arm", "nrs_leg"],
        lambda frame: _worse_of(frame, "nrs_arm", "nrs_leg"),
        kind="integer",
        unit="points",
        source="MTRON",
    ),
    derived(
        "pain_axial",
        "Axial pain",
        ["pain_type", "nrs_neck", "nrs_back"],
        lambda frame: _pain(frame, ("axial", "both"), ("nrs_neck", "nrs_back")),
        source="EPOSO: pain type; MTRON: neck or back above 0 where the type is not known",
    ),
    derived(
        "pain_radicular",
        "Radicular pain",
        ["pain_type", "nrs_arm", "nrs_leg"],
        lambda frame: _pain(frame, ("radicular", "both"), ("nrs_arm", "nrs_leg")),
        source="EPOSO: pain type; MTRON: arm or leg above 0 where the type is not known",
    ),
    *(
        derived(
            f"sosgoq_{domain}",
            f"SOSGOQ2.0 {title}",
            _items(domain),
            partial(_domain, domain=domain),
            kind="number",
            unit="points",
            source=_SOSGOQ,
        )
        for domain, title in (
            ("pf", "physical function"),
            ("pain", "pain"),
            ("mh", "mental health"),
            ("sf", "social function"),
        )
    ),
    derived(
        "sosgoq_total",
        "SOSGOQ2.0 total",
        [item for domain in _DOMAINS for item in _items(domain)],
        _total,
        kind="number",
        unit="points",
        source=_SOSGOQ,
    ),
)
