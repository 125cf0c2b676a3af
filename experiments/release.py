"""Carries out a `Decision`: bundle, documents, alias, MLflow's copy. The only code that changes what is served.

The order is what makes a crash harmless: the bundle is written whole, taken onto the shelf, the alias moves, MLflow
is told. Every step finds out what is already done, so the same line again finishes what was interrupted.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

if TYPE_CHECKING:
    from experiments.declared import Declared
    from experiments.documents.difference import Edition
    from experiments.promotion import Decision
    from experiments.results import RunFolder
    from training.bundle import Bundle
    from training.shelf import Placed, Shelf

Alias = Literal["champion", "challenger"]


class ReleaseError(ValueError):
    """A release that cannot be made as asked."""


class RefusedError(RuntimeError):
    """The gate refused this run, and the decision was kept; looked and found something."""


@final
@dataclass(frozen=True)
class Released:
    """What stands on the shelf now.

    new    whether this act wrote a version; False where the run had one already.
    moved  whether this act moved the alias.
    """

    name: str
    version: int
    alias: str
    run: str
    folder: Path
    manifest_sha256: str
    model_digest: str
    new: bool
    moved: bool


def release_run(root: Path, run: RunFolder, decision: Decision, *, alias: Alias, by: str, reason: str) -> Released:
    """Release one finished run. A run that the gate refused may stand as challenger, never as champion.

    A run has one version for each reading of its declared facts: the same run again, with a changed facts file, is a
    new version with the same model.

    Raises `RefusedError` with the gate's sentences, `ReleaseError` for a run that is not finished or an unsigned act,
    `DeclaredError` for a facts file that cannot be read.
    """
    _require_signature(by, reason)
    if not run.finished:
        raise ReleaseError(
            f"run {run.path.name} is not finished.\ntry: spinecast study {run.study.name}, which resumes it"
        )
    if alias == "champion" and not decision.promoted:
        lines = [f"The gate refused run {run.path.name} as champion."]
        lines += [f"{one.check}: {one.sentence}" for one in decision.reasons if one.passed is not True]
        lines += [f"try: spinecast release {run.path.name} --as challenger, which the gate does not have to allow"]
        raise RefusedError("\n".join(lines))
    shelf = _shelf(root)
    declared = _declared(root, run)
    present = _version_of(shelf, run, declared)
    made = present if present is not None else _put(shelf, run, decision, declared, alias=alias, by=by, reason=reason)
    moved = _point(shelf, made, alias, by, reason)
    return _told(root, shelf, made, alias, new=present is None, moved=moved)


def restore(root: Path, name: str, version: int, *, alias: Alias, by: str, reason: str) -> Released:
    """Give an alias back to a version released earlier: the rollback. The gate was asked when it was released."""
    _require_signature(by, reason)
    shelf = _shelf(root)
    placed = shelf.resolve(f"{name}@{version}")
    from training.bundle import open_bundle

    open_bundle(placed.folder, placed.manifest_sha256)
    moved = _point(shelf, placed, alias, by, reason)
    return _told(root, shelf, placed, alias, new=False, moved=moved)


def draft(root: Path, run: RunFolder) -> dict[str, bytes]:
    """The documents of a run before anybody decides: without version and verdict, and every page says what it lacks."""
    from experiments.documents import render

    identity = {"name": run.study.name, "run": run.run, "status": "draft: not released"}
    muted = {"muted": run.mutes} if run.mutes else {}
    return render(run.evidence, run.json("study"), run.contract, identity, muted, _declared(root, run))


def edition(reference: str, bundle: Bundle) -> Edition:
    """A released version as `documents.difference` compares it."""
    from experiments.declared import Declared
    from experiments.documents.difference import Edition

    told = bundle.documents.get("declared.json")
    return Edition(
        reference=reference,
        model_digest=bundle.model_digest,
        run=bundle.manifest.run,
        study=bundle.study,
        evidence=bundle.evidence,
        decision=bundle.decision,
        # A bundle from before declared facts had a file holds them with its study.
        declared=Declared.from_json(json.loads(told) if told else bundle.study.get("declared") or {}),
    )


def differences(root: Path) -> list[str]:
    """Where MLflow's copy is not as the shelf, one sentence each; empty where both agree."""
    from experiments.model_registry import Tracker, aliases, registered

    shelf, tracker, found = _shelf(root), Tracker.of(root), []
    pointed = shelf.aliases()
    for name, versions in shelf.models().items():
        copies = registered(tracker, name)
        for placed in versions:
            copy = copies.get(placed.version)
            if copy is None:
                found.append(f"{placed.reference}: MLflow has no copy")
            elif copy.manifest_sha256 != placed.manifest_sha256:
                found.append(f"{placed.reference}: MLflow's copy has another manifest")
        extra = sorted(set(copies) - {placed.version for placed in versions})
        found.extend(f"{name}@{version}: in MLflow, not on the shelf" for version in extra)
        there = aliases(tracker, name)
        for alias in sorted({*pointed.get(name, {}), *there}):
            ours, theirs = pointed.get(name, {}).get(alias), there.get(alias)
            if ours != theirs:
                found.append(f"{name}@{alias}: {_number(ours)} on the shelf, {_number(theirs)} in MLflow")
    return found


