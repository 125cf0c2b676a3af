"""A patient is read whole: every fault at once, structural missingness consistent, the example complete."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from serving.desk import Desk
from serving.examples import example_patient
from serving.openapi import model_schema
from serving.predictor import Served
from serving.refusals import Fault
from serving.schemas import Patient
from training.evidence import Evidence


def codes(read: Patient | list[Fault]) -> list[tuple[str, str]]:
    assert isinstance(read, list)
    return [(fault.pointer, fault.code) for fault in read]


def test_a_complete_patient_is_read_and_unknown_inputs_are_named(survival: Served, patient: dict[str, Any]) -> None:
    read = survival.form.read(patient, "#/patients/0")
    assert isinstance(read, Patient)
    assert read.unknown == ("crp",)
    assert read.cells["ecog"] == "2"
    assert read.cells["opioid_use"] == 1.0


def test_every_fault_is_said_at_once(survival: Served, patient: dict[str, Any]) -> None:
    patient |= {"albumin": {"value": 32, "unit": "g/dL"}, "ecog": 9, "sex": "unknown"}
    del patient["crp"]
    assert codes(survival.form.read(patient, "#/patients/0")) == [
        ("#/patients/0/sex", "SC208"),
        ("#/patients/0/albumin", "SC221"),
        ("#/patients/0/ecog", "SC207"),
        ("#/patients/0/crp", "SC201"),
    ]


@pytest.mark.parametrize(
    ("grade", "duration", "code"),
    [
        ("C", "not_applicable", "SC209"),
        ("E", {"value": 3, "unit": "d"}, "SC210"),
        ("E", "unknown", "SC210"),
        ("E", "not_applicable", None),
        ("C", "unknown", None),
        ("unknown", "unknown", None),
        ("unknown", "not_applicable", None),
        ("unknown", {"value": 3, "unit": "d"}, None),
    ],
)
def test_not_applicable_is_sent_exactly_where_a_field_cannot_apply(
    survival: Served, patient: dict[str, Any], grade: str, duration: object, code: str | None
) -> None:
    patient |= {"ais_grade": grade, "deficit_duration": duration}
    read = survival.form.read(patient, "#")
    assert isinstance(read, Patient) if code is None else codes(read) == [("#/deficit_duration", code)]
    assert Draft202012Validator(model_schema(survival)).is_valid(patient) == (code is None)


def test_the_field_that_says_who_the_model_is_for_must_be_known(recovery: Served, patient: dict[str, Any]) -> None:
    patient |= {"ais_grade": "unknown"}
    assert codes(recovery.form.read(patient, "#")) == [("#/ais_grade", "SC230")]


def test_an_empty_cell_is_unknown_or_not_applicable_as_the_patient_has_it(survival: Served) -> None:
    row = dict.fromkeys(survival.form.questions, "")
    read = survival.form.read_row({**row, "sex": "male", "ais_grade": "E", "ecog": "1"}, "row 2")
    assert isinstance(read, Patient)
    assert read.unknown == ("age_at_treatment", "albumin", "opioid_use", "crp")
    assert read.replies["deficit_duration"].state == "not_applicable"


def test_the_example_is_complete_and_inside_the_population_of_every_model(desk: Desk) -> None:
    forms = [served.form for served in desk.champions]
    patient = example_patient(forms, [])
    assert patient["ais_grade"] in ("A", "B", "C", "D")
    for form in forms:
        read = form.read(patient, "#")
        assert isinstance(read, Patient)
        assert form.outside(read) is None


def test_the_example_takes_common_levels_and_medians_from_table_one(survival: Served) -> None:
    rows = [
        {"site": "all", "field": "sex", "statistic": "count", "level": "female", "n": 100, "value": 40},
        {"site": "all", "field": "sex", "statistic": "count", "level": "male", "n": 100, "value": 60},
        {"site": "S01", "field": "sex", "statistic": "count", "level": "female", "n": 90, "value": 90},
        {"site": "all", "field": "albumin", "statistic": "median", "value": 3.71, "n": 100},
    ]
    patient = example_patient([survival.form], [Evidence(tables={"table_one": rows})])
    assert patient["sex"] == "male"
    assert patient["albumin"] == {"value": 3.71, "unit": "g/dL"}


def test_the_schema_is_valid_2020_12_and_accepts_the_example(desk: Desk) -> None:
    for served in desk.models:
        schema = model_schema(served)
        Draft202012Validator.check_schema(schema)
        assert Draft202012Validator(schema).is_valid(example_patient([served.form], []))
