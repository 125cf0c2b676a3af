"""A released study run again from its bundle's own record, and every number held against what was released."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from experiments.project import Project
from experiments.results import RunFolder
from experiments.run import run_study
from experiments.study import BESIDE, Study
from features.contract import Contract
from features.extract import Extract, read_extract
from training.bundle import Bundle, IntegrityError, model_digest
from training.evidence import Estimate, Evidence
from training.recipe import Model
from training.validation import Progress

TOLERANCE = 1e-9
"""Up to here a number counts as the same, and it is said how many were not so to the last bit; of numbers above one
their share. Other processors and libraries add in another order."""

Leaf = bool | int | float | str | None | NDArray[Any]
# What a number was made with is no number: said in notes, never counted.
_PROVENANCE = ("digests", "libraries", "table_digests")
_KEY = ("metric", "estimator", "cause", "horizon_days", "population", "design", "model")


@final
@dataclass(frozen=True)
class Part:
    """How the entries of one part of the record came out: of all estimates, of one table, of the facts, of the model.

    identical to the last bit · within the tolerance · differ · lost: in the record alone · added: new alone.
    """

    name: str
    identical: int = 0
    within: int = 0
    differ: int = 0
    lost: int = 0
    added: int = 0


@final
@dataclass(frozen=True)
class Difference:
    """An entry that is not the same; of an array the largest difference is said, of a missing side nothing."""

    id: str
    then: bool | int | float | str | None
    now: bool | int | float | str | None


@final
@dataclass(frozen=True)
class Reproduced:
    """What came of running a released study again.

    largest       largest difference of two numbers that both sides have, and where; zero and "" if there is none.
    notes         other code, other libraries: what may explain a difference.
    another_code  whether the code is not the release's: then entries that the record lacks are no fault of it.
    model_digest  as released, and as it came out.
    """

    parts: tuple[Part, ...]
    differences: tuple[Difference, ...]
    largest: float
    largest_at: str
    notes: tuple[str, ...]
    another_code: bool
    model_digest: tuple[str, str]

    @property
    def same(self) -> bool:
        """Whether every number of the record came out again, and none is missing from it."""
        wrong = sum(one.differ + one.lost + (0 if self.another_code else one.added) for one in self.parts)
        return wrong == 0 and any(one.identical + one.within for one in self.parts)

    @property
    def verdict(self) -> str:
        """In one line."""
        total = sum(one.identical + one.within + one.differ + one.lost for one in self.parts)
        within = sum(one.within for one in self.parts)
        added = sum(one.added for one in self.parts)
        news = f"; {added} entries are new with this code" if added and self.another_code else ""
        if not total:
            return "nothing was compared: no entry has such an id"
        if self.same and not within:
            return f"identical: {total} of {total} entries, to the last bit{news}"
        if self.same:
            return f"the same: {total - within} of {total} entries to the last bit, {within} within {TOLERANCE:g}{news}"
        counted = sum(one.differ + one.lost + one.added for one in self.parts)
        return f"differs: entries that are not what was released: {counted}, of {total} in the record"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "same": self.same, "verdict": self.verdict, "tolerance": TOLERANCE}


def reproduce(
    bundle: Bundle,
    tables: Path,
    place: Path,
    *,
    project: Project | None = None,
    only: str = "",
    progress: Progress | None = None,
    workers: int = 1,
) -> Reproduced:
    """Run the bundle's study again in `place` and compare. An interrupted one in the same place resumes.

    project  where a bundle of spinecast 0.1, which holds no whole contract, finds it.
    only     entries whose id holds this text ("calibration_curve", "harrell_c/"); "" is all of them.

    Raises `IntegrityError` naming each table whose digest is not the record's, before any fit.
    """
    if not {"digests", "libraries"} <= bundle.evidence.facts.keys():
        raise IntegrityError(
            ["evidence.json: does not say which study, data and code it came from; nothing to repeat."]
        )
    contract = whole_contract(bundle, project)
    require_tables(bundle.evidence, read_extract(tables, contract))
    plain = {key: value for key, value in bundle.study.items() if key not in BESIDE}
    study = Study.from_json(plain, f"{bundle.manifest.name}@{bundle.manifest.version}")
    run = run_study(study, contract, tables, place, progress=progress, workers=workers)
    return compare_with_record(bundle, run, contract, only=only)


def compare_with_record(bundle: Bundle, run: RunFolder, contract: Contract, *, only: str = "") -> Reproduced:
    """Every entry of the bundle's evidence and model beside the run's."""
    model, evidence = run.model(), run.evidence
    then, now = entries(bundle.evidence, bundle.model), entries(evidence, model)
    parts, differences, largest, at = [], [], 0.0, ""
    for name in dict.fromkeys([*then, *now]):
        counts = dict.fromkeys((one.name for one in fields(Part)[1:]), 0)
        ours, theirs = now.get(name, {}), then.get(name, {})
        for key in dict.fromkeys([*theirs, *ours]):
            if only not in f"{name}/{key}":
                continue
            how, distance = _compared(theirs, ours, key)
            counts[how] += 1
            if distance > largest:
                largest, at = distance, f"{name}/{key}"
            if how not in ("identical", "within"):
                differences.append(_difference(f"{name}/{key}", theirs.get(key), ours.get(key)))
        if any(counts.values()):
            parts.append(Part(name, **counts))
    came_out = model_digest(model=model, study=bundle.study, contract=contract, evidence=evidence)
    return Reproduced(
        tuple(parts),
        tuple(differences),
        largest,
        at,
        tuple(_notes(bundle.evidence.facts, evidence.facts)),
        bundle.evidence.facts["digests"]["source"] != evidence.facts["digests"]["source"],
        (bundle.model_digest, came_out),
    )


def whole_contract(bundle: Bundle, project: Project | None) -> Contract:
    """The contract that the tables were held to: the bundle's own, for a bundle of 0.1 the project's if it is it."""
    if bundle.record is not None:
        return bundle.record
    named, wanted = str(bundle.study["contract"]), bundle.evidence.facts["digests"]["contract"]
    if project is not None:
        found = Contract.from_toml(project.contract_path(named))
        if found.digest == wanted:
            return found
    where = f"configs/registries/{named}.toml is another" if project else "there is no project here that might"
    raise IntegrityError(
        [
            f"record/: the bundle does not hold the whole contract (digest {wanted[:16]}), and {where}. "
            "try: the same line in a project whose contract is the one of the release"
        ]
    )


def require_tables(evidence: Evidence, extract: Extract) -> None:
    """Raise `IntegrityError` naming each table that is not the one the study ran on."""
    if extract.digest == evidence.facts["digests"]["data"]:
        return
    given = {name: table.sha256 for name, table in extract.tables.items()}
    known: Mapping[str, str] | None = evidence.facts.get("table_digests")
    hint = "try: --tables DIR with the extract of the release"
    if known is None:
        names = ", ".join(sorted(given))
        raise IntegrityError([f"the tables ({names}) are not all those of the record, which does not say more. {hint}"])
    faults = []
    for name in sorted({*given, *known}):
        if name not in given:
            faults.append(f"table {name}: not here; the study ran on one with SHA-256 {known[name][:16]}…")
        elif name not in known:
            faults.append(f"table {name}: here, and the study ran without it.")
        elif given[name] != known[name]:
            faults.append(f"table {name}: SHA-256 {given[name][:16]}…, the study ran on one with {known[name][:16]}…")
    raise IntegrityError([*faults, hint])


def entries(evidence: Evidence, model: Model) -> dict[str, dict[str, Leaf]]:
    """Part of the record → id of an entry → what it says."""
    found: dict[str, dict[str, Leaf]] = {
        "estimates": {f"{one.id} {name}": said for one in evidence.estimates for name, said in _said(one)}
    }
    for name, rows in evidence.tables.items():
        found[f"tables/{name}"] = dict(_leaves(list(rows), ""))
    kept = {name: value for name, value in evidence.facts.items() if name not in _PROVENANCE}
    found["facts"] = dict(_leaves(kept, ""))
    found["model"] = {}
    for part, state in model.to_parts().items():
        found["model"] |= dict(_leaves(dict(state.json), part))
        found["model"] |= {f"{part}.{name}": np.asarray(array) for name, array in state.arrays.items()}
    return found


def _said(estimate: Estimate) -> Iterator[tuple[str, Leaf]]:
    for name, value in asdict(estimate).items():
        if name not in _KEY:
            yield name, value


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Leaf]]:
    """Every scalar in nested lists and dictionaries, by its path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{at}.{name}" if at else str(name))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{at}[{number}]")
    else:
        yield at, value


