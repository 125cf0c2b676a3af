"""The spine-metastasis registries EPOSO and MTRON: ten tables into one row per patient at time zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import pandas as pd

from features.cohort import Flow
from features.contract import NOT_APPLICABLE, Contract, Field
from features.inspection.consistency import interval
from features.inspection.structure import group
from features.registries.registry import Conformed

# What a baseline row may hold; the treatment-naïve study leaves TX out by its own check.
_BASELINE: Final = ("T0", "TX")
_ROW_COLUMNS: Final = ("level", "is_index")


@final
@dataclass(frozen=True)
class SpineRegistry:
    """Reads the many-table export. Intervals are computed from dates here; dates themselves are no predictors."""

    def conform(self, tables: Mapping[str, pd.DataFrame], contract: Contract) -> Conformed:
        """One row per patient with every field known by the end of the index treatment.

        Laboratory values: the last in the 14 days up to time zero; a later one is not used. Imaging: the index level.
        Leaves: consent withdrawn (also from `tables`), no start of the index treatment.
        """
        patients = tables["patient"].sort_values("patient_id", kind="stable")
        withdrawn = (patients["consent_status"] == "withdrawn").to_numpy()
        timeless = patients["treatment_start_date"].isna().to_numpy() & ~withdrawn
        flow = Flow(len(patients)).then("consent withdrawn", int(withdrawn.sum()))
        flow = flow.then("no start of index treatment, so no time zero", int(timeless.sum()))
        gone = tuple(patients.loc[withdrawn, "patient_id"].astype(str))
        patients = patients[~withdrawn & ~timeless].reset_index(drop=True)
        ids = patients["patient_id"]
        kept = {
            name: patients if name == "patient" else frame[frame["patient_id"].isin(ids)].reset_index(drop=True)
            for name, frame in tables.items()
        }
        return Conformed(
            _baseline(kept, contract),
            ids.to_numpy(dtype=str),
            patients["site_id"].to_numpy(dtype=str),
            kept,
            flow,
            gone,
            patients["treatment_start_date"].to_numpy(dtype="datetime64[D]"),
        )


def _baseline(tables: Mapping[str, pd.DataFrame], contract: Contract) -> pd.DataFrame:
    patients = tables["patient"]
    sources = patients["registry_source"]
    sources_of_fields = {**_single_rows(tables, contract), "labs": _labs(tables, contract)}
    aligned = {name: frame.reindex(patients["patient_id"]) for name, frame in sources_of_fields.items()}
    columns: dict[str, pd.Series] = {}
    for field in contract.fields:
        if field.known_at not in _BASELINE or not field.ask or _not_a_predictor(field, contract):
            continue
        if field.table in aligned and field.name in aligned[field.table]:
            columns[field.name] = aligned[field.table][field.name].reset_index(drop=True)
        else:
            columns[field.name] = _absent(field, sources)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(patients)))


def _not_a_predictor(field: Field, contract: Contract) -> bool:
    """Columns that tell rows apart, and totals that are derived from their components."""
    return field.name in _ROW_COLUMNS or field.name in group(contract, "sum_of")


def _single_rows(tables: Mapping[str, pd.DataFrame], contract: Contract) -> dict[str, pd.DataFrame]:
    """Tables of one row per patient, by patient id, with intervals for dates; of imaging, the index level."""
    single: dict[str, pd.DataFrame] = {}
    for table in contract.tables:
        frame = tables.get(table.name)
        if frame is None or table.name in ("labs", "follow_up", "adverse_event"):
            continue
        frame = frame.copy()
        for name in group(contract, "from_date"):
            field = contract.field(name)
            values = interval(contract, tables, name) if field.table == table.name else None
            if values is not None:
                frame[name] = values
        if table.name == "imaging":
            frame = frame[frame["is_index"] == 1].assign(index_level=lambda rows: rows["level"])
        single[table.name] = frame.set_index("patient_id")
    return single


def _labs(tables: Mapping[str, pd.DataFrame], contract: Contract) -> pd.DataFrame:
    """The last value of each analyte inside the window before time zero, in canonical units."""
    labs = tables["labs"]
    zero = labs["patient_id"].map(tables["patient"].set_index("patient_id")["treatment_start_date"])
    days = (zero - labs["sample_date"]).dt.days
    window = float(group(contract, "window_days")["labs"])
    # A sample after time zero would tell what the treatment did: it is not used, however close.
    usable = labs[(days >= 0) & (days <= window) & labs["value"].notna()].sort_values("sample_date", kind="stable")
    return usable.drop_duplicates(["patient_id", "analyte"], keep="last").pivot(
        index="patient_id", columns="analyte", values="value"
    )


def _absent(field: Field, sources: pd.Series) -> pd.Series:
    """A column that no file holds: not applicable where the registry lacks the instrument, otherwise not known."""
    if field.kind not in ("category", "ordinal"):
        return pd.Series(np.nan, index=sources.index)
    empty = np.full(len(sources), None, dtype=object)
    empty[sources.isin(list(field.absent_in)).to_numpy(dtype=bool)] = NOT_APPLICABLE
    return pd.Series(empty, index=sources.index)
