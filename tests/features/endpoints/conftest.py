"""Patients as small tables that a clinician can read: left of `||` what the registry holds, right what is observed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.cohort import Cohort, Flow
from features.endpoints import ENDPOINTS, Observed

Rows = list[dict[str, str]]


def _parse(text: str) -> tuple[Rows, Rows]:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    halves = [line.split("||") for line in lines]
    left, right = ([[cell.strip() for cell in half[side].split("|")] for half in halves] for side in (0, 1))
    return tuple([dict(zip(rows[0], row, strict=True)) for row in rows[1:]] for rows in (left, right))  # type: ignore[return-value]


def _date(text: str) -> pd.Timestamp:
    return pd.Timestamp(text) if text else pd.NaT  # type: ignore[return-value]


def _visits(given: Rows) -> pd.DataFrame:
    """`visits` reads "2020-02-10 D, 2020-03-20 E"; a date alone is a contact at which nothing was assessed."""
    rows = []
    for patient in given:
        for visit in filter(None, (part.strip() for part in patient.get("visits", "").split(","))):
            day, _, grade = visit.partition(" ")
            rows.append({"patient_id": patient["id"], "visit_date": _date(day), "ais_v": grade or None})
    frame = pd.DataFrame(rows, columns=["patient_id", "visit_date", "ais_v"])
    frame["visit_date"] = pd.to_datetime(frame["visit_date"]).astype("datetime64[ns]")
    return frame.assign(vital_status_at_contact=pd.Series("alive", index=frame.index, dtype=object)).astype(
        {"patient_id": object, "ais_v": object}
    )


def _registry(given: Rows) -> tuple[Cohort, dict[str, pd.DataFrame]]:
    def dates(name: str) -> pd.Series:
        return pd.to_datetime(pd.Series([_date(row.get(name, "").rstrip("~")) for row in given])).astype(
            "datetime64[ns]"
        )

    ids = [row["id"] for row in given]
    grades = pd.Series([row.get("ais") or None for row in given], dtype=object)
    tables = {
        "patient": pd.DataFrame({"patient_id": ids, "treatment_start_date": dates("time_zero")}),
        "outcome": pd.DataFrame(
            {
                "patient_id": ids,
                "death_date": dates("died"),
                # "2020-02-15~" is a death known by its month only.
                "death_date_precision": ["month" if row.get("died", "").endswith("~") else "day" for row in given],
                "last_contact_date": dates("last_seen"),
            }
        ),
        "follow_up": _visits(given),
    }
    return Cohort(pd.DataFrame({"ais_grade": grades}), np.array(ids), None, Flow(len(ids))), tables


def _number(value: float) -> str:
    return f"{value:g}"


@pytest.fixture
def observe_table() -> Callable[..., Observed]:
    """Observe the patients on the left and compare with the right; the event "left" marks who left the cohort."""

    def observe(text: str, *, endpoint: str, **settings: Any) -> Observed:
        given, expected = _parse(text)
        cohort, tables = _registry(given)
        question = ENDPOINTS[endpoint]
        eligible = question.eligible(cohort, tables, settings)
        observed = question.observe(eligible, tables, settings)
        outcome = observed.outcome
        names = ("censored", *outcome.causes)
        rows = {identity: row for row, identity in enumerate(eligible.ids.tolist())}
        for patient, wanted in zip(given, expected, strict=True):
            row = rows.get(patient["id"])
            if row is None:
                assert wanted["event"] == "left", f"patient {patient['id']} left the cohort"
                continue
            got = {"event": names[outcome.event[row]]}
            interval = outcome.left_days[row] < outcome.right_days[row]
            left, right = _number(outcome.left_days[row]), _number(outcome.right_days[row])
            got["days"] = f"({left}, {right}]" if interval else right
            assert got == wanted, f"patient {patient['id']}"
        return observed

    return observe
