"""The shelf: `bundles/<name>/<version>/` and `aliases.json`, the truth that serving reads, written at release alone."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, final

from pydantic import BaseModel, ConfigDict, ValidationError

from training.bundle import Bundle, IntegrityError, open_bundle
from training.bundle_files import read_once, sync_folder
from training.evidence import canonical_json

ALIASES = ("champion", "challenger", "shadow")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_REFERENCE = re.compile(rf"({_NAME.pattern})(?:@([1-9][0-9]{{0,6}}|{'|'.join(ALIASES)}))?")


class ShelfError(LookupError):
    """Nothing on the shelf answers to this, or it may not stand where it was asked to."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class _Withdrawn(_Strict):
    by: str
    reason: str
    at: str


class _Version(_Strict):
    manifest_sha256: str
    model_digest: str
    run: str
    withdrawn: _Withdrawn | None = None


class _Entry(_Strict):
    versions: dict[str, _Version] = {}
    aliases: dict[str, int] = {}


class _Aliases(_Strict):
    format: Literal[1] = 1
    models: dict[str, _Entry] = {}


@final
@dataclass(frozen=True)
class Placed:
    """Where one version lies and what it is.

    status   "champion", "challenger", "shadow", "withdrawn", or "released" where no alias points at it.
    reason   of a withdrawal, otherwise "".
    """

    folder: Path
    manifest_sha256: str
    model_digest: str
    name: str
    version: int
    run: str
    status: str
    reason: str = ""

    @property
    def reference(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


@final
@dataclass(frozen=True)
class Shelf:
    """Bundles by name, version and alias. Reading never locks: `aliases.json` is replaced in one step."""

    root: Path

    def models(self) -> dict[str, tuple[Placed, ...]]:
        """Every version of every model, oldest first."""
        read = self._read()
        return {
            name: tuple(self._placed(name, entry, int(version)) for version in sorted(entry.versions, key=int))
            for name, entry in sorted(read.models.items())
        }

    def aliases(self) -> dict[str, dict[str, int]]:
        """Versions by name and alias."""
        return {name: dict(entry.aliases) for name, entry in sorted(self._read().models.items())}

    def resolve(self, reference: str) -> Placed:
        """`name` (its champion), `name@3` or `name@challenger`. Raises `ShelfError` saying what there is."""
        match = _REFERENCE.fullmatch(reference)
        if not match:
            raise ShelfError(f"a model is named `name`, `name@3` or `name@{'`, `name@'.join(ALIASES)}`.")
        name, which = match[1], match[2] or "champion"
        models = self._read().models
        if name not in models:
            raise ShelfError(f'no model "{name}" on the shelf. Known: {", ".join(sorted(models)) or "none"}.')
        entry = models[name]
        version = int(which) if which.isdigit() else entry.aliases.get(which)
        if version is None or str(version) not in entry.versions:
            known = [*entry.versions, *entry.aliases]
            raise ShelfError(f'"{name}" has no "{which}". Known: {", ".join(f"{name}@{k}" for k in known) or "none"}.')
        return self._placed(name, entry, version)

    def next_version(self, name: str) -> int:
        """The integer the next release of this model gets: one above the highest ever given."""
        entry = self._read().models.get(name, _Entry())
        return max(map(int, entry.versions), default=0) + 1

    def put(self, name: str, bundle_folder: Path) -> Placed:
        """Verify a bundle and take a copy onto the shelf as the next version. No alias moves."""
        if not _NAME.fullmatch(name):
            raise ShelfError("a model's name is letters, digits, _ and -, beginning with a letter, at most 64.")
        bundle = open_bundle(bundle_folder)
        with self._writing() as write:
            version = bundle.manifest.version
            if bundle.manifest.name != name or version != self.next_version(name):
                expected = f"{name}@{self.next_version(name)}"
                raise ShelfError(f"the bundle is {bundle.manifest.name}@{version}, not {expected}. try: release again.")
            self._copy(bundle_folder, self.root / name / str(version))
            open_bundle(self.root / name / str(version), bundle.manifest_sha256)
            write(lambda read: _with_version(read, name, bundle), {"act": "put", "name": name, "version": version})
        return self.resolve(f"{name}@{version}")

    def point(self, name: str, alias: str, version: int, by: str, reason: str) -> Placed:
        """Move an alias and write a line of the log. A withdrawn version takes no alias."""
        placed = self.resolve(f"{name}@{version}")
        if alias not in ALIASES:
            raise ShelfError(f'"{alias}" is no alias. Known: {", ".join(ALIASES)}.')
        if placed.status == "withdrawn":
            raise ShelfError(f"{placed.reference} was withdrawn and takes no alias.")
        with self._writing() as write:
            before = self.aliases()[name].get(alias)
            line = {
                "act": "point",
                "name": name,
                "alias": alias,
                "from": before,
                "to": version,
                "by": by,
                "reason": reason,
            }
            write(lambda read: _with_alias(read, name, alias, version), line)
        return self.resolve(f"{name}@{version}")

    def withdraw(self, name: str, version: int, by: str, reason: str) -> Placed:
        """Mark a version as not to be used; its aliases fall away. Its files stay, for the record."""
        self.resolve(f"{name}@{version}")
        with self._writing() as write:
            mark = _Withdrawn(by=by, reason=reason, at=_now())
            line = {"act": "withdraw", "name": name, "version": version, "by": by, "reason": reason}
            write(lambda read: _with_withdrawal(read, name, version, mark), line)
        return self.resolve(f"{name}@{version}")

    def log(self) -> list[dict[str, Any]]:
        """Every act, oldest first: when, what, by whom, why."""
        path = self.root / "aliases.log"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def snapshot(self, folder: Path) -> None:
        """Write into `folder` the list as a shelf of the champions alone would have it: what a Bento packs."""
        models = {}
        for name, entry in self._read().models.items():
            if "champion" in entry.aliases:
                version = entry.aliases["champion"]
                versions = {str(version): entry.versions[str(version)]}
                models[name] = _Entry(versions=versions, aliases={"champion": version})
        _replace(folder / "aliases.json", canonical_json(_Aliases(models=models).model_dump(mode="json")) + "\n")

    def _read(self) -> _Aliases:
        try:
            return _Aliases.model_validate_json(read_once(self.root / "aliases.json", at_most=16 * 2**20))
        except FileNotFoundError:
            return _Aliases()
        except (OSError, ValidationError, ValueError):
            raise IntegrityError(["aliases.json: not a list of released versions."]) from None

    def _placed(self, name: str, entry: _Entry, version: int) -> Placed:
        one = entry.versions[str(version)]
        pointing = [alias for alias in ALIASES if entry.aliases.get(alias) == version]
        return Placed(
            folder=self.root / name / str(version),
            manifest_sha256=one.manifest_sha256,
            model_digest=one.model_digest,
            name=name,
            version=version,
            run=one.run,
            status="withdrawn" if one.withdrawn else pointing[0] if pointing else "released",
            reason=one.withdrawn.reason if one.withdrawn else "",
        )

    @contextmanager
    def _writing(self) -> Iterator[Callable[[Callable[[_Aliases], _Aliases], Mapping[str, Any]], None]]:
        """One writer at a time; the change and its line of the log are one act under the lock."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

            def write(change: Callable[[_Aliases], _Aliases], line: Mapping[str, Any]) -> None:
                # The log first: after a crash in between it says what was meant, and no alias moved without a line.
                with (self.root / "aliases.log").open("a", encoding="utf-8") as log:
                    log.write(canonical_json({"at": _now(), **line}) + "\n")
                    log.flush()
                    os.fsync(log.fileno())
                _replace(
                    self.root / "aliases.json", canonical_json(change(self._read()).model_dump(mode="json")) + "\n"
                )

            yield write

    def _copy(self, source: Path, target: Path) -> None:
        if source.resolve() == target.resolve():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # left by a release that was killed before it was listed
            shutil.rmtree(target)
        temporary = Path(tempfile.mkdtemp(prefix=".placing-", dir=target.parent))
        try:
            shutil.copytree(source, temporary, symlinks=True, dirs_exist_ok=True)
            for path in temporary.rglob("*"):
                sync_folder(path)
            temporary.chmod(0o755)
            temporary.rename(target)
            sync_folder(target.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _with_version(read: _Aliases, name: str, bundle: Bundle) -> _Aliases:
    entry = read.models.get(name, _Entry())
    one = _Version(
        manifest_sha256=bundle.manifest_sha256,
        model_digest=bundle.model_digest,
        run=bundle.manifest.run,
        withdrawn=None,
    )
    return _with_entry(
        read, name, _Entry(versions={**entry.versions, str(bundle.manifest.version): one}, aliases=entry.aliases)
    )


def _with_alias(read: _Aliases, name: str, alias: str, version: int) -> _Aliases:
    entry = read.models[name]
    # One version, one standing: a challenger that becomes champion is no challenger any more.
    others = {key: value for key, value in entry.aliases.items() if key != alias and value != version}
    return _with_entry(read, name, _Entry(versions=entry.versions, aliases={**others, alias: version}))


def _with_withdrawal(read: _Aliases, name: str, version: int, mark: _Withdrawn) -> _Aliases:
    entry = read.models[name]
    one = entry.versions[str(version)].model_copy(update={"withdrawn": mark})
    aliases = {alias: pointed for alias, pointed in entry.aliases.items() if pointed != version}
    return _with_entry(read, name, _Entry(versions={**entry.versions, str(version): one}, aliases=aliases))


def _with_entry(read: _Aliases, name: str, entry: _Entry) -> _Aliases:
    return _Aliases(models={**read.models, name: entry})


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".aliases-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
