"""`spinecast predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.project import find_project
from experiments.terminal import say, then

if TYPE_CHECKING:
    from serving.predictor import Served


@click.command(short_help="Score a CSV with a released model, offline.")
@click.argument("models", metavar="MODEL|BUNDLE...", nargs=-1, required=True)
@click.option(
    "--input",
    "-i",
    "source",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A CSV.",
)
@click.option(
    "--output", "-o", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The CSV to write."
)
def command(models: tuple[str, ...], source: Path, target: Path) -> None:
    """Score a CSV, one patient a row, with released models or bundle folders. No service is asked.

    Columns are named as in the contract; a column <name>_unit says in what unit its values came. The answers are those
    of the service to the last digit. All faults are said at once, by row and column; then nothing is written.

    Example: spinecast predict survival recovery -i patients.csv -o risks.csv
    """
    say(f"scoring {source} with {', '.join(models)} …")
    from serving.offline import score_file

    patients = score_file([_served(model) for model in models], source, target)
    say(f"{patients} patients scored into {target}")
    then(f"spinecast card {models[0]}")


def _served(model: str) -> Served:
    from serving.predictor import Served
    from training.bundle import open_bundle
    from training.shelf import Shelf

    if Path(model).is_dir():
        return Served.of(open_bundle(Path(model)), "bundle")
    placed = Shelf(find_project().root / "bundles").resolve(model)
    return Served.of(open_bundle(placed.folder, placed.manifest_sha256), placed.status)
