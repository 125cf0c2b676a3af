"""Dirty-data injectors: each spoils an extract the way registries are really spoilt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

Tables = dict[str, pd.DataFrame]
_SHARE: Final = 0.03


def inject(tables: Mapping[str, pd.DataFrame], fault: str, seed: int) -> Tables:
    """A copy of the tables with one fault of `FAULTS` in it; the originals stay as they are."""
    if fault not in FAULTS:
        raise KeyError(f'unknown fault "{fault}". Known: {", ".join(FAULTS)}.')
    copies = {name: table.copy() for name, table in tables.items()}
    FAULTS[fault](copies, np.random.default_rng(seed))
    return copies


def _some(rng: Generator, candidates: NDArray[np.bool_]) -> NDArray[np.intp]:
    """A few rows, at least one, of those where the fault is possible."""
    rows = np.flatnonzero(candidates)
    if len(rows) == 0:
        raise ValueError("these tables have no row in which this fault is possible. try: more patients.")
    return rng.choice(rows, max(1, round(_SHARE * len(rows))), replace=False)


def _scaled(tables: Tables, rng: Generator, analyte: str, unit: str, factor: float) -> None:
    labs = tables["labs"]
    rows = _some(rng, ((labs["analyte"] == analyte) & (labs["unit"] == unit)).to_numpy(bool))
    values = pd.to_numeric(labs["value"].iloc[rows]).to_numpy() * factor
    _set(labs, rows, "value", [f"{value:.1f}" for value in values])


def _albumin(tables: Tables, rng: Generator) -> None:
    _scaled(tables, rng, "albumin", "g/dL", 10.0)


def _crp(tables: Tables, rng: Generator) -> None:
    """mg/L under the label mg/dL: many stay plausible, and only their company tells."""
    _scaled(tables, rng, "crp", "mg/dL", 10.0)


def _starts(tables: Tables) -> pd.Series:
    """Time zero by patient."""
    patient = tables["patient"].drop_duplicates("patient_id")
    return patient.set_index("patient_id")["treatment_start_date"]


def _set(table: pd.DataFrame, rows: NDArray[np.intp], column: str, cells: str | list[str]) -> None:
    table.iloc[rows, list(table.columns).index(column)] = cells


def _bilsky(tables: Tables, rng: Generator) -> None:
    imaging = tables["imaging"]
    rows = np.flatnonzero(imaging["escc_grade"].isin(["1a", "1b", "1c"]))
    _set(imaging, rows, "escc_grade", "1")


def _swapped(tables: Tables, rng: Generator) -> None:
    patient = tables["patient"]
    differ = (patient["enrol_date"] != patient["treatment_start_date"]).to_numpy(bool)
    rows = _some(rng, differ)
    first, second = (patient[name].iloc[rows].tolist() for name in ("enrol_date", "treatment_start_date"))
    _set(patient, rows, "enrol_date", second)
    _set(patient, rows, "treatment_start_date", first)


def _visit_after_death(tables: Tables, rng: Generator) -> None:
    death = tables["outcome"].set_index("patient_id")["death_date"]
    visits = tables["follow_up"]
    died = visits["patient_id"].map(death).fillna("").to_numpy(dtype=object)
    rows = _some(rng, died != "")
    later = pd.to_datetime(pd.Series(died[rows])) + pd.Timedelta(days=20)
    _set(visits, rows, "visit_date", later.dt.strftime("%Y-%m-%d").tolist())


def _sins(tables: Tables, rng: Generator) -> None:
    imaging = tables["imaging"]
    rows = _some(rng, (imaging["sins_total"] != "").to_numpy(bool))
    total = pd.to_numeric(imaging["sins_total"].iloc[rows]).to_numpy(dtype=int)
    _set(imaging, rows, "sins_total", [str(value + 2 if value < 16 else value - 2) for value in total])


def _ecog(tables: Tables, rng: Generator) -> None:
    baseline = tables["baseline"]
    rows = _some(rng, (baseline["ecog"] != "").to_numpy(bool))
    _set(baseline, rows, "ecog", [str(90 - 20 * int(grade)) for grade in baseline["ecog"].iloc[rows]])


def _duplicate(tables: Tables, rng: Generator) -> None:
    patient = tables["patient"]
    rows = _some(rng, np.ones(len(patient), dtype=bool))
    tables["patient"] = pd.concat([patient, patient.iloc[rows]], ignore_index=True)


def _enrolled_twice(tables: Tables, rng: Generator) -> None:
    """The same person in EPOSO and in MTRON under two pseudonyms: every table repeats the patient."""
    eposo = (tables["patient"]["registry_source"] == "EPOSO").to_numpy(bool)
    twins = set(tables["patient"]["patient_id"].iloc[_some(rng, eposo)])
    for name, table in tables.items():
        again = table[table["patient_id"].isin(twins)].copy()
        again["patient_id"] = "X" + again["patient_id"].str[1:]
        if name == "patient":
            again["registry_source"] = "MTRON"
        tables[name] = pd.concat([table, again], ignore_index=True)


def _death_first(tables: Tables, rng: Generator) -> None:
    outcome = tables["outcome"]
    zero = outcome["patient_id"].map(_starts(tables))
    rows = _some(rng, (outcome["death_date"] != "").to_numpy(bool))
    early = pd.to_datetime(zero.iloc[rows]) - pd.Timedelta(days=9)
    _set(outcome, rows, "death_date", early.dt.strftime("%Y-%m-%d").tolist())


def _unknown_level(tables: Tables, rng: Generator) -> None:
    tumour = tables["tumour"]
    _set(tumour, _some(rng, np.ones(len(tumour), dtype=bool)), "primary_site", "mamma")


def _late_labs(tables: Tables, rng: Generator) -> None:
    labs = tables["labs"]
    zero = labs["patient_id"].map(_starts(tables))
    rows = np.flatnonzero((labs["analyte"] == "albumin").to_numpy(bool))
    # A second sample of the same patient a day later: two of one day would break the table's key instead.
    nth = labs.iloc[rows].groupby("patient_id").cumcount().to_numpy()
    late = pd.to_datetime(zero.iloc[rows]) + pd.to_timedelta(30 + nth, unit="D")
    _set(labs, rows, "sample_date", late.dt.strftime("%Y-%m-%d").tolist())


def _spoilt(tables: Tables, rng: Generator) -> None:
    """Follow-up dealt anew among patients, each death and contact kept at its distance from time zero."""
    outcome = tables["outcome"].copy()
    zero = pd.to_datetime(outcome["patient_id"].map(_starts(tables)))
    order = rng.permutation(len(outcome))
    for column in ("death_date", "last_contact_date"):
        date = pd.to_datetime(outcome[column].replace("", None))
        shifted = zero.to_numpy() + (date - zero).to_numpy()[order]
        outcome[column] = pd.Series(shifted).dt.strftime("%Y-%m-%d").fillna("").to_numpy()
    for column in ("death_date_precision", "death_cause", "censor_reason"):
        outcome[column] = outcome[column].to_numpy()[order]
    tables["outcome"] = outcome
    # Visits stay with their patients, but none may follow the death that came to them.
    end = outcome.set_index("patient_id")[["death_date", "last_contact_date"]].replace("", None).min(axis=1)
    for name, dated in (("follow_up", "visit_date"), ("adverse_event", "onset_date")):
        table = tables[name]
        tables[name] = table[(table[dated] <= table["patient_id"].map(end)).to_numpy(bool)].reset_index(drop=True)


FAULTS: Final[dict[str, Callable[[Tables, Generator], None]]] = {
    "albumin_g_per_l": _albumin,
    "crp_mg_per_dl_swap": _crp,
    "bilsky_as_number": _bilsky,
    "swapped_dates": _swapped,
    "visit_after_death": _visit_after_death,
    "sins_total_differs": _sins,
    "ecog_as_kps": _ecog,
    "duplicate_enrolment": _duplicate,
    "enrolled_in_both_registries": _enrolled_twice,
    "death_before_time_zero": _death_first,
    "unknown_level": _unknown_level,
    "labs_after_time_zero": _late_labs,
    "spoilt_labels": _spoilt,
}
