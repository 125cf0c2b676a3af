"""Released studies run again on real files: what came out the same, what did not, and which table is another."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import main
from experiments.reproduction import TOLERANCE, compare_with_record, require_tables
from experiments.results import RunFolder
from experiments.run import run_study
from features.contract import Contract
from features.extract import read_extract
from tests.small_study import bundled, extract, small_study, spine
from training.bundle import IntegrityError, open_bundle
from training.evidence import Evidence


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extract(tmp_path_factory.mktemp("extract"), patients=150)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return spine()


@pytest.fixture(scope="module")
def run(contract: Contract, tables: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return run_study(small_study(), contract, tables, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def bundle(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(run, tmp_path_factory.mktemp("bundles") / "1")


def manipulated(evidence: Evidence, by: float) -> tuple[Evidence, str]:
    """The evidence with the first C a little better than it was."""
    at = next(k for k, one in enumerate(evidence.estimates) if one.metric == "harrell_c" and one.value)
    better = replace(evidence.estimates[at], value=evidence.estimates[at].value + by)
    estimates = (*evidence.estimates[:at], better, *evidence.estimates[at + 1 :])
    return replace(evidence, estimates=estimates), better.id


def test_an_untouched_bundle_comes_out_the_same_to_the_last_bit(
    bundle: Path, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # no project here: the bundle is all that is needed
    assert main(["reproduce", str(bundle), "--tables", str(tables), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    counts = {part["name"]: part["identical"] for part in said["parts"]}
    evidence = open_bundle(bundle).evidence
    assert said["verdict"].startswith("identical: ")
    assert counts["estimates"] == 9 * len(evidence.estimates)
    assert {f"tables/{name}" for name, rows in evidence.tables.items() if rows} | {"facts", "model"} < counts.keys()
    assert said["model_digest"] == [open_bundle(bundle).model_digest] * 2
    assert (said["largest"], said["differences"], said["notes"]) == (0.0, [], [])
    assert list(tmp_path.iterdir()) == []


def test_a_number_better_than_it_was_is_named_and_ends_with_4(
    run: RunFolder, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence, estimate = manipulated(run.evidence, 0.05)
    forged = bundled(run, tmp_path / "forged", evidence=evidence)
    assert main(["reproduce", str(forged), "--tables", str(tables), "--keep", str(tmp_path / "kept")]) == 4
    said = capsys.readouterr()
    assert f"estimates/{estimate} value: " in said.out
    assert said.out.splitlines()[-1].startswith("differs: entries that are not what was released: 1, of ")
    assert "refits: 2 of 2" in said.err
    assert (tmp_path / "kept" / "runs" / run.run[:16] / "done.json").is_file()


def test_another_table_is_named_before_any_fit(
    bundle: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = Path(shutil.copytree(tables, tmp_path / "changed"))
    (changed / "manifest.json").unlink()
    lines = (changed / "patient.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (changed / "patient.csv").write_text("".join(lines[:-1]), encoding="utf-8")
    assert main(["reproduce", str(bundle), "--tables", str(changed)]) == 4
    said = capsys.readouterr().err
    assert "table patient: SHA-256 " in said
    assert "try: --tables DIR with the extract of the release" in said
    assert "refits" not in said
    assert "table labs" not in said


def test_a_damaged_table_breaks_the_contract(bundle: Path, tables: Path, tmp_path: Path) -> None:
    torn = Path(shutil.copytree(tables, tmp_path / "torn"))
    (torn / "patient.csv").write_bytes((tables / "patient.csv").read_bytes()[:-20])
    assert main(["reproduce", str(bundle), "--tables", str(torn)]) == 3


def test_tables_that_are_missing_or_new_are_named(run: RunFolder, contract: Contract, tables: Path) -> None:
    extract = read_extract(tables, contract)
    name = sorted(extract.tables)[0]
    fewer = replace(extract, tables={key: table for key, table in extract.tables.items() if key != name})
    with pytest.raises(IntegrityError, match=f"table {name}: not here"):
        require_tables(run.evidence, fewer)
    known = {key: value for key, value in run.evidence.facts["table_digests"].items() if key != name}
    earlier = replace(run.evidence, facts={**run.evidence.facts, "table_digests": known, "digests": {"data": ""}})
    with pytest.raises(IntegrityError, match=f"table {name}: here, and the study ran without it"):
        require_tables(earlier, extract)
    silent = replace(run.evidence, facts={"digests": {"data": ""}})
    with pytest.raises(IntegrityError, match="which does not say more"):
        require_tables(silent, extract)


def test_evidence_that_does_not_say_where_it_came_from_cannot_be_reproduced(
    run: RunFolder, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = bundled(run, tmp_path / "1", evidence=Evidence(run.evidence.estimates))
    assert main(["reproduce", str(silent), "--tables", str(tables)]) == 4
    assert "does not say which study, data and code it came from" in capsys.readouterr().err


def test_a_difference_of_the_last_bits_is_the_same_and_is_said(run: RunFolder, tmp_path: Path) -> None:
    evidence, estimate = manipulated(run.evidence, TOLERANCE / 10)
    found = compare_with_record(open_bundle(bundled(run, tmp_path / "1", evidence=evidence)), run, run.contract)
    assert found.same
    assert found.verdict.startswith("the same: ")
    assert found.verdict.endswith("1 within 1e-09")
    assert (found.largest > 0, found.largest_at) == (True, f"estimates/{estimate} value")


def test_an_estimate_taken_out_of_the_record_is_found_unless_the_code_is_another(
    run: RunFolder, tmp_path: Path
) -> None:
    evidence = replace(run.evidence, estimates=run.evidence.estimates[1:])
    hidden = compare_with_record(open_bundle(bundled(run, tmp_path / "1", evidence=evidence)), run, run.contract)
    facts = {**evidence.facts, "digests": {**evidence.facts["digests"], "source": "0" * 64}}
    facts["libraries"] = {**facts["libraries"], "numpy": "1.0"}
    older = replace(evidence, facts=facts)
    newer = compare_with_record(open_bundle(bundled(run, tmp_path / "2", evidence=older)), run, run.contract)
    assert (hidden.same, newer.same) == (False, True)
    assert hidden.differences[0].then is None
    assert newer.verdict.endswith("entries are new with this code")
    assert newer.notes[0].startswith("the code (features/, training/ and experiments/) has digest ")
    assert newer.notes[1] == f"numpy: 1.0 at release, {np.__version__} now"
    assert newer.model_digest[0] != newer.model_digest[1]


def test_a_model_with_another_coefficient_is_another_model(run: RunFolder, tmp_path: Path) -> None:
    model = run.model()
    hazard = replace(model.fitted, score=replace(model.fitted.score, coef=model.fitted.score.coef + 0.1))
    forged = open_bundle(bundled(run, tmp_path / "1", model=replace(model, fitted=hazard)))
    found = compare_with_record(forged, run, run.contract)
    assert {one.id.split("/")[0] for one in found.differences} == {"model"}
    assert not found.same
    assert compare_with_record(forged, run, run.contract, only="tables/flow").same
    assert not compare_with_record(forged, run, run.contract, only="no such figure").same
