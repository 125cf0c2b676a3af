"""A body is read strictly; what cannot be read is refused without being repeated."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.refusals import Refusal
from serving.requests import read_json, read_request


def refusal(body: bytes) -> Refusal:
    with pytest.raises(Refusal) as raised:
        read_request(body, most_patients=2, most_models=2, identifying=(re.compile(r"\d{7,}"),))
    return raised.value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "SC100"),
        (b"{", "SC100"),
        (b"\xef\xbb\xbf{}", "SC100"),
        (b'{"a": "\xff"}', "SC100"),
        ('{"a": 1}'.encode("utf-16"), "SC100"),
        (b'{"models": NaN}', "SC100"),
        (b'{"models": Infinity}', "SC100"),
        (b'{"models": 1e999}', "SC102"),
        (b'{"models": ' + b"9" * 5000 + b"}", "SC102"),
        (b'{"models": [], "models": []}', "SC101"),
        (b'{"models": ["a"], "patients": [{"x": 1, "x": 2}]}', "SC101"),
        (b'{"models": ["a"], "patients": [{"x": {"value": 1, "value": 2}}]}', "SC101"),
        (b"[" * 20 + b"]" * 20, "SC103"),
        (b"[" * 100_000 + b"]" * 100_000, "SC103"),
    ],
)
def test_what_is_not_strict_json_is_a_400(body: bytes, code: str) -> None:
    refused = refusal(body)
    assert refused.status == 400
    assert refused.faults[0].code == code


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b"[]", ["#"]),
        (b"null", ["#"]),
        (b"{}", ["#/models", "#/patients"]),
        (b'{"models": [], "patients": {}}', ["#/models", "#/patients"]),
        (b'{"models": ["a", 1], "patients": [{}, 3]}', ["#/models/1", "#/patients/1"]),
        (b'{"models": ["a"], "patients": [{}, {}, {}]}', ["#/patients"]),
        (b'{"models": ["a", "a"], "patients": [{}]}', ["#/models"]),
        (b'{"models": ["a"], "patients": [{}], "Jane Doe": 1}', ["#"]),
        (b'{"models": ["a"], "patients": [{"client_reference": 7}]}', ["#/patients/0/client_reference"]),
        (b'{"models": ["a"], "patients": [{"client_reference": "Jane Doe"}]}', ["#/patients/0/client_reference"]),
        (b'{"models": ["a"], "patients": [{"client_reference": "mrn-12345678"}]}', ["#/patients/0/client_reference"]),
    ],
)
def test_another_shape_is_a_422_with_every_pointer(body: bytes, pointers: list[str]) -> None:
    refused = refusal(body)
    assert refused.status == 422
    assert [fault.pointer for fault in refused.faults] == pointers


def test_a_reference_is_parted_from_the_patient() -> None:
    body = b'{"models": ["a"], "patients": [{"client_reference": "mdt-4711", "x": 1}, {"x": 2}]}'
    request = read_request(body, most_patients=2, most_models=2)
    assert request.patients == (("mdt-4711", {"x": 1}), (None, {"x": 2}))


@given(body=st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_refusal(body: bytes) -> None:
    try:
        value = read_json(body)
    except Refusal as refused:
        value = refused.status
    assert value == 400 or not isinstance(value, bytes)
