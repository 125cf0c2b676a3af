"""How each kind of registry is read: `REGISTRIES[contract.registry].conform(tables, contract)`."""

from __future__ import annotations

from typing import Final

from features.registries.registry import Conformed, Registry
from features.registries.spine import SpineRegistry
from features.registries.table import FlatTable

__all__ = ["REGISTRIES", "Conformed", "Registry"]

REGISTRIES: Final[dict[str, Registry]] = {"spine": SpineRegistry(), "table": FlatTable()}
