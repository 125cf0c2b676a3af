"""Derived predictors: deterministic, nothing learned from data, the same for a cohort and for one patient who is asked.

In: raw fields as in `Cohort.frame`. Out: columns in the same types. What is not known stays not known, unless the known
parts already decide. Read `derived.py` for what one is; the other files hold them by subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from features.contract import Contract, ContractError, Field
from features.predictors.derived import Derived
from features.predictors.general import GENERAL
from features.predictors.neurology import NEUROLOGY
from features.predictors.spine import SPINE
from features.predictors.tumour import TUMOUR

__all__ = ["DERIVED", "Derived", "derive", "field_of", "inputs_of"]

DERIVED: Final[dict[str, Derived]] = {
    derived.field.name: derived for derived in (*GENERAL, *NEUROLOGY, *SPINE, *TUMOUR)
}


def field_of(contract: Contract, name: str) -> Field:
    """The contract's own field, or a derived one."""
    if name in contract.names:
        return contract.field(name)
    if name in DERIVED:
        return DERIVED[name].field
    raise ContractError(
        f'neither the contract "{contract.name}" nor the derived predictors have "{name}". '
        "try: look the name up in the contract, or among the derived predictors."
    )


def inputs_of(names: Sequence[str], contract: Contract | None = None) -> tuple[str, ...]:
    """The raw fields behind these predictors, each once: what a caller is asked for.

    With a contract, a field that it delivers under a derived predictor's name is raw; a total that it only checks is
    derived.
    """
    checked = {} if contract is None else contract.settings.get("sum_of", {})
    own = set() if contract is None else set(contract.names) - set(checked if isinstance(checked, dict) else {})
    inputs: dict[str, None] = {}
    for name in names:
        derived = None if name in own else DERIVED.get(name)
        inputs.update(dict.fromkeys((name,) if derived is None else derived.inputs))
    return tuple(inputs)


def derive(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """(n, names) the columns asked for: those of `frame` passed through, the others computed from it.

    Raises `ContractError` for a name that is neither, and for a derived one whose inputs are not all there.
    """
    columns: dict[str, pd.Series] = {}
    for name in names:
        if name in frame:
            columns[name] = frame[name]
        elif name in DERIVED:
            lacking = [field for field in DERIVED[name].inputs if field not in frame]
            if lacking:
                raise ContractError(f'"{name}" is derived from {", ".join(lacking)}, which the table does not have.')
            columns[name] = DERIVED[name].compute(frame)
        else:
            raise ContractError(f'"{name}" is neither a column of the table nor a derived predictor.')
    return pd.DataFrame(columns, index=frame.index)
