"""Tables `patient` and `baseline` of the synthetic registry: what was known before treatment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from features.registries.synthetic_cells import Dates, Texts, text
from features.registries.synthetic_patients import expit


def patient_table(rng: Generator, patients: pd.DataFrame, ids: Texts, zero: Dates) -> pd.DataFrame:
    """One row per patient: who, where, when."""
    n, age = len(patients), patients["age"].to_numpy()
    enrolled = zero - rng.integers(0, 15, n).astype("timedelta64[D]")
    born = zero.astype("datetime64[Y]").astype(int) + 1970 - np.ceil(age).astype(int)
    countries = np.array(["CA", "US", "HU", "CA", "US", "US", "CA", "US", "NL", "DE"])
    site = patients["site"].to_numpy()
    return pd.DataFrame(
        {
            "patient_id": ids,
            "site_id": [f"S{number:02d}" for number in site],
            "country": countries[(site - 1) % len(countries)],
            "registry_source": np.where(patients["eposo"], "EPOSO", "MTRON"),
            "enrol_date": text(enrolled),
            "treatment_start_date": text(zero),
            "birth_year": text(born),
            "age_at_treatment": text(age, decimals=1),
            "sex": np.where(patients["male"], "male", "female"),
            "consent_status": np.full(n, "active", dtype=object),
        }
    )


def baseline_table(rng: Generator, patients: pd.DataFrame, ids: Texts) -> pd.DataFrame:
    """Function, nutrition, pain and what the patients report, before treatment."""
    n, frailty = len(patients), patients["frailty"].to_numpy()
    eposo, ecog = patients["eposo"].to_numpy(), patients["ecog"].to_numpy()

    def lost(share: float) -> NDArray[np.bool_]:
        return rng.random(n) < share

    other = rng.random(n) < 0.27
    steroid = rng.random(n) < 0.45
    no_form = lost(0.12)
    # A poorly fed patient is weighed and scored less often: nutrition is not missing at random.
    no_pgsga = eposo | (rng.random(n) < expit(0.3 * frailty))
    table = {
        "patient_id": ids,
        "bmi": text(np.clip(rng.normal(26.3 - 0.7 * frailty, 4.6), 14, 50), decimals=1, missing=lost(0.08)),
        "weight_loss_6mo_pct": text(np.clip(rng.normal(5 + 2.5 * frailty, 5), -8, 35), decimals=1, missing=lost(0.40)),
        "smoking": text(rng.choice(["never", "former", "current"], n, p=[0.46, 0.36, 0.18]), missing=lost(0.15)),
        "charlson_index": text(6 + other * (1 + rng.poisson(0.5, n)), missing=lost(0.03)),
        "comorbidity_other": text(other, missing=lost(0.03)),
        "ecog": text(ecog, missing=lost(0.04)),
        "kps": text(np.clip(90 - 20 * ecog + 10 * (rng.random(n) < 0.4), 10, 100), missing=lost(0.60)),
        "asa_class": text(
            np.clip(2 + np.rint(0.5 * frailty + rng.normal(0.4, 0.5, n)), 1, 5),
            missing=lost(0.10) | ~patients["surgery"],
        ),
        "pgsga_category": text(np.array(["A", "B", "C"])[patients["pgsga"]], missing=no_pgsga),
        "opioid_use": text(rng.random(n) < expit(0.5 + 0.4 * frailty), missing=lost(0.10)),
        "corticosteroid_use": text(steroid, missing=lost(0.15)),
        "dexamethasone_mg_day": text(np.where(steroid, rng.choice([4, 8, 12, 16], n), 0), missing=lost(0.15)),
    }
    table |= _pain(rng, patients, no_form)
    table |= _reported(rng, patients, no_form)
    table["expected_pain"] = text(np.clip(np.rint(rng.normal(3.6, 1, n)), 1, 5), missing=lost(0.35))
    table["expected_function"] = text(np.clip(np.rint(rng.normal(3.4, 1, n)), 1, 5), missing=lost(0.35))
    return pd.DataFrame(table)


def _pain(rng: Generator, patients: pd.DataFrame, no_form: NDArray[np.bool_]) -> dict[str, Texts]:
    """EPOSO asks for one pain, MTRON for four."""
    n, eposo = len(patients), patients["eposo"].to_numpy()
    kind = rng.choice(4, n, p=[0.05, 0.52, 0.13, 0.30])
    mean = np.array([1.5, 5.8, 6.7, 6.7])[kind]

    def score(mean: Any) -> NDArray[np.float64]:
        return np.asarray(np.clip(np.rint(rng.normal(mean, 2.5, n)), 0, 10))

    cervical = patients["level"].to_numpy() < 7
    four = {
        "nrs_neck": np.where(cervical, mean, 1.5),
        "nrs_arm": np.where(cervical & (kind >= 2), mean, 1.0),
        "nrs_back": np.where(cervical, 2.0, mean),
        "nrs_leg": np.where(~cervical & (kind >= 2), mean, 1.0),
    }
    unseen = eposo | no_form & (rng.random(n) < 0.5)
    cells = {"nrs_pain_worst": text(score(mean), missing=rng.random(n) < 0.08)}
    cells |= {name: text(score(level), missing=unseen) for name, level in four.items()}
    cells["pain_type"] = text(np.array(["none", "axial", "radicular", "both"])[kind], missing=rng.random(n) < 0.10)
    cells["pain_mechanical"] = text(patients["sins_pain"].to_numpy() == 3, missing=rng.random(n) < 0.05)
    return cells


def baseline_quality(rng: Generator, patients: pd.DataFrame) -> NDArray[np.float64]:
    """SOSGOQ total, 0–100, before treatment; operated patients start lower."""
    mean = 54 - 8 * patients["frailty"].to_numpy() - 5 * patients["surgery"].to_numpy(float)
    return np.asarray(np.clip(rng.normal(mean, 15), 0, 100))


def _reported(rng: Generator, patients: pd.DataFrame, no_form: NDArray[np.bool_]) -> dict[str, Texts]:
    n, eposo = len(patients), patients["eposo"].to_numpy()
    quality = baseline_quality(rng, patients)
    cells: dict[str, Texts] = {}
    for item in range(1, 21):
        # The two social items hang together poorly, as published (alpha 0.04).
        spread = 1.6 if item >= 18 else 0.8
        answer = np.clip(np.rint(5 - quality / 25 + rng.normal(0, spread, n)), 1, 5)
        cells[f"sosgoq_q{item:02d}"] = text(answer, missing=no_form | (rng.random(n) < 0.02))
    no_eq5d = rng.random(n) < 0.10
    problems = np.zeros(n)
    for dimension in ("mo", "sc", "ua", "pd", "ad"):
        level = np.clip(np.rint(3.1 - quality / 38 + rng.normal(0, 0.5, n)), 1, 3)
        problems += level - 1
        cells[f"eq5d_{dimension}"] = text(level, missing=no_eq5d)
    cells["eq5d_index"] = text(np.clip(1 - 0.1329 * problems, -0.329, 1), decimals=3, missing=no_eq5d)
    cells["eq5d_vas"] = text(np.clip(rng.normal(quality + 2, 14), 0, 100), missing=no_eq5d)
    no_sf36 = ~eposo | (rng.random(n) < 0.14)
    cells["sf36_pcs"] = text(np.clip(rng.normal(20 + 0.25 * quality, 7), 5, 75), decimals=1, missing=no_sf36)
    cells["sf36_mcs"] = text(np.clip(rng.normal(30 + 0.25 * quality, 9), 5, 75), decimals=1, missing=no_sf36)
    return cells
