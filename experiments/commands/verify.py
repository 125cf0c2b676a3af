"""`spinecast verify`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, then


@click.command(short_help="Check every file of a bundle against its digests.")
@click.argument("model", metavar="BUNDLE|MODEL")
@json_option
def command(model: str, as_json: bool) -> None:
    """Check every file of a bundle (a folder), or of a released model (name, name@3, name@challenger).

    Of a released model the shelf's digest of the manifest rules, so that a manifest made anew does not pass either.
    Ends with 4 and names every file that differs, is missing or does not belong there.

    Example: spinecast verify survival@1
    """
    from training.bundle import IntegrityError, open_bundle, verify_bundle
    from training.shelf import Shelf

    folder, expected = Path(model), None
    if not folder.is_dir():
        placed = Shelf(find_project().root / "bundles").resolve(model)
        folder, expected = placed.folder, placed.manifest_sha256
    faults = verify_bundle(folder, expected)
    if faults:
        raise IntegrityError(faults)
    bundle = open_bundle(folder, expected)
    files = len(bundle.manifest.files)
    value = {
        "bundle": str(folder),
        "name": bundle.manifest.name,
        "version": bundle.manifest.version,
        "files": files,
        "model_digest": bundle.model_digest,
        "manifest_sha256": bundle.manifest_sha256,
    }
    which = f"{bundle.manifest.name}@{bundle.manifest.version}"
    digests = f"model digest    {bundle.model_digest}\nmanifest sha256 {bundle.manifest_sha256}"
    text = f"{which}: {files} files as released\n{digests}"
    result(value, as_json=as_json, text=text)
    then(f"spinecast card {which if expected else folder}")
