"""Groups of patients decided on before any result: how the model does in each, with n and events, and the gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import amount, count, days, decimal, plain, said, told_once

_METRICS = ("oe_ratio", "calibration_slope", "auc", "ipa")
_PERIODS = ("period", "year", "treatment_year")


def subgroups_of(subject: Subject) -> tuple[str, ...]:
    """Populations "group=level" judged in the headline design, sites apart, in the order of the evidence."""
    judged = dict.fromkeys(
        e.population for e in subject.evidence.estimates if e.design == subject.design and e.model == subject.model
    )
    return tuple(name for name in judged if "=" in name and not name.startswith("site="))


def periods_of(subject: Subject) -> tuple[str, ...]:
    """Those of the groups that are calendar periods."""
    return tuple(name for name in subgroups_of(subject) if name.partition("=")[0] in _PERIODS)


def group_table(subject: Subject, cause: str, horizon: float, groups: Sequence[str]) -> Grid:
    """n, events and the headline metrics in each group; a group too small says so in place of a number."""
    rows = []
    for population in (*groups, "all"):
        key: dict[str, Any] = {"cause": cause, "horizon_days": horizon, "population": population}
        counts = subject.find("oe_ratio", **key)
        n, events = (None, None) if counts is None else (counts.n, counts.events)
        rows.append(
            (
                Cell(_words(population)),
                Cell("–" if n is None else count(n)),
                Cell("–" if events is None else count(events)),
                *told_once([subject.said(metric, **key) for metric in _METRICS]),
            )
        )
    return Grid(
        f"{subject.label(cause).capitalize()} by {days(horizon)}, {said('design', subject.design)}",
        ("group", "n", "events", *(said("metric", metric) for metric in _METRICS)),
        tuple(rows),
        note="Groups were named in the study before it ran. Below ten events no number is printed.",
        name=f"groups-{cause}-{horizon:g}" if groups != periods_of(subject) else f"periods-{cause}-{horizon:g}",
    )


def gaps(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    """Each group against the others, with intervals and what was done about looking at many."""
    rows = _rows(subject, cause, horizon)
    if not rows:
        return ()
    lines = tuple(
        (
            Cell(f"{plain(row['group'])}: {plain(row['level'])}"),
            Cell(said("metric", str(row["metric"]))),
            Cell("–" if row.get("n") is None else count(row["n"])),
            Cell("–" if row.get("events") is None else count(row["events"])),
            Cell(
                "–" if row.get("gap") is None else decimal(float(row["gap"]), 3),
                "" if row.get("low") is None else f"{decimal(row['low'], 3)} to {decimal(row['high'], 3)}",
                value=row.get("gap"),
                numeric=True,
            ),
        )
        for row in rows
    )
    how = "; ".join(dict.fromkeys(str(row["multiplicity"]) for row in rows if row.get("multiplicity")))
    columns = ("group", "measure", "n", "events", "difference from the others")
    return (
        Grid(
            f"Gaps, {subject.label(cause)} by {days(horizon)}",
            columns,
            lines,
            note=f"Many groups were looked at: {how or 'intervals are not adjusted for it'}.",
            name=f"gaps-{cause}-{horizon:g}",
        ),
    )


def widest_gap(subject: Subject) -> str:
    """The widest gap whose interval leaves zero out, of the study's own cause and horizon, in words; "" without one."""
    clear = [
        row
        for row in _rows(subject, subject.causes[0], subject.primary)
        if row.get("gap") is not None and row.get("low") is not None and not row["low"] <= 0 <= row["high"]
    ]
    if not clear:
        return ""
    row = max(clear, key=lambda one: abs(float(one["gap"])))
    metric = str(row["metric"])
    gap, low, high = (amount(metric, float(row[name])) for name in ("gap", "low", "high"))
    who = f"{plain(row['group'])} {plain(row['level'])}"
    return f"{who}: {said('metric', metric)} differs from the others by {gap} ({low} to {high})"


def group_blocks(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    """Table and gaps, or why there are none."""
    named = subgroups_of(subject)
    if not named:
        words = 'MISSING: no subgroup was judged. try: subgroups = ["sex", …] in the study, decided before it runs'
        return (Prose((Cell(words, state="missing"),)),)
    return (group_table(subject, cause, horizon, named), *gaps(subject, cause, horizon))


def _rows(subject: Subject, cause: str, horizon: float) -> list[Mapping[str, Any]]:
    return [row for row in subject.table("subgroup_gaps", cause=cause) if row.get("horizon_days") in (horizon, None)]


def _words(population: str) -> str:
    if population == "all":
        return "all patients"
    group, _, level = population.partition("=")
    return f"{plain(group)}: {plain(level)}"
