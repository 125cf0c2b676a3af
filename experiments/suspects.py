"""`suspects`: columns that may know the outcome, by what the data say and by what a person left undeclared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from features.cohort import select_cohort
from features.contract import UNDECLARED, Contract
from features.endpoints import ENDPOINTS
from features.leakage import Suspicion, screen, screen_table
from features.registries import REGISTRIES

if TYPE_CHECKING:
    import pandas as pd

# Whose outcome the columns are held against: death, which nothing hides.
_ENDPOINT = {"spine": "overall_survival"}


def suspects(contract: Contract, tables: Mapping[str, pd.DataFrame]) -> tuple[Suspicion, ...]:
    """Suspicions about typed tables that keep their contract; a column is named once, the data's word first."""
    found = _screened(contract, tables)
    named = {one.field for one in found}
    undeclared = [
        Suspicion(field.name, "name", f"{field.name}: nobody has said when it is known ({UNDECLARED}).")
        for field in contract.fields
        if field.known_at == UNDECLARED and field.ask and field.name not in named
    ]
    return (*found, *undeclared)


def _screened(contract: Contract, tables: Mapping[str, pd.DataFrame]) -> tuple[Suspicion, ...]:
    if contract.registry == "table":
        # Also against the competing event alone: its follow-up goes on, and shows later dates that the outcome hides.
        return screen_table(next(iter(tables.values())), contract)
    endpoint = ENDPOINTS[_ENDPOINT[contract.registry]]
    conformed = REGISTRIES[contract.registry].conform(tables, contract)
    cohort = endpoint.eligible(select_cohort(conformed, {}), conformed.tables, contract.settings)
    outcome = endpoint.observe(cohort, conformed.tables, contract.settings).outcome
    return screen(cohort.frame, outcome, contract)
