"""`spinecast validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, then

if TYPE_CHECKING:
    from training.evidence import Evidence


@click.command(short_help="Judge a released model, as it is, in another cohort.")
@click.argument("model", metavar="MODEL|BUNDLE")
@click.option(
    "--tables", required=True, type=click.Path(path_type=Path, exists=True), help="The other extract: a folder or file."
)
@click.option(
    "--contract", "named", help="The contract of the other tables, by name or file; the model's own if left out."
)
@click.option(
    "--new-only", is_flag=True, help="Leave out every id that taught the model: a later extract of its registry."
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Where evidence and report are written."
)
@json_option
def command(model: str, tables: Path, named: str | None, new_only: bool, output: Path | None, as_json: bool) -> None:
    """Judge a released model (name, name@3) or a bundle folder in tables that had no part in it. Nothing is refitted.

    Patients whose row taught the model leave, and are counted. Evidence of design "external" and a calibration report
    are written to external/<name>-<version>-<data>/ of the project, or to --output.

    Example: spinecast validate survival --tables registry/elsewhere
    """
    from experiments.external import judge_elsewhere
    from experiments.reproduction import whole_contract
    from features.contract import Contract
    from training.bundle import open_bundle
    from training.shelf import Shelf

    project = find_project()
    folder, expected = Path(model), None
    if not folder.is_dir():
        placed = Shelf(project.root / "bundles").resolve(model)
        folder, expected = placed.folder, placed.manifest_sha256
    bundle = open_bundle(folder, expected)
    contract = Contract.from_toml(project.contract_path(named)) if named else whole_contract(bundle, project)
    which = f"{bundle.manifest.name}-{bundle.manifest.version}"
    say(f"judging {which} in {tables} …")
    found = judge_elsewhere(bundle, tables, contract, root=project.root, new_only=new_only)
    data = str(found.evidence.facts["digests"]["data"])[:12]
    target = output or project.root / "external" / f"{which}-{data}"
    found.write(target)
    value = {
        "model": which,
        "output": str(target),
        "remarks": list(found.remarks),
        "evidence": found.evidence.to_json(),
    }
    result(value, as_json=as_json, text=_text(found.evidence, found.remarks))
    then(f"open {target / 'calibration-report.html'}")


def _text(evidence: Evidence, remarks: tuple[str, ...]) -> str:
    from experiments.external import DESIGN
    from experiments.summary import headline

    causes = evidence.facts["events"]
    head = f"{evidence.facts['n']} patients, {', '.join(f'{count} {cause}' for cause, count in causes.items())}"
    lines = [line.sentence for cause in causes for line in headline(evidence, cause, DESIGN)]
    return "\n".join([head, *lines, *(f"note: {one}" for one in remarks)])
