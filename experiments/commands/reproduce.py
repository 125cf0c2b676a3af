"""`spinecast reproduce`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.project import Project, ProjectError, find_project
from experiments.terminal import json_option, result, say, table, then

if TYPE_CHECKING:
    from experiments.reproduction import Reproduced

_SHOWN = 20


@click.command(short_help="Run a released study again from its bundle's record and compare every number.")
@click.argument("model", metavar="BUNDLE|MODEL")
@click.option(
    "--tables",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="The extract of the release: a folder, or one file.",
)
@click.option("--only", default="", metavar="TEXT", help="Compare entries whose id holds this text: a figure's table.")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Run in this folder and keep it; resumable."
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Refits side by side.")
@json_option
def command(model: str, tables: Path, only: str, keep: Path | None, workers: int, as_json: bool) -> int:
    """Run the study of a bundle (a folder) or a released model (name, name@3, name@challenger) again, and compare.

    All that is needed is in the bundle: study, contract, seed. The tables' digests are checked first. Estimates,
    tables, facts and the model itself are compared entry by entry; a number may differ by 1e-9, which is then said.
    Ends with 0 if all came out again, with 4 if not or if a table is another. The run is made in a temporary folder.

    Examples: spinecast reproduce survival@1 --tables registry/demo

    spinecast reproduce survival --tables registry/demo --only calibration_curve --keep again
    """
    folder, expected, project = _found(model)
    from training.bundle import open_bundle

    bundle = open_bundle(folder, expected)
    which = f"{bundle.manifest.name}@{bundle.manifest.version}"
    say(f"running {which} again on {tables} …")
    import tempfile

    from experiments.progress import shown_progress
    from experiments.reproduction import reproduce

    place: AbstractContextManager[str | Path] = (
        nullcontext(keep) if keep else tempfile.TemporaryDirectory(prefix="spinecast-reproduce-")
    )
    with place as at, shown_progress() as progress:
        found = reproduce(bundle, tables, Path(at), project=project, only=only, progress=progress, workers=workers)
    result({"bundle": which, **found.to_json()}, as_json=as_json, text=f"{which}\n{_text(found)}")
    then(f"spinecast verify {model}" if found.same else f"spinecast reproduce {model} --tables {tables} --json")
    return 0 if found.same else 4


def _found(model: str) -> tuple[Path, str | None, Project | None]:
    from training.shelf import Shelf

    if Path(model).is_dir():
        try:
            return Path(model), None, find_project()
        except ProjectError:
            return Path(model), None, None
    project = find_project()
    placed = Shelf(project.root / "bundles").resolve(model)
    return placed.folder, placed.manifest_sha256, project


def _text(found: Reproduced) -> str:
    header = ("part", "identical", "within 1e-9", "differ", "in the record alone", "new alone")
    rows = [(one.name, one.identical, one.within, one.differ, one.lost, one.added) for one in found.parts]
    lines = [table(header, rows)]
    lines += [f"{one.id}: {one.then} in the record, {one.now} now" for one in found.differences[:_SHOWN]]
    if len(found.differences) > _SHOWN:
        lines.append(f"… and {len(found.differences) - _SHOWN} more; --json says them all")
    lines += [f"note: {note}" for note in found.notes]
    released, came_out = found.model_digest
    lines.append(f"model digest {released}: {'the same' if came_out == released else f'now {came_out}'}")
    lines.append(f"largest difference {found.largest:g}{f' ({found.largest_at})' if found.largest_at else ''}")
    return "\n".join([*lines, found.verdict])
