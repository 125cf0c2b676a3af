"""The run folder: whole, or not there."""

from __future__ import annotations

import json

import pytest

from experiments.results import RunError, RunFolder, find_run, list_runs, write_atomic


def begun(root, run: str, name: str, *, done: bool) -> RunFolder:
    folder = RunFolder.of(root, run)
    folder.write_json("run", {"run": run, "name": name})
    if done:
        folder.write_json("done", {"run": run, "evidence": "0"})
    return folder


def test_a_write_replaces_the_whole_file_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert [one.name for one in path.parent.iterdir()] == ["b.json"]


def test_a_write_that_fails_leaves_the_former_file(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_json("clock", {"seconds": 1})
    with pytest.raises(TypeError):
        folder.write_json("clock", {"seconds": object()})
    assert json.loads((tmp_path / "clock.json").read_text()) == {"seconds": 1}


def test_the_name_means_its_latest_finished_run(tmp_path):
    begun(tmp_path, "aaaa0000" * 8, "survival", done=True)
    begun(tmp_path, "bbbb0000" * 8, "survival", done=False)
    assert find_run(tmp_path, "survival").run.startswith("aaaa")
    assert [one.finished for one in list_runs(tmp_path)] == [True, False]


def test_digits_that_fit_two_runs_are_not_guessed(tmp_path):
    begun(tmp_path, "cccc0000" * 8, "a", done=True)
    begun(tmp_path, "cccc1111" * 8, "b", done=True)
    with pytest.raises(RunError, match="fits 2 runs"):
        find_run(tmp_path, "cccc")
    assert find_run(tmp_path, "cccc1").json("run")["name"] == "b"


def test_no_runs_yet_is_said_with_the_next_step(tmp_path):
    with pytest.raises(RunError, match=r"no runs yet\. try: spinecast study"):
        find_run(tmp_path, "survival")


def test_an_unfinished_run_has_no_evidence(tmp_path):
    with pytest.raises(RunError, match=r"evidence.json is not there"):
        _ = begun(tmp_path, "dddd0000" * 8, "a", done=False).evidence
