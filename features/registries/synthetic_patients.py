"""Who comes into the synthetic registry: the covariates of generator G1, drawn patient by patient.

Shares, cuts and signs are those of the clinical reference (§7.3 for what the hazard reads, §1.4 and §7.4 for the rest).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Primary(NamedTuple):
    """One primary group of G1: its share, its level of survival, and the registry's sites with their shares of it."""

    name: str
    share: float
    months: float
    sites: dict[str, float]


PRIMARIES: Final = (
    Primary("breast", 0.20, 21.0, {"breast": 1.0}),
    Primary("lung_without_target", 0.15, 5.5, {"lung_nsclc": 0.85, "lung_sclc": 0.15}),
    Primary("lung_with_target", 0.06, 14.0, {"lung_nsclc": 1.0}),
    Primary("kidney", 0.15, 14.0, {"kidney": 1.0}),
    Primary("prostate", 0.10, 12.0, {"prostate": 1.0}),
    Primary("melanoma", 0.05, 5.5, {"melanoma": 1.0}),
    Primary("colorectal", 0.06, 5.5, {"colorectal": 1.0}),
    Primary("thyroid", 0.03, 24.0, {"thyroid": 1.0}),
    Primary("haematological", 0.05, 30.0, {"myeloma": 0.6, "lymphoma": 0.4}),
    Primary("sarcoma", 0.04, 7.0, {"sarcoma": 1.0}),
    Primary("upper_gi", 0.04, 4.0, {"liver_hpb": 0.35, "stomach": 0.2, "esophagus": 0.2, "pancreas": 0.25}),
    Primary("unknown", 0.03, 4.0, {"unknown": 1.0}),
    Primary(
        "other",
        0.04,
        7.0,
        {"bladder_urothelial": 0.3, "uterus_cervix_ovary": 0.25, "head_neck": 0.2, "carcinoid_net": 0.1, "other": 0.15},
    ),
)
AIS: Final = np.array(["A", "B", "C", "D", "E"])
ESCC: Final = np.array(["0", "1a", "1b", "1c", "2", "3"])
LEVELS: Final = np.array(
    [f"C{i}" for i in range(1, 8)]
    + [f"T{i}" for i in range(1, 13)]
    + [f"L{i}" for i in range(1, 6)]
    + [f"S{i}" for i in range(1, 6)]
)
_JUNCTIONAL = {"C1", "C2", "C7", "T1", "T2", "T11", "T12", "L1", "L5", "S1"}
_MOBILE = {"C3", "C4", "C5", "C6", "L2", "L3", "L4"}
_LOCATION_POINTS = np.array(
    [3 if v in _JUNCTIONAL else 2 if v in _MOBILE else 1 if v.startswith("T") else 0 for v in LEVELS], dtype=float
)


def draw_patients(rng: Generator, n: int, sites: int, *, eposo_share: float) -> pd.DataFrame:
    """(n rows) what is true of each patient at time zero, treatment aside: complete, numeric, before any of it is lost.

    `ais` is 0 (A) to 4 (E), `pgsga` 0 (A) to 2 (C), `escc` an index into `ESCC`, `level` into `LEVELS`, `group` into
    `PRIMARIES`; flags are booleans.
    """
    patients = pd.DataFrame({"frailty": rng.normal(size=n)})
    patients["site"] = rng.integers(1, sites + 1, n)
    patients["eposo"] = rng.random(n) < eposo_share
    _draw_prognosis(rng, patients)
    _draw_neurology(rng, patients)
    _draw_spine(rng, patients)
    return patients


