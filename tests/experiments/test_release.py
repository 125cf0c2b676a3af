"""Releases of real runs: what stands on the shelf, what MLflow copies, and what a crash in between leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from experiments import cli
from experiments.declared import DeclaredError, facts_path
from experiments.model_registry import Tracker, TrackerError, aliases, registered
from experiments.promotion import Challenge, Decision, PromotionRule, decide
from experiments.release import RefusedError, ReleaseError, differences, release_run, repair, restore
from experiments.results import RunFolder
from experiments.run import run_study
from tests.small_study import extract, small_study, spine
from training.bundle import IntegrityError, open_bundle
from training.evidence import Estimate, Evidence
from training.shelf import Shelf

SIGNED = {"by": "A. Surgeon", "reason": "a test"}


@pytest.fixture(scope="session")
def runs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    """A finished run, and the same again under another identity, as new data would give it."""
    folder = tmp_path_factory.mktemp("runs")
    first = run_study(small_study(), spine(), extract(folder / "tables", patients=150), folder)
    second = RunFolder(folder / "runs" / ("2" * 16))
    shutil.copytree(first.path, second.path)
    second.write_json("run", {**first.json("run"), "run": "2" * 64})
    return [first, second]


@pytest.fixture(scope="session")
def rule(root: Path) -> PromotionRule:
    return PromotionRule.from_toml(root / "configs" / "promotion.toml")


@pytest.fixture(scope="session")
def allowed(rule: PromotionRule) -> Decision:
    place = {"cause": "died", "horizon_days": 365.0, "design": "nested_cross_validation", "model": "chosen"}
    good = Estimate("ipa", "ipcw_null_of_scored_data", **place, value=0.1, low=0.05, high=0.15, n=150, events=60)
    return decide(Challenge(Evidence((good,)), "died", 365.0), rule)


@pytest.fixture
def refused(rule: PromotionRule) -> Decision:
    return decide(Challenge(Evidence(), "died", 365.0), rule)


@pytest.fixture(scope="session")
def twice(runs: list[RunFolder], allowed: Decision, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root where run 1 is champion as version 1, and run 2 challenger as version 2; tests work on copies."""
    root = tmp_path_factory.mktemp("twice")
    shutil.copy(migrated, root / "mlflow.db")
    release_run(root, runs[0], allowed, alias="champion", **SIGNED)
    release_run(root, runs[1], allowed, alias="challenger", **SIGNED)
    return root


@pytest.fixture
def released(twice: Path, tracked_root: Path) -> Path:
    shutil.copy(twice / "mlflow.db", tracked_root / "mlflow.db")
    shutil.copytree(twice / "bundles", tracked_root / "bundles")
    return tracked_root


def test_a_release_puts_a_version_on_the_shelf_and_a_copy_into_mlflow(
    tracked_root: Path, runs: list[RunFolder], allowed: Decision
) -> None:
    done = release_run(tracked_root, runs[0], allowed, alias="champion", **SIGNED)
    placed = Shelf(tracked_root / "bundles").resolve("survival")
    assert (done.version, done.new, done.moved) == (1, True, True)
    assert (placed.version, placed.status, placed.run) == (1, "champion", runs[0].run)
    bundle = open_bundle(placed.folder, placed.manifest_sha256)
    assert bundle.decision["verdict"] == "promoted"
    assert (bundle.decision["by"], bundle.decision["reason"]) == ("A. Surgeon", "a test")
    assert {"card.html", "card.md", "card.json", "calibration-report.html"} <= set(bundle.documents)
    assert bundle.model_digest.encode() in bundle.documents["card.html"]
    tracker = Tracker.of(tracked_root)
    assert registered(tracker, "survival")[1].manifest_sha256 == placed.manifest_sha256
    assert aliases(tracker, "survival") == {"champion": 1}
    assert differences(tracked_root) == []
    copy = next((tracked_root / "mlartifacts").rglob("manifest.json")).parent
    assert open_bundle(copy, placed.manifest_sha256).model_digest == done.model_digest


def test_the_same_run_makes_one_version_however_often_it_is_released(
    released: Path, runs: list[RunFolder], allowed: Decision
) -> None:
    again = release_run(released, runs[1], allowed, alias="challenger", **SIGNED)
    raised = release_run(released, runs[1], allowed, alias="champion", **SIGNED)
    assert (again.version, again.new, again.moved) == (2, False, False)
    assert (raised.version, raised.new, raised.moved) == (2, False, True)
    shelf = Shelf(released / "bundles")
    assert [line["act"] for line in shelf.log()] == ["put", "point", "put", "point", "point"]
    assert shelf.aliases() == {"survival": {"champion": 2}}
    assert aliases(Tracker.of(released), "survival") == {"champion": 2}


