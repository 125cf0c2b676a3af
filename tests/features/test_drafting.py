"""A table that nobody has described becomes a contract and a study that its own data meet."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import UNDECLARED, Contract, ContractError
from features.drafting import Draft, draft
from features.drafting.columns import look, plausible
from features.extract import ExtractError, read_extract
from features.inspection import inspect
from features.registries import REGISTRIES


def written(drafted: Draft, folder: Path) -> Contract:
    (folder / "contract.toml").write_text(drafted.contract_toml, encoding="utf-8")
    return Contract.from_toml(folder / "contract.toml")


def meets_its_own_contract(drafted: Draft, table: Path, folder: Path) -> Contract:
    contract = written(drafted, folder)
    inspection = inspect(contract, read_extract(table, contract))
    assert not inspection.violations
    assert REGISTRIES["table"].conform(inspection.tables, contract).flow.remaining > 0
    study = tomllib.loads(drafted.study_toml)
    assert study["contract"] == study["name"] == drafted.name == contract.name
    assert all(contract.field(name).known_at == "T0" for name in study["predictors"])
    return contract


def test_the_metastatic_patients_of_support_get_a_project_without_their_leaks(shared: Path, tmp_path: Path) -> None:
    table = shared / "real" / "support2_metastatic.csv"
    drafted = draft(table, "time", "event")
    contract = meets_its_own_contract(drafted, table, tmp_path)
    study = tomllib.loads(drafted.study_toml)
    suspected = {suspicion.field for suspicion in drafted.suspicions}
    assert suspected == {"sfdm2", "surv2m", "surv6m", "dnr"}
    assert all(contract.field(name).known_at == UNDECLARED for name in suspected)
    assert not {"pid", "ca", "time", "event", *suspected} & set(study["predictors"])
    assert {"age", "alb", "race", "income", "meanbp"} <= set(study["predictors"])
    assert contract.field("race").missing == ("missing",)
    assert study["endpoint"] == {
        "name": "time_to_event",
        "horizons_days": [30, 90, 274],
        "primary_horizon_days": 90,
        "primary_cause": "event",
    }


def test_progression_with_death_competing_is_drafted_in_months(shared: Path, tmp_path: Path) -> None:
    table = shared / "real" / "mgus2.csv"
    drafted = draft(table, "ptime", "pstat", competing=("futime", "death"), id="id", time_unit="mo")
    contract = meets_its_own_contract(drafted, table, tmp_path)
    assert contract.settings["causes"] == {"1": "pstat"}
    assert contract.settings["competing_cause"] == "death"
    assert tomllib.loads(drafted.study_toml)["predictors"] == ["age", "sex", "dxyr", "hgb", "creat", "mspike"]
    assert not drafted.suspicions


def test_a_response_known_by_its_date_alone_is_drafted_without_the_later_dates(shared: Path, tmp_path: Path) -> None:
    table = shared / "real" / "myeloid.csv"
    drafted = draft(table, "crtime", "crtime", competing=("futime", "death"), id="id")
    meets_its_own_contract(drafted, table, tmp_path)
    assert {suspicion.field for suspicion in drafted.suspicions} == {"txtime", "rltime"}
    assert tomllib.loads(drafted.study_toml)["predictors"] == ["trt", "sex", "flt3"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Everything that people do to a table."""
    rng = np.random.default_rng(1)
    n = 200
    frame = pd.DataFrame(
        {
            "Größe (cm)": rng.normal(170, 9, n).round(1),
            'stage "T"': rng.choice(['<b>1</b> & "a"', "it's 2", "3, or more"], n),
            "constant": "same",
            "empty": "",
            "code": rng.choice(["01", "02", "10"], n),
            "marker": np.where(rng.random(n) < 0.2, "NA", rng.normal(5, 1, n).round(2).astype(str)),
            "visit": pd.Timestamp("2020-01-01").date().isoformat(),
            "note": [f"seen by {i}" for i in range(n)],
            "study_id": rng.permutation(n) + 1000,
            "smoker": rng.choice(["0", "1"], n),
            "days": rng.integers(1, 900, n),
            "end": rng.choice(["0", "1", "2"], n),
        }
    )
    frame.to_csv(tmp_path / "My table-1.csv", index=False)
    return tmp_path / "My table-1.csv"


def test_odd_names_and_levels_survive_the_way_into_toml_and_back(table: Path, tmp_path: Path) -> None:
    drafted = draft(table, "days", "end", causes={"1": "Progression", "2": "Death"})
    contract = meets_its_own_contract(drafted, table, tmp_path)
    assert drafted.name == "my_table_1"
    assert set(contract.field('stage "T"').levels) == {'<b>1</b> & "a"', "it's 2", "3, or more"}
    assert contract.field("Größe (cm)").kind == "number"
    assert contract.settings["causes"] == {"1": "progression", "2": "death"}


def test_columns_are_judged_by_what_they_hold(table: Path) -> None:
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    columns = {name: look(name, "t", frame[name].tolist()) for name in frame}
    kinds = {name: column.field.kind for name, column in columns.items()}
    assert kinds["code"] == "category"
    assert kinds["marker"] == "number"
    assert columns["marker"].field.missing == ("NA",)
    assert kinds["visit"] == "date"
    assert kinds["note"] == kinds["study_id"] == "identifier"
    assert kinds["smoker"] == "boolean"
    assert {name for name, column in columns.items() if column.left_out} == {
        "constant",
        "empty",
        "visit",
        "note",
        "study_id",
    }


def test_the_drafted_range_holds_the_data_with_slack_and_no_new_sign() -> None:
    assert plausible(18.0, 75.0) == (3.7, 90.0)
    assert plausible(0.0, 10.0) == (0.0, 13.0)
    assert plausible(-5.0, 5.0) == (-7.5, 7.5)
    assert plausible(4.0, 4.0) == (3.0, 5.0)


