"""Groups of patients decided on before any result: how the model does in each, with n and events, and the gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import amount, count, days, decimal, plain, said, told_once

_METRICS = ("oe_ratio", "calibration_slope", "auc", "ipa")
_CHANCE = 0.05
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
            Cell(f"{said('metric', str(row['metric']))}, {days(row.get('horizon_days'))}"),
            Cell("–" if row.get("n") is None else count(row["n"])),
            Cell("–" if row.get("events") is None else count(row["events"])),
            Cell(_gap(row), _span(row), value=row.get("gap"), numeric=True),
            Cell("–" if row.get("p_holm") is None else decimal(float(row["p_holm"]), 3)),
        )
        for row in rows
    )
    how = "; ".join(dict.fromkeys(str(row["multiplicity"]) for row in rows if row.get("multiplicity")))
    columns = ("group", "measure", "n", "events", "gap to the others (interval)", "p after Holm")
    return (
        Grid(
            f"Gaps, {subject.label(cause)} by {days(horizon)}",
            columns,
            lines,
            note=f"A gap of observed : expected is a ratio, of other measures a difference. {how or 'Not adjusted'}.",
            name=f"gaps-{cause}-{horizon:g}",
            folded=True,
        ),
    )


def widest_gap(subject: Subject) -> str:
    """The widest gap at the primary horizon whose interval leaves chance out, in words; "" without one.

    Of the ratios observed : expected if one of them is clear, else of the differences.
    """
    clear = [row for row in _rows(subject, subject.causes[0], subject.primary) if _clear(row)]
    ratios = [row for row in clear if row.get("scale") == "ratio"]
    if not clear:
        return ""
    row = max(ratios or clear, key=lambda one: abs(_distance(one)))
    who, measure = f"{plain(row['group'])}: {plain(row['level'])}", said("metric", str(row["metric"]))
    kind = "times that of the others" if row.get("scale") == "ratio" else "difference from the others"
    holm = row.get("p_holm")
    after = "" if holm is None else f"; p after Holm {decimal(float(holm), 3)}"
    if holm is not None and float(holm) >= _CHANCE:
        after += ", so chance is not ruled out among so many groups"
    return f"{who}: {measure}, {_gap(row)} ({_span(row)}) {kind}{after}"


def _clear(row: Mapping[str, Any]) -> bool:
    if row.get("gap") is None or row.get("low") is None or row.get("high") is None:
        return False
    null = 1.0 if row.get("scale") == "ratio" else 0.0
    return not float(row["low"]) <= null <= float(row["high"])


def _distance(row: Mapping[str, Any]) -> float:
    gap = float(row["gap"])
    return math.log(gap) if row.get("scale") == "ratio" and gap > 0 else gap


def _gap(row: Mapping[str, Any]) -> str:
    return "–" if row.get("gap") is None else amount(str(row["metric"]), float(row["gap"]))


def _span(row: Mapping[str, Any]) -> str:
    if row.get("low") is None or row.get("high") is None:
        return ""
    low, high = (amount(str(row["metric"]), float(row[name])) for name in ("low", "high"))
    return f"{low} to {high}"


def group_blocks(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    """The table of groups and the widest gap, or why there are none."""
    named = subgroups_of(subject)
    if not named:
        words = 'MISSING: no subgroup was judged. try: subgroups = ["sex", …] in the study, decided before it runs'
        return (Prose((Cell(words, state="missing"),)),)
    rows = _rows(subject, cause, horizon)
    if not rows:
        return (group_table(subject, cause, horizon, named),)
    clear = sum(1 for row in rows if row.get("p_holm") is not None and float(row["p_holm"]) < _CHANCE)
    words = (
        f"{len(rows)} gaps to the other patients were looked at; {clear} are clear of chance after Holm. "
        f"Widest: {widest_gap(subject) or 'none beyond chance'}. Every gap: tables/subgroup_gaps.csv."
    )
    return (group_table(subject, cause, horizon, named), Prose.of(words))


def _rows(subject: Subject, cause: str, horizon: float) -> list[Mapping[str, Any]]:
    return [row for row in subject.table("subgroup_gaps", cause=cause) if row.get("horizon_days") in (horizon, None)]


def _words(population: str) -> str:
    if population == "all":
        return "all patients"
    group, _, level = population.partition("=")
    return f"{plain(group)}: {plain(level)}"
