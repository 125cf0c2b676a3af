"""`Settings`: the limits of the service, from `configs/serving.toml`, read once at the start."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Self, final

from pydantic import BaseModel, ConfigDict, Field, field_validator


@final
class Settings(BaseModel):
    """Engineering limits; none changes a number of an answer.

    body_bytes, header_bytes   beyond these a request is refused unread.
    patients, models           most in one request.
    at_once                    predictions in work; one more is answered 503 with Retry-After.
    body_seconds               how long a body may take to arrive.
    identifying                patterns of a client_reference that may identify a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    body_bytes: int = Field(default=1_000_000, ge=1_000, le=16_000_000)
    header_bytes: int = Field(default=16_384, ge=1_024, le=65_536)
    patients: int = Field(default=200, ge=1, le=1_000)
    models: int = Field(default=8, ge=1, le=64)
    at_once: int = Field(default=8, ge=1, le=256)
    body_seconds: float = Field(default=10.0, gt=0, le=60)
    identifying: tuple[str, ...] = (
        r"\d{4}[-._]?\d{2}[-._]?\d{2}",  # 1961-04-23: a date of birth
        r"\d{1,2}[-._]\d{1,2}[-._]\d{2,4}",
        r"\d{7,}",  # a record or insurance number
        r"^[A-Z][a-z]+[-._][A-Z][a-z]+$",  # Jane-Doe
    )

    @field_validator("identifying")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError("a pattern of `identifying` is no regular expression.") from error
        return patterns

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read the file; an unknown key or a value out of range is refused."""
        with path.open("rb") as file:
            return cls.model_validate_json(json.dumps(tomllib.load(file)))

    @property
    def identifying_patterns(self) -> tuple[re.Pattern[str], ...]:
        """The patterns, compiled."""
        return tuple(map(re.compile, self.identifying))
