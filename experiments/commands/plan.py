"""`spinecast plan`."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, table, then

if TYPE_CHECKING:
    from experiments.plan import Plan


@click.command(short_help="Say before any fit who would be studied, what would run and how long.")
@click.argument("study", metavar="STUDY")
@click.option("--tables", required=True, type=click.Path(path_type=Path, exists=True), help="A folder, or one file.")
@click.option("--workers", type=click.IntRange(min=1), help="Refits side by side; one per core by default.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the study.")
@click.option("--no-pilot", is_flag=True, help="Count only; do not time one development.")
@json_option
def command(
    study: str, tables: Path, workers: int | None, overrides: tuple[str, ...], no_pilot: bool, as_json: bool
) -> None:
    """Say who would be studied, how many events there are, what would run and about how long. Writes nothing.

    The time comes from one development that is measured here and thrown away.

    Example: spinecast plan survival --tables registry/demo
    """
    project = find_project()
    say(f"looking at {tables} for study {study} …")
    from experiments.plan import plan
    from experiments.study import Study
    from features.contract import Contract

    asked = Study.from_toml(project.study_path(study), overrides)
    contract = Contract.from_toml(project.contract_path(asked.contract))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = plan(asked, contract, tables, workers=workers or cores, pilot=not no_pilot)
    result(found.to_json(), as_json=as_json, text=_text(found))
    then(f"spinecast study {study} --tables {quote(str(tables))}")


def _text(plan: Plan) -> str:
    sites = f" from {plan.sites} sites" if plan.sites else ""
    lines = [f"study {plan.study}: {plan.patients} patients{sites}"]
    flow = [("  " + str(row["reason"]), int(row["left"]), int(row["remaining"])) for row in plan.flow]
    lines.append(table(("  left because", "left", "remaining"), flow))
    for cause, counts in plan.events.items():
        by = ", ".join(
            f"{count} by {days} d" if days != "ever" else f"{count} in all" for days, count in counts.items()
        )
        lines.append(f"{cause}: {by}")
    for name, count in plan.parameters.items():
        lines.append(f"  {name} reads {count} columns, {plan.events_per_parameter[name]:g} events each")
    lines.append(_sample_size(plan))
    lines += [f"  note: {remark}" for remark in plan.remarks]
    refits = ", ".join(f"{count} × {name}" for name, count in plan.refits.items())
    lines.append(f"developed anew: {refits}; about {plan.fits} fits")
    if plan.minutes is not None:
        lines.append(f"about {plan.minutes:.1f} minutes here (one development was measured)")
    return "\n".join(lines)


def _sample_size(plan: Plan) -> str:
    rows = [
        (
            "  " + " ".join(part for part in (row["purpose"], row["recipe"]) if part),
            row["cause"],
            row["target"] + ("" if row["horizon_days"] is None else f" ({row['horizon_days']:g} d)"),
            "–" if row["needed_n"] is None else row["needed_n"],
            "yes" if row["met"] else "no",
        )
        for row in plan.sample_size
    ]
    return table(("  sample size (Riley) for", "cause", "target", "patients needed", "met"), rows)
