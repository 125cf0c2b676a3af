"""`spinecast study`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, then


@click.command(short_help="Develop, tune and validate the models of a study.")
@click.argument("study", metavar="STUDY")
@click.option(
    "--tables", required=True, type=click.Path(path_type=Path, exists=True), help="The extract: a folder, or one file."
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes that refit side by side; one per core by default."
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the study; may be repeated."
)
@click.option("--no-tracking", is_flag=True, help="Leave MLflow out; the run folder is the record in any case.")
@json_option
def command(
    study: str, tables: Path, workers: int | None, overrides: tuple[str, ...], no_tracking: bool, as_json: bool
) -> None:
    """Develop, tune and validate the models of STUDY (a name in configs/studies/, or a file).

    Everything is kept in a run folder under runs/. Interrupted by Ctrl-C, by a kill or by a power cut, the same line
    again resumes from the refits that were finished; finished, it changes nothing.

    Example: spinecast study survival --tables registry/demo --set tuning.trials=10
    """
    project = find_project()
    say(f"study {study} on {tables} …")
    import os

    from experiments.declared import Declared, facts_path
    from experiments.progress import shown_progress
    from experiments.run import run_study
    from experiments.study import Study
    from experiments.summary import headline
    from features.contract import Contract

    asked = Study.from_toml(project.study_path(study), overrides)
    Declared.from_toml(facts_path(project.root, asked.name))  # a typo is told now, not at release
    contract = Contract.from_toml(project.contract_path(asked.contract))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with shown_progress() as progress:
        run = run_study(asked, contract, tables, project.root, progress=progress, workers=workers or cores)
    run.write_json("tables", {"tables": str(tables.resolve())})
    if not no_tracking:
        from experiments.model_registry import Tracker
        from experiments.tracking import track

        track(run, Tracker.of(project.root))
    lines = headline(run.evidence, asked.endpoint.primary_cause)
    found = [row["code"] for row in run.evidence.tables["findings"] if row["state"] == "found"]
    value = {
        "run": run.run,
        "folder": str(run.path),
        "study": asked.name,
        "estimates": [one.to_json() for one in lines],
        "findings": found,
    }
    findings = f"findings: {', '.join(found) or 'none'} (spinecast appraise {run.path.name} says them)"
    text = "\n".join([f"run {run.path.name} of {asked.name} ({run.path})", *(one.sentence for one in lines), findings])
    result(value, as_json=as_json, text=text)
    then(f"spinecast decide {run.path.name}")
