"""The files of a bundle as bytes: manifest, digests, arrays. Each is read once; the bytes digested are those parsed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from training.families.family import ModelState

# Since which release each format opens: what a bundle says of itself, and what a refusal tells to install.
OPENS_SINCE = {1: "spinecast 0.1"}
MANIFEST, BESIDE = "manifest.json", "manifest.sha256"

_MOST_FILES = 4_000
_MOST_BYTES_PER_FILE = 256 * 2**20
_MOST_BYTES = 1024 * 2**20
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}){0,7}")
_BESIDE = re.compile(rb"[0-9a-f]{64}  manifest\.json\n")
# Booleans, integers, floats, fixed-width text. Objects would be pickles.
_ARRAY_KINDS = "biufU"


class IntegrityError(RuntimeError):
    """A bundle, or the shelf's own list, is not what was released. `faults` names each file."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        RuntimeError.__init__(self, " ".join(self.faults))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class _File(_Strict):
    path: str
    bytes: int
    sha256: str


@final
class Manifest(_Strict):
    """What a bundle holds: every file with its length and digest, and which model, version and run they are."""

    format: int
    opens_since: str
    name: str
    version: int
    run: str
    model_digest: str
    files: tuple[_File, ...]


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def manifest_of(
    files: Mapping[str, bytes], *, format_: int, name: str, version: int, run: str, model_digest: str
) -> Manifest:
    """List files by path, with length and digest."""
    listed = tuple(_File(path=path, bytes=len(files[path]), sha256=sha256(files[path])) for path in sorted(files))
    return Manifest(
        format=format_,
        opens_since=OPENS_SINCE[format_],
        name=name,
        version=version,
        run=run,
        model_digest=model_digest,
        files=listed,
    )


def read_verified(
    folder: Path, manifest_sha256: str | None, *, formats: Iterable[int]
) -> tuple[Manifest, str, dict[str, bytes]]:
    """Read each file once and return the bytes whose digests hold. Raises `IntegrityError` with every fault.

    Nothing is parsed before its digest held, the manifest included.
    """
    text, found = _read_manifest(folder, manifest_sha256)
    manifest = _parse_manifest(text, set(formats))
    listed = {file.path: file for file in manifest.files}
    present, faults = _walk(folder)
    faults += _name_faults(listed)
    faults += [f"{path}: not in the manifest." for path in sorted(present - set(listed) - {MANIFEST, BESIDE})]
    faults += [f"{path}: missing." for path in sorted(set(listed) - present)]
    if len(listed) > _MOST_FILES or sum(file.bytes for file in manifest.files) > _MOST_BYTES:
        faults.append(f"{MANIFEST}: lists more than {_MOST_FILES} files or {_MOST_BYTES} bytes.")
    contents: dict[str, bytes] = {}
    for path in sorted(set(listed) & present) if len(listed) <= _MOST_FILES else ():
        try:
            contents[path] = read_once(folder / path, at_most=min(listed[path].bytes, _MOST_BYTES_PER_FILE))
        except (OSError, ValueError) as error:
            faults.append(f"{path}: {_reading_fault(error, listed[path].bytes)}")
            continue
        if len(contents[path]) != listed[path].bytes:
            faults.append(f"{path}: {listed[path].bytes} bytes expected, {len(contents[path])} found.")
        elif sha256(contents[path]) != listed[path].sha256:
            faults.append(f"{path}: its SHA-256 is not that of the manifest.")
    if faults:
        raise IntegrityError(faults)
    return manifest, found, contents


