"""The bundle: a folder that serves. Every byte is listed, digested and checked before it is parsed; nothing is code.

Format 1: manifest.json, manifest.sha256, study.json, contract.json, evidence.json, decision.json, model/, encoding/,
documents/, record/, and test_cases.json where test cases were made. A part that was not made is absent: `record/`, the
whole contract that the tables were held to, is in no bundle of spinecast 0.1.

Of the patients who taught the model a bundle holds aggregates alone: no row of anyone, and of the baseline's steps
their order and size, not the days (`Model.coarsened`), save those that are times of the model's own grid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from features.contract import Contract
from training.bundle_files import (
    IntegrityError,
    Manifest,
    fault_of_opening,
    file_name_fault,
    manifest_of,
    parts_from_files,
    parts_to_files,
    place,
    read_verified,
    sha256,
)
from training.evidence import Evidence, canonical_json, digest
from training.recipe import Model

__all__ = ["Bundle", "IntegrityError", "Manifest", "model_digest", "open_bundle", "verify_bundle", "write_bundle"]

FORMAT = 1
# What `predict` reads and says: `model_digest` covers these, whatever was said about the model around them.
_PREDICTING = ("model/", "encoding/", "refits/", "reference/", "study.json", "contract.json", "evidence.json")


@final
@dataclass(frozen=True)
class Bundle:
    """A verified, opened bundle; nothing is read from disk after this exists.

    study      the resolved study, with "endpoint_description".
    contract   the fields that a caller is asked for.
    documents  file name → bytes, as released.
    test_cases synthetic patients with their answers; empty where not made.
    record     the whole contract, with which the study can be run again; None where the bundle was made without.
    """

    manifest: Manifest
    manifest_sha256: str
    model: Model
    study: Mapping[str, Any]
    contract: Contract
    evidence: Evidence
    decision: Mapping[str, Any]
    documents: Mapping[str, bytes]
    test_cases: Sequence[Mapping[str, Any]] = ()
    record: Contract | None = None

    @property
    def model_digest(self) -> str:
        """SHA-256 over all that `predict` reads and says: printed, served, tested."""
        return self.manifest.model_digest


def asked_fields(model: Model, study: Mapping[str, Any], contract: Contract) -> Contract:
    """The contract cut to what a caller is asked for.

    The model's inputs, the fields that decide whether these apply, and the field that says who is in the population.
    """
    wanted = list(model.inputs)
    population = study.get("endpoint_description", {}).get("population")
    if population:
        wanted.append(population["field"])
    for name in wanted:  # grows while it is walked: what an input hangs on may itself hang on something
        wanted += [parent for parent in contract.field(name).applies_when if parent not in wanted]
    return contract.subset(tuple(name for name in contract.names if name in set(wanted)))


def model_digest(*, model: Model, study: Mapping[str, Any], contract: Contract, evidence: Evidence) -> str:
    """The digest a bundle of these will carry: known before the documents that print it are rendered."""
    return _digest_of(_predicting_files(model, study, contract, evidence))


def write_bundle(
    folder: Path,
    *,
    name: str,
    version: int,
    run: str,
    model: Model,
    study: Mapping[str, Any],
    contract: Contract,
    evidence: Evidence,
    documents: Mapping[str, bytes],
    decision: Mapping[str, Any],
    test_cases: Sequence[Mapping[str, Any]] = (),
) -> Manifest:
    """Write the folder in one step: it is there whole, or not at all. The same inputs give the same bytes.

    contract: the whole one; what a caller is asked for is cut from it, and the whole is kept as the record.
    A folder that exists is never written into: a released file does not change.
    """
    files = _predicting_files(model, study, contract, evidence)
    digest_of_model = _digest_of(files)
    files["decision.json"] = _json(decision)
    files["record/contract.json"] = _json(contract.model_dump(mode="json"))
    files |= {f"documents/{title}": content for title, content in documents.items()}
    if test_cases:
        files["test_cases.json"] = _json(list(test_cases))
    odd = [fault for fault in map(file_name_fault, files) if fault]
    if odd:
        raise ValueError(f"{len(odd)} files of the bundle cannot be named so: {'; '.join(odd)}.")
    manifest = manifest_of(files, format_=FORMAT, name=name, version=version, run=run, model_digest=digest_of_model)
    text = _json(manifest.model_dump(mode="json"))
    place(folder, {**files, "manifest.json": text, "manifest.sha256": f"{sha256(text)}  manifest.json\n".encode()})
    return manifest


def open_bundle(folder: Path, manifest_sha256: str | None = None) -> Bundle:
    """Verify every byte, then open.

    manifest_sha256   the manifest's digest as the shelf knows it, which rules; without it, the one beside the manifest.

    Raises `IntegrityError` naming each file at fault.
    """
    manifest, found, files = read_verified(folder, manifest_sha256, formats=(FORMAT,))
    stated = _digest_of({path: content for path, content in files.items() if path.startswith(_PREDICTING)})
    if stated != manifest.model_digest:
        raise IntegrityError(["manifest.json: model_digest is not that of the files."])
    with fault_of_opening("contract.json"):
        contract = Contract.model_validate_json(files["contract.json"])
    with fault_of_opening("model/"):
        model = Model.from_parts(parts_from_files(files, ("model", "encoding")), contract)
    with fault_of_opening("evidence.json"):
        evidence = Evidence.from_json(json.loads(files["evidence.json"]))
    with fault_of_opening("study.json, decision.json or test_cases.json"):
        study, decision = json.loads(files["study.json"]), json.loads(files["decision.json"])
        test_cases = json.loads(files.get("test_cases.json", b"[]"))
    with fault_of_opening("record/"):
        whole = files.get("record/contract.json")
        record = None if whole is None else Contract.model_validate_json(whole)
    return Bundle(
        manifest=manifest,
        manifest_sha256=found,
        model=model,
        study=study,
        contract=contract,
        evidence=evidence,
        decision=decision,
        documents={
            path.removeprefix("documents/"): files[path] for path in sorted(files) if path.startswith("documents/")
        },
        test_cases=test_cases,
        record=record,
    )


def verify_bundle(folder: Path, manifest_sha256: str | None = None) -> list[str]:
    """Every fault of the folder as a sentence that begins with the file's name; empty if it opens."""
    try:
        open_bundle(folder, manifest_sha256)
    except IntegrityError as error:
        return list(error.faults)
    return []


def _predicting_files(
    model: Model, study: Mapping[str, Any], contract: Contract, evidence: Evidence
) -> dict[str, bytes]:
    return {
        "study.json": _json(study),
        "contract.json": _json(asked_fields(model, study, contract).model_dump(mode="json")),
        "evidence.json": _json(evidence.to_json()),
        **parts_to_files(model.to_parts(), allowed=("model", "encoding")),
    }


def _digest_of(files: Mapping[str, bytes]) -> str:
    return digest({"format": FORMAT, "files": {path: sha256(content) for path, content in files.items()}})


def _json(value: object) -> bytes:
    return canonical_json(value).encode() + b"\n"
