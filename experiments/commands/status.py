"""`spinecast status`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, table, then


@click.command(short_help="Show runs, champions, challengers, and where shelf and MLflow differ.")
@click.option("--no-tracking", is_flag=True, help="Do not ask MLflow, which takes seconds to import.")
@json_option
def command(no_tracking: bool, as_json: bool) -> int:
    """Show the project's runs, the released versions and who stands as what, and where MLflow's copy differs.

    Ends with 1 where the shelf and MLflow differ; releasing again, or restoring the champion, repairs MLflow.

    Example: spinecast status
    """
    project = find_project()
    say(f"project {project.root}")
    from experiments.release import differences
    from experiments.results import list_runs
    from training.shelf import Shelf

    runs = [(one.path.name, str(one.json("run").get("name", "")), one.finished) for one in list_runs(project.root)]
    placed = [version for versions in Shelf(project.root / "bundles").models().values() for version in versions]
    differ = differences(project.root) if placed and not no_tracking else []
    lines = ["runs" if runs else "no runs yet"]
    if runs:
        rows = [(run, study, "finished" if finished else "unfinished: resumes") for run, study, finished in runs]
        lines.append(table(("run", "study", "state"), rows))
    lines += ["", "shelf" if placed else "nothing released yet"]
    if placed:
        shelf_rows = [(one.reference, one.status, one.run[:16], one.model_digest[:16]) for one in placed]
        lines.append(table(("version", "status", "run", "model digest"), shelf_rows))
        asked = "MLflow was not asked" if no_tracking else "MLflow agrees with the shelf"
        lines += ["", *((differ and ["MLflow differs from the shelf:", *(f"  {one}" for one in differ)]) or [asked])]
    value = {
        "root": str(project.root),
        "runs": [{"run": run, "study": study, "finished": finished} for run, study, finished in runs],
        "shelf": [{key: str(v) if isinstance(v, Path) else v for key, v in asdict(one).items()} for one in placed],
        "differences": differ,
    }
    result(value, as_json=as_json, text="\n".join(lines))
    if differ:
        name = differ[0].partition("@")[0]
        champion = next((one.version for one in placed if one.name == name and one.status == "champion"), "N")
        then(f'spinecast release --study {name} --version {champion} --by "NAME" --reason "repair MLflow\'s copy"')
        return 1
    then("spinecast serve" if placed else "spinecast study STUDY --tables DIR")
    return 0
