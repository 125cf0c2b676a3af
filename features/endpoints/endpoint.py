"""`Endpoint`: how one clinical question is observed from dates and codes, and what competes with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.cohort import Cohort
from features.contract import ContractError
from features.outcome import Outcome

Settings = Mapping[str, Any]
Tables = Mapping[str, pd.DataFrame]


@final
@dataclass(frozen=True)
class Population:
    """To whom the question applies: where `field` has one of `levels`; the others are told `otherwise`."""

    field: str
    levels: tuple[str, ...]
    otherwise: str


@final
@dataclass(frozen=True)
class Description:
    """An endpoint in words: for documents, for answers, and for the one who reads them.

    causes      what can happen, the study's own cause first; `free_state` is what has happened to nobody yet.
    labels      a reader's words for each cause and for the free state.
    population  None where the question applies to every patient.
    reading     one sentence on what the probability means.
    """

    name: str
    title: str
    time_zero: str
    causes: tuple[str, ...]
    free_state: str
    labels: dict[str, str]
    population: Population | None
    reading: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as it is kept with the study."""
        return {**asdict(self), "causes": list(self.causes), "population": self._population()}

    def _population(self) -> dict[str, Any] | None:
        if self.population is None:
            return None
        return {**asdict(self.population), "levels": list(self.population.levels)}


@final
@dataclass(frozen=True)
class Observed:
    """What happened, and what a reader must know about how it was seen.

    outcome  (n,) in the order of the cohort.
    facts    counts and rules for the evidence: JSON values.
    tables   named tables for the evidence: rows of JSON values.
    """

    outcome: Outcome
    facts: dict[str, Any]
    tables: dict[str, list[dict[str, Any]]]


class Endpoint(Protocol):
    """One clinical question. `settings` are the study's own laid over the contract's."""

    def description(self, settings: Settings) -> Description:
        """The endpoint in words."""
        ...

    def eligible(self, cohort: Cohort, tables: Tables, settings: Settings) -> Cohort:
        """Those of whom the question can be asked, with a step of the flow for each reason not to."""
        ...

    def observe(self, cohort: Cohort, tables: Tables, settings: Settings) -> Observed:
        """What happened to each patient of an eligible cohort."""
        ...


def leave(cohort: Cohort, reason: str, leaving: NDArray[np.bool_]) -> Cohort:
    """The cohort without these patients, and the flow with the reason; `ContractError` where nobody is left."""
    if leaving.all():
        raise ContractError(f"no patient is left: all {cohort.n} leave by: {reason}.")
    left = cohort.take(np.flatnonzero(~leaving))
    return replace(left, flow=cohort.flow.then(reason, int(leaving.sum())))
