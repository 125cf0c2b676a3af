"""Who was in the data, without naming anyone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.table_one import calendar_years, case_mix, shown_counts, site_table, table_one
from features.contract import Field
from features.outcome import Outcome

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


def test_a_small_count_is_not_found_by_subtraction():
    assert shown_counts({"yes": 30, "no": 5}) == {"yes": None, "no": None}
    assert shown_counts({"a": 30, "b": 5, "c": 12, "d": 0}) == {"a": 30, "b": None, "c": None, "d": 0}
    assert shown_counts({"a": 30, "b": 5, "c": 4}) == {"a": 30, "b": None, "c": None}
    assert shown_counts({"a": 30, "b": 10}) == {"a": 30, "b": 10}


def test_a_site_says_how_many_it_had_and_what_became_of_at_least_ten():
    event = np.array([1] * 15 + [0] * 12 + [1] * 3 + [0] * 20)
    outcome = Outcome.right_censored(np.ones(50), event, ("died",))
    assert site_table(np.array(["S01"] * 27 + ["S02"] * 23), outcome) == [
        {"site": "S01", "n": 27, "censored": 12, "died": 15},
        {"site": "S02", "n": 23, "censored": None, "died": None},
    ]
    assert site_table(None, outcome) == []


def test_the_period_is_told_in_years_and_nothing_without_dates():
    outcome = Outcome.right_censored(np.array([10.0, 400.0]), np.array([1, 0]), ("died",))
    days = np.array(["2019-12-30", "2020-06-01"], dtype="datetime64[D]")
    years = {"first_time_zero": 2019, "last_time_zero": 2020, "last_contact": 2021}
    assert calendar_years(days, outcome) == years
    assert calendar_years(None, outcome) == {}


def test_two_sides_stand_beside_each_other_with_how_far_apart_they_are():
    frame, _ = cohort()
    frame = pd.concat([frame, frame.assign(albumin=frame["albumin"] + 1.0)], ignore_index=True)
    judged = np.arange(len(frame)) >= len(frame) // 2
    rows = {(row["field"], row["level"]): row for row in case_mix(frame, judged, FIELDS)}
    number = rows["albumin", None]
    assert (number["taught"], number["judged"]) == (4.0, 5.0)
    assert number["difference"] == 1.0 / np.std([3.0, 4.0, 5.0])
    assert rows["hormone", "yes"] == {
        "field": "hormone", "label": "Hormone", "level": "yes", "taught": None, "judged": None, "difference": None
    }  # fmt: skip


def test_equal_sides_differ_by_nothing_and_turning_them_round_turns_the_sign():
    frame, _ = cohort()
    whole = pd.concat([frame] * 4, ignore_index=True)
    half = np.arange(len(whole)) % len(frame) < len(frame) // 3
    equal = np.arange(len(whole)) < len(whole) // 2
    assert {row["difference"] for row in case_mix(whole, equal, FIELDS)} == {0.0}
    for one, other in zip(case_mix(whole, half, FIELDS), case_mix(whole, ~half, FIELDS), strict=True):
        assert (one["difference"] or 0.0) == -(other["difference"] or 0.0)
