"""`Question`: what a caller is asked about one field, derived from the contract: reading, checking, schema, example."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

from features.contract import NOT_APPLICABLE, UNKNOWN, Field
from serving.refusals import Fault

# Units that count steps of a scale, not a measurement: nobody mixes them up, so the number stands alone.
_BARE = frozenset({"points", "count"})
# 60 g/L is 6.000000000000001 g/dL in floating point, and allowed.
_SLACK = 1e-9

Cell = float | str | None
State = Literal["value", "unknown", "not_applicable"]


@final
@dataclass(frozen=True)
class Reply:
    """What a caller said about one field: a number in the canonical unit or a level, or why there is none."""

    cell: Cell
    state: State = "value"


@final
@dataclass(frozen=True)
class Question:
    """One field of the contract as it is asked."""

    field: Field

    @property
    def with_unit(self) -> bool:
        """Whether the value must come with its unit."""
        return self.field.numeric and self.field.unit is not None and self.field.unit not in _BARE

    @property
    def _unknown_is_a_level(self) -> bool:
        return UNKNOWN in self.field.levels

    def nothing(self, state: State) -> Reply:
        """No value: NaN for a number or a boolean, None or "not_applicable" for a level."""
        if self.field.levels:
            return Reply(NOT_APPLICABLE if state == "not_applicable" else None, state)
        return Reply(math.nan, state)

    def read(self, value: object, pointer: str) -> Reply | Fault:
        """A JSON value as a reply, or what is wrong with it."""
        if value == UNKNOWN and isinstance(value, str) and not self._unknown_is_a_level:
            return self._not_known(pointer)
        if value == NOT_APPLICABLE and isinstance(value, str):
            if self.field.applies_when:
                return self.nothing("not_applicable")
            return Fault(pointer, "SC209", "Applies to every patient. Send a value" + self._or_unknown() + ".")
        if self.field.levels:
            return self._read_level(value, pointer)
        if self.field.kind == "boolean":
            if isinstance(value, bool):
                return Reply(float(value))
            return Fault(pointer, "SC204", f"Must be true or false{self._or_unknown()}.")
        return self._read_quantity(value, pointer)

    def read_text(self, text: str, unit: str | None, missing: Sequence[str], pointer: str) -> Reply | Fault:
        """A cell of a table as a reply. The number is in the canonical unit unless a unit stands beside it."""
        text = text.strip()
        if text in (*missing, *self.field.missing) or (text == UNKNOWN and not self._unknown_is_a_level):
            return self._not_known(pointer)
        if text == NOT_APPLICABLE or self.field.levels:
            return self.read(text, pointer)
        if self.field.kind == "boolean":
            truth = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}.get(text.lower())
            return self.read(truth, pointer)
        try:
            number = float(text) if "_" not in text else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            return Fault(pointer, "SC203", f"Not a number{self._or_unknown()}.")
        if not self.with_unit:
            return self._checked(number, self.field.unit or "", 1.0, pointer)
        return self._read_quantity({"value": number, "unit": unit or self.field.unit}, pointer)

    def _not_known(self, pointer: str) -> Reply | Fault:
        if self.field.unknown_allowed:
            return self.nothing("unknown")
        return Fault(pointer, "SC208", "Must be known: the model gives no answer without it.")

    def _read_level(self, value: object, pointer: str) -> Reply | Fault:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(text, str) and text in self.field.levels:
            return Reply(text)
        allowed = [*self.field.levels, *self._words()]
        return Fault(pointer, "SC207", f"Not one of {', '.join(dict.fromkeys(allowed))}.")

    def _read_quantity(self, value: object, pointer: str) -> Reply | Fault:
        units = self.field.accepted_units
        if not self.with_unit:
            if not _number(value):
                return Fault(pointer, "SC203", f"Must be a number{self._or_unknown()}.")
            return self._checked(float(value), self.field.unit or "", 1.0, pointer)  # type: ignore[arg-type]  # _number saw it
        if _number(value):
            return Fault(pointer, "SC214", f"A unit is required: {_either(list(units))}.")
        if not isinstance(value, Mapping):
            expected = f'{{"value": number, "unit": "{self.field.unit}"}}'
            return Fault(pointer, "SC203", f"Must be {expected}{self._or_unknown()}.")
        if "unit" not in value:
            return Fault(pointer, "SC214", f"A unit is required: {_either(list(units))}.")
        if set(value) != {"value", "unit"}:
            return Fault(pointer, "SC216", "Must hold value and unit, and nothing else.")
        if not isinstance(value["unit"], str) or value["unit"] not in units:
            return Fault(pointer, "SC215", f"Not an accepted unit. Accepted: {_either(list(units))}.")
        if not _number(value["value"]):
            return Fault(pointer, "SC203", "The value must be a number.")
        return self._checked(float(value["value"]), value["unit"], units[value["unit"]], pointer)

    def _checked(self, number: float, unit: str, factor: float, pointer: str) -> Reply | Fault:
        canonical = number * factor
        if not math.isfinite(canonical):
            return Fault(pointer, "SC102", "Longer than any measurement.")
        where = self._outside(canonical)
        if where:
            guesses = [u for u, f in self.field.accepted_units.items() if f != factor and not self._outside(number * f)]
            guess = f" Is the unit {_either(guesses)}?" if guesses and self.with_unit else ""
            code = "SC220" if where == "Below" else "SC221"
            given = " for the unit given" if self.with_unit else ""
            return Fault(
                pointer, code, f"{where} the possible range{given}. Allowed: {self._range(unit, factor)}.{guess}"
            )
        if self.field.kind == "integer" and canonical != round(canonical):
            return Fault(pointer, "SC222", "Must be a whole number.")
        return Reply(canonical)

    def _outside(self, canonical: float) -> str:
        low, high = self.field.minimum, self.field.maximum
        if low is not None and canonical < low - _SLACK * max(abs(low), 1.0):
            return "Below"
        if high is not None and canonical > high + _SLACK * max(abs(high), 1.0):
            return "Above"
        return ""

    def _range(self, unit: str, factor: float) -> str:
        low, high = self.bounds(factor)
        of = f" {unit}" if unit and unit not in _BARE else ""
        if low is None or high is None:
            return f"{'at most' if low is None else 'at least'} {self._plain(high if low is None else low)}{of}"
        return f"{self._plain(low)} to {self._plain(high)}{of}"

    def _plain(self, number: float | None) -> str:
        # "1.0 to 6.0 g/dL" says that a decimal is expected; "0 to 10" that none is.
        decimal = number is not None and self.field.kind == "number" and number < 10 and float(number).is_integer()
        return f"{number:.1f}" if decimal else f"{number:g}"

    def bounds(self, factor: float) -> tuple[float | None, float | None]:
        """The plausible range in the unit with this factor."""
        low, high = self.field.minimum, self.field.maximum
        # 12 digits: 6.0 / 0.1 is 59.99999999999999.
        return (
            None if low is None else float(f"{low / factor:.12g}"),
            None if high is None else float(f"{high / factor:.12g}"),
        )

    def _words(self) -> list[str]:
        words = [UNKNOWN] if self.field.unknown_allowed else []
        return [*words, *([NOT_APPLICABLE] if self.field.applies_when else [])]

    def _or_unknown(self) -> str:
        return "".join(f', or "{word}"' for word in self._words())

    def schema(self) -> dict[str, Any]:
        """The field as JSON Schema 2020-12; what it accepts is what `read` accepts."""
        words: list[dict[str, Any]] = [{"const": word} for word in self._words() if word not in self.field.levels]
        about = {"title": self.field.label, **({"description": self.field.source} if self.field.source else {})}
        if self.field.levels:
            numbers = [int(level) for level in self.field.levels if level.isdigit() and str(int(level)) == level]
            return {**about, "enum": [*self.field.levels, *numbers, *(word["const"] for word in words)]}
        if self.field.kind == "boolean":
            return {**about, "anyOf": [{"type": "boolean"}, *words]}
        if not self.with_unit:
            return {**about, "anyOf": [self._number_schema(1.0), *words]}
        quantities = [
            {
                "type": "object",
                "properties": {"value": self._number_schema(factor), "unit": {"const": unit}},
                "required": ["value", "unit"],
                "additionalProperties": False,
            }
            for unit, factor in self.field.accepted_units.items()
        ]
        return {**about, "anyOf": [*quantities, *words]}

    def _number_schema(self, factor: float) -> dict[str, Any]:
        low, high = self.bounds(factor)
        kind = "integer" if self.field.kind == "integer" and factor == 1.0 else "number"
        return {
            "type": kind,
            **({} if low is None else {"minimum": low}),
            **({} if high is None else {"maximum": high}),
        }

    def to_json(self, reply: Reply) -> Any:
        """A reply as a caller would send it, in the canonical unit."""
        if reply.state != "value":
            return reply.state
        if self.field.kind == "boolean":
            return bool(reply.cell)
        if self.field.numeric and isinstance(reply.cell, float):
            number = int(reply.cell) if reply.cell.is_integer() else reply.cell
            return {"value": number, "unit": self.field.unit} if self.with_unit else number
        return reply.cell


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
