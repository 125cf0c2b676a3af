"""Cells of a flat table: numbers, units, codes; what is read is exactly what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import Contract, Field, Table
from features.inspection.conversion import convert
from features.inspection.violation import gather

TABLE = Table(name="people", key=("id",))


def field(name: str, kind: Any, **promises: Any) -> Field:
    return Field(name=name, table="people", kind=kind, label=name, known_at="T0", **promises)


def contract(*fields: Field) -> Contract:
    own = field("id", "identifier")
    return Contract(name="c", version="1", registry="table", tables=(TABLE,), fields=(own, *fields), missing=("", "."))


def typed(promise: Field, cells: list[str], **columns: list[str]) -> tuple[list[Any], list[str]]:
    frame = pd.DataFrame({"id": [str(i) for i in range(len(cells))], promise.name: cells, **columns}, dtype=object)
    result = convert(contract(promise), TABLE, frame)
    said = [violation.sentence for violation in gather(result.findings, {})]
    values = result.frame[promise.name]
    return [None if pd.isna(value) else value for value in values], said


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_a_number_is_read_to_the_last_bit(numbers: list[float]) -> None:
    values, said = typed(field("x", "number"), [repr(number) for number in numbers])
    assert values == numbers
    assert said == []


@given(st.text(max_size=8))
def test_a_text_is_a_number_or_a_violation_never_something_else(text: str) -> None:
    values, said = typed(field("x", "number"), [text])
    assert (values[0] is not None) + len(said) + (text in ("", ".")) == 1


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "1e999", "0x10", "1_000", "١٢", "NA", "null", "--1", "1 000"])
def test_texts_that_python_or_pandas_would_take_are_refused(text: str) -> None:
    values, said = typed(field("x", "number"), [text])
    assert values == [None]
    assert said[0].startswith("people.x: 1 of 1 rows not a number")


def test_codes_of_the_contract_and_of_the_field_mean_not_known() -> None:
    values, said = typed(field("x", "number", missing=("-9",)), ["", ".", "-9", "0"])
    assert values == [None, None, None, 0.0]
    assert said == []


ALBUMIN = field("albumin", "number", unit="g/dL", units={"g/L": 0.1}, minimum=1.0, maximum=6.0)


def test_a_unit_column_of_a_flat_table_is_honoured() -> None:
    values, said = typed(ALBUMIN, ["38", "3.8", ""], albumin_unit=["g/L", "g/dL", ""])
    assert values == [pytest.approx(3.8), 3.8, None]
    assert said == []


def test_an_unknown_unit_and_a_missing_one_are_said_apart() -> None:
    values, said = typed(ALBUMIN, ["38", "3.8", "4"], albumin_unit=["mg/L", "", "g/dL"])
    assert values == [None, None, 4.0]
    assert said == [
        "people.albumin: 1 of 3 rows without a unit; give one of g/dL, g/L.",
        "people.albumin: 1 of 3 rows in a unit that is not accepted; accepted: g/dL, g/L.",
    ]


def test_values_that_another_unit_explains_are_told_apart_from_those_it_does_not() -> None:
    values, said = typed(ALBUMIN, ["3.8", "38", "41", "99", "0.2"])
    assert values == [3.8, None, None, None, None]
    assert said == [
        "people.albumin: 1 of 5 rows below 1.0 g/dL.",
        "people.albumin: 2 of 5 rows above 6.0 g/dL; were they recorded in g/L?",
        "people.albumin: 1 of 5 rows above 6.0 g/dL.",
    ]


@pytest.mark.parametrize(
    ("promise", "cells", "sentence"),
    [
        (field("event", "integer", minimum=0, maximum=1), ["1", "2", "2"],
         "people.event: 2 of 3 rows above 1; are they coded 1/2? expected 0 and 1: recode 1 to 0 and 2 to 1."),
        (field("event", "category", levels=("0", "1")), ["1", "2", "2"],
         "people.event: 2 of 3 rows with an unknown level; are they coded 1/2? expected 0, 1."),
        (field("status", "category", levels=("alive", "dead")), ["1", "2"],
         "people.status: 2 of 2 rows with an unknown level; are they coded 1/2? expected alive, dead."),
        (field("x", "number"), ["<0.5"],
         "people.x: 1 of 1 rows beyond a limit of detection, written with < or >; give a number, and say how in the "
         "contract's source."),
        (field("x", "number"), [" 5"], "people.x: 1 of 1 rows not a number; take away the blanks around it."),
        (field("d", "date"), ["43831"],
         "people.d: 1 of 1 rows not a date as YYYY-MM-DD; are they day numbers of a spreadsheet?"),
        (field("d", "date"), ["2020-03"],
         "people.d: 1 of 1 rows not a date as YYYY-MM-DD; give a day, and say that only the month is known."),
    ],
)  # fmt: skip
def test_each_cause_has_its_words(promise: Field, cells: list[str], sentence: str) -> None:
    assert typed(promise, cells)[1] == [sentence]


def test_a_level_that_looks_like_something_else_stays_itself() -> None:
    values, said = typed(field("country", "category", levels=("NA", "NO", "001")), ["NA", "NO", "001"])
    assert values == ["NA", "NO", "001"]
    assert said == []


def test_the_spine_contract_reads_every_kind(root: Path) -> None:
    spine = Contract.from_toml(root / "configs" / "registries" / "spine.toml")
    assert len(spine.names) == len(set(spine.names)) > 170
    for one in spine.fields:
        assert one.unit or not one.numeric or one.name == "inr"
        assert set(one.applies_when) <= set(spine.names)
    assert {one.table for one in spine.fields} == {table.name for table in spine.tables}
