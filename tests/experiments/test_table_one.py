"""Who was in the data, without naming anyone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.table_one import table_one
from features.contract import Field

FIELDS = [
    Field(name="albumin", table="labs", kind="number", label="Albumin", known_at="T0", unit="g/dL"),
    Field(name="her2", table="tumour", kind="boolean", label="HER2", known_at="T0"),
    Field(name="hormone", table="tumour", kind="category", label="Hormone", known_at="T0", levels=("yes", "no")),
]


def rows_of(frame, sites, **key):
    rows = table_one(frame, sites, FIELDS)
    return [row for row in rows if all(row[name] == value for name, value in key.items())]


def cohort():
    frame = pd.DataFrame(
        {
            "albumin": [3.0, 4.0, np.nan, 5.0] * 6,
            "her2": [1.0, 0.0, np.nan, 0.0] * 6,
            "hormone": ["yes", "not_applicable", None, "no"] * 6,
        }
    )
    return frame, np.array(["S01"] * 20 + ["S02"] * 4)


def test_unknown_and_not_applicable_are_counted_apart():
    frame, sites = cohort()
    row = rows_of(frame, sites, site="all", field="hormone", level="yes")[0]
    assert (row["value"], row["n"], row["missing"], row["of"]) == (6, 12, 6, 18)
    median = rows_of(frame, sites, site="all", field="albumin", statistic="median")[0]
    assert (median["value"], median["n"], median["missing"], median["unit"]) == (4.0, 18, 6, "g/dL")


def test_a_small_site_keeps_its_patients_to_itself():
    frame, sites = cohort()
    small = rows_of(frame, sites, site="S02")
    assert all(row["value"] in (None, 0) for row in small)
    assert {row["missing"] for row in small} == {1}
    assert rows_of(frame, sites, site="S01", field="albumin", statistic="median")[0]["value"] == 4.0
    assert rows_of(frame, sites, site="S01", field="her2")[0]["value"] is None
