"""What is opened at the start, and what keeps the service from starting."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serving.desk import Desk
from serving.refusals import Refusal
from serving.settings import Settings
from training.bundle import IntegrityError
from training.shelf import Shelf, ShelfError


def test_names_versions_and_aliases_lead_to_the_same_model(desk: Desk) -> None:
    assert desk.find("survival") is desk.find("survival@3") is desk.find("survival@champion")
    assert desk.find("survival@challenger") is desk.find("survival@2")
    assert [served.reference for served in desk.champions] == ["recovery@1", "survival@3"]


def test_a_version_that_no_alias_points_at_does_not_answer(desk: Desk) -> None:
    with pytest.raises(Refusal) as raised:
        desk.find("survival@1")
    assert raised.value.kind == "model-withdrawn"


def test_one_changed_byte_of_any_file_keeps_the_service_from_starting(shelf: Shelf, tmp_path: Path) -> None:
    files = [path for path in (shelf.root / "recovery" / "1").rglob("*") if path.is_file()]
    for path in files:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        copied = shutil.copytree(shelf.root, tmp_path / "copy") / path.relative_to(shelf.root)
        content = bytearray(copied.read_bytes())
        content[len(content) // 2] ^= 1
        copied.write_bytes(bytes(content))
        with pytest.raises(IntegrityError) as raised:
            Desk.open(tmp_path / "copy")
        name = path.relative_to(shelf.root / "recovery" / "1").as_posix()
        assert any(fault.startswith(f"recovery@1: {name}") for fault in raised.value.faults), name


def test_without_a_champion_there_is_nothing_to_start(tmp_path: Path) -> None:
    with pytest.raises(ShelfError, match="try: spinecast release"):
        Desk.open(tmp_path)


def test_only_the_models_that_were_named_answer(shelf: Shelf) -> None:
    desk = Desk.open(shelf.root, only=["survival"])
    assert [served.reference for served in desk.champions] == ["survival@3"]
    with pytest.raises(Refusal, match="Served here: survival"):
        desk.find("recovery")
    with pytest.raises(ShelfError, match='no model "recovry" on the shelf; there: recovery, survival'):
        Desk.open(shelf.root, only=["recovry"])


def test_the_limits_in_the_repository_are_the_ones_in_force(root: Path) -> None:
    assert Settings.from_toml(root / "configs" / "serving.toml") == Settings()
