"""The columns that are no predictors: follow-up, events and their codes, ids and sites, as a person named them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from features.contract import ContractError, Field
from features.drafting.columns import Column, are_numbers, look
from features.registries.table import CENSORED, DAYS

_EVENT_WORDS = {"true": "false", "yes": "no", "y": "n", "t": "f"}


def settings_of(
    cells: Mapping[str, list[str]],
    *,
    time: str,
    event: str,
    competing: tuple[str, str] | None,
    causes: Mapping[str, str],
    identity: str | None,
    site: str | None,
    date: str | None,
    time_unit: str,
) -> dict[str, Any]:
    """`contract.settings` of a flat table. Raises `ContractError`: a column that is not there, unexplained codes."""
    if time_unit not in DAYS:
        raise ContractError(f'the time unit "{time_unit}" is none of {", ".join(DAYS)}.')
    named = [time, event, *(competing or ()), *(name for name in (identity, site, date) if name is not None)]
    _require_columns(cells, named)
    settings: dict[str, Any] = {"time": time, "event": event, "time_unit": time_unit}
    if event == time:
        settings["causes"] = {"1": next(iter(causes.values()), slug(time))}
    else:
        settings["causes"], censored = _codes(event, cells[event], causes, flag="--causes")
        settings["censored"] = censored
    if competing is not None:
        code, _ = _codes(competing[1], cells[competing[1]], {}, flag="--competing")
        cause = next(iter(code.values()))
        taken = set(settings["causes"].values())
        settings |= {
            "competing_time": competing[0],
            "competing_event": competing[1],
            "competing_code": next(iter(code)),
        }
        settings["competing_cause"] = f"{cause}_first" if cause in taken else cause
    if identity is not None:
        settings["id"] = identity
    if site is not None:
        settings["site"] = site
    if date is not None:
        settings["date"] = date
    return settings


def role_column(name: str, table: str, cells: list[str], role: str) -> Column:
    """The field of a column that has a role. Times are numbers from 0 on; codes are read by the registry."""
    seen = look(name, table, cells)
    missing = seen.field.missing
    if role in ("time", "competing_time"):
        # By name or order a follow-up may look like an identifier: a table sorted by it, say.
        if not are_numbers(cells):
            raise ContractError(
                f"{name}: is no column of numbers, which a time must be. try: another column for --time."
            )
        drafted = Field(
            name=name, table=table, kind="number", label="Follow-up", known_at="END", minimum=0.0, missing=missing
        )
    elif role in ("id", "site"):
        label = "Patient" if role == "id" else "Site"
        drafted = Field(name=name, table=table, kind="identifier", label=label, known_at="T0", missing=("",))
    elif role == "date":
        if seen.field.kind != "date" and not are_numbers(cells):
            raise ContractError(
                f"{name}: is neither dates (YYYY-MM-DD) nor years. try: write it so, or another column for --date."
            )
        day = Field(name=name, table=table, kind="date", label="Day of time zero", known_at="T0", missing=missing)
        year = {"kind": "integer", "label": "Year of time zero"}
        drafted = day if seen.field.kind == "date" else day.model_copy(update=year)
    elif seen.field.kind == "category":
        drafted = seen.field.model_copy(update={"label": "How follow-up ended", "known_at": "END"})
    else:
        # Without a range: a code that nobody declared gets the registry's own sentence, not one about ranges.
        drafted = Field(
            name=name, table=table, kind="number", label="How follow-up ended", known_at="END", missing=missing
        )
    reasons = {"time": "the follow-up", "event": "the event", "id": "the id", "site": "the site"}
    reasons["date"] = "the day or year of time zero, which divides patients"
    return Column(drafted, reasons.get(role, "the competing event"))


def slug(text: str) -> str:
    """A name for a cause, a study or a table: lower case, digits, underscores."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return plain if re.match(r"[a-z]", plain) else f"table_{plain}".rstrip("_")


def _require_columns(cells: Mapping[str, list[str]], named: Sequence[str]) -> None:
    for name in named:
        if name not in cells:
            near = difflib.get_close_matches(name, list(cells), n=1, cutoff=0.5)
            hint = f'try: "{near[0]}".' if near else f"try: one of its {len(cells)} columns."
            raise ContractError(f'the table has no column "{name}". {hint}')


def _codes(
    column: str, cells: Sequence[str], causes: Mapping[str, str], *, flag: str
) -> tuple[dict[str, str], str | list[str]]:
    """Cause by code, and the code or codes of censoring."""
    found = {_plain(cell) for cell in cells if cell.strip() and cell.strip().lower() not in ("na", "nan", ".")}
    if causes:
        if absent := [code for code in causes if code not in found]:
            raise ContractError(
                f"{column}: {len(absent)} of the {len(causes)} codes named are not in it. try: {flag} CODE=CAUSE"
            )
        named = {code: slug(cause) for code, cause in causes.items()}
        without = [code for code, cause in named.items() if cause == CENSORED]
        events = {code: cause for code, cause in named.items() if cause != CENSORED}
        rest = sorted(found - set(causes))
        if not events or len(rest) > (0 if without else 1):
            raise ContractError(
                f"{column}: holds {len(rest)} further codes beside those named; one, for censoring, is expected. "
                f"try: name them all: {flag} CODE=CAUSE,CODE={CENSORED},CODE={CENSORED}"
            )
        return events, without if len(without) > 1 else (without + rest + ["0"])[0]
    cause = slug(column)
    if found <= {"0", "1"}:
        return {"1": cause}, "0"
    if found == {"1", "2"}:
        raise ContractError(
            f"{column}: coded 1/2, where 0 (censored) and 1 (event) were expected; it is not clear which is the event. "
            f"try: {flag} 2=death (2 is the event, 1 is censored), or recode the column."
        )
    for yes, no in _EVENT_WORDS.items():
        if {text.lower() for text in found} == {yes, no}:
            return {next(t for t in found if t.lower() == yes): cause}, next(t for t in found if t.lower() == no)
    raise ContractError(
        f"{column}: holds {len(found)} codes; 0 (censored) and 1 (event) were expected. "
        f"try: say what they mean: --causes 1=progression,2=death,3={CENSORED}"
    )


def _plain(cell: str) -> str:
    """1.0 and 1 are the same code."""
    try:
        return f"{float(cell):g}"
    except ValueError:
        return cell.strip()