def read_once(path: Path, *, at_most: int) -> bytes:
    """The bytes of a regular file, never through a link; ValueError if there are more than `at_most`."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("not a plain file")
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise ValueError("longer than allowed")
    return content


def _reading_fault(error: Exception, expected: int) -> str:
    if isinstance(error, ValueError):
        return f"{error} ({expected} bytes expected)."
    return f"cannot be read ({error.strerror if isinstance(error, OSError) else error})."


def _read_manifest(folder: Path, manifest_sha256: str | None) -> tuple[bytes, str]:
    contents = {}
    for name in (MANIFEST, BESIDE):
        try:
            contents[name] = read_once(folder / name, at_most=4 * 2**20)
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            raise IntegrityError([f"{name}: {'missing' if missing else 'cannot be read'}."]) from None
    found, beside = sha256(contents[MANIFEST]), contents[BESIDE]
    if not _BESIDE.fullmatch(beside):
        raise IntegrityError([f"{BESIDE}: not one digest of {MANIFEST}."])
    if manifest_sha256 is not None and found != manifest_sha256:
        raise IntegrityError([f"{MANIFEST}: its SHA-256 is not the one that the shelf knows."])
    if beside[:64].decode() != found:
        raise IntegrityError([f"{BESIDE}: not the SHA-256 of {MANIFEST}; one of the two was changed."])
    return contents[MANIFEST], found


def _parse_manifest(text: bytes, formats: set[int]) -> Manifest:
    try:
        head = json.loads(text)
        stated = head["format"], head["opens_since"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IntegrityError([f"{MANIFEST}: not a manifest."]) from None
    if stated[0] not in formats:
        opens = ", ".join(map(str, sorted(formats)))
        fault = f"{MANIFEST}: the bundle has format {stated[0]}, this release opens {opens}."
        raise IntegrityError([f"{fault} try: open it with {stated[1]} or later."])
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise IntegrityError(
            [f"{MANIFEST}: {error.error_count()} entries are not as format {stated[0]} says."]
        ) from None


def file_name_fault(path: str) -> str | None:
    """Why a bundle may not hold a file of this name, or None: plain ASCII, no dots in front, at most eight levels."""
    return (
        None
        if _PATH.fullmatch(path) and path not in (MANIFEST, BESIDE)
        else f"{path!a} is no name for a file of a bundle"
    )


def _name_faults(listed: Mapping[str, _File]) -> list[str]:
    faults = [f"{MANIFEST}: {fault}." for fault in map(file_name_fault, listed) if fault]
    if len({path.casefold() for path in listed}) != len(listed):
        faults.append(f"{MANIFEST}: two files differ in upper and lower case only.")
    return faults


def _walk(folder: Path) -> tuple[set[str], list[str]]:
    """Relative paths of plain files, and a fault for everything else that lies there."""
    present: set[str] = set()
    faults: list[str] = []
    waiting = [folder]
    while waiting and len(present) <= _MOST_FILES:
        with os.scandir(waiting.pop()) as entries:
            inside = list(entries)
        for entry in inside:
            path = Path(entry.path).relative_to(folder).as_posix()
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                present.add(path)
            else:
                faults.append(f"{path!a}: neither a plain file nor a folder.")
    return present, faults


def parts_to_files(parts: Mapping[str, ModelState], *, allowed: Sequence[str]) -> dict[str, bytes]:
    """Each part as <part>/state.json and, where it has arrays, <part>/arrays.npz."""
    files: dict[str, bytes] = {}
    for part, state in parts.items():
        if part.split("/")[0] not in allowed:
            raise ValueError(f'a bundle has no part "{part}"; expected {" or ".join(allowed)}.')
        files[f"{part}/state.json"] = _canonical(state.json)
        if state.arrays:
            files[f"{part}/arrays.npz"] = pack_arrays(state.arrays)
    return files


def parts_from_files(files: Mapping[str, bytes], allowed: Sequence[str]) -> dict[str, ModelState]:
    """Back from `parts_to_files`."""
    parts = {}
    for path in sorted(files):
        part, _, name = path.rpartition("/")
        if name == "state.json" and part.split("/")[0] in allowed:
            arrays = files.get(f"{part}/arrays.npz")
            parts[part] = ModelState(json.loads(files[path]), unpack_arrays(arrays) if arrays else {})
    return parts


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An .npz whose bytes depend on the arrays alone: fixed dates, sorted names, stored uncompressed, little-endian."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name]).reshape(np.shape(arrays[name]))
            if array.dtype.kind not in _ARRAY_KINDS:
                raise ValueError(f'array "{name}" has type {array.dtype}; a bundle holds numbers, booleans and text.')
            member = io.BytesIO()
            np.lib.format.write_array(
                member, array.astype(array.dtype.newbyteorder("<")), version=(1, 0), allow_pickle=False
            )
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


def unpack_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Arrays from verified bytes, never through a pickle."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@contextmanager
def fault_of_opening(what: str) -> Iterator[None]:
    """Turn what a part raises while it opens into an `IntegrityError` that names it: bytes hold, content not."""
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, zipfile.BadZipFile) as error:
        raise IntegrityError([f"{what}: its bytes hold, but it does not open ({type(error).__name__})."]) from error


def place(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write into a temporary folder beside, force it to disk, and rename: whole, or not at all."""
    if folder.exists():
        raise FileExistsError(
            f"{folder.name}: the folder exists; a released file never changes. try: the next version."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    try:
        for path, content in files.items():
            target = temporary / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for directory in {
            parent for path in files for parent in (temporary / path).parents if parent.is_relative_to(temporary)
        }:
            sync_folder(directory)
        temporary.chmod(0o755)
        temporary.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _canonical(value: object) -> bytes:
    return (
        json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    )
