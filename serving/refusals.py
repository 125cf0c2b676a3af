"""Every error a caller may see, as fixed sentences with stable codes and without a patient's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

PROBLEM = "application/problem+json"

# Stable: a code is never given another meaning, and never used again once it is retired.
CODES = {
    "SC100": "The body is not JSON",
    "SC101": "A key stands twice in one object",
    "SC102": "A number is not finite, or longer than any measurement",
    "SC103": "Nested deeper than a request ever is",
    "SC110": "The request has another shape",
    "SC111": "Keys that a request does not have",
    "SC112": "Too many of something, or none",
    "SC113": "A reference that may identify a person",
    "SC201": "A field was left out",
    "SC202": "Keys that no requested model asks for",
    "SC203": "Not a number",
    "SC204": "Not true or false",
    "SC207": "Not one of the levels",
    "SC208": "May not be unknown",
    "SC209": "Applies to this patient",
    "SC210": "Does not apply to this patient",
    "SC214": "A unit is required",
    "SC215": "Not an accepted unit",
    "SC216": "Not a value with its unit",
    "SC220": "Below the possible range",
    "SC221": "Above the possible range",
    "SC222": "Not a whole number",
    "SC230": "Decides who the model is for",
    "SC301": "No such model here",
    "SC302": "Withdrawn",
}

# type → (status, title)
_KINDS = {
    "malformed-request": (400, "The request cannot be read"),
    "unexpected-query": (400, "This service reads no query parameters"),
    "not-found": (404, "Nothing is served at this address"),
    "unknown-model": (404, "The model is not served here"),
    "method-not-allowed": (405, "Another method is served at this address"),
    "not-acceptable": (406, "The document does not exist in that form"),
    "slow-request": (408, "The request took too long to arrive"),
    "model-withdrawn": (410, "The model was withdrawn"),
    "too-large": (413, "The request is too large"),
    "content-type": (415, "Only application/json is read"),
    "input-outside-contract": (422, "The patient data do not fit the model's contract"),
    "headers-too-large": (431, "The headers are too large"),
    "internal": (500, "The service failed"),
    "busy": (503, "The service is busy"),
    "not-ready": (503, "The service is not ready"),
}


@final
@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request.

    pointer   JSON pointer as a fragment: "#/patients/0/albumin". Holds names of fields only, never a caller's own text.
    code      key of `CODES`.
    detail    what is wrong and what is allowed, in a sentence without the value.
    """

    pointer: str
    code: str
    detail: str


@final
@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a programming error
    """Why there is no answer, and all of why."""

    kind: str
    detail: str
    faults: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _KINDS[self.kind][0]


def outside_contract(faults: Sequence[Fault]) -> Refusal:
    """The refusal for patient data: every fault at once."""
    n = len(faults)
    detail = f"{n} {'field needs' if n == 1 else 'fields need'} attention. No prediction was made."
    return Refusal("input-outside-contract", detail, tuple(faults))


def problem(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The refusal as RFC 9457 problem details."""
    status, title = _KINDS[refusal.kind]
    return {
        "type": f"urn:spinecast:problem:{refusal.kind}",
        "title": title,
        "status": status,
        "detail": refusal.detail,
        "instance": f"urn:request:{request_id}",
        **refusal.more,
        **(
            {"errors": [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in refusal.faults]}
            if refusal.faults
            else {}
        ),
    }


def kinds() -> dict[str, tuple[int, str]]:
    """Problem type → status and title, for the documentation."""
    return dict(_KINDS)