def test_an_event_coded_one_or_two_is_refused_until_a_person_says_which(table: Path) -> None:
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame["end"] = np.where(frame["end"] == "0", "1", "2")
    frame.to_csv(table, index=False)
    with pytest.raises(ContractError, match=r"end: coded 1/2.*--causes 2=death"):
        draft(table, "days", "end")
    settings = tomllib.loads(draft(table, "days", "end", causes={"2": "death"}).contract_toml)["settings"]
    assert settings["censored"] == "1"


def test_several_causes_need_names(table: Path) -> None:
    with pytest.raises(ContractError, match=r"end: holds 3 codes.*--causes 1=progression,2=death"):
        draft(table, "days", "end")


def test_words_may_say_how_follow_up_ended(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame["end"] = np.where(frame["end"] == "0", "alive", "dead")
    frame.to_csv(table, index=False)
    drafted = draft(table, "days", "end", causes={"dead": "death"})
    contract = meets_its_own_contract(drafted, table, tmp_path)
    assert contract.settings["censored"] == "alive"


def test_a_column_that_is_not_there_is_named_with_its_nearest_neighbour(table: Path) -> None:
    with pytest.raises(ContractError, match=r'no column "dayz". try: "days"'):
        draft(table, "dayz", "end")


def test_a_time_that_is_no_number_is_refused(table: Path) -> None:
    with pytest.raises(ContractError, match="note: is no column of numbers"):
        draft(table, "note", "end", causes={"1": "a", "2": "b"})


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("größe,time,event\n1,2,1\n".encode("latin-1"))
    with pytest.raises(ExtractError, match="not UTF-8"):
        draft(tmp_path / "t.csv", "time", "event")


def dated(path: Path, zero: list[str]) -> Path:
    rng, rows = np.random.default_rng(3), len(zero)
    frame = pd.DataFrame({"age": rng.normal(60, 9, rows).round(1), "alb": rng.normal(4, 1, rows).round(2)})
    frame["days"], frame["dead"], frame["zero"] = rng.integers(5, 900, rows), rng.integers(0, 2, rows), zero
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("zero", "kind"), [([f"20{k % 10 + 10}-03-0{k % 9 + 1}" for k in range(120)], "date"),
                       ([f"20{k % 10 + 10}" for k in range(120)], "integer")]
)  # fmt: skip
def test_with_a_day_or_year_of_time_zero_the_study_has_a_temporal_design(
    zero: list[str], kind: str, tmp_path: Path
) -> None:
    table = dated(tmp_path / "dated.csv", zero)
    drafted = draft(table, "days", "dead", date="zero")
    contract = meets_its_own_contract(drafted, table, tmp_path)
    study = tomllib.loads(drafted.study_toml)
    assert (contract.field("zero").kind, contract.settings["date"]) == (kind, "zero")
    assert "zero" not in study["predictors"]
    assert {"design": "temporal", "share": 0.7} in study["designs"]
    frames = inspect(contract, read_extract(table, contract)).tables
    conformed = REGISTRIES["table"].conform(frames, contract)
    assert conformed.time_zero is not None
    assert {str(day)[:4] for day in conformed.time_zero} == {f"20{k}" for k in range(10, 20)}
    with pytest.raises(ContractError, match="neither dates"):
        draft(dated(tmp_path / "odd.csv", ["spring"] * 60 + ["autumn"] * 60), "days", "dead", date="zero")


def test_parquet_is_drafted_like_csv(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    frame.to_parquet(tmp_path / "my_table_1.parquet")
    drafted = draft(tmp_path / "my_table_1.parquet", "days", "end", causes={"1": "a", "2": "b"})
    meets_its_own_contract(drafted, tmp_path / "my_table_1.parquet", tmp_path)


def test_a_table_with_nothing_to_learn_from_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("time,event,x\n" + "5,1,a\n" * 30)
    with pytest.raises(ContractError, match="no column is left as a predictor"):
        draft(tmp_path / "t.csv", "time", "event")


def test_numbers_with_a_decimal_comma_are_left_out_and_said_so(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    commas = "".join(f'{i % 40 + 1},{i % 2},"{50 + i % 9},{i % 10}",{i % 7}\n' for i in range(60))
    table.write_text("time,event,age,x\n" + commas)
    assert dict(draft(table, "time", "event").left_out)["age"] == (
        "numbers with a decimal comma: write a decimal point"
    )


def test_several_codes_may_mean_that_nobody_saw_the_end(tmp_path: Path) -> None:
    path = tmp_path / "lost.csv"
    ends = ["alive", "dead", "lost", "dead"] * 8
    pd.DataFrame({"days": range(1, 33), "end": ends, "age": [40, 70, 55, 62] * 8}).to_csv(path, index=False)
    named = {"dead": "death", "alive": "censored", "lost": "censored"}
    drafted = draft(path, "days", "end", causes=named)
    settings = tomllib.loads(drafted.contract_toml)["settings"]
    assert (settings["causes"], settings["censored"]) == ({"dead": "death"}, ["alive", "lost"])
    with pytest.raises(ContractError, match=r"end: holds 2 further codes.*CODE=censored,CODE=censored"):
        draft(path, "days", "end", causes={"dead": "death"})
    with pytest.raises(ContractError, match=r"end: holds 1 further code.*CODE=censored"):
        draft(path, "days", "end", causes={"dead": "death", "alive": "censored"})
    with pytest.raises(ContractError, match="further codes"):
        draft(path, "days", "end", causes=dict.fromkeys(named, "censored"))
