"""`inspect` says all that breaks the contract in a registry's tables; `require` gives the typed tables, or raises.

In: an `Extract` (text). Out: typed tables, and `Violation`s that count rows and never quote a value.
Read `violation.py`, then `conversion.py`, then `consistency.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import pandas as pd

from features.contract import Contract, ContractError
from features.extract import Extract
from features.inspection.consistency import consistency
from features.inspection.conversion import Converted, convert
from features.inspection.structure import structure
from features.inspection.violation import Finding, Violation, gather

__all__ = ["Inspection", "Violation", "inspect", "require"]


@final
@dataclass(frozen=True)
class Inspection:
    """What an inspection found, and the tables as far as they could be typed.

    tables  numbers, integers and booleans float64 with NaN in the canonical unit; categories, ordinals, text and ids
            objects with None; dates datetime64. A cell that breaks the contract is missing here.
    """

    violations: tuple[Violation, ...]
    tables: dict[str, pd.DataFrame]


def inspect(contract: Contract, extract: Extract) -> Inspection:
    """Every violation of the contract, grouped by field, site and likely cause; no violations means fit for use."""
    findings: list[Finding] = structure(contract, extract)
    tables: dict[str, pd.DataFrame] = {}
    for table in contract.tables:
        if table.name in extract.tables:
            converted: Converted = convert(contract, table, extract.tables[table.name].frame)
            tables[table.name] = converted.frame
            findings += converted.findings
    findings += consistency(contract, tables)
    order = {table.name: number for number, table in enumerate(contract.tables)}
    findings.sort(key=lambda finding: order[finding.table])
    return Inspection(gather(findings, _sites(contract, tables)), tables)


def require(contract: Contract, extract: Extract) -> dict[str, pd.DataFrame]:
    """The typed tables; `ContractError` with every violation where there is one."""
    inspection = inspect(contract, extract)
    if inspection.violations:
        n = len(inspection.violations)
        lines = "\n".join(f"  {violation.sentence}" for violation in inspection.violations)
        raise ContractError(f'{n} violation{"" if n == 1 else "s"} of the contract "{contract.name}":\n{lines}')
    return inspection.tables


def _sites(contract: Contract, tables: dict[str, pd.DataFrame]) -> dict[str, pd.Series]:
    """The site of every row of every table, where the registry has sites."""
    site, identity = contract.settings.get("site"), contract.settings.get("id")
    holders = [name for name, frame in tables.items() if site in frame]
    if not isinstance(site, str) or not holders:
        return {}
    holder = tables[holders[0]]
    found = {holders[0]: holder[site]}
    if isinstance(identity, str) and identity in holder:
        by_patient = holder.drop_duplicates(identity).set_index(identity)[site]
        found |= {n: f[identity].map(by_patient) for n, f in tables.items() if n != holders[0] and identity in f}
    return found
