"""`Estimate` and `Evidence`: every number with its estimator, interval, counts and state; JSON and back unchanged."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, final

State = Literal["measured", "declared", "not applicable", "missing"]


class EvidenceError(ValueError):
    """Evidence that contradicts itself or is asked for a number that it does not hold."""


def canonical_json(value: object) -> str:
    """One text per value: sorted keys, shortest exact floats, no NaN. Digests are taken of this."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@final
@dataclass(frozen=True)
class Estimate:
    """One number and all that is needed to believe it.

    metric        what is measured: "harrell_c", "ipa", "oe_ratio", …
    estimator     how: "kaplan_meier_ratio", "cox_on_log_hazard", "pseudo_cloglog", …
    cause         whose incidence; "" where the number has none.
    horizon_days  by when; None over the whole range.
    population    whose patients: "all", "site=S03", …
    design        how it was judged: "nested_cross_validation", "leave_one_site_out", "apparent", "data", …
    model         which: "chosen", a recipe's name, "aalen_johansen", … or "" for facts of the data.
    value, low, high, level   the number and its interval; None where there is none.
    method        of the interval, in words; n and events behind the number.
    state, reason why there is no number, where there is none.
    """

    metric: str
    estimator: str
    cause: str = ""
    horizon_days: float | None = None
    population: str = "all"
    design: str = "data"
    model: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str = ""
    n: int | None = None
    events: int | None = None
    state: State = "measured"
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None:
                object.__setattr__(self, name, float(number))
                if not math.isfinite(number):
                    raise EvidenceError(
                        f"{self.metric}: {name} is not finite; say 'not applicable' with the reason instead."
                    )
        if self.state in ("not applicable", "missing") and (self.value is not None or not self.reason):
            raise EvidenceError(f"{self.metric}: a number that is {self.state} has a reason and no value.")
        if self.state in ("measured", "declared") and self.value is None:
            raise EvidenceError(f"{self.metric}: {self.state} without a value.")

    @property
    def key(self) -> tuple[str, str, str, float | None, str, str, str]:
        """What makes this estimate unique within evidence."""
        return (self.metric, self.estimator, self.cause, self.horizon_days, self.population, self.design, self.model)

    @property
    def id(self) -> str:
        """The key as text, for anchors and for `reproduce`."""
        return "/".join(
            "" if part is None else f"{part:g}" if isinstance(part, float) else str(part) for part in self.key
        )


@final
@dataclass(frozen=True)
class Evidence:
    """All estimates, named tables and facts of one run. No clock, no hardware: the same study gives the same evidence.

    facts   small JSON values by name: the cohort flow, digests, counts, coefficients' conventions.
    tables  named lists of rows (dictionaries of JSON scalars): curves, Table 1, coefficients, tuning.
    """

    estimates: tuple[Estimate, ...] = ()
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = [e.key for e in self.estimates]
        if len(set(keys)) != len(keys):
            twice = sorted({e.id for e in self.estimates if keys.count(e.key) > 1})
            raise EvidenceError(f"{len(twice)} estimates stand twice, the first is {twice[0]}.")

    def find(self, **key: object) -> list[Estimate]:
        """Estimates whose named key parts equal these, in the order they were measured."""
        return [e for e in self.estimates if all(getattr(e, name) == value for name, value in key.items())]

    def one(self, **key: object) -> Estimate:
        """The one estimate with this key; raises where there is none or more than one."""
        found = self.find(**key)
        if len(found) != 1:
            raise EvidenceError(f"expected one estimate for {key}, found {len(found)}.")
        return found[0]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "estimates": [asdict(e) for e in self.estimates],
            "tables": {name: [dict(row) for row in rows] for name, rows in self.tables.items()},
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Evidence:
        """Back from `to_json`, unchanged."""
        return cls(tuple(Estimate(**e) for e in value["estimates"]), dict(value["tables"]), dict(value["facts"]))
