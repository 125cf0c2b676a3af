"""`Contract`: what a registry promises about each variable. Declared once; checks, schemas and cards are derived."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Literal, Self, final

from pydantic import BaseModel, ConfigDict, model_validator

# When a value is known, in order. A study may use what is known at its own moment, and nothing later.
KNOWN_AT = ("T0", "TX", "V6w", "V12w", "V26w", "V52w", "V104w", "AFTER", "END")
UNDECLARED = "undeclared"  # what `init` writes where it suspects a leak: no study may use it until a person decides
UNKNOWN = "unknown"  # asked, and not known
NOT_APPLICABLE = "not_applicable"  # the question makes no sense for this patient

Kind = Literal["number", "integer", "boolean", "category", "ordinal", "date", "text", "identifier"]


class ContractError(ValueError):
    """Data or definitions that break the contract. Says counts and rules, never a patient's value."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


@final
class Field(_Strict):
    """Promise about one variable.

    units         accepted unit → factor to the canonical `unit` (value_in_canonical = value * factor).
    minimum, maximum   plausible range in the canonical unit; outside it a row is a violation, never clipped.
    levels        of a category (any order) or an ordinal (ascending).
    missing       codes, beyond the contract's, that mean "asked, not known".
    applies_when  structural missingness: the field has a meaning only where another field has one of these levels.
    absent_in     registry_source → reason: an instrument that this registry does not have.
    ask           whether a caller of the service may be asked for it (dates and identifiers never are).
    """

    name: str
    table: str
    kind: Kind
    label: str
    known_at: str
    unit: str | None = None
    units: dict[str, float] = {}
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    applies_when: dict[str, tuple[str, ...]] = {}
    absent_in: dict[str, str] = {}
    required: bool = False
    unknown_allowed: bool = True
    source: str = ""

    @property
    def ask(self) -> bool:
        """Whether a caller may send it: values, never dates, free text or identities."""
        return self.kind in ("number", "integer", "boolean", "category", "ordinal")

    @property
    def numeric(self) -> bool:
        """Whether values are quantities on an interval scale."""
        return self.kind in ("number", "integer")

    @property
    def accepted_units(self) -> dict[str, float]:
        """Every unit a value may come in, with its factor; the canonical unit first."""
        return {**({self.unit: 1.0} if self.unit else {}), **self.units}

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.known_at not in (*KNOWN_AT, UNDECLARED):
            raise ValueError(f"{self.name}: known_at must be one of {', '.join((*KNOWN_AT, UNDECLARED))}.")
        if self.kind in ("category", "ordinal") and not self.levels:
            raise ValueError(f"{self.name}: a {self.kind} needs its levels.")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{self.name}: the range is empty.")
        return self


@final
class Table(_Strict):
    """One table of a registry: its file's stem, what one row is, and the columns that make a row unique."""

    name: str
    key: tuple[str, ...]
    optional: bool = False


@final
class Contract(_Strict):
    """All promises of one registry, versioned.

    registry   which adapter reads it (`features.registries.REGISTRIES`).
    settings   what the adapter needs beyond fields (a flat table: which columns are id, time, event; codes; unit).
    missing    codes that mean "not known" in every field.
    """

    name: str
    version: str
    registry: str
    tables: tuple[Table, ...]
    fields: tuple[Field, ...]
    missing: tuple[str, ...] = ("",)
    settings: dict[str, str | float | list[str] | dict[str, str]] = {}

    @classmethod
    def from_toml(cls, path: Path) -> Contract:
        """Read a contract; an error names the file and every fault in it."""
        with path.open("rb") as file:
            return cls.model_validate_json(json.dumps(tomllib.load(file)))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(
            json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all fields, in the order of the contract."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """The promise about one variable."""
        for field in self.fields:
            if field.name == name:
                return field
        raise ContractError(f'the contract "{self.name}" has no field "{name}".')

    def in_table(self, table: str) -> tuple[Field, ...]:
        """The fields of one table."""
        return tuple(field for field in self.fields if field.table == table)

    def subset(self, names: tuple[str, ...]) -> Contract:
        """The same contract with these fields only: what a bundle carries."""
        return self.model_copy(update={"fields": tuple(self.field(name) for name in names)})
