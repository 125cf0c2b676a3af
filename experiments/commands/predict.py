"""`spinecast predict`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.project import find_project
from experiments.terminal import say, then


@click.command(short_help="Score a CSV with a released model, offline.")
@click.argument("model", metavar="MODEL|BUNDLE")
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
def command(model: str, source: Path, target: Path) -> None:
    """Score a CSV, one patient a row, with a released model or a bundle folder. No service is asked.

    Columns are named as in the contract; a column <name>_unit says in what unit its values came. The answers are those
    of the service to the last digit. All faults are said at once, by row and column; then nothing is written.

    Example: spinecast predict survival -i patients.csv -o risks.csv
    """
    say(f"scoring {source} with {model} …")
    from serving.offline import predict_csv
    from training.bundle import open_bundle
    from training.shelf import Shelf

    folder, expected = Path(model), None
    if not folder.is_dir():
        placed = Shelf(find_project().root / "bundles").resolve(model)
        folder, expected = placed.folder, placed.manifest_sha256
    bundle = open_bundle(folder, expected)
    patients = predict_csv(bundle, source, target)
    say(f"{patients} patients scored by {bundle.manifest.name}@{bundle.manifest.version} into {target}")
    then(f"spinecast card {model}")
