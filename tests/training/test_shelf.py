"""The shelf: versions are our own integers, aliases move in one step with a line of the log, its digests rule."""

from __future__ import annotations

import functools
import json
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import Contract, Field, Table
from features.outcome import Outcome
from training.bundle import IntegrityError, open_bundle, write_bundle
from training.evidence import Evidence
from training.families import family_named
from training.recipe import Model, Recipe
from training.shelf import Shelf, ShelfError

ALBUMIN = Field(name="albumin", table="t", kind="number", label="Albumin", known_at="T0", unit="g/dL")
CONTRACT = Contract(name="c", version="1", registry="table", tables=(Table(name="t", key=("id",)),), fields=(ALBUMIN,))


@functools.cache
def null_model() -> Model:
    time = np.arange(1.0, 21.0)
    outcome = Outcome(np.zeros(20), time, time, np.tile([0, 1], 10), ("died",))
    frame = pd.DataFrame(index=range(20))
    return Recipe(family_named("kaplan_meier")(), ()).fit(frame, outcome, CONTRACT, times=time, seed=1)


def bundle(folder: Path, *, version: int, name: str = "small") -> Path:
    write_bundle(
        folder / f"{name}-{version}",
        name=name,
        version=version,
        run=f"{version:064}",
        model=null_model(),
        study={"name": name},
        contract=CONTRACT,
        evidence=Evidence(),
        documents={},
        decision={"verdict": "promoted"},
    )
    return folder / f"{name}-{version}"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path / "bundles")
    for version in (1, 2, 3):
        shelf.put("small", bundle(tmp_path / "made", version=version))
    shelf.point("small", "champion", 1, "Ada", "first")
    return shelf


def test_an_empty_shelf_has_no_models_and_gives_version_1(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "bundles")
    assert shelf.models() == {}
    assert shelf.next_version("small") == 1
    with pytest.raises(ShelfError, match="Known: none"):
        shelf.resolve("small")


def test_a_name_alone_is_the_champion(shelf: Shelf) -> None:
    shelf.point("small", "challenger", 3, "Ada", "to be watched")
    assert shelf.resolve("small").version == 1
    assert shelf.resolve("small@champion").status == "champion"
    assert shelf.resolve("small@challenger").version == 3
    assert shelf.resolve("small@2").status == "released"
    assert [placed.version for placed in shelf.models()["small"]] == [1, 2, 3]
    assert open_bundle(shelf.resolve("small@3").folder, shelf.resolve("small@3").manifest_sha256).manifest.version == 3


def test_a_challenger_that_becomes_champion_is_no_challenger_any_more(shelf: Shelf) -> None:
    shelf.point("small", "challenger", 2, "Ada", "watch")
    shelf.point("small", "champion", 2, "Ada", "better")
    assert shelf.aliases() == {"small": {"champion": 2}}
    shelf.point("small", "champion", 1, "Ada", "restored")
    assert shelf.resolve("small").version == 1


def test_every_move_is_a_line_of_the_log_with_who_and_why(shelf: Shelf) -> None:
    shelf.point("small", "champion", 2, "Grace", "better on new patients")
    last = shelf.log()[-1]
    assert {key: last[key] for key in ("act", "alias", "from", "to", "by", "reason")} == {
        "act": "point",
        "alias": "champion",
        "from": 1,
        "to": 2,
        "by": "Grace",
        "reason": "better on new patients",
    }


def test_a_withdrawn_version_is_readable_and_takes_no_alias(shelf: Shelf) -> None:
    placed = shelf.withdraw("small", 1, "Ada", "wrong unit in the source")
    assert (placed.status, placed.reason) == ("withdrawn", "wrong unit in the source")
    assert shelf.aliases()["small"] == {}
    with pytest.raises(ShelfError, match="withdrawn"):
        shelf.point("small", "champion", 1, "Ada", "again")
    with pytest.raises(ShelfError, match='has no "champion"'):
        shelf.resolve("small")
    assert open_bundle(placed.folder, placed.manifest_sha256).manifest.version == 1


def test_a_version_is_never_given_twice(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.next_version("small") == 4
    with pytest.raises(ShelfError, match="not small@4"):
        shelf.put("small", tmp_path / "made" / "small-2")


def test_what_a_killed_release_left_behind_is_replaced(shelf: Shelf, tmp_path: Path) -> None:
    (shelf.root / "small" / "4").mkdir()
    (shelf.root / "small" / "4" / "half").write_text("")
    assert shelf.put("small", bundle(tmp_path / "made", version=4)).version == 4
    assert not (shelf.root / "small" / "4" / "half").exists()


def test_a_broken_bundle_does_not_reach_the_shelf(shelf: Shelf, tmp_path: Path) -> None:
    broken = bundle(tmp_path / "made", version=4)
    (broken / "study.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"study\.json"):
        shelf.put("small", broken)
    assert shelf.next_version("small") == 4


@pytest.mark.parametrize(
    "reference", ["../small", "small@0", "small@01", "small@", "small@best", "", "small@1@2", "small@-1"]
)
def test_odd_references_are_refused(shelf: Shelf, reference: str) -> None:
    with pytest.raises(ShelfError):
        shelf.resolve(reference)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format":2,"models":{}}', '{"format":1,"models":{},"more":1}'])
def test_a_damaged_list_is_an_integrity_fault_and_not_an_empty_shelf(shelf: Shelf, text: str) -> None:
    (shelf.root / "aliases.json").write_text(text)
    with pytest.raises(IntegrityError, match=r"aliases\.json"):
        shelf.resolve("small")


def _point_often(root: Path, version: int) -> None:
    for _ in range(20):
        Shelf(root).point("small", "champion", version, f"writer {version}", "race")


def test_writers_wait_for_each_other_and_a_reader_always_sees_a_whole_list(shelf: Shelf) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_point_often, args=(shelf.root, version)) for version in (1, 2, 3)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add(shelf.resolve("small").version)
    for writer in writers:
        writer.join()
    moves = [line for line in shelf.log() if line["act"] == "point"]
    assert len(moves) == 61
    assert [line["from"] for line in moves[1:]] == [line["to"] for line in moves[:-1]]
    assert seen <= {1, 2, 3}
    assert (
        json.loads((shelf.root / "aliases.json").read_text())["models"]["small"]["aliases"]["champion"]
        == moves[-1]["to"]
    )
