"""Who was in the data, without naming anyone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.table_one import calendar_years, case_mix, site_table, table_one
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
    frame, _ = cohort()
    frame = pd.concat([frame] * 4, ignore_index=True)
    row = rows_of(frame, None, site="all", field="hormone", level="yes")[0]
    assert (row["value"], row["n"], row["missing"], row["of"]) == (24, 48, 24, 72)
    median = rows_of(frame, None, site="all", field="albumin", statistic="median")[0]
    assert (median["value"], median["n"], median["missing"], median["unit"]) == (4.0, 72, 24, "g/dL")


def test_a_small_site_keeps_its_patients_to_itself():
    frame, sites = cohort()
    assert not [row for row in rows_of(frame, sites, site="S02") if row["value"] or row["missing"] or row["n"]]
    assert not [row for row in rows_of(frame, sites, site="S01") if row["n"] in range(1, 10)]


def test_quantiles_have_ten_patients_on_either_side():
    frame = pd.DataFrame({"albumin": np.arange(39.0), "her2": 0.0, "hormone": "no"})
    told = {row["statistic"]: row["value"] for row in rows_of(frame, None, field="albumin")}
    assert told == {"median": 19.0, "lower_quartile": None, "upper_quartile": None}
    more = pd.concat([frame, frame.iloc[:1]], ignore_index=True)
    assert None not in [row["value"] for row in rows_of(more, None, field="albumin")]


def test_a_site_s_few_are_not_the_difference_of_all_and_the_other_sites():
    """What levels, sites, known and missing values leave over is never one to nine patients."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        n = int(rng.integers(40, 200))
        frame = pd.DataFrame({"albumin": rng.normal(3.5, 1, n), "her2": rng.integers(0, 2, n).astype(float)})
        frame["hormone"] = rng.choice(["yes", "no", "not_applicable", None], n, p=rng.dirichlet([1, 2, 0.3, 0.3]))
        frame.loc[rng.random(n) < rng.choice([0.02, 0.2]), ["albumin", "her2"]] = np.nan
        sites = rng.choice(["S1", "S2", "S3"], n, p=rng.dirichlet([3, 2, 1]))
        rows = table_one(frame, sites, FIELDS)
        for field in FIELDS:
            for name in ("n", "missing", "of"):
                told = {row["site"]: row[name] for row in rows if row["field"] == field.name}
                _nothing_left_over(told.pop("all"), list(told.values()))
            for site in ("all", "S1", "S2", "S3"):
                own = [row for row in rows if (row["field"], row["site"]) == (field.name, site)]
                if own:
                    _nothing_left_over(own[0]["of"], [own[0]["n"], own[0]["missing"]])
                if own and field.kind == "category":
                    _nothing_left_over(own[0]["n"], [row["value"] for row in own])


def _nothing_left_over(whole: int | None, parts: list[int | None]) -> None:
    told = [part for part in parts if part is not None]
    assert not [count for count in (whole, *told) if count is not None and 0 < count < 10]
    if whole is not None:
        assert len(told) == len(parts) or not 0 < whole - sum(told) < 10
        assert len(parts) - len(told) != 1 or whole - sum(told) == 0
    else:
        assert len(told) < len(parts)


def test_a_site_says_how_many_it_had_and_what_became_of_them():
    event = np.array([1] * 15 + [0] * 12 + [1] * 13 + [0] * 20)
    outcome = Outcome.right_censored(np.ones(60), event, ("died",))
    assert site_table(np.array(["S01"] * 27 + ["S02"] * 33), outcome) == [
        {"site": "S01", "n": 27, "censored": 12, "died": 15},
        {"site": "S02", "n": 33, "censored": 20, "died": 13},
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
    frame = frame.assign(albumin=[3.0, 4.0, 5.0] * 8)
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


def test_a_share_is_not_told_where_its_complement_would_tell_of_few():
    """The shares of all levels add up to one: beside one that is hidden another goes, on both sides."""
    side = pd.DataFrame({"albumin": 3.0, "her2": [1.0] * 45 + [0.0] * 5, "hormone": ["yes"] * 30 + ["no"] * 20})
    other = side.assign(her2=[1.0] * 25 + [0.0] * 25)
    rows = case_mix(pd.concat([side, other], ignore_index=True), np.arange(100) >= 50, FIELDS)
    shown = {(row["field"], row["level"]): (row["taught"], row["judged"]) for row in rows}
    assert shown["her2", "yes"] == (None, None)
    assert shown["hormone", "yes"] == (0.6, 0.6)
