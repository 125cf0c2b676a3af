"""From the words of a study to groups of patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.study import Study, SubgroupChoice
from experiments.suggestions import did_you_mean
from features.cohort import Cohort
from features.contract import NOT_APPLICABLE, Contract, Field
from features.predictors import DERIVED, derive, field_of, inputs_of
from training.subgroups import Subgroup

_NOT_KNOWN: Final = "not known"
_NOT_APPLICABLE: Final = "not applicable"


def subgroups_of(
    study: Study, contract: Contract, cohort: Cohort, tables: Mapping[str, pd.DataFrame]
) -> tuple[Subgroup, ...]:
    """The groups that the study names, over the rows of the cohort; a date is read from its registry table."""
    return tuple(_subgroup(choice, contract, cohort, tables) for choice in _choices(study))


def subgroup_faults(study: Study, contract: Contract) -> Iterator[str]:
    """What is wrong with the subgroups that a study names, as sentences."""
    names = [choice.name or choice.field for choice in _choices(study)]
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield f'subgroups: "{name}" stands twice. try: name = "{name}_2" in one of them.'
    for choice in _choices(study):
        known = {*contract.names, *DERIVED}
        if choice.field not in known:
            yield f'subgroups: no field "{choice.field}".{did_you_mean(choice.field, known)}'
            continue
        lacking = [one for one in inputs_of([choice.field], contract) if one not in contract.names]
        if lacking:
            yield f"subgroups: {choice.field} is derived from {', '.join(lacking)}, which the contract lacks."
            continue
        yield from _kind_faults(choice, field_of(contract, choice.field), contract)


def _choices(study: Study) -> list[SubgroupChoice]:
    return [SubgroupChoice(field=one) if isinstance(one, str) else one for one in study.subgroups]


def _kind_faults(choice: SubgroupChoice, field: Field, contract: Contract) -> Iterator[str]:
    banded = field.numeric or field.kind == "date"
    if field.kind in ("identifier", "text"):
        yield f"subgroups: {choice.field} is {field.kind}, which makes no groups."
    elif banded and not choice.bands:
        yield f'subgroups: {choice.field} needs bands. try: {{ field = "{choice.field}", bands = [65, 75] }}'
    elif not banded and choice.bands:
        yield f"subgroups: {choice.field} has levels of its own. try: without bands."
    if list(choice.bands) != sorted(set(choice.bands)):
        yield f"subgroups: {choice.field}: bands must ascend."
    one_row = {table.name for table in contract.tables if len(table.key) <= 1}
    if field.kind == "date" and field.table not in one_row:
        yield f"subgroups: {choice.field} stands in {field.table}, which has several rows of a patient."


def _subgroup(
    choice: SubgroupChoice, contract: Contract, cohort: Cohort, tables: Mapping[str, pd.DataFrame]
) -> Subgroup:
    field = field_of(contract, choice.field)
    if field.kind == "date":
        dates = tables[field.table].set_index("patient_id")[choice.field].reindex(cohort.ids)
        values: pd.Series = pd.Series(dates.dt.year.to_numpy(dtype=float))
    else:
        values = derive(cohort.frame, [choice.field])[choice.field]
    if choice.bands:
        whole = all(float(band).is_integer() for band in choice.bands)
        named = _banded(values.to_numpy(dtype=float), choice.bands, whole=whole)
        order = [*_band_names(choice.bands, whole=whole)]
    else:
        named, order = _levels(values, field)
    levels = {level: np.flatnonzero(named == level) for level in [*order, _NOT_APPLICABLE, _NOT_KNOWN]}
    present = {level: rows for level, rows in levels.items() if len(rows)}
    return Subgroup(choice.name or choice.field, present, (_NOT_APPLICABLE, _NOT_KNOWN))


def _levels(values: pd.Series, field: Field) -> tuple[NDArray[Any], list[str]]:
    if field.kind == "boolean":
        words = values.map({1.0: "yes", 0.0: "no"}).astype(object)
        return words.where(words.notna(), _NOT_KNOWN).to_numpy(), ["yes", "no"]
    words = values.replace(NOT_APPLICABLE, _NOT_APPLICABLE)
    return words.where(words.notna(), _NOT_KNOWN).to_numpy(), list(field.levels)


def _banded(values: NDArray[np.float64], bands: Sequence[float], *, whole: bool) -> NDArray[Any]:
    names = np.array([*_band_names(bands, whole=whole), _NOT_KNOWN], dtype=object)
    codes = np.searchsorted(np.asarray(bands, float), values, side="right")
    return np.asarray(names[np.where(np.isnan(values), len(names) - 1, codes)])


def _band_names(bands: Sequence[float], *, whole: bool) -> list[str]:
    """From "below 65" by "65 to 74" to "75 and over": between whole bounds the last whole number is named."""
    inner = [f"{low:g} to {high - 1:g}" if whole else f"{low:g} to below {high:g}" for low, high in pairwise(bands)]
    return [f"below {bands[0]:g}", *inner, f"{bands[-1]:g} and over"]
