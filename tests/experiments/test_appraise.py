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
