"""`spinecast decide`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, then


@click.command(short_help="Ask the gate whether a run may become champion; changes nothing.")
@click.argument("run", metavar="RUN|STUDY")
@click.option(
    "--tables", type=click.Path(path_type=Path, exists=True), help="The run's extract, where it has moved since."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that refit side by side."
)
@json_option
def command(run: str, tables: Path | None, workers: int, as_json: bool) -> int:
    """Ask the gate whether a run (or the latest of a study) may become champion. Nothing that is served changes.

    The margins are those of configs/promotion.toml. The decision, a refusal too, is kept in the run folder.
    Ends with 0 where it may, with 1 where it may not.

    Example: spinecast decide survival
    """
    project = find_project()
    say(f"asking the gate about {run} …")
    from experiments.gate import ask_gate, verdict_text
    from experiments.results import find_run

    found = find_run(project.root, run)
    _, decision = ask_gate(project, found, tables, workers)
    result({"run": found.run, **decision.to_json()}, as_json=as_json, text=verdict_text(found, decision))
    standing = "" if decision.promoted else " --as challenger"
    then(f'spinecast release {found.path.name}{standing} --by "NAME" --reason "WHY"')
    return 0 if decision.promoted else 1
