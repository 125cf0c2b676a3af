"""Tables `neuro`, `tumour` and `imaging` of the synthetic registry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from features.registries.synthetic_cells import Dates, Texts, text
from features.registries.synthetic_patients import AIS, ESCC, LEVELS, PRIMARIES, expit


def neuro_table(rng: Generator, patients: pd.DataFrame, course: pd.DataFrame, ids: Texts, zero: Dates) -> pd.DataFrame:
    """The deficit: its grade, since when, and the strength that tells who will recover."""
    n, ais = len(patients), patients["ais"].to_numpy()
    deficit, walks = ais < 4, patients["ambulatory"].to_numpy(bool)
    # Who can recover starts stronger (§6.3: weak hip flexors or knee extensors, odds ratio of failing 5 to 13).
    hope = np.where(np.isfinite(course["recovery_days"]), 0.7, -0.7) * deficit
    strength = np.array([0.4, 0.8, 2.0, 3.6, 4.9])[ais] + 0.6 * hope + rng.normal(0, 0.6, n) * deficit
    hip = np.clip(np.rint(strength), 0, 5)
    knee = np.clip(np.rint(strength + rng.normal(0.1, 0.4, n)), 0, 5)
    measured = np.rint(50 * np.clip(strength, 0, 5) / 5) - rng.integers(0, 3, n)
    # AIS E means that sensation and motor function are normal: full marks, or the two would contradict each other.
    hip, knee = np.where(deficit, hip, 5.0), np.where(deficit, knee, 5.0)
    lems = np.where(deficit, np.clip(measured, 0, 50), 50.0)
    days = patients["deficit_days"].to_numpy()
    off_feet = np.floor(np.minimum(days, 80) * rng.random(n))
    myotomal = rng.random(n) < np.where(deficit, 0.45, 0.10)

    def lost(share: float) -> NDArray[np.bool_]:
        return rng.random(n) < share

    walking = np.where(
        walks, np.where(rng.random(n) < np.where(deficit, 0.55, 0.2), "with_aid", "independent"), "non_ambulatory"
    )
    no_myotomal = lost(0.20)
    return pd.DataFrame(
        {
            "patient_id": ids,
            "ais_grade": text(AIS[ais], missing=lost(0.04)),
            "asia_motor_score": text(50 + lems - 8 * (deficit & (patients["level"] < 8)), missing=lost(0.30)),
            "lems": text(lems, missing=lost(0.30)),
            "hip_flexor_grade": text(hip, missing=lost(0.35)),
            "knee_ext_grade": text(knee, missing=lost(0.35)),
            "sensory_deficit": text(rng.random(n) < np.where(deficit, 0.7, 0.12), missing=lost(0.10)),
            "ambulatory_status": text(walking, missing=lost(0.06)),
            "bladder_dysfunction": text(patients["bladder"], missing=lost(0.12)),
            "bowel_dysfunction": text(patients["bowel"], missing=lost(0.12)),
            "deficit_onset_date": text(zero - days.astype("timedelta64[D]"), missing=~deficit | lost(0.25)),
            "deficit_development_days": text(
                rng.choice(["1-7", "8-14", ">14"], n, p=[0.45, 0.25, 0.30]), missing=~deficit | lost(0.35)
            ),
            "ambulation_loss_date": text(zero - off_feet.astype("timedelta64[D]"), missing=walks | lost(0.30)),
            "myotomal_weakness": text(myotomal, missing=no_myotomal),
            "root_level": text(_root(rng, patients), missing=~myotomal | no_myotomal),
        }
    )


def _root(rng: Generator, patients: pd.DataFrame) -> Texts:
    roots = ["C5", "C6", "C7", "C8", "T1", "L2", "L3", "L4", "L5", "S1"]
    return rng.choice(np.array(roots, dtype=object), len(patients))


def tumour_table(rng: Generator, patients: pd.DataFrame, ids: Texts, zero: Dates) -> pd.DataFrame:
    """The cancer: where it began, how it grows, how far it has spread."""
    n, group = len(patients), patients["group"].to_numpy()
    site = np.full(n, "", dtype=object)
    for index, primary in enumerate(PRIMARIES):
        of = group == index
        site[of] = rng.choice(list(primary.sites), int(of.sum()), p=list(primary.sites.values()))
    hormonal, breast = np.isin(site, ["breast", "prostate"]), site == "breast"
    target = np.where(group == 2, rng.choice(["EGFR", "ALK", "other_targetable"], n, p=[0.6, 0.2, 0.2]), "none")
    poly, visceral = patients["poly"].to_numpy(bool), patients["visceral"].to_numpy(bool)
    total = np.where(poly, 6 + rng.geometric(0.25, n) - 1, rng.integers(1, 6, n))
    spinal = np.clip(np.rint(total * rng.uniform(0.35, 1.0, n)), 1, 24)
    bones = np.minimum(np.floor((total - spinal) * rng.uniform(0.5, 1.0, n)), 3)
    months = np.where(rng.random(n) < 0.28, 0.0, np.exp(rng.normal(3.1, 1.1, n)))
    since = np.rint(np.clip(months, 0, 395) * 30.4375).astype("timedelta64[D]")

    def lost(share: float) -> NDArray[np.bool_]:
        return rng.random(n) < share

    no_receptors = lost(0.25) | ~breast
    return pd.DataFrame(
        {
            "patient_id": ids,
            "primary_site": site,
            "hormone_dependence": text(
                np.where(rng.random(n) < 0.7, "dependent", "independent"), missing=lost(0.15) | ~hormonal
            ),
            "molecular_target": text(target, missing=lost(0.30) | (site != "lung_nsclc")),
            "er": text(rng.random(n) < 0.72, missing=no_receptors),
            "pr": text(rng.random(n) < 0.6, missing=no_receptors),
            "her2": text(rng.random(n) < 0.18, missing=no_receptors),
            "primary_dx_date": text(zero - since, missing=lost(0.08)),
            "visceral_mets": text(
                np.where(visceral, np.where(rng.random(n) < 0.7, "nodular", "disseminated"), "none"), missing=lost(0.05)
            ),
            "visceral_removable": text(rng.random(n) < 0.12, missing=lost(0.50) | ~visceral),
            "brain_mets": text(patients["brain"], missing=lost(0.08)),
            "lung_or_liver_mets": text(visceral & (rng.random(n) < 0.85), missing=lost(0.08)),
            "n_extraspinal_bone": text(np.array(["0", "1-2", "1-2", ">=3"])[bones.astype(int)], missing=lost(0.12)),
            "n_spinal_mets": text(spinal, missing=lost(0.06)),
            "n_mets_total": text(np.minimum(total, 60), missing=lost(0.10)),
            "primary_controlled": text(rng.choice(["controlled", "active"], n, p=[0.55, 0.45]), missing=lost(0.20)),
            "prior_systemic_therapy": text(patients["prior_systemic"], missing=lost(0.08)),
            "prior_chemotherapy": text(patients["prior_systemic"] & (rng.random(n) < 0.75), missing=lost(0.08)),
            "systemic_options_remaining": text(
                rng.random(n) < expit(0.9 - 0.4 * patients["frailty"]), missing=lost(0.45)
            ),
            "prior_spine_rt": text(patients["prior_rt"], missing=lost(0.05)),
            "prior_spine_surgery": text(rng.random(n) < 0.08, missing=lost(0.05)),
        }
    )


def imaging_table(rng: Generator, patients: pd.DataFrame, ids: Texts, zero: Dates) -> pd.DataFrame:
    """One row per involved level that was read; the index level carries stability and compression."""
    n, level = len(patients), patients["level"].to_numpy()
    involved = np.minimum(1 + rng.poisson(1.6, n), 10)
    cauda = level >= 20  # below the conus: no cord to compress
    grade = np.where(cauda & (rng.random(n) < 0.5), "not_applicable", ESCC[patients["escc"]])
    table = {"patient_id": ids, "level": LEVELS[level], "is_index": np.full(n, "1", dtype=object)}
    unread = np.zeros(n, dtype=bool)
    parts: Sequence[str] = ("location", "pain", "lesion", "alignment", "collapse", "posterolateral")
    for part, share in zip(parts, (0.06, 0.08, 0.07, 0.08, 0.10, 0.10), strict=True):
        missing = rng.random(n) < share
        unread |= missing
        table[f"sins_{part}"] = text(patients[f"sins_{part}"], missing=missing)
    table["sins_total"] = text(patients["sins_total"], missing=unread)
    table["escc_grade"] = text(grade, missing=rng.random(n) < 0.10)
    table["n_levels_involved"] = text(involved, missing=rng.random(n) < 0.05)
    table["pathologic_fracture"] = text(patients["sins_collapse"].to_numpy() >= 2, missing=rng.random(n) < 0.06)
    mri = zero - rng.integers(0, 10, n).astype("timedelta64[D]")
    table["mri_date"] = text(mri, missing=rng.random(n) < 0.05)
    table["reader_id"] = [f"R{number:02d}" for number in 2 * patients["site"] + rng.integers(0, 2, n)]
    index = pd.DataFrame(table)
    beside = index[(involved >= 2) & (level + 1 < len(LEVELS))].copy()
    beside["level"] = LEVELS[level[beside.index] + 1]
    beside["is_index"] = "0"
    read = [name for name in table if name.startswith("sins_")]
    beside[[*read, "escc_grade", "n_levels_involved"]] = ""
    return pd.concat([index, beside], ignore_index=True).sort_values(
        ["patient_id", "is_index"], ascending=[True, False], ignore_index=True
    )
