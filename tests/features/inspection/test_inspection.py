"""The seven faults of a real export, and the whole of a sound one: each with its sentence, reviewed like prose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from features.contract import Contract, ContractError
from features.extract import ExtractError, read_extract
from features.inspection import inspect, require
from features.registries import REGISTRIES
from features.registries.synthetic import SyntheticSettings, simulate

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def contract(root: Path) -> Contract:
    return Contract.from_toml(root / "configs" / "registries" / "spine.toml")


@pytest.fixture(scope="module")
def sound() -> Tables:
    return simulate(SyntheticSettings(patients=120, seed=5)).tables


@pytest.fixture
def sentences(contract: Contract, sound: Tables, tmp_path: Path) -> Callable[[Callable[[Tables], None]], list[str]]:
    """Spoil the sound export, inspect it, and give what was said."""

    def spoil_and_inspect(spoil: Callable[[Tables], None]) -> list[str]:
        tables = {name: frame.copy() for name, frame in sound.items()}
        spoil(tables)
        for name, frame in tables.items():
            frame.to_csv(tmp_path / f"{name}.csv", index=False, lineterminator="\n")
        return [violation.sentence for violation in inspect(contract, read_extract(tmp_path, contract)).violations]

    return spoil_and_inspect


def patient(tables: Tables, row: int) -> str:
    return str(tables["patient"]["patient_id"].iloc[row])


def of_patient(tables: Tables, table: str, row: int) -> pd.Series:
    return tables[table]["patient_id"] == patient(tables, row)


def shifted(dates: pd.Series, days: int) -> str:
    return str((pd.Timestamp(dates.iloc[0]) + pd.Timedelta(days=days)).date())


def test_a_sound_export_has_no_violation(sentences: Callable[..., list[str]]) -> None:
    assert sentences(lambda tables: None) == []


def test_a_truncated_file_is_refused(contract: Contract, sound: Tables, tmp_path: Path) -> None:
    for name, frame in sound.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False, lineterminator="\n")
    whole = (tmp_path / "outcome.csv").read_bytes()
    (tmp_path / "outcome.csv").write_bytes(whole[:-3])
    with pytest.raises(
        ExtractError, match=r"outcome.csv: line 121: is truncated: the file does not end with a line break"
    ):
        require(contract, read_extract(tmp_path, contract))


def test_a_wrong_encoding_is_refused(contract: Contract, sound: Tables, tmp_path: Path) -> None:
    for name, frame in sound.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False, lineterminator="\n")
    tables = sound["imaging"].copy()
    tables.loc[4, "reader_id"] = "Müller"
    (tmp_path / "imaging.csv").write_bytes(tables.to_csv(index=False, lineterminator="\n").encode("latin-1"))
    with pytest.raises(ExtractError, match=r"imaging.csv: line 6: is not UTF-8 \(latin-1 or Windows-1252\?\)"):
        require(contract, read_extract(tmp_path, contract))


def test_a_duplicated_patient(sentences: Callable[..., list[str]]) -> None:
    def twice(tables: Tables) -> None:
        tables["patient"] = pd.concat([tables["patient"], tables["patient"].iloc[[3]]])

    (said,) = sentences(twice)
    site_apart = said.split(", all from site S")
    assert site_apart[0] == "patient.patient_id: 1 of 121 rows repeat the key of an earlier row"
    assert site_apart[1][2:] == "; is a patient enrolled twice? keep one enrolment."


def test_the_same_patient_in_both_registries(sentences: Callable[..., list[str]]) -> None:
    def both(tables: Tables) -> None:
        again = tables["patient"].iloc[[3]].copy()
        again["registry_source"] = "MTRON" if again["registry_source"].iloc[0] == "EPOSO" else "EPOSO"
        tables["patient"] = pd.concat([tables["patient"], again])

    (said,) = sentences(both)
    assert "; is the same patient in EPOSO and MTRON? keep one enrolment." in said


def test_a_second_index_treatment(sentences: Callable[..., list[str]]) -> None:
    def again(tables: Tables) -> None:
        tables["treatment"] = pd.concat([tables["treatment"], tables["treatment"].iloc[[0]]])

    (said,) = sentences(again)
    assert "repeat the key of an earlier row" in said
    assert said.endswith("; is it a second index treatment? keep the first.")


def test_a_death_before_time_zero(sentences: Callable[..., list[str]]) -> None:
    def early(tables: Tables) -> None:
        dead = tables["outcome"]["death_date"] != ""
        row = dead.idxmax()
        who = tables["outcome"].loc[row, "patient_id"]
        zero = tables["patient"].loc[tables["patient"]["patient_id"] == who, "treatment_start_date"]
        tables["outcome"].loc[row, ["death_date", "last_contact_date", "death_date_precision"]] = [
            shifted(zero, -40),
            "",
            "day",
        ]
        tables["follow_up"] = tables["follow_up"][tables["follow_up"]["patient_id"] != who]

    (said,) = sentences(early)
    assert said.startswith("outcome.death_date: 1 of ")
    assert " rows before treatment_start_date, all from site S" in said
    assert said.endswith("?")


def test_a_visit_after_death(sentences: Callable[..., list[str]], sound: Tables) -> None:
    def late(tables: Tables) -> None:
        dead = tables["outcome"].loc[tables["outcome"]["death_date"] != "", "patient_id"]
        row = tables["follow_up"]["patient_id"].isin(dead).idxmax()
        tables["follow_up"].loc[row, "visit_date"] = "2031-01-02"

    (said,) = sentences(late)
    assert said.startswith("follow_up.visit_date: 1 of ")
    assert " rows after death_date, all from site S" in said


def test_a_death_known_by_its_month_is_compared_by_its_month(sentences: Callable[..., list[str]]) -> None:
    def month(tables: Tables) -> None:
        dead = tables["outcome"]["death_date"] != ""
        row = dead.idxmax()
        who = tables["outcome"].loc[row, "patient_id"]
        zero = tables["patient"].loc[tables["patient"]["patient_id"] == who, "treatment_start_date"]
        first = str(pd.Timestamp(zero.iloc[0]).replace(day=1).date())
        tables["outcome"].loc[row, ["death_date", "last_contact_date", "death_date_precision"]] = [first, "", "month"]
        tables["follow_up"] = tables["follow_up"][tables["follow_up"]["patient_id"] != who]

    assert sentences(month) == []


def test_an_event_coded_1_and_2(sentences: Callable[..., list[str]], sound: Tables) -> None:
    recoded = sound["follow_up"]["reoperation"].replace({"1": "2", "0": "1"})

    def one_two(tables: Tables) -> None:
        tables["follow_up"]["reoperation"] = recoded

    said = sentences(one_two)
    n, of = int((recoded == "2").sum()), int((recoded != "").sum())
    counted = [int(one.split()[1]) for one in said]
    assert sum(counted) == n
    for one in said:
        assert f" of {of} rows neither 0 nor 1" in one
        assert one.startswith("follow_up.reoperation: ")
        assert one.endswith("; are they coded 1/2? expected 0 (no) and 1 (yes): recode.")


def test_an_unknown_level(sentences: Callable[..., list[str]], sound: Tables) -> None:
    def strange(tables: Tables) -> None:
        tables["treatment"].loc[[0, 1, 2, 3, 4, 5, 6, 7], "treatment_arm"] = "vertebroplasty"
        columns = ["hours_deficit_to_surgery", "approach", "decompression", "instrumentation", "levels_fused", "mis"]
        tables["treatment"].loc[:8, [*columns, "blood_loss_ml", "op_minutes"]] = ""

    (said,) = sentences(strange)
    assert (
        said == "treatment.treatment_arm: 8 of 120 rows with an unknown level; expected surgery, surgery_rt, rt_alone."
    )


def test_albumin_in_grams_per_litre(sentences: Callable[..., list[str]], sound: Tables) -> None:
    labs, patients = sound["labs"], sound["patient"]
    site = labs["patient_id"].map(patients.set_index("patient_id")["site_id"])
    wrong = (labs["analyte"] == "albumin") & (labs["unit"] == "g/dL") & (site == "S02")
    n, of = int(wrong.sum()), int((labs["analyte"] == "albumin").sum())
    assert n > 3

    def litres(tables: Tables) -> None:
        tables["labs"].loc[wrong, "value"] = (labs.loc[wrong, "value"].astype(float) * 10).round(1).astype(str)

    (said,) = sentences(litres)
    assert said == f"labs.albumin: {n} of {of} rows above 6.0 g/dL, all from site S02; were they recorded in g/L?"


@pytest.mark.parametrize(
    ("table", "column", "text", "sentence"),
    [
        ("baseline", "ecog", "80", "with an unknown level; were they recorded as Karnofsky (10 to 100)? expected 0, 1"),
        ("imaging", "escc_grade", "1", "with an unknown level; was the Bilsky grade kept as a number? expected 0, 1a"),
        ("imaging", "sins_total", "18", "differ from the sum of their components; components: sins_location, sins_"),
        ("patient", "sex", "Female", "with an unknown level; is it a matter of capitals or blanks? expected female"),
        ("baseline", "opioid_use", "yes", "neither 0 nor 1; write yes as 1 and no as 0."),
        ("baseline", "bmi", "24,5", "with a decimal comma; write a decimal point."),
        ("baseline", "bmi", "24.5 kg", "not a number; take the unit out of the cell."),
        ("baseline", "bmi", "245", "above 60.0 kg/m2"),
        ("baseline", "charlson_index", "6.0", "not a whole number; was the column stored with decimals?"),
        ("patient", "enrol_date", "03/04/2015", "not a date as YYYY-MM-DD; is the day or the month written first?"),
        ("patient", "enrol_date", "2015-02-30", "not a day of the calendar between 1900 and 2100."),
        ("patient", "enrol_date", "2035-02-03", "treatment_start_date: 1 of 120 rows before enrol_date"),
        ("patient", "site_id", "", "patient.site_id: 1 of 120 rows without a value, which is required."),
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence(
    sentences: Callable[..., list[str]], sound: Tables, table: str, column: str, text: str, sentence: str
) -> None:
    def one_cell(tables: Tables) -> None:
        frame = tables[table]
        if column not in frame:
            frame[column] = ""
        if column == "sins_total":
            parts = ["location", "pain", "lesion", "alignment", "collapse", "posterolateral"]
            whole = (frame[[f"sins_{part}" for part in parts]] != "").all(axis=1)
            frame.loc[whole.idxmax(), column] = text
        else:
            frame.loc[frame.index[0], column] = text

    (said,) = sentences(one_cell)
    assert sentence.rstrip(".") in said.replace(", all from site " + said.split("site ")[-1][:3], "")


def test_all_violations_come_at_once_and_none_quotes_a_value(contract: Contract, sound: Tables, tmp_path: Path) -> None:
    tables = {name: frame.copy() for name, frame in sound.items()}
    tables["baseline"].loc[0, ["ecog", "bmi", "smoking"]] = "MARKER"
    tables["patient"].loc[0, "enrol_date"] = "MARKER"
    tables["labs"].loc[0, ["value", "unit"]] = "MARKER"
    tables["labs"].loc[1, "analyte"] = "MARKER"
    orphan = tables["tumour"].iloc[[0]].assign(patient_id="MARKER")
    tables["tumour"] = pd.concat([tables["tumour"], orphan])
    for name, frame in tables.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False, lineterminator="\n")
    with pytest.raises(ContractError) as error:
        require(contract, read_extract(tmp_path, contract))
    said = str(error.value)
    assert said.startswith('8 violations of the contract "spine":')
    assert "MARKER" not in said
    assert "tumour.patient_id: 1 of 121 rows belong to no patient of the table patient." in said


def test_a_column_that_is_missing_or_misspelt(sentences: Callable[..., list[str]]) -> None:
    said = sentences(lambda tables: tables.update(baseline=tables["baseline"].rename(columns={"smoking": "smokin"})))
    assert said == [
        'baseline.smoking: the column is missing (is it "smokin"?).',
        'baseline.smokin: the contract has no such column (is it "smoking"?).',
    ]


def test_a_value_where_the_field_cannot_apply(sentences: Callable[..., list[str]], sound: Tables) -> None:
    row = (sound["neuro"]["ais_grade"] == "E").idxmax()
    said = sentences(lambda tables: tables["neuro"].__setitem__("deficit_development_days", _at(tables, row)))
    assert len(said) == 1
    assert "neuro.deficit_development_days: 1 of 120 rows filled where ais_grade is none of A, B, C, D" in said[0]


def _at(tables: Tables, row: int) -> pd.Series:
    column = tables["neuro"]["deficit_development_days"].copy()
    column.loc[row] = "1-7"
    return column


def test_a_sound_export_of_three_thousand_patients_has_no_violation(contract: Contract, tmp_path: Path) -> None:
    from features.registries.synthetic import write_extract

    write_extract(simulate(SyntheticSettings(patients=3000, seed=1)), tmp_path)
    inspection = inspect(contract, read_extract(tmp_path, contract))
    assert not inspection.violations
    assert len(REGISTRIES["spine"].conform(inspection.tables, contract).frame) > 2900
