"""`suspects`: columns that may know the outcome, by what the data say and by what a person left undeclared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from features.cohort import select_cohort
from features.contract import UNDECLARED, Contract
from features.endpoints import ENDPOINTS
from features.leakage import Suspicion, screen
from features.registries import REGISTRIES

if TYPE_CHECKING:
    import pandas as pd

# Whose outcome the columns are held against: of a flat table its own, of the spine registry death, which nothing hides.
_ENDPOINT = {"table": "time_to_event", "spine": "overall_survival"}


def suspects(contract: Contract, tables: Mapping[str, pd.DataFrame]) -> tuple[Suspicion, ...]:
    """Suspicions about typed tables that keep their contract; a column is named once, the data's word first."""
    endpoint = ENDPOINTS[_ENDPOINT[contract.registry]]
    conformed = REGISTRIES[contract.registry].conform(tables, contract)
    cohort = endpoint.eligible(select_cohort(conformed, {}), conformed.tables, contract.settings)
    outcome = endpoint.observe(cohort, conformed.tables, contract.settings).outcome
    found = screen(cohort.frame, outcome, contract)
    named = {one.field for one in found}
    undeclared = [
        Suspicion(field.name, "name", f"{field.name}: nobody has said when it is known ({UNDECLARED}).")
        for field in contract.fields
        if field.known_at == UNDECLARED and field.name not in named
    ]
    return (*found, *undeclared)
