"""Fixtures that every room uses."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from experiments.model_registry import Tracker, registered

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Published reference data beside the repository; tests that read it are skipped where it does not lie."""
    folder = Path(os.environ.get("SPINECAST_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("the shared reference data do not lie beside this clone")
    return folder


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database. Its migrations take seconds, so they run once a session."""
    folder = tmp_path_factory.mktemp("mlflow")
    registered(Tracker(f"sqlite:///{folder / 'mlflow.db'}", folder / "mlartifacts"), "nothing")
    return folder / "mlflow.db"


@pytest.fixture
def tracked_root(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project root with an empty MLflow database of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "configs").mkdir()
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return tmp_path
