"""Settings of a family: its dataclass fields, changed by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from training.families.family import FamilyError

F = TypeVar("F")


def changed(family: F, settings: Mapping[str, Any]) -> F:
    """The same family with these settings; an unknown name is refused with the nearest known one."""
    known = [field.name for field in fields(family)]  # type: ignore[arg-type]  # families are dataclasses
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise FamilyError(
                f'unknown setting "{name}". Known: {", ".join(known) or "none"}.'
                + (f' try: "{near[0]}".' if near else "")
            )
    return replace(family, **settings)  # type: ignore[type-var]


def require_positive(family: str, **values: float) -> None:
    """Refuse a setting that is not above zero."""
    for name, value in values.items():
        if not value > 0:
            raise FamilyError(f"{family}: {name} must be above zero, got {value}.")
