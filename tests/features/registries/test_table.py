"""A flat table as a registry: follow-up in days, causes from codes, ids that do not depend on the order of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import Contract, ContractError, Field, Table
from features.extract import read_extract
from features.inspection import require
from features.registries import REGISTRIES, Conformed
from features.registries.table import causes_of, outcomes_of

AGE = Field(name="age", table="patients", kind="number", label="Age", known_at="T0")
SEX = Field(name="sex", table="patients", kind="category", label="Sex", known_at="T0", levels=("f", "m"))


def contract(settings: dict[str, Any], *more: Field) -> Contract:
    return Contract(
        name="patients",
        version="1",
        registry="table",
        tables=(Table(name="patients", key=()),),
        fields=(AGE, SEX, *more),
        settings=settings,
    )


def table(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def conform(frame: pd.DataFrame, **settings: Any) -> Conformed:
    numbers = [
        Field(name=name, table="patients", kind="number", label=name, known_at="END")
        for name in frame
        if name not in ("age", "sex", "id", "site")
    ]
    return REGISTRIES["table"].conform({"patients": frame}, contract(settings, *numbers))


PEOPLE = table(
    id=["c", "a", "b"], age=[50.0, np.nan, 70.0], sex=["f", None, "m"], time=[10.0, 3.0, 0.0], event=[1.0, 0.0, 1.0]
)
ROLES = {"time": "time", "event": "event", "id": "id", "causes": {"1": "death"}}


def test_one_row_per_patient_in_the_order_of_ids() -> None:
    conformed = conform(PEOPLE, **ROLES)
    assert conformed.ids.tolist() == ["a", "b", "c"]
    assert conformed.tables["outcome"]["_time"].tolist() == [3.0, 0.0, 10.0]
    assert conformed.tables["outcome"]["_event"].tolist() == [0, 1, 1]
    assert list(conformed.frame) == ["age", "sex"]
    assert conformed.sites is None


@pytest.mark.parametrize(("unit", "days"), [("d", 10.0), ("wk", 70.0), ("mo", 304.375), ("a", 3652.5)])
def test_follow_up_becomes_days(unit: str, days: float) -> None:
    conformed = conform(PEOPLE, **ROLES, time_unit=unit)
    assert conformed.tables["outcome"]["_time"].max() == days


def test_the_same_days_in_months_at_full_precision_are_the_same_days() -> None:
    days = np.arange(1.0, 2000.0)
    frame = table(id=[f"p{i}" for i in range(len(days))], time=days / 30.4375, event=np.ones(len(days)))
    frame[["age", "sex"]] = [50.0, "f"]
    outcome = conform(frame, **ROLES, time_unit="mo").tables["outcome"]
    assert sorted(outcome["_time"]) == days.tolist()


def test_rows_without_follow_up_leave_and_are_counted() -> None:
    frame = PEOPLE.assign(time=[10.0, np.nan, 5.0])
    conformed = conform(frame, **ROLES)
    assert conformed.ids.tolist() == ["b", "c"]
    assert [(step.reason, step.left) for step in conformed.flow.steps] == [("follow-up or event not recorded", 1)]


def test_time_before_time_zero_is_refused_by_count_alone() -> None:
    with pytest.raises(ContractError, match=r"^time: 1 of 3 rows are before time zero\. try:") as error:
        conform(PEOPLE.assign(time=[10.0, -77.0, 5.0]), **ROLES)
    assert "77" not in str(error.value)


def test_an_event_coded_one_or_two_has_its_own_sentence() -> None:
    with pytest.raises(ContractError, match=r"coded 1/2.*Which of the two is the event.*--causes 2=death"):
        conform(PEOPLE.assign(event=[1.0, 2.0, 2.0]), **ROLES)


def test_an_event_coded_one_or_two_is_read_once_a_person_says_which() -> None:
    roles = {**ROLES, "causes": {"2": "death"}, "censored": "1"}
    conformed = conform(PEOPLE.assign(event=[1.0, 2.0, 2.0]), **roles)
    assert conformed.tables["outcome"]["_event"].tolist() == [1, 1, 0]


def test_a_code_that_nobody_declared_is_refused() -> None:
    with pytest.raises(ContractError, match=r"event: 1 of 3 rows hold a code that nobody declared"):
        conform(PEOPLE.assign(event=[1.0, 0.0, 7.0]), **ROLES)


def test_one_event_column_may_hold_several_causes() -> None:
    roles = {**ROLES, "causes": {"1": "progression", "2": "death"}}
    conformed = conform(PEOPLE.assign(event=[2.0, 0.0, 1.0]), **roles)
    assert causes_of(roles) == ("progression", "death")
    assert conformed.tables["outcome"]["_event"].tolist() == [0, 1, 2]


def test_of_two_events_with_their_own_columns_the_first_counts() -> None:
    # own event first · death first · both on one day · neither · own event without a time
    frame = table(
        id=list("abcde"),
        time=[5.0, 9.0, 4.0, 6.0, np.nan],
        event=[1.0, 0.0, 1.0, 0.0, 0.0],
        last=[8.0, 9.0, 4.0, 6.0, 7.0],
        died=[1.0, 1.0, 1.0, 0.0, 1.0],
    )
    frame[["age", "sex"]] = [50.0, "f"]
    competing = {"competing_time": "last", "competing_event": "died", "competing_cause": "death"}
    roles = {**ROLES, "causes": {"1": "progression"}, **competing}
    outcome = conform(frame, **roles).tables["outcome"]
    assert outcome["_event"].tolist() == [1, 2, 1, 0, 2]
    assert outcome["_time"].tolist() == [5.0, 9.0, 4.0, 6.0, 7.0]


def test_without_an_id_column_the_order_of_rows_means_nothing() -> None:
    frame = pd.concat([PEOPLE, PEOPLE.iloc[[0]]], ignore_index=True).drop(columns="id")
    roles = {role: name for role, name in ROLES.items() if role != "id"}
    first, turned = conform(frame, **roles), conform(frame.iloc[::-1].reset_index(drop=True), **roles)
    assert first.ids.tolist() == turned.ids.tolist()
    assert len(set(first.ids.tolist())) == 4
    assert first.frame.equals(turned.frame)
    assert first.tables["outcome"].equals(turned.tables["outcome"])


def test_a_repeated_id_is_refused() -> None:
    with pytest.raises(ContractError, match="id: 2 of 3 rows share their id"):
        conform(PEOPLE.assign(id=["a", "a", "b"]), **ROLES)


def test_the_day_or_the_year_of_time_zero_divides_patients_and_predicts_nothing() -> None:
    people = {**{name: PEOPLE[name].tolist() for name in PEOPLE}}
    days = pd.to_datetime(pd.Series(["2020-03-01", "2018-05-05", None]))
    by_day = conform(pd.DataFrame({**people, "zero": days}), **ROLES, date="zero")
    assert by_day.time_zero is not None
    assert by_day.time_zero.astype(str).tolist() == ["2018-05-05", "NaT", "2020-03-01"]
    by_year = conform(pd.DataFrame({**people, "zero": [2020.0, 2018.0, np.nan]}), **ROLES, date="zero")
    assert by_year.time_zero is not None
    assert by_year.time_zero.astype(str).tolist() == ["2018-01-01", "NaT", "2020-01-01"]
    assert list(by_day.frame) == list(by_year.frame) == ["age", "sex"]
    with pytest.raises(ContractError, match="2 of 3 rows are neither a date nor a year"):
        conform(pd.DataFrame({**people, "zero": [2020.5, 12.0, np.nan]}), **ROLES, date="zero")


def test_rows_alike_but_for_their_day_are_told_apart_whatever_their_order() -> None:
    days = pd.to_datetime(pd.Series(["2020-03-01", "2018-05-05"]))
    alike = pd.DataFrame({"age": [50.0, 50.0], "sex": ["f", "f"], "time": [3.0, 3.0], "event": [1.0, 1.0], "day": days})
    roles = {**{name: role for name, role in ROLES.items() if name != "id"}, "date": "day"}
    one, other = conform(alike, **roles), conform(alike[::-1].reset_index(drop=True), **roles)
    assert one.ids.tolist() == other.ids.tolist()
    assert np.array_equal(one.time_zero, other.time_zero)


def test_sites_are_read_where_the_table_has_them() -> None:
    conformed = conform(PEOPLE.assign(site=["x", None, "y"]), **ROLES, site="site")
    assert conformed.sites is not None
    assert conformed.sites.tolist() == ["not recorded", "y", "x"]


def flat(shared: Path, name: str, numbers: list[str], settings: dict[str, Any]) -> tuple[pd.DataFrame, Contract]:
    fields = [Field(name=column, table=name, kind="number", label=column, known_at="END") for column in numbers]
    promises = Contract(
        name=name,
        version="1",
        registry="table",
        tables=(Table(name=name, key=()),),
        fields=tuple(fields),
        settings=settings,
    )
    frame = pd.read_csv(shared / "real" / f"{name}.csv", usecols=numbers)[numbers].astype(float)
    return frame, promises


def test_monoclonal_gammopathy_has_115_progressions_and_860_deaths_first(shared: Path) -> None:
    settings = {"time": "ptime", "event": "pstat", "causes": {"1": "progression"}, "time_unit": "mo"}
    settings |= {"competing_time": "futime", "competing_event": "death", "competing_cause": "death"}
    frame, promises = flat(shared, "mgus2", ["ptime", "pstat", "futime", "death"], settings)
    _, outcome = outcomes_of(frame, promises)[0]
    assert [int((outcome.event == k).sum()) for k in (1, 2)] == [115, 860]
    assert REGISTRIES["table"].conform({"mgus2": frame}, promises).flow.remaining == 1384


def test_myeloid_leukaemia_has_454_responses_and_119_deaths_without_one(shared: Path) -> None:
    # A response has a date and no flag: the event is that its time is recorded.
    settings = {"time": "crtime", "event": "crtime", "causes": {"1": "response"}}
    settings |= {"competing_time": "futime", "competing_event": "death", "competing_cause": "death"}
    frame, promises = flat(shared, "myeloid", ["crtime", "futime", "death"], settings)
    _, outcome = outcomes_of(frame, promises)[0]
    assert [int((outcome.event == k).sum()) for k in (1, 2)] == [454, 119]


def test_a_typed_csv_is_conformed_from_the_file_on(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("age,sex,time,event\n50,f,10,1\n,m,3,0\n")
    time, event = (Field(name=n, table="patients", kind="number", label=n, known_at="END") for n in ("time", "event"))
    promises = contract({"time": "time", "event": "event", "causes": {"1": "death"}}, time, event)
    tables = require(promises, read_extract(tmp_path / "patients.csv", promises))
    assert REGISTRIES["table"].conform(tables, promises).flow.remaining == 2


def test_several_codes_of_censoring_are_all_read_as_such_and_censoring_is_no_cause() -> None:
    people = PEOPLE.assign(event=["alive", "dead", "lost"])
    roles = {**ROLES, "causes": {"dead": "death"}, "censored": ["alive", "lost"]}
    assert sorted(conform(people, **roles).tables["outcome"]["_event"].tolist()) == [0, 0, 1]
    with pytest.raises(ContractError, match='"censored" is no cause'):
        conform(people, **{**ROLES, "causes": {"dead": "death", "alive": "censored"}})
