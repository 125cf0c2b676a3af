"""The Bento: three packages, the champions' bundles, a snapshot of the aliases, and nothing else."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from serving.desk import bundles_folder
from training.bundle import open_bundle
from training.shelf import Shelf, ShelfError

ROOMS = ("features", "training", "serving")
# What prediction and service import; everything else of the environment was for fitting.
LIBRARIES = ("numpy", "pandas", "pyarrow", "pydantic", "click", "bentoml", "starlette", "uvicorn", "prometheus-client")


def build(bundles: Path, source: Path) -> Any:
    """Build the Bento from the shelf `bundles` and the packages beside this one in `source`; the BentoML object.

    Raises `ShelfError` where there is no champion, `IntegrityError` where one does not verify.
    """
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    import bentoml

    with tempfile.TemporaryDirectory(prefix="spinecast-bento-") as text:
        context = Path(text)
        collect(bundles, source, context)
        return bentoml.bentos.build(
            "serving.service:SpinecastService",
            build_ctx=str(context),
            include=[*(f"{room}/**" for room in ROOMS), "bundles/**"],
            python={"packages": pinned(), "lock_packages": False},
            labels={"project": "spinecast"},
        )


def collect(bundles: Path, source: Path, target: Path) -> None:
    """Copy exactly what the Bento holds: source files of three packages, and the champions with their aliases."""
    for room in ROOMS:
        for path in sorted((source / room).rglob("*")):
            if path.is_symlink() or not path.is_file() or path.suffix not in (".py", ".typed"):
                continue
            copied = target / path.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)
    shelf = Shelf(bundles)
    champions = [shelf.resolve(name) for name, aliases in shelf.aliases().items() if "champion" in aliases]
    if not champions:
        raise ShelfError("no champion on the shelf, so nothing to pack. try: spinecast release <study>")
    for placed in champions:
        open_bundle(placed.folder, placed.manifest_sha256)
        shutil.copytree(placed.folder, target / "bundles" / placed.name / str(placed.version))
    shelf.snapshot(target / "bundles")


def pinned() -> list[str]:
    """The libraries at the versions that this environment holds."""
    return [f"{library}=={importlib.metadata.version(library)}" for library in LIBRARIES]


def main() -> None:
    """Build from the shelf of the working directory and say where the Bento lies."""
    built = build(bundles_folder(), Path(__file__).resolve().parent.parent)
    sys.stdout.write(f"{built.tag}\n{built.path}\nnext: bentoml serve {built.tag}\n")


if __name__ == "__main__":
    main()
