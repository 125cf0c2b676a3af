"""The body of `POST /v1/predictions`, read strictly: every fault at once, nothing guessed, nothing echoed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from serving.refusals import Fault, Refusal, outside_contract

_DEEPEST = 8
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class _Object(dict[str, Any]):
    """A JSON object that remembers whether a key stood in it twice."""

    twice = False


@final
@dataclass(frozen=True)
class Request:
    """A body whose shape holds; what it says of patients is not checked yet.

    references   the models as the caller named them.
    patients     (client_reference or None, field → JSON value).
    """

    references: tuple[str, ...]
    patients: tuple[tuple[str | None, Mapping[str, Any]], ...]


def read_json(body: bytes) -> Any:
    """JSON of UTF-8 without a byte-order mark; NaN, duplicate keys, endless numbers and deep nesting are refused."""
    try:
        text = body.decode("utf-8", errors="strict")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_short_int)
    except RecursionError:
        raise _malformed("SC103", f"Nested deeper than {_DEEPEST} levels.") from None
    except (UnicodeDecodeError, ValueError):
        raise _malformed("SC100", "Not JSON in UTF-8.") from None
    faults = list(_structure_faults(value, "#", 1))
    if faults:
        raise Refusal("malformed-request", "The body is JSON, but not of the strict kind.", tuple(faults))
    return value


def read_request(
    body: bytes, *, most_patients: int, most_models: int, identifying: Sequence[re.Pattern[str]] = ()
) -> Request:
    """The envelope: which models, which patients. Raises `Refusal`."""
    value = read_json(body)
    if not isinstance(value, Mapping):
        raise outside_contract([Fault("#", "SC110", 'Must be an object: {"models": [...], "patients": [...]}.')])
    faults = []
    if set(value) - {"models", "patients"}:
        faults.append(Fault("#", "SC111", "Only models and patients are read."))
    faults += _list_faults(value, "models", most_models, lambda item: isinstance(item, str), "names of models")
    faults += _list_faults(value, "patients", most_patients, lambda item: isinstance(item, Mapping), "objects")
    if faults:
        raise outside_contract(faults)
    models, patients = value["models"], value["patients"]
    if len(set(models)) != len(models):
        faults.append(Fault("#/models", "SC112", "A model stands twice."))
    for i, patient in enumerate(patients):
        faults += _reference_faults(patient, f"#/patients/{i}/client_reference", identifying)
    if faults:
        raise outside_contract(faults)
    split = [(p.get("client_reference"), {k: v for k, v in p.items() if k != "client_reference"}) for p in patients]
    return Request(tuple(models), tuple(split))


def _list_faults(value: Mapping[str, Any], key: str, most: int, fits: Callable[[Any], bool], what: str) -> list[Fault]:
    items = value.get(key)
    if not isinstance(items, list):
        return [Fault(f"#/{key}", "SC110", f"Must be a list of {what}.")]
    if not 1 <= len(items) <= most:
        return [Fault(f"#/{key}", "SC112", f"From 1 to {most} {what}, got {len(items)}.")]
    return [
        Fault(f"#/{key}/{i}", "SC110", f"Must be one of the {what}.") for i, item in enumerate(items) if not fits(item)
    ]


def _reference_faults(patient: Mapping[str, Any], pointer: str, identifying: Sequence[re.Pattern[str]]) -> list[Fault]:
    if "client_reference" not in patient:
        return []
    reference = patient["client_reference"]
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        return [Fault(pointer, "SC110", "Letters, digits and . _ : - only, at most 64.")]
    if any(pattern.search(reference) for pattern in identifying):
        return [
            Fault(
                pointer, "SC113", "Looks like a name, a date of birth or a record number. Send a reference of your own."
            )
        ]
    return []


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    read = _Object(pairs)
    read.twice = len(read) != len(pairs)
    return read


def _no_constant(word: str) -> float:
    raise ValueError("NaN and Infinity are not JSON")


def _short_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= 18 else math.inf


def _structure_faults(value: Any, pointer: str, depth: int) -> Any:
    # A pointer here names positions alone: which keys are fields is not known yet, and a key may be a caller's text.
    if depth > _DEEPEST:
        yield Fault(pointer, "SC103", f"Nested deeper than {_DEEPEST} levels.")
    elif isinstance(value, _Object):
        if value.twice:
            yield Fault(pointer, "SC101", "A key stands twice.")
        for key, inner in value.items():
            inside = f"{pointer}/{key}" if depth == 1 and key in ("models", "patients") else pointer
            yield from _structure_faults(inner, inside, depth + 1)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _structure_faults(inner, f"{pointer}/{i}", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(pointer, "SC102", "A number that is not finite, or longer than any measurement.")


def _malformed(code: str, detail: str) -> Refusal:
    return Refusal("malformed-request", "The body cannot be read. No prediction was made.", (Fault("#", code, detail),))
