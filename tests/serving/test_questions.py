"""Each question accepts what the contract promises, and says in a sentence why it refuses the rest."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from features.contract import Field
from serving.questions import Question, Reply
from serving.refusals import CODES, Fault


def question(**more: Any) -> Question:
    return Question(Field(**{"name": "x", "table": "t", "label": "X", "known_at": "T0", **more}))


ALBUMIN = question(kind="number", unit="g/dL", units={"g/L": 0.1}, minimum=1.0, maximum=6.0)
HEMOGLOBIN = question(kind="number", unit="g/dL", units={"g/L": 0.1, "mmol/L": 1 / 0.6206}, minimum=4.0, maximum=20.0)
SITE = question(kind="category", levels=("breast", "unknown", "other"))
ECOG = question(kind="ordinal", levels=("0", "1", "2"))
DEFICIT = question(kind="integer", unit="d", minimum=0.0, maximum=365.0, applies_when={"ais_grade": ("A",)})
PAIN = question(kind="integer", unit="points", minimum=0.0, maximum=10.0)
SEX = question(kind="category", levels=("female", "male"), unknown_allowed=False)
OPIOID = question(kind="boolean")
QUESTIONS = [ALBUMIN, HEMOGLOBIN, SITE, ECOG, DEFICIT, PAIN, SEX, OPIOID]
UNITLESS = "Above the possible range for the unit given. Allowed: 1.0 to 6.0 g/dL."


def test_a_quantity_is_converted_to_the_canonical_unit() -> None:
    read = ALBUMIN.read({"value": 32, "unit": "g/L"}, "#")
    assert isinstance(read, Reply)
    assert read.cell == pytest.approx(3.2, abs=1e-15)


def test_the_ends_of_the_range_are_allowed_in_every_unit() -> None:
    for value, unit in ((6.0, "g/dL"), (60, "g/L"), (1, "g/dL"), (10, "g/L")):
        assert isinstance(ALBUMIN.read({"value": value, "unit": unit}, "#"), Reply)


@pytest.mark.parametrize(
    ("of", "value", "code", "detail"),
    [
        (ALBUMIN, {"value": 32, "unit": "g/dL"}, "SC221", f"{UNITLESS} Is the unit g/L?"),
        (ALBUMIN, {"value": 900, "unit": "g/dL"}, "SC221", UNITLESS),
        (
            ALBUMIN,
            {"value": 3.2, "unit": "g/L"},
            "SC220",
            "Below the possible range for the unit given. Allowed: 10 to 60 g/L. Is the unit g/dL?",
        ),
        (ALBUMIN, 3.2, "SC214", "A unit is required: g/dL or g/L."),
        (HEMOGLOBIN, {"value": 11}, "SC214", "A unit is required: g/dL, g/L or mmol/L."),
        (ALBUMIN, {"value": 3.2, "unit": "mg"}, "SC215", "Not an accepted unit. Accepted: g/dL or g/L."),
        (ALBUMIN, {"value": "3.2", "unit": "g/dL"}, "SC203", "The value must be a number."),
        (ALBUMIN, {"value": True, "unit": "g/dL"}, "SC203", "The value must be a number."),
        (ALBUMIN, {"value": 3.2, "unit": "g/dL", "at": 1}, "SC216", "Must hold value and unit, and nothing else."),
        (ALBUMIN, "3.2", "SC203", 'Must be {"value": number, "unit": "g/dL"}, or "unknown".'),
        (ALBUMIN, None, "SC203", 'Must be {"value": number, "unit": "g/dL"}, or "unknown".'),
        (ALBUMIN, "not_applicable", "SC209", 'Applies to every patient. Send a value, or "unknown".'),
        (ECOG, 7, "SC207", "Not one of 0, 1, 2, unknown."),
        (ECOG, 1.0, "SC207", "Not one of 0, 1, 2, unknown."),
        (ECOG, True, "SC207", "Not one of 0, 1, 2, unknown."),
        (SITE, "lung", "SC207", "Not one of breast, unknown, other."),
        (SEX, "unknown", "SC208", "Must be known: the model gives no answer without it."),
        (OPIOID, 1, "SC204", 'Must be true or false, or "unknown".'),
        (PAIN, 11, "SC221", "Above the possible range. Allowed: 0 to 10."),
        (PAIN, 2.5, "SC222", "Must be a whole number."),
        (PAIN, {"value": 2, "unit": "points"}, "SC203", 'Must be a number, or "unknown".'),
    ],
)
def test_a_refusal_says_what_is_allowed_and_never_what_was_sent(
    of: Question, value: object, code: str, detail: str
) -> None:
    read = of.read(value, "#/x")
    assert read == Fault("#/x", code, detail)
    assert code in CODES


def test_unknown_is_a_level_where_the_contract_has_it_as_one() -> None:
    assert SITE.read("unknown", "#") == Reply("unknown", "value")
    assert ECOG.read("unknown", "#") == Reply(None, "unknown")


def test_a_level_written_in_digits_may_come_as_a_whole_number() -> None:
    assert ECOG.read(2, "#") == ECOG.read("2", "#") == Reply("2")


@pytest.mark.parametrize("word", ["unknown", "not_applicable"])
def test_a_number_that_is_not_there_is_nan_with_the_reason_beside_it(word: str) -> None:
    read = DEFICIT.read(word, "#")
    assert isinstance(read, Reply)
    assert isinstance(read.cell, float)
    assert math.isnan(read.cell)
    assert read.state == word


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["unknown", "not_applicable", "breast", "0", "2", "female", "x"])
)
_UNITS = st.sampled_from(["g/dL", "g/L", "mmol/L", "d", "points", 1])
_VALUES = _SCALARS | st.fixed_dictionaries({"value": _SCALARS | st.floats(0, 70), "unit": _UNITS})


@given(value=_VALUES, i=st.integers(0, len(QUESTIONS) - 1))
def test_the_schema_accepts_what_the_check_accepts(value: object, i: int) -> None:
    accepted = isinstance(QUESTIONS[i].read(value, "#"), Reply)
    schema = Draft202012Validator(QUESTIONS[i].schema()).is_valid(value)
    # JSON Schema takes 1.0 for 1; a level as a fraction is the one thing that the check sees and a schema cannot.
    assert accepted == schema or (isinstance(value, float) and bool(QUESTIONS[i].field.levels))


@given(value=st.floats(1.0, 6.0))
def test_a_table_and_a_request_read_the_same_number(value: float) -> None:
    in_request = ALBUMIN.read({"value": value, "unit": "g/dL"}, "#")
    assert ALBUMIN.read_text(repr(value), None, ("",), "#") == in_request
    other = ALBUMIN.read({"value": value * 10, "unit": "g/L"}, "#")
    assert ALBUMIN.read_text(repr(value * 10), "g/L", ("",), "#") == other


@pytest.mark.parametrize(
    ("of", "text", "cell"),
    [(OPIOID, "true", 1.0), (OPIOID, "0", 0.0), (ECOG, " 2 ", "2"), (PAIN, "3", 3.0), (SITE, "unknown", "unknown")],
)
def test_cells_of_a_table_are_read_by_kind(of: Question, text: str, cell: float | str) -> None:
    assert of.read_text(text, None, ("",), "#") == Reply(cell)


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", "1e999", "3,2", "0x1", "three"])
def test_cells_that_are_no_number_are_refused(text: str) -> None:
    assert isinstance(ALBUMIN.read_text(text, None, ("",), "#"), Fault)
