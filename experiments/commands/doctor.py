"""`spinecast doctor`."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from experiments.project import ProjectError, find_project
from experiments.terminal import json_option, result, table, then

_LIBRARIES = ("numpy", "pandas", "pyarrow", "pydantic", "click")
_FITTING = ("scikit-survival", "scikit-learn", "scipy", "optuna", "mlflow")
_SERVING = ("bentoml", "starlette", "uvicorn")


@click.command(short_help="Look at this machine: Python, cores, memory, libraries, addresses, switches.")
@json_option
def command(as_json: bool) -> int:
    """Look at this machine and this project, without the network: Python, cores, memory, disk, libraries, telemetry
    switches, MLflow's address, the shelf. Ends with 1 where something has to be seen to.

    Example: spinecast doctor
    """
    checks = [*_machine(), *_libraries(), *_switches(), *_project()]
    found = [what for what, _, fine in checks if not fine]
    rows = [("ok" if fine else "LOOK", what, said) for what, said, fine in checks]
    value = {"checks": [{"what": what, "found": said, "ok": fine} for what, said, fine in checks], "found": found}
    result(value, as_json=as_json, text=table(("", "what", "found"), rows))
    then("see to what is marked LOOK" if found else "spinecast simulate registry/demo")
    return 1 if found else 0


_Checks = list[tuple[str, str, bool]]


def _machine() -> _Checks:
    python = platform.python_version_tuple()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    checks = [
        ("python", platform.python_version(), (int(python[0]), int(python[1])) >= (3, 11)),
        ("system", f"{platform.system()} {platform.machine()}", True),
        ("cores", str(cores), True),
        ("disk free here", f"{free:.1f} GiB", free > 2),
    ]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        checks.insert(3, ("memory", f"{memory:.1f} GiB", memory > 2))
    return checks


def _libraries() -> _Checks:
    checks = []
    for purpose, names in (("needed", _LIBRARIES), ("to fit", _FITTING), ("to serve", _SERVING)):
        for name in names:
            held = _version(name)
            # A machine that only serves has no fitting libraries, and the other way round: said, and no fault.
            checks.append((f"{name} ({purpose})", held or "not installed", held is not None or purpose != "needed"))
    boosted = _version("xgboost-cpu") or _version("xgboost")
    return [*checks, ("xgboost (to fit)", boosted or "not installed", True)]


def _switches() -> _Checks:
    asked = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "BENTOML_DO_NOT_TRACK": "true"}
    checks = [
        (f"telemetry off: {name}", os.environ.get(name, "not set"), os.environ.get(name, "").lower() == value)
        for name, value in asked.items()
    ]
    threads = os.environ.get("OMP_NUM_THREADS")
    said = threads or "not set: worker processes set it to 1 for themselves"
    return [*checks, ("OMP_NUM_THREADS", said, True)]


def _project() -> _Checks:
    try:
        project = find_project()
    except ProjectError:
        return [("project", "none here: no folder with configs/ at or above", True)]
    given = os.environ.get("MLFLOW_TRACKING_URI", "")
    scheme, _, rest = given.partition("://")
    address = f"{scheme}://{rest.rpartition('@')[2]}" if given else f"sqlite in {project.root}"
    checks = [
        ("project", str(project.root), os.access(project.root, os.W_OK)),
        ("promotion rule", "configs/promotion.toml" if project.rule.is_file() else "missing", project.rule.is_file()),
        ("MLflow", address, True),
    ]
    from training.bundle import verify_bundle
    from training.shelf import Shelf

    placed = [one for versions in Shelf(project.root / "bundles").models().values() for one in versions]
    torn = [one.reference for one in placed if verify_bundle(one.folder, one.manifest_sha256)]
    standing = ", ".join(f"{one.reference} {one.status}" for one in placed if one.status != "released")
    checks.append(("shelf", standing or "nothing released yet", True))
    if torn:
        checks.append(("bundles that do not open", ", ".join(torn), False))
    return checks


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