def test_changed_facts_are_a_new_version_of_the_same_model(
    released: Path, runs: list[RunFolder], allowed: Decision
) -> None:
    shelf = Shelf(released / "bundles")
    first = shelf.resolve("survival@1")
    facts = facts_path(released, "survival")
    facts.parent.mkdir(parents=True)
    facts.write_text('funding = "a grant"\n', encoding="utf-8")
    done = release_run(released, runs[0], allowed, alias="champion", **SIGNED)
    again = release_run(released, runs[0], allowed, alias="champion", **SIGNED)
    assert (done.version, done.new, again.version, again.new) == (3, True, 3, False)
    assert done.model_digest == first.model_digest
    told = open_bundle(done.folder, done.manifest_sha256).documents
    assert json.loads(told["declared.json"]) == {"funding": "a grant"}
    assert "Against survival@1, the same model: declared: funding missing → a grant." in told["card.md"].decode()
    assert b"a grant" in told["card.html"]
    facts.write_text('fundin = "a grant"\n', encoding="utf-8")
    with pytest.raises(DeclaredError, match='Did you mean "funding"'):
        release_run(released, runs[0], allowed, alias="champion", **SIGNED)


def test_an_old_champion_is_restored_and_the_log_says_by_whom_and_why(released: Path) -> None:
    restore(released, "survival", 2, alias="champion", **SIGNED)
    back = restore(released, "survival", 1, alias="champion", by="B. Surgeon", reason="2 misjudges a site")
    shelf = Shelf(released / "bundles")
    assert (back.version, back.new, back.moved) == (1, False, True)
    assert shelf.resolve("survival").version == 1
    assert {key: shelf.log()[-1][key] for key in ("from", "to", "by", "reason")} == {
        "from": 2,
        "to": 1,
        "by": "B. Surgeon",
        "reason": "2 misjudges a site",
    }
    assert aliases(Tracker.of(released), "survival") == {"champion": 1}


def test_a_refused_run_may_be_challenger_and_never_champion(
    tracked_root: Path, runs: list[RunFolder], refused: Decision
) -> None:
    with pytest.raises(RefusedError, match=r"against_null: .* is missing.*\ntry: .* --as challenger"):
        release_run(tracked_root, runs[0], refused, alias="champion", **SIGNED)
    assert not (tracked_root / "bundles" / "survival").exists()
    done = release_run(tracked_root, runs[0], refused, alias="challenger", **SIGNED)
    decision = json.loads((done.folder / "decision.json").read_text(encoding="utf-8"))
    assert (decision["verdict"], decision["as"]) == ("refused", "challenger")
    with pytest.raises(RefusedError):
        release_run(tracked_root, runs[0], refused, alias="champion", **SIGNED)


def test_an_unsigned_release_and_an_unfinished_run_are_refused(
    tracked_root: Path, runs: list[RunFolder], allowed: Decision, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match="missing: --by, --reason"):
        release_run(tracked_root, runs[0], allowed, alias="champion", by=" ", reason="")
    torn = RunFolder(tmp_path / "torn")
    shutil.copytree(runs[0].path, torn.path)
    (torn.path / "done.json").unlink()
    with pytest.raises(ReleaseError, match="not finished"):
        release_run(tracked_root, torn, allowed, alias="champion", **SIGNED)


def test_what_a_kill_between_shelf_and_mlflow_leaves_is_told_and_mended(
    tracked_root: Path, runs: list[RunFolder], allowed: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "sqlite:////dev/null/mlflow.db")
        with pytest.raises(TrackerError, match=r"survival@1 is champion on the shelf.*\n.*\n?.*the same line again"):
            release_run(tracked_root, runs[0], allowed, alias="champion", **SIGNED)
    assert differences(tracked_root) == [
        "survival@1: MLflow has no copy",
        "survival@champion: version 1 on the shelf, nothing in MLflow",
    ]
    done = release_run(tracked_root, runs[0], allowed, alias="champion", **SIGNED)
    assert (done.version, done.new) == (1, False)
    assert differences(tracked_root) == []


def test_a_kill_before_the_alias_moved_makes_no_second_version(
    released: Path, runs: list[RunFolder], allowed: Decision
) -> None:
    shelf = Shelf(released / "bundles")
    listed = json.loads((shelf.root / "aliases.json").read_text(encoding="utf-8"))
    listed["models"]["survival"]["aliases"] = {}
    (shelf.root / "aliases.json").write_text(json.dumps(listed), encoding="utf-8")
    done = release_run(released, runs[0], allowed, alias="champion", **SIGNED)
    assert (done.version, done.new, done.moved) == (1, False, True)


