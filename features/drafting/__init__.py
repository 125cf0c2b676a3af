"""A first contract and a first study for a table that nobody has described yet: `spinecast init`.

In: one CSV or Parquet file and the names of its time and event columns. Out: two TOML texts for a person to correct.
Read `columns.py` for how a column is judged, `roles.py` for follow-up and codes, `writing.py` for the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import pandas as pd

from features.contract import UNDECLARED, Contract, ContractError, Table
from features.drafting.columns import Column, look
from features.drafting.roles import role_column, settings_of, slug
from features.drafting.writing import contract_text, study_text
from features.extract import Extract, read_extract
from features.inspection import require
from features.leakage import Suspicion, screen_table
from features.outcome import Outcome
from features.registries.table import causes_of, outcomes_of

__all__ = ["Draft", "draft"]

# Days at which clinicians speak of risk; a drafted horizon is the nearest of them.
_HORIZONS: Final = (7, 14, 30, 42, 60, 90, 120, 182, 274, 365, 548, 730, 1096, 1461, 1826, 2557, 3652, 5479, 7305)
_ROLES: Final = ("time", "event", "competing_time", "competing_event", "id", "site", "date")


@final
@dataclass(frozen=True)
class Draft:
    """name: of contract and study; the two files' texts; what is suspected to be known too late.

    left_out  further columns that are no predictors, each with the reason.
    """

    name: str
    contract_toml: str
    study_toml: str
    suspicions: tuple[Suspicion, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def draft(
    table_path: Path,
    time: str,
    event: str,
    *,
    competing: tuple[str, str] | None = None,
    causes: Mapping[str, str] | None = None,
    id: str | None = None,  # noqa: A002 — the word of the command line
    site: str | None = None,
    date: str | None = None,
    time_unit: str = "d",
) -> Draft:
    """Contract and study drafted from the table itself.

    time, event  columns; the same one twice where an event has a date and no flag. causes  code → name, for several
    causes or codes other than 0/1. competing  (time, event) columns of an event that may come first. date  column with
    the day of time zero, or its year: then the study has a temporal design too.
    Raises `ContractError` for columns that are not there, codes that nobody explains, times that are no numbers, and
    the faults of the file itself.
    """
    name = slug(table_path.stem)[:60] if len(slug(table_path.stem)) > 1 else f"table_{slug(table_path.stem)}"
    bare = Contract(name=name, version="1", registry="table", tables=(Table(name=name, key=()),), fields=())
    extract = read_extract(table_path, bare)
    frame = extract.tables[name].frame
    cells = {str(column): frame[column].tolist() for column in frame.columns}
    settings = settings_of(
        cells,
        time=time,
        event=event,
        competing=competing,
        causes=causes or {},
        identity=id,
        site=site,
        date=date,
        time_unit=time_unit,
    )
    roles = {settings[role]: role for role in reversed(_ROLES) if role in settings}
    columns = [
        role_column(column, name, texts, roles[column]) if column in roles else look(column, name, texts)
        for column, texts in cells.items()
    ]
    contract = bare.model_copy(
        update={
            "tables": (Table(name=name, key=() if id is None else (id,)),),
            "fields": tuple(column.field for column in columns),
            "settings": settings,
        }
    )
    return _screened(contract, columns, extract, table_path.name)


def _screened(contract: Contract, columns: list[Column], extract: Extract, source: str) -> Draft:
    (frame,) = require(contract, extract).values()
    suspicions = screen_table(frame, contract)
    suspected = {suspicion.field: suspicion.sentence for suspicion in suspicions}
    fields = tuple(
        field.model_copy(update={"known_at": UNDECLARED}) if field.name in suspected else field
        for field in contract.fields
    )
    contract = contract.model_copy(update={"fields": fields})
    predictors = [c.field.name for c in columns if c.field.ask and not c.left_out and c.field.name not in suspected]
    if not predictors:
        raise ContractError(f"{source}: no column is left as a predictor: {_why(columns, suspected)}.")
    _, outcome = outcomes_of(frame, contract)[0]
    causes, settings = causes_of(contract.settings), contract.settings
    study = study_text(
        contract,
        title=f"Time to {causes[0].replace('_', ' ')}",
        predictors=predictors,
        horizons=_horizons(outcome),
        cause=causes[0],
        folds=5 if (outcome.event == 1).sum() >= 50 else 3,
        by_site="site" in settings and len(set(frame[settings["site"]].dropna())) > 1,
        by_date="date" in settings and _divides(list(frame[settings["date"]])),
    )
    text = contract_text(contract, columns, {**suspected, "": str(len(frame))}, source)
    taken = {contract.settings.get(role) for role in _ROLES}
    left_out = tuple((c.field.name, c.left_out) for c in columns if c.left_out and c.field.name not in taken)
    return Draft(contract.name, text, study, suspicions, left_out)


def _why(columns: list[Column], suspected: Mapping[str, Any]) -> str:
    without = sum(bool(column.left_out) for column in columns)
    return f"{without} of {len(columns)} columns have a role or nothing to tell, {len(suspected)} are suspected"


def _divides(days: list[Any]) -> bool:
    return len(set(days)) > 1 and not pd.isna(pd.Series(days)).any()


def _horizons(outcome: Outcome) -> list[float]:
    """Up to three: the clinical days nearest to the quartiles of the event's times, where a tenth is still followed."""
    times = outcome.time_days[outcome.event == 1]
    if len(times) == 0:
        raise ContractError("nobody has the event. try: check --event and --causes.")
    last = float(np.quantile(outcome.time_days, 0.9))
    days = np.array(_HORIZONS, dtype=float)
    days = days[days <= last]
    quartiles = np.minimum(np.quantile(times, [0.25, 0.5, 0.75]), last)
    if len(days) == 0:
        return sorted({float(f"{day:.2g}") for day in quartiles if day > 0})[:3] or [last]
    nearest = [float(days[np.argmin(np.abs(np.log(days) - np.log(max(day, 1e-9))))]) for day in quartiles]
    return sorted(set(nearest))