def repair(root: Path, name: str) -> None:
    """Make MLflow's copy of one model as the shelf is: versions first, then aliases."""
    from experiments.model_registry import Tracker, aliases, point, register

    shelf, tracker = _shelf(root), Tracker.of(root)
    for placed in shelf.models().get(name, ()):
        register(
            tracker,
            name=name,
            version=placed.version,
            bundle=placed.folder,
            manifest_sha256=placed.manifest_sha256,
        )
    ours, theirs = shelf.aliases().get(name, {}), aliases(tracker, name)
    for alias in sorted({*ours, *theirs}):
        if ours.get(alias) != theirs.get(alias):
            point(tracker, name=name, alias=alias, version=ours.get(alias))


def _shelf(root: Path) -> Shelf:
    from training.shelf import Shelf

    return Shelf(root / "bundles")


def _declared(root: Path, run: RunFolder) -> Declared:
    from experiments.declared import Declared, facts_path

    return Declared.from_toml(facts_path(root, run.study.name))


def _version_of(shelf: Shelf, run: RunFolder, declared: Declared) -> Placed | None:
    """The version that this run already has, with the same declared facts and the same mutes."""
    from experiments.documents import declared_json

    facts = declared_json(declared)
    for placed in shelf.models().get(run.study.name, ()):
        told = placed.folder / "documents" / "declared.json"
        if placed.run == run.run and told.is_file() and told.read_bytes() == facts and _muted(placed) == run.mutes:
            return placed
    return None


def _muted(placed: Placed) -> dict[str, str]:
    told = json.loads((placed.folder / "decision.json").read_text(encoding="utf-8"))
    return dict(told.get("muted") or {})


def _put(
    shelf: Shelf, run: RunFolder, decision: Decision, declared: Declared, *, alias: Alias, by: str, reason: str
) -> Placed:
    from experiments.documents import render
    from experiments.documents.difference import Edition
    from training.bundle import model_digest, write_bundle

    model, study, contract, evidence = run.model(), run.json("study"), run.contract, run.evidence
    name, version = run.study.name, shelf.next_version(run.study.name)
    signed: dict[str, Any] = {**decision.to_json(), "as": alias, "by": by, "reason": reason, "date": _today()}
    if run.mutes:
        signed["muted"] = run.mutes  # beside the verdict, which was reached without them
    identity: dict[str, Any] = {
        "name": name,
        "version": version,
        "run": run.run,
        "model_digest": model_digest(model=model, study=study, contract=contract, evidence=evidence),
        "status": alias,
    }
    now = Edition(f"{name}@{version}", identity["model_digest"], run.run, study, evidence, signed, declared)
    change = _change(shelf, now)
    if change is not None:
        identity["change"] = change
    documents = render(evidence, study, contract, identity, signed, declared)
    with tempfile.TemporaryDirectory(prefix="spinecast-release-") as staging:
        folder = Path(staging) / f"{name}-{version}"
        write_bundle(
            folder,
            name=name,
            version=version,
            run=run.run,
            model=model,
            study=study,
            contract=contract,
            evidence=evidence,
            documents=documents,
            decision=signed,
        )
        return shelf.put(name, folder)


def _change(shelf: Shelf, now: Edition) -> str | None:
    """What is not as in the version before, the champion's if there is one, for page one; None for a first version."""
    from experiments.documents.difference import differences, summary
    from training.bundle import open_bundle

    name = now.reference.rpartition("@")[0]
    before = shelf.models().get(name, ())
    if not before:
        return None
    champion = shelf.aliases().get(name, {}).get("champion")
    placed = next((one for one in before if one.version == champion), before[-1])
    old = edition(placed.reference, open_bundle(placed.folder, placed.manifest_sha256))
    return summary(old, differences(old, now))


def _point(shelf: Shelf, placed: Placed, alias: Alias, by: str, reason: str) -> bool:
    if shelf.aliases().get(placed.name, {}).get(alias) == placed.version:
        return False
    shelf.point(placed.name, alias, placed.version, by, reason)
    return True


def _told(root: Path, shelf: Shelf, placed: Placed, alias: Alias, *, new: bool, moved: bool) -> Released:
    """Tell MLflow last: it is the copy, and a failure here leaves nothing wrong, only the copy late."""
    from experiments.model_registry import TrackerError

    try:
        repair(root, placed.name)
    except TrackerError as error:
        raise TrackerError(
            f"{placed.reference} is {alias} on the shelf, which serving reads; MLflow's copy is not made.\n{error}\n"
            "try: the same line again once MLflow answers; it makes no new version"
        ) from error
    return Released(
        name=placed.name,
        version=placed.version,
        alias=alias,
        run=placed.run,
        folder=placed.folder,
        manifest_sha256=placed.manifest_sha256,
        model_digest=placed.model_digest,
        new=new,
        moved=moved,
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _require_signature(by: str, reason: str) -> None:
    missing = [flag for flag, text in (("--by", by), ("--reason", reason)) if not text.strip()]
    if missing:
        raise ReleaseError(f"A release names who answers for it and why; missing: {', '.join(missing)}.")


def _number(version: int | None) -> str:
    return "nothing" if version is None else f"version {version}"
