"""`FlatTable`: any one table with a time and an event column as a registry. Here, and nowhere else, times become days.

`contract.settings` says which columns are what:

    time, event             follow-up and its end. The same column twice: the event happened where its time is recorded.
    causes                  {"1": "death"}: code in the event column → cause; several codes, several causes.
    censored                code, or a list of codes, of follow-up that ended without an event ("0" unless said).
    time_unit               d, wk, mo or a.
    id, site                optional columns.
    date                    optional column with the day of time zero, or its year: it divides patients (the temporal
                            design), and is no predictor.
    competing_time, competing_event, competing_cause, competing_code
                            a competing event with columns of its own: the event that came first counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.cohort import Flow
from features.contract import Contract, ContractError
from features.outcome import HALF_DAY, Outcome
from features.registries.registry import Conformed

Floats = NDArray[np.float64]
Settings = Mapping[str, Any]

# A month is 30.4375 d and a year 365.25 d: a year has twelve months. Days are rounded to 0.001, so that the same
# follow-up in another unit at full precision gives the same ties.
DAYS: Final = {"d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25}
CENSORED: Final = "censored"
_ROLES: Final = ("id", "site", "date", "time", "event", "competing_time", "competing_event")


@final
class FlatTable:
    """One row per patient, one file. Implements `Registry`."""

    def conform(self, tables: Mapping[str, pd.DataFrame], contract: Contract) -> Conformed:
        """Predictors, ids, sites and the outcome in days; rows without follow-up leave, and the flow says how many.
        A time of 0 stays 0 here; the endpoint counts it as half a day and says how often.

        tables  the one typed table. The result's `tables["outcome"]` has patient_id, _time (days), _event (0 censored,
                k the k-th of `causes_of`).
        Raises `ContractError` on event codes nobody declared, negative times, or a repeated id.
        """
        if len(tables) != 1:
            raise ContractError(f"a flat table is one table, got {len(tables)}. try: the contract's [[tables]].")
        (frame,) = tables.values()
        settings = contract.settings
        time, event = _follow_up(frame, settings)
        known = np.isfinite(time) & np.isfinite(event)
        flow = Flow(len(frame)).then("follow-up or event not recorded", int((~known).sum()))
        kept = frame[known].reset_index(drop=True)
        days, codes = time[known], event[known].astype(np.int64)
        predictors = predictors_of(contract)
        ids = _ids(kept, settings, predictors, days, codes)
        # By id, so that the order of the file's rows means nothing.
        order = np.argsort(ids.astype(np.str_), kind="stable")
        kept, ids = kept.iloc[order].reset_index(drop=True), ids[order]
        outcome = pd.DataFrame({"patient_id": ids, "_time": days[order], "_event": codes[order]})
        own = {"outcome": outcome}
        zero, named = _time_zero(kept, settings), ids.astype(np.str_)
        return Conformed(kept[predictors], named, _sites(kept, settings), own, flow, time_zero=zero)


def predictors_of(contract: Contract) -> list[str]:
    """Fields that may become predictors: all that have values, save the columns that the settings give a role."""
    taken = {contract.settings[role] for role in _ROLES if role in contract.settings}
    return [field.name for field in contract.fields if field.ask and field.name not in taken]


def outcomes_of(frame: pd.DataFrame, contract: Contract) -> list[tuple[NDArray[np.intp], Outcome]]:
    """Rows with follow-up and their outcome; where the competing event has columns of its own, these alone as well."""
    settings = contract.settings
    found = [(*_follow_up(frame, settings), causes_of(settings))]
    if "competing_time" in settings:
        alone = {**settings, "time": settings["competing_time"], "event": settings["competing_event"]}
        cause = str(settings.get("competing_cause", "competing_event"))
        alone["causes"] = {str(settings.get("competing_code", "1")): cause}
        alone = {key: value for key, value in alone.items() if not key.startswith("competing_") and key != "censored"}
        found.append((*_follow_up(frame, alone), (cause,)))
    outcomes = []
    for time, event, causes in found:
        rows = np.flatnonzero(np.isfinite(time) & np.isfinite(event))
        days = np.where(time[rows] == 0, HALF_DAY, time[rows])
        outcomes.append((rows, Outcome.right_censored(days, event[rows].astype(np.int64), causes)))
    return outcomes


def causes_of(settings: Settings) -> tuple[str, ...]:
    """Names of the causes, in the order of the codes in `_event`: those of the event column, then the competing one."""
    named = settings.get("causes", {"1": "event"})
    if not isinstance(named, Mapping) or not named:
        raise ContractError('settings.causes must name each code: { "1" = "death" }.')
    causes = [str(name) for name in named.values()]
    if CENSORED in causes:
        raise ContractError(f'settings.causes: "{CENSORED}" is no cause. try: settings.censored = ["CODE", "CODE"].')
    if "competing_time" in settings:
        causes.append(str(settings.get("competing_cause", "competing_event")))
    return tuple(dict.fromkeys(causes))


def _follow_up(frame: pd.DataFrame, settings: Settings) -> tuple[Floats, Floats]:
    """Days and event code; NaN where not recorded."""
    causes = causes_of(settings)
    code_of = {str(code): causes.index(str(name)) + 1 for code, name in settings.get("causes", {"1": "event"}).items()}
    given = settings.get("censored", "0")
    censored = [str(code) for code in (given if isinstance(given, list) else [given])]
    time = _days(frame, settings, "time")
    if settings["event"] == settings["time"]:
        event = np.where(np.isfinite(time), float(next(iter(code_of.values()))), 0.0)
    else:
        event = _codes(frame, str(settings["event"]), code_of, censored, flag="--causes")
    if "competing_time" not in settings:
        return time, event
    other_time = _days(frame, settings, "competing_time")
    competing = {str(settings.get("competing_code", "1")): len(causes)}
    other = _codes(frame, str(settings["competing_event"]), competing, ["0"], flag="--competing")
    # The event that came first counts; on the same day, the study's own. An own event that has no time has not been
    # seen: such a patient is followed by the competing pair alone.
    own = (event > 0) & np.isfinite(time) & ((time <= other_time) | ~(other > 0))
    return np.where(own, time, other_time), np.where(own, event, other)


def _days(frame: pd.DataFrame, settings: Settings, role: str) -> Floats:
    unit, column = str(settings.get("time_unit", "d")), str(settings[role])
    if unit not in DAYS:
        raise ContractError(f'settings.time_unit is "{unit}"; expected one of {", ".join(DAYS)}.')
    time = np.round(_numbers(frame, column) * DAYS[unit], 3)
    if (negative := int((time < 0).sum())) > 0:
        raise ContractError(
            f"{column}: {negative} of {len(time)} rows are before time zero. try: correct them; follow-up starts at 0."
        )
    return time


def _codes(frame: pd.DataFrame, column: str, code_of: Mapping[str, int], censored: list[str], *, flag: str) -> Floats:
    texts = _as_codes(_column(frame, column))
    number = dict.fromkeys(censored, 0.0) | {code: float(k) for code, k in code_of.items()}
    event = texts.map(number).to_numpy(dtype=float)
    strange = texts.notna().to_numpy() & ~np.isfinite(event)
    if strange.any():
        raise ContractError(
            _about_codes(column, set(texts.dropna()), int(strange.sum()), len(texts), (censored, code_of), flag)
        )
    return np.asarray(event)


def _about_codes(
    column: str, found: set[str], strange: int, n: int, known: tuple[list[str], Mapping[str, int]], flag: str
) -> str:
    expected = f"{' or '.join(known[0])} (censored) and {', '.join(known[1])}"
    if found == {"1", "2"}:
        return (
            f"{column}: coded 1/2, where {expected} were expected; {strange} of {n} rows are coded 2. "
            f"Which of the two is the event? try: recode, or draft the contract with {flag} 2=death (2 is the event)."
        )
    return f"{column}: {strange} of {n} rows hold a code that nobody declared; expected {expected}. try: {flag} 1=CAUSE"


def _as_codes(values: pd.Series) -> pd.Series:
    """Codes as text: 1.0 and 1 are the same code; None where not recorded."""
    if pd.api.types.is_numeric_dtype(values):
        return values.map(lambda value: None if pd.isna(value) else f"{value:g}").astype(object)
    return values.map(lambda value: None if pd.isna(value) else str(value).strip()).astype(object)


def _numbers(frame: pd.DataFrame, column: str) -> Floats:
    return pd.to_numeric(_column(frame, column)).to_numpy(dtype=float)


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame:
        raise ContractError(f'the table has no column "{name}", which the contract\'s settings name.')
    return frame[name]


def _sites(frame: pd.DataFrame, settings: Settings) -> NDArray[np.str_] | None:
    if "site" not in settings:
        return None
    texts = _as_codes(_column(frame, str(settings["site"])))
    return texts.where(texts.notna(), "not recorded").to_numpy().astype(np.str_)


def _time_zero(frame: pd.DataFrame, settings: Settings) -> NDArray[np.datetime64] | None:
    """(n,) days; a year is its first day, and what is not recorded is no time."""
    if "date" not in settings:
        return None
    column = _column(frame, str(settings["date"]))
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.to_numpy(dtype="datetime64[D]")
    years = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    wrong = ~column.isna().to_numpy() & ~((years == np.floor(years)) & (years >= 1800) & (years < 2200))
    if wrong.any():
        raise ContractError(
            f"{settings['date']}: {int(wrong.sum())} of {len(years)} rows are neither a date nor a year. "
            'try: kind = "date" for this field in the contract (YYYY-MM-DD), or whole years as numbers.'
        )
    whole = np.where(np.isfinite(years), years, 1970).astype(np.int64) - 1970
    days = whole.astype("datetime64[Y]").astype("datetime64[D]")
    return np.where(np.isfinite(years), days, np.datetime64("NaT", "D"))


def _ids(
    frame: pd.DataFrame, settings: Settings, predictors: list[str], days: Floats, event: NDArray[np.int64]
) -> NDArray[np.object_]:
    """The id column; without one, a digest of the row itself.

    Not the row's number: folds are dealt by id, and the same table with its rows in another order must give the same
    evidence. Rows alike in everything are numbered; which of them is which cannot matter.
    """
    if "id" in settings:
        texts = _as_codes(_column(frame, str(settings["id"])))
        if (unnamed := int(texts.isna().sum())) > 0:
            raise ContractError(f"{settings['id']}: {unnamed} of {len(texts)} rows have no id.")
        if (repeated := int(texts.duplicated(keep=False).sum())) > 0:
            raise ContractError(
                f"{settings['id']}: {repeated} of {len(texts)} rows share their id with another row; "
                "one row per patient is expected. try: keep one row of each, or leave --id out if the column is no id."
            )
        return texts.to_numpy(dtype=object)
    # A date too: of rows alike in all else it says on which side of a day they lie.
    telling = sorted(predictors) + [str(settings[role]) for role in ("date",) if role in settings]
    columns = [_column(frame, name).map(_cell).tolist() for name in telling]
    rows = zip(*columns, (f"{day:.3f}" for day in days), (str(code) for code in event), strict=True)
    names = pd.Series(
        [f"row-{hashlib.sha256(chr(31).join(row).encode()).hexdigest()[:12]}" for row in rows], dtype=object
    )
    copy = names.groupby(names).cumcount()
    return np.where(copy > 0, names + "-" + (copy + 1).astype(str), names).astype(object)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, (int, float, np.number)) else str(value)
