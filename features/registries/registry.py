"""`Registry`: how the tables of one kind of registry become one row per patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.cohort import Flow
from features.contract import Contract


@final
@dataclass(frozen=True)
class Conformed:
    """Typed tables seen from the patient, before any eligibility.

    frame      one row per patient as in `Cohort`: what is known at time zero or fixed by the index treatment.
    ids        (n,) unique patient ids as text, ascending, so that the order of the files' rows means nothing.
    sites      (n,) site ids, or None where the registry has none.
    tables     typed tables of these patients only, each with `patient_id`; an endpoint reads its dates from them.
    flow       who left already: consent withdrawn, no time zero.
    withdrawn  ids of those who took their consent back: nothing else of them is kept, and a later extract is told
               apart from one that lost them.
    time_zero  (n,) day of time zero, or None where the registry gives only days since.
    """

    frame: pd.DataFrame
    ids: NDArray[np.str_]
    sites: NDArray[np.str_] | None
    tables: Mapping[str, pd.DataFrame]
    flow: Flow
    withdrawn: tuple[str, ...] = ()
    time_zero: NDArray[np.datetime64] | None = None


class Registry(Protocol):
    """One kind of registry. It never checks values (the inspection has) and never learns from them."""

    def conform(self, tables: Mapping[str, pd.DataFrame], contract: Contract) -> Conformed:
        """One row per patient from the typed tables that `require` gave."""
        ...
