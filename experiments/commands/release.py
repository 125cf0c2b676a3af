"""`spinecast release`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, then

if TYPE_CHECKING:
    from experiments.release import Alias, Released


@click.command(short_help="Write a run's bundle and documents and make it champion or challenger.")
@click.argument("run", metavar="[RUN|STUDY]", required=False)
@click.option("--by", required=True, help="Who answers for this act.")
@click.option("--reason", required=True, help="Why; kept with the version and in the log of the shelf.")
@click.option(
    "--as",
    "alias",
    type=click.Choice(["champion", "challenger"]),
    default="champion",
    show_default=True,
    help="A run that the gate refused can only be challenger.",
)
@click.option("--version", type=click.IntRange(min=1), help="Restore this version instead of releasing a run.")
@click.option("--study", help="Whose version; with --version.")
@click.option(
    "--tables", type=click.Path(path_type=Path, exists=True), help="The run's extract, where it has moved since."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that refit side by side."
)
@click.option("--if-promoted", is_flag=True, help="End with 0 also where the gate refuses: say so, release nothing.")
@json_option
def command(
    run: str | None,
    by: str,
    reason: str,
    alias: str,
    version: int | None,
    study: str | None,
    tables: Path | None,
    workers: int,
    if_promoted: bool,
    as_json: bool,
) -> int:
    """Release a run (or the latest of a study): bundle, card and report, alias, MLflow's copy.

    The gate is asked first. One run with the same declared facts makes one version, however often it is released;
    changed facts make a new one of the same model. Released files never change. With --version and --study, an older
    version gets the alias back.

    Examples: spinecast release survival --by "A. Surgeon" --reason "first model"

    spinecast release --version 1 --study survival --by "A. Surgeon" --reason "version 2 misjudges site S03"
    """
    if (run is None) == (version is None) or (version is None) != (study is None):
        raise click.UsageError("Give a RUN, or --version and --study; not both, and no half of them.")
    project = find_project()
    from experiments.release import release_run, restore

    standing: Alias = "challenger" if alias == "challenger" else "champion"
    if version is not None and study is not None:
        say(f"restoring {study}@{version} …")
        return _told(restore(project.root, study, version, alias=standing, by=by, reason=reason), as_json)
    say(f"asking the gate about {run} …")
    from experiments.gate import ask_gate, verdict_text
    from experiments.results import find_run

    found = find_run(project.root, str(run))
    _, decision = ask_gate(project, found, tables, workers)
    say(verdict_text(found, decision))
    if if_promoted and not decision.promoted:
        text = f"run {found.path.name} was refused; nothing was released"
        result({"run": found.run, **decision.to_json()}, as_json=as_json, text=text)
        then(f"spinecast compare {found.path.name}")
        return 0
    return _told(release_run(project.root, found, decision, alias=standing, by=by, reason=reason), as_json)


def _told(done: Released, as_json: bool) -> int:
    now = f"{done.name}@{done.version}"
    act = f"released as version {done.version}" if done.new else f"has been released before, as version {done.version}"
    stands = f"now {done.alias}" if done.moved else f"{done.alias} already"
    text = f"run {done.run[:16]} {act}; {now} is {stands}\nmodel digest {done.model_digest}\nbundle {done.folder}"
    value = {key: str(part) if isinstance(part, Path) else part for key, part in asdict(done).items()}
    result(value, as_json=as_json, text=text)
    then(f"spinecast card {now} --format html --output card.html, or spinecast serve")
    return 0
