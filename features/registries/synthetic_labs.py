"""Table `labs` of the synthetic registry: long form, units as each site reports them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from features.registries.synthetic_cells import Dates, Texts, text

_UNITS: Final = {
    "albumin": "g/dL",
    "hemoglobin": "g/dL",
    "wbc": "10^9/L",
    "neutrophils_abs": "10^9/L",
    "lymphocytes_abs": "10^9/L",
    "platelets": "10^9/L",
    "creatinine": "mg/dL",
    "inr": "",
    "alk_phosphatase": "U/L",
    "calcium": "mg/dL",
    "bilirubin_total": "mg/dL",
    "crp": "mg/dL",
    "ldh": "U/L",
}
# Analytes in the units of the contract, and the other accepted unit in which one site reports: (site, unit, factor).
_OTHER_UNITS: Final = {
    "albumin": (3, "g/L", 10.0, 0),
    "crp": (5, "mg/L", 10.0, 1),
    "hemoglobin": (7, "mmol/L", 0.6206, 2),
    "creatinine": (8, "umol/L", 88.42, 0),
    "calcium": (9, "mmol/L", 1 / 4.008, 2),
    "bilirubin_total": (4, "umol/L", 17.1, 1),
}


def labs_table(rng: Generator, patients: pd.DataFrame, ids: Texts, zero: Dates) -> pd.DataFrame:
    """Long form: one row per sample. Some patients have an older sample too, some one from after time zero."""
    parts: list[pd.DataFrame] = []
    for analyte, values in _analytes(rng, patients).items():
        value, decimals, missing = values
        seen = rng.random(len(patients)) >= missing
        day = -rng.integers(0, 11, len(patients))
        parts.append(_samples(patients, ids, zero, analyte, value, decimals, seen, day))
        older = seen & (rng.random(len(patients)) < 0.06)
        earlier = np.clip(value * rng.normal(1, 0.05, len(patients)), value.min(), value.max())
        parts.append(_samples(patients, ids, zero, analyte, earlier, decimals, older, day - rng.integers(1, 4)))
        after = rng.random(len(patients)) < 0.03
        later = np.clip(value * rng.normal(0.9, 0.08, len(patients)), value.min(), value.max())
        parts.append(_samples(patients, ids, zero, analyte, later, decimals, after, rng.integers(1, 8, len(patients))))
    return pd.concat(parts, ignore_index=True).sort_values(["patient_id", "analyte", "sample_date"], ignore_index=True)


def _analytes(rng: Generator, patients: pd.DataFrame) -> dict[str, tuple[NDArray[np.float64], int, float]]:
    """Value, decimals, and the share missing (§3.4). High CRP and LDH are those at or above Katagiri's cuts."""
    n, frailty = len(patients), patients["frailty"].to_numpy()
    lymphocytes = np.exp(rng.normal(0.15 - 0.15 * frailty, 0.45))
    neutrophils = np.exp(rng.normal(1.65 + 0.12 * frailty, 0.4))
    crp = np.where(patients["crp_high"], 0.4 + np.exp(rng.normal(0.6, 1.0, n)), rng.uniform(0.02, 0.39, n))
    ldh = np.where(patients["ldh_high"], 250 + np.exp(rng.normal(4.6, 0.8, n)), rng.uniform(110, 249, n))
    return {
        "albumin": (np.clip(patients["albumin"].to_numpy(), 1.1, 5.9), 2, 0.25),
        "hemoglobin": (np.clip(patients["hemoglobin"].to_numpy(), 5, 19), 1, 0.06),
        "wbc": (np.clip(lymphocytes + neutrophils + rng.uniform(0.2, 0.9, n), 0.5, 60), 1, 0.06),
        "neutrophils_abs": (np.clip(neutrophils, 0.2, 50), 2, 0.12),
        "lymphocytes_abs": (np.clip(lymphocytes, 0.05, 10), 2, 0.12),
        "platelets": (np.clip(np.exp(rng.normal(5.5, 0.38, n)), 15, 1200), 0, 0.06),
        "creatinine": (np.clip(np.exp(rng.normal(-0.15, 0.3, n)), 0.25, 10), 2, 0.06),
        "inr": (np.clip(np.exp(rng.normal(0.08, 0.1, n)), 0.8, 6), 2, 0.25),
        "alk_phosphatase": (np.clip(np.exp(rng.normal(4.7, 0.5, n)), 20, 2500), 0, 0.30),
        "calcium": (np.clip(rng.normal(9.3, 0.6, n), 6, 15), 1, 0.15),
        "bilirubin_total": (np.clip(np.exp(rng.normal(-0.6, 0.5, n)), 0.1, 30), 2, 0.30),
        "crp": (np.clip(crp, 0.02, 50), 2, 0.40),
        "ldh": (np.clip(ldh, 60, 4500), 0, 0.45),
    }


def _samples(
    patients: pd.DataFrame,
    ids: Texts,
    zero: Dates,
    analyte: str,
    value: NDArray[np.float64],
    decimals: int,
    taken: NDArray[np.bool_],
    day: NDArray[np.int64],
) -> pd.DataFrame:
    cells = text(value, decimals=decimals)
    units = np.full(len(patients), _UNITS[analyte], dtype=object)
    if analyte in _OTHER_UNITS:
        site, unit, factor, places = _OTHER_UNITS[analyte]
        there = patients["site"].to_numpy() == site
        # More places than the site would print: rounding to its own would move a value across a cut.
        cells[there] = text(np.round(value[there], decimals) * factor, decimals=places + 2)
        units[there] = unit
    dates = zero + day.astype("timedelta64[D]")
    table = {"patient_id": ids, "analyte": analyte, "value": cells, "unit": units, "sample_date": text(dates)}
    return pd.DataFrame(table)[taken]
