from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from experiments.model_registry import Tracker, registered


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