def test_an_alias_that_somebody_moved_in_mlflow_is_found_and_put_back(released: Path) -> None:
    client = Tracker.of(released).client()
    client.set_registered_model_alias("survival", "champion", "2")
    client.set_registered_model_alias("survival", "shadow", "1")
    assert differences(released) == [
        "survival@champion: version 1 on the shelf, version 2 in MLflow",
        "survival@shadow: nothing on the shelf, version 1 in MLflow",
    ]
    repair(released, "survival")
    assert differences(released) == []


def test_a_bundle_that_was_changed_is_not_restored(released: Path) -> None:
    evidence = released / "bundles" / "survival" / "1" / "evidence.json"
    evidence.write_bytes(evidence.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match=r"evidence\.json"):
        restore(released, "survival", 1, alias="challenger", **SIGNED)


def test_card_prints_a_standard_and_what_changed_and_ends_with_1_where_anything_did(
    released: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (str(released / "bundles" / "survival" / version) for version in ("1", "2"))
    assert cli.main(["card", first, "--profile", "tripod"]) == 0
    assert "TRIPOD+AI: 52 rows" in capsys.readouterr().out.replace("\\", "")
    assert cli.main(["card", first, "--profile", "chai"]) == 0
    assert capsys.readouterr().out.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<AppliedModelCard')
    assert cli.main(["card", "--diff", first, first]) == 0
    assert capsys.readouterr().out == "survival@1 → survival@1: 0 changes\n"
    assert cli.main(["card", "--json", "--diff", first, second]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["old"], told["new"]) == ("survival@1", "survival@2")
    assert {one["what"]: (one["old"][:4], one["new"][:4]) for one in told["changes"]}["run"][1] == "2222"
    assert cli.main(["card"]) == 2
    assert cli.main(["card", first, "--diff", first, second]) == 2


def test_card_gives_the_report_and_refuses_what_is_no_document(
    released: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = str(released / "bundles" / "survival" / "1")
    assert cli.main(["card", first, "--report", "--format", "html"]) == 0
    assert capsys.readouterr().out == open_bundle(Path(first)).documents["calibration-report.html"].decode()
    assert cli.main(["card", first, "--profile", "chai", "--json"]) == 2
    assert "The CHAI card is XML alone" in capsys.readouterr().err
    assert cli.main(["card", first, "--report", "--profile", "tripod"]) == 2
    assert "are different documents" in capsys.readouterr().err
    assert cli.main(["card", first, "--report"]) == 2
    assert "There is no calibration-report.md" in capsys.readouterr().err


def test_a_mute_is_in_the_card_with_its_reason_and_leaves_the_gate_and_the_model_alone(
    released: Path, runs: list[RunFolder], allowed: Decision, refused: Decision
) -> None:
    code = next(row["code"] for row in runs[0].evidence.tables["findings"] if row["state"] == "found")
    runs[0].mute(code, "known since the pilot")
    try:
        with pytest.raises(RefusedError):
            release_run(released, runs[0], refused, alias="champion", **SIGNED)
        done = release_run(released, runs[0], allowed, alias="champion", **SIGNED)
        again = release_run(released, runs[0], allowed, alias="champion", **SIGNED)
    finally:
        (runs[0].path / "mutes.json").unlink()
    assert (done.version, done.new, again.new) == (3, True, False)
    shelf = Shelf(released / "bundles")
    bundle, first = (open_bundle(shelf.resolve(f"survival@{k}").folder) for k in (3, 1))
    assert bundle.decision["muted"] == {code: "known since the pilot"}
    assert (bundle.model_digest, bundle.evidence) == (first.model_digest, first.evidence)
    for name in ("card.html", "card.md", "calibration-report.html"):
        assert b"known since the pilot" in bundle.documents[name], name
        assert b"known since the pilot" not in first.documents[name]


def test_a_run_that_nobody_released_has_a_draft_which_says_what_it_lacks(
    runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = runs[0].path.parents[1]
    (root / "configs").mkdir(exist_ok=True)
    monkeypatch.chdir(root)
    assert cli.main(["card", runs[0].path.name]) == 0
    told = capsys.readouterr()
    assert "draft: not released" in told.out.replace("\\", "")
    assert "MISSING: nobody has signed" in told.out.replace("\\", "")
    assert f"next: spinecast decide {runs[0].path.name}" in told.err
    assert cli.main(["card", "survival", "--report", "--format", "html"]) == 0
    assert "Calibration of survival, not yet released" in capsys.readouterr().out
    assert cli.main(["card", "nothing"]) == 2
    assert 'no model "nothing" on the shelf' in capsys.readouterr().err
