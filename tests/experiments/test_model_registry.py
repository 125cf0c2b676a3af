from __future__ import annotations

import os
from pathlib import Path

import pytest

from experiments.model_registry import Tracker, TrackerError, aliases, point, register, registered


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"format":1}\n', encoding="utf-8")
    return folder


def test_a_version_holds_the_bundle_byte_for_byte_and_twice_is_once(tracked_root: Path, bundle: Path) -> None:
    tracker = Tracker.of(tracked_root)
    first = register(tracker, name="survival", version=1, bundle=bundle, manifest_sha256="a" * 64)
    again = register(tracker, name="survival", version=1, bundle=bundle, manifest_sha256="a" * 64)
    assert first == again
    assert registered(tracker, "survival") == {1: first}
    copies = list((tracked_root / "mlartifacts").rglob("manifest.json"))
    assert [copy.read_bytes() for copy in copies] == [(bundle / "manifest.json").read_bytes()]


def test_our_number_is_a_tag_and_need_not_be_mlflows(tracked_root: Path, bundle: Path) -> None:
    tracker = Tracker.of(tracked_root)
    register(tracker, name="survival", version=7, bundle=bundle, manifest_sha256="a" * 64)
    point(tracker, name="survival", alias="champion", version=7)
    assert registered(tracker, "survival")[7].mlflow_version == "1"
    assert aliases(tracker, "survival") == {"champion": 7}


def test_a_copy_with_another_manifest_is_replaced(tracked_root: Path, bundle: Path) -> None:
    tracker = Tracker.of(tracked_root)
    register(tracker, name="survival", version=1, bundle=bundle, manifest_sha256="a" * 64)
    register(tracker, name="survival", version=1, bundle=bundle, manifest_sha256="b" * 64)
    assert [one.manifest_sha256 for one in registered(tracker, "survival").values()] == ["b" * 64]


def test_an_alias_moves_and_goes(tracked_root: Path, bundle: Path) -> None:
    tracker = Tracker.of(tracked_root)
    for version in (1, 2):
        register(tracker, name="survival", version=version, bundle=bundle, manifest_sha256=str(version) * 64)
        point(tracker, name="survival", alias="champion", version=version)
    assert aliases(tracker, "survival") == {"champion": 2}
    point(tracker, name="survival", alias="champion", version=1)
    assert aliases(tracker, "survival") == {"champion": 1}
    point(tracker, name="survival", alias="champion", version=None)
    assert aliases(tracker, "survival") == {}


def test_an_alias_to_a_version_that_is_not_there_is_refused_with_the_way_out(tracked_root: Path) -> None:
    with pytest.raises(TrackerError, match=r"no copy of survival@3\.\ntry: spinecast release --version 3"):
        point(Tracker.of(tracked_root), name="survival", alias="champion", version=3)


def test_a_database_that_cannot_be_opened_is_the_outside_world_and_no_password_is_said(tmp_path: Path) -> None:
    tracker = Tracker(f"sqlite:///{tmp_path}/no/such/folder/mlflow.db", None)
    (tmp_path / "no").write_text("a file where a folder should be", encoding="utf-8")
    before = os.environ.get("MLFLOW_TRACKING_URI")
    with pytest.raises(TrackerError, match="MLflow at sqlite://"):
        registered(tracker, "survival")
    assert os.environ.get("MLFLOW_TRACKING_URI") == before, "the next project of this process would ask there"
