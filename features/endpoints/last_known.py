"""When each patient was last known alive, and when they died: shared by the endpoints of the spine registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.endpoints.endpoint import Tables

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class LastKnown:
    """Days from time zero, NaN where not recorded, in the order of `ids`.

    alive_days  the last day on which the patient was known to live: contact or visit, whichever is later.
    death_days  the day of death; one known by its month only is never put before `alive_days`.
    by_month    where the death is known by its month only.
    """

    alive_days: Floats
    death_days: Floats
    by_month: NDArray[np.bool_]


def last_known(ids: NDArray[np.str_], tables: Tables) -> LastKnown:
    """Dates of the tables `outcome` and `follow_up` as days since the start of the index treatment."""
    index = pd.Index(ids.astype(object))
    zero = tables["patient"].set_index("patient_id")["treatment_start_date"].reindex(index)
    outcome = tables["outcome"].set_index("patient_id").reindex(index)
    contact = days_between(zero, outcome["last_contact_date"])
    alive = np.fmax(contact, _last_visit(tables, zero))
    by_month = (outcome["death_date_precision"] == "month").to_numpy() & outcome["death_date"].notna().to_numpy()
    death = days_between(zero, outcome["death_date"])
    death = np.where(by_month, np.fmax(death, np.fmax(alive, 0.0)), death)
    return LastKnown(alive, death, by_month)


def days_between(start: pd.Series, end: pd.Series) -> Floats:
    """Whole days, NaN where either date is not known."""
    return np.asarray((end - start).dt.days.to_numpy(dtype=float))


def _last_visit(tables: Tables, zero: pd.Series) -> Floats:
    visits = tables.get("follow_up")
    if visits is None or not len(visits):
        return np.full(len(zero), np.nan)
    seen = visits[visits["vital_status_at_contact"].astype(object) == "alive"]
    last = seen.groupby("patient_id")["visit_date"].max().reindex(zero.index)
    return days_between(zero, last.astype("datetime64[ns]"))