def _compared(then: Mapping[str, Leaf], now: Mapping[str, Leaf], key: str) -> tuple[str, float]:
    if key not in now:
        return "lost", 0.0
    if key not in then:
        return "added", 0.0
    distance = _distance(then[key], now[key])
    if distance is None:
        return "differ", 0.0
    return "identical" if distance == 0 else "within" if distance <= TOLERANCE else "differ", distance


def _distance(then: Leaf, now: Leaf) -> float | None:
    """Between two numbers or arrays of numbers, of those above one as a share; None: not the same, and no distance."""
    if type(then) is type(now) and not isinstance(then, np.ndarray) and then == now:
        return 0.0  # most entries by far
    a, b = np.asarray(then), np.asarray(now)
    if a.shape != b.shape:
        return None
    if a.dtype.kind not in "iuf" or b.dtype.kind not in "iuf":
        return 0.0 if np.array_equal(a, b) else None
    if np.array_equal(a, b, equal_nan=True):
        return 0.0
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return None
    finite = np.isfinite(a)
    left, right = a[finite].astype(float), b[finite].astype(float)
    return float(np.max(np.abs(left - right) / np.maximum(1.0, np.abs(left)), initial=0.0)) or None


def _difference(name: str, then: Leaf, now: Leaf) -> Difference:
    return Difference(name, _shown(then), _shown(now))


def _shown(leaf: Leaf) -> bool | int | float | str | None:
    return f"{leaf.size} numbers" if isinstance(leaf, np.ndarray) else leaf


def _notes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    rooms = "features/, training/ and experiments/"
    for what, words in (("source", f"the code ({rooms})"), ("study", "the study"), ("contract", "the contract")):
        before, after = then["digests"][what], now["digests"][what]
        if before != after:
            yield f"{words} has digest {after[:16]}, at release {before[:16]}"
    for name in sorted({*then["libraries"], *now["libraries"]}):
        versions = then["libraries"].get(name, "not there"), now["libraries"].get(name, "not there")
        if versions[0] != versions[1]:
            yield f"{name}: {versions[0]} at release, {versions[1]} now"