def _draw_prognosis(rng: Generator, patients: pd.DataFrame) -> None:
    """All that the hazard of death reads."""
    n, frailty = len(patients), patients["frailty"].to_numpy()
    patients["age"] = np.clip(rng.normal(58, 11, n), 18, 75)
    male = rng.random(n) < 0.48
    ecog = np.searchsorted([-1.1, 0.25, 0.95, 1.75], frailty + rng.normal(0, 0.6, n))
    visceral = rng.random(n) < 0.38
    albumin = 3.8 - 0.28 * frailty + rng.normal(0, 0.42, n)
    patients["male"], patients["ecog"], patients["visceral"] = male, ecog, visceral
    patients["brain"] = rng.random(n) < 0.10
    patients["poly"] = rng.random(n) < expit(-0.55 + 0.9 * visceral)
    patients["albumin"] = albumin
    patients["hemoglobin"] = 12.2 - 0.45 * frailty + 0.6 * male + rng.normal(0, 1.6, n)
    patients["pgsga"] = np.searchsorted([0.45, 1.62], frailty + rng.normal(0, 0.9, n) - 0.6 * (albumin - 3.8))
    patients["ldh_high"] = rng.random(n) < expit(-0.9 + 0.5 * visceral + 0.4 * frailty)
    patients["crp_high"] = rng.random(n) < expit(0.3 + 0.5 * frailty)
    patients["prior_systemic"] = rng.random(n) < 0.55
    patients["group"] = rng.choice(len(PRIMARIES), n, p=[primary.share for primary in PRIMARIES])


def _draw_neurology(rng: Generator, patients: pd.DataFrame) -> None:
    n = len(patients)
    ais = rng.choice(5, n, p=[0.01, 0.015, 0.045, 0.287, 0.643])
    patients["ais"] = ais
    patients["ambulatory"] = rng.random(n) < np.array([0.08, 0.08, 0.08, 0.72, 0.95])[ais]
    # In whole days from the start: the registry's dates must carry the very duration that recovery depends on.
    patients["deficit_days"] = np.clip(np.floor(rng.lognormal(np.log(7), 1.1, n)), 0, 365)
    sphincter = np.array([0.75, 0.65, 0.50, 0.16, 0.04])[ais]
    patients["bladder"] = rng.random(n) < sphincter
    patients["bowel"] = patients["bladder"] & (rng.random(n) < 0.7) | (rng.random(n) < 0.25 * sphincter)
    patients["prior_rt"] = rng.random(n) < 0.22


def _draw_spine(rng: Generator, patients: pd.DataFrame) -> None:
    """Index level, its stability (SINS), and compression of the cord, which does not follow the deficit's grade."""
    n = len(patients)
    region = rng.choice(4, n, p=[0.14, 0.52, 0.29, 0.05])
    patients["level"] = np.array([0, 7, 19, 24])[region] + (rng.random(n) * np.array([7, 12, 5, 5])[region]).astype(int)
    patients["sins_location"] = _LOCATION_POINTS[patients["level"]]
    # One instability behind all parts, so that the total spreads as published (about 19 % stable, 17 % unstable).
    instability = rng.normal(size=n)

    def part(points: list[int], cuts: list[float]) -> NDArray[np.int64]:
        return np.array(points)[np.searchsorted(cuts, 0.55 * instability + 0.84 * rng.normal(size=n))]

    patients["sins_pain"] = part([0, 1, 3], [-1.05, -0.05])
    patients["sins_lesion"] = part([0, 1, 2], [-1.2, -0.45])
    patients["sins_alignment"] = part([0, 2, 4], [0.55, 1.5])
    patients["sins_collapse"] = part([0, 1, 2, 3], [-0.85, 0.05, 0.95])
    patients["sins_posterolateral"] = part([0, 1, 3], [-0.6, 0.15])
    parts = ["location", "pain", "lesion", "alignment", "collapse", "posterolateral"]
    patients["sins_total"] = patients[[f"sins_{part}" for part in parts]].sum(axis=1)
    patients["escc"] = rng.choice(6, n, p=[0.22, 0.08, 0.12, 0.14, 0.24, 0.20])


def expit(x: Any) -> Floats:
    """The logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(x, dtype=float))))
