"""A bundle opens whole or not at all, and the same inputs give the same bytes."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contract import Contract, ContractError, Field, Table
from features.outcome import Outcome
from training.bundle import IntegrityError, model_digest, open_bundle, verify_bundle, write_bundle
from training.bundle_files import pack_arrays, unpack_arrays
from training.evidence import Estimate, Evidence
from training.families import family_named
from training.recipe import Model, Recipe


def contract() -> Contract:
    def field(name: str, **more: object) -> Field:
        return Field.model_validate({"name": name, "table": "t", "label": name, "known_at": "T0", **more})

    return Contract(
        name="small",
        version="1",
        registry="table",
        tables=(Table(name="t", key=("id",)),),
        fields=(
            field("id", kind="identifier"),
            field("albumin", kind="number", unit="g/dL", units={"g/L": 0.1}, minimum=1.0, maximum=6.0),
            field("ais_grade", kind="ordinal", levels=("A", "B", "C", "D", "E")),
            field("deficit_duration", kind="number", unit="d", applies_when={"ais_grade": ("A", "B", "C", "D")}),
            field("ecog", kind="ordinal", levels=("0", "1", "2")),
        ),
    )


@functools.cache
def small_model() -> Model:
    draw = np.random.default_rng(3)
    n = 60
    grade = draw.choice(list("ABCDE"), n).astype(object)
    albumin = draw.normal(3.6, 0.5, n)
    frame = pd.DataFrame({"albumin": albumin, "ais_grade": grade})
    frame["deficit_duration"] = np.where(grade == "E", np.nan, draw.uniform(0, 30, n))
    time = np.ceil(draw.exponential(200 * np.exp(albumin - 3.6)))
    outcome = Outcome(np.zeros(n), time, time, draw.integers(0, 2, n), ("died",))
    recipe = Recipe(family_named("cox")(), ("albumin", "deficit_duration"))
    return recipe.fit(frame, outcome, contract(), times=np.arange(10.0, 400.0, 10.0), seed=1)


PATIENT = pd.DataFrame({"albumin": [3.1, np.nan], "ais_grade": ["C", "E"], "deficit_duration": [4.0, np.nan]})


STUDY = {"name": "small", "endpoint_description": {"name": "overall_survival", "population": None}}
EVIDENCE = Evidence((Estimate("ipa", "ipcw", "died", 90.0, value=0.1 + 0.2, n=200, events=50),), facts={"n": 200})


def write(folder: Path, *, version: int = 1, decision: Mapping[str, object] | None = None) -> None:
    write_bundle(
        folder,
        name="small",
        version=version,
        run="0" * 64,
        model=small_model(),
        study=STUDY,
        contract=contract(),
        evidence=EVIDENCE,
        documents={"card.html": b"<p>card</p>", "tables/flow.csv": b"a,b\n"},
        decision=decision or {"verdict": "promoted"},
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "1"
    write(folder)
    return folder


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def copy(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to))


def test_a_bundle_holds_the_parts_of_format_1_and_nothing_else(written: Path) -> None:
    assert files_of(written) == [
        "contract.json",
        "decision.json",
        "documents/card.html",
        "documents/tables/flow.csv",
        *(["encoding/arrays.npz"] if small_model().to_parts()["encoding"].arrays else []),
        "encoding/state.json",
        "evidence.json",
        "manifest.json",
        "manifest.sha256",
        "model/arrays.npz",
        "model/state.json",
        "record/contract.json",
        "study.json",
    ]


def test_what_was_written_is_what_opens(written: Path) -> None:
    bundle = open_bundle(written)
    before, after = (model.predict(PATIENT).mean.incidence for model in (small_model(), bundle.model))
    np.testing.assert_array_equal(before, after)
    assert bundle.evidence == EVIDENCE
    assert bundle.study == STUDY
    assert bundle.decision == {"verdict": "promoted"}
    assert bundle.documents == {"card.html": b"<p>card</p>", "tables/flow.csv": b"a,b\n"}
    assert bundle.manifest.name == "small"
    assert bundle.manifest.version == 1
    assert verify_bundle(written, bundle.manifest_sha256) == []


def test_the_contract_is_cut_to_what_a_caller_is_asked_for_and_what_that_hangs_on(written: Path) -> None:
    assert open_bundle(written).contract.names == ("albumin", "ais_grade", "deficit_duration")


def test_the_whole_contract_is_kept_as_the_record_beside_what_a_caller_is_asked_for(written: Path) -> None:
    record = open_bundle(written).record
    assert record == contract()
    assert len(record.fields) > len(open_bundle(written).contract.fields)


def test_an_input_that_the_contract_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="albumin"):
        write_bundle(
            tmp_path / "1",
            name="small",
            version=1,
            run="r",
            model=small_model(),
            study=STUDY,
            contract=contract().subset(("ecog",)),
            evidence=EVIDENCE,
            documents={},
            decision={},
        )
    assert list(tmp_path.iterdir()) == []


def test_the_same_inputs_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write(tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(written)
    for path in files_of(written):
        assert (tmp_path / "again" / path).read_bytes() == (written / path).read_bytes(), path


def test_a_released_folder_is_never_written_into(written: Path) -> None:
    with pytest.raises(FileExistsError, match="never changes"):
        write(written)


def test_the_model_digest_is_known_before_and_leaves_version_and_decision_out(written: Path, tmp_path: Path) -> None:
    write(tmp_path / "2", version=2, decision={"verdict": "refused"})
    before = model_digest(model=small_model(), study=STUDY, contract=contract(), evidence=EVIDENCE)
    first, second = open_bundle(written), open_bundle(tmp_path / "2")
    assert first.model_digest == second.model_digest == before
    assert first.manifest_sha256 != second.manifest_sha256


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_changed_bit_anywhere_is_named_and_nothing_opens(
    written: Path, tmp_path: Path, data: st.DataObject
) -> None:
    copied = copy(written, tmp_path / "copy")
    path = data.draw(st.sampled_from(files_of(written)))
    content = bytearray((copied / path).read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    (copied / path).write_bytes(bytes(content))
    digest = open_bundle(written).manifest_sha256
    for known in (None, digest):
        with pytest.raises(IntegrityError) as raised:
            open_bundle(copied, known)
        assert any(path in fault for fault in raised.value.faults), raised.value.faults
    assert all(fault.startswith(path) for fault in verify_bundle(copied, digest))


@pytest.mark.parametrize("cut", [0, 1, -1])
def test_a_truncated_or_longer_file_is_named(written: Path, tmp_path: Path, cut: int) -> None:
    for path in files_of(written):
        copied = copy(written, tmp_path / "copy")
        content = (copied / path).read_bytes()
        (copied / path).write_bytes(content + b"\n" if cut == 1 else content[:cut])
        assert any(fault.startswith(path) for fault in verify_bundle(copied, open_bundle(written).manifest_sha256)), (
            path
        )


def test_extra_missing_and_linked_files_are_named(written: Path, tmp_path: Path) -> None:
    copied = copy(written, tmp_path / "copy")
    (copied / "model" / "extra.json").write_text("{}")
    (copied / "decision.json").unlink()
    (copied / "study.json").unlink()
    (copied / "study.json").symlink_to(written / "study.json")
    (copied / "documents" / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    faults = verify_bundle(copied)
    assert {fault.split(":")[0].strip("'") for fault in faults} >= {
        "model/extra.json",
        "decision.json",
        "study.json",
        "documents/elsewhere",
    }


def forged(written: Path, to: Path, **changes: object) -> Path:
    """A bundle whose manifest was written again by someone who can compute digests."""
    copied = copy(written, to)
    manifest = {**json.loads((copied / "manifest.json").read_text()), **changes}
    text = json.dumps(manifest, sort_keys=True).encode()
    (copied / "manifest.json").write_bytes(text)
    (copied / "manifest.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n")
    return copied


def test_a_later_format_is_refused_with_the_version_that_opens_it(written: Path, tmp_path: Path) -> None:
    later = forged(written, tmp_path / "later", format=2, opens_since="spinecast 0.7", something_new=True)
    with pytest.raises(IntegrityError, match=r"format 2, this release opens 1\. try: open it with spinecast 0\.7"):
        open_bundle(later)


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/hostname", "a/../b", ".hidden", "model//x", "manifest.json", "a\\b", "é"]
)
def test_a_manifest_cannot_name_a_file_elsewhere(written: Path, tmp_path: Path, path: str) -> None:
    files = [{"path": path, "bytes": 1, "sha256": "0" * 64}]
    assert any(
        "is no name for a file" in fault for fault in verify_bundle(forged(written, tmp_path / "forged", files=files))
    )


def test_a_forged_manifest_does_not_get_past_the_digest_on_the_shelf(written: Path, tmp_path: Path) -> None:
    other = forged(written, tmp_path / "forged", version=7)
    assert open_bundle(other).manifest.version == 7
    assert verify_bundle(other, open_bundle(written).manifest_sha256) == [
        "manifest.json: its SHA-256 is not the one that the shelf knows."
    ]


def test_a_model_digest_that_is_not_that_of_the_files_is_refused(written: Path, tmp_path: Path) -> None:
    assert verify_bundle(forged(written, tmp_path / "forged", model_digest="0" * 64)) == [
        "manifest.json: model_digest is not that of the files."
    ]


def test_arrays_come_back_to_the_last_bit_and_objects_are_refused() -> None:
    arrays = {
        "a": np.array([[0.1, np.pi], [-0.0, np.inf]]),
        "b": np.array(3),
        "c": np.array(["x", "yy"]),
        "d": np.array([True, False]),
        "e": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    }
    back = unpack_arrays(pack_arrays(arrays))
    for name, array in arrays.items():
        assert back[name].tobytes() == array.tobytes()
        assert back[name].shape == array.shape
    with pytest.raises(ValueError, match="numbers, booleans and text"):
        pack_arrays({"a": np.array([{}], dtype=object)})


def test_an_array_that_would_need_a_pickle_does_not_load() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        unpack_arrays(buffer.getvalue())
