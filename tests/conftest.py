"""Fixtures that every room uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
