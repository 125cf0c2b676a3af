"""`News`: what a later extract holds that an earlier run had not seen. Counts, from keyed hashes of ids and rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final


@final
@dataclass(frozen=True)
class News:
    """Patients of two extracts of one registry.

    added      in the later cohort only.
    changed    in both, with another value or another follow-up.
    unchanged  in both, the same in all that a row says.
    vanished   in the earlier cohort, and gone without having withdrawn.
    withdrawn  in the earlier cohort, consent withdrawn since.
    """

    added: int
    changed: int
    unchanged: int
    vanished: int
    withdrawn: int

    @property
    def sentence(self) -> str:
        """The counts in words."""
        return (
            f"{self.added} patients added, {self.changed} changed, {self.unchanged} unchanged, "
            f"{self.vanished} vanished, {self.withdrawn} withdrawn"
        )

    def to_json(self) -> dict[str, int]:
        """As plain JSON values."""
        return asdict(self)


def news(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> News:
    """Compare two `patients.json`, hashed under one key: that of the earlier run."""
    before = {one["id"]: one["row"] for one in earlier["patients"]}
    after = {one["id"]: one["row"] for one in later["patients"]}
    both = before.keys() & after.keys()
    gone = before.keys() - after.keys()
    withdrawn = len(gone & set(later["withdrawn"]))
    changed = sum(before[one] != after[one] for one in both)
    return News(
        added=len(after) - len(both),
        changed=changed,
        unchanged=len(both) - changed,
        vanished=len(gone) - withdrawn,
        withdrawn=withdrawn,
    )
