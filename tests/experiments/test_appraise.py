"""The verb: what it prints, how it ends, and whose evidence it reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from experiments.cli import main
from experiments.results import RunFolder
from experiments.run import run_study
from tests.small_study import bundled, extract, small_study, spine
from training.appraisal import CHECKS


@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    extract(folder / "tables", patients=200, seed=2)
    shutil.copytree(root / "configs", folder / "configs")
    bundled(run_study(small_study(), spine(), folder / "tables", folder), folder / "bundle")
    return folder


def the_run(project: Path) -> RunFolder:
    return RunFolder(next((project / "runs").iterdir()))


def test_a_run_holds_an_answer_to_every_question(project: Path) -> None:
    rows = the_run(project).evidence.tables["findings"]
    assert [row["code"] for row in rows] == list(CHECKS)
    assert {row["state"] for row in rows} == {"found", "passed", "not applicable"}
    states = {row["code"]: row["state"] for row in rows}
    # One deal of the folds, no site left out; the predictors of a synthetic registry do say something.
    assert (states["PM016"], states["PM027"]) == ("found", "found")
    assert (states["PM018"], states["PM020"], states["PM001"]) == ("passed", "passed", "passed")
    assert states["PM006"] in ("found", "passed")


def test_findings_of_a_run_end_with_1(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    assert main(["appraise", "survival"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == f"run {the_run(project).path.name} of survival"
    assert "PM016  One deal of the folds" in said.out
    assert "could not be asked: " in said.out
    assert said.err.startswith("next: spinecast appraise --explain PM0")


def test_run_name_and_bundle_say_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    said = []
    for which in (the_run(project).path.name, "survival", "bundle"):
        assert main(["appraise", which, "--json"]) == 1
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]
    assert said[2]["of"] == "survival@1"
    assert said[2]["findings"] == said[0]["findings"]
    assert said[0]["found"] == sum(one["state"] == "found" for one in said[0]["findings"])


def test_a_finding_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["appraise", "--explain", "pm014"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("PM014  Unstable predictions\nfound where  mean absolute prediction error")
    assert "\nwhat to do   " in text


def test_wrong_use_is_said_with_what_there_is(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    assert main(["appraise", "--explain", "PM999"]) == 2
    assert f"Known: PM001 to {max(CHECKS)}" in capsys.readouterr().err
    assert main(["appraise"]) == 2
    assert main(["appraise", "surviva"]) == 2
    assert 'no run "surviva". Did you mean "survival"?' in capsys.readouterr().err


def test_a_mute_needs_a_reason_stands_beside_the_run_and_leaves_its_evidence_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    run = the_run(project)
    before = (run.path / "evidence.json").read_bytes()
    for wrong in (["--mute", "PM016"], ["--reason", "none"], ["--mute", "PM099", "--reason", "no such thing"]):
        assert main(["appraise", "survival", *wrong]) == 2
    assert main(["appraise", "survival", "--mute", "PM018", "--reason", "it passed"]) == 2
    assert "PM018 was not found here (passed): nothing to mute" in capsys.readouterr().err
    assert main(["appraise", "bundle", "--mute", "PM016", "--reason", "released"]) == 2
    assert run.mutes == {}
    assert main(["appraise", "survival", "--mute", "pm016", "--reason", "one deal is enough for a test"]) == 1
    said = capsys.readouterr().out
    assert "muted: 1 of" in said
    assert "; muted: one deal is enough for a test" in said
    assert (run.path / "evidence.json").read_bytes() == before
    assert run.mutes == {"PM016": "one deal is enough for a test"}
    assert main(["appraise", "survival", "--json"]) == 1
    told = {one["code"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert (told["PM016"]["state"], told["PM016"]["muted"]) == ("found", "one deal is enough for a test")
    (run.path / "mutes.json").unlink()


def test_where_all_that_is_found_is_muted_it_ends_with_0(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    run = the_run(project)
    for row in run.evidence.tables["findings"]:
        if row["state"] == "found":
            run.mute(row["code"], "known")
    assert main(["appraise", "survival"]) == 0
    assert "found: 0 of" in capsys.readouterr().out
    (run.path / "mutes.json").unlink()
