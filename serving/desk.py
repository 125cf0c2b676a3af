"""`Desk`: the verified models that answer, opened once at the start, and what is said of each request."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from serving.examples import example_patient
from serving.predictor import Served, answer, crossed
from serving.refusals import Fault, Refusal, outside_contract
from serving.requests import Request, read_request
from serving.schemas import Patient, suggest
from serving.settings import Settings
from training.bundle import IntegrityError, open_bundle
from training.shelf import Placed, Shelf, ShelfError

# How a parent process tells its workers where the shelf lies and which of its models to serve.
ADDRESS, ONLY = "SPINECAST_BUNDLES", "SPINECAST_MODELS"


@final
@dataclass(frozen=True)
class Answer:
    """What goes back, and which models gave it."""

    patients: list[dict[str, Any]]
    warnings: list[dict[str, str]]
    served: tuple[Served, ...]


@final
@dataclass(frozen=True)
class Desk:
    """Models by every name that they answer to.

    by_reference   "name", "name@3", "name@champion" → model.
    withdrawn      "name@2" → why it no longer answers.
    """

    by_reference: Mapping[str, Served]
    withdrawn: Mapping[str, Placed] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def open(cls, bundles: Path, settings: Settings | None = None, only: Sequence[str] = ()) -> Desk:
        """Verify and open every version that an alias points at, and put each one's own example through it.

        only  names of the models to serve; all of them where empty.

        Raises `IntegrityError` naming the bundle and the file, `ShelfError` where there is no champion, or no model of
        a name.
        """
        shelf = Shelf(bundles)
        strangers = [name for name in only if name not in shelf.models()]
        if strangers:
            known = ", ".join(sorted(shelf.models())) or "none"
            raise ShelfError(f'no model "{strangers[0]}" on the shelf; there: {known}. try: spinecast status')
        references: dict[str, Served] = {}
        withdrawn: dict[str, Placed] = {}
        aliases = shelf.aliases()
        for name, versions in shelf.models().items():
            for placed in versions if name in (only or (name,)) else ():
                if placed.status == "withdrawn":
                    withdrawn[placed.reference] = placed
                if placed.version not in aliases[name].values():
                    continue
                served = _opened(placed)
                references[placed.reference] = served
                references |= {f"{name}@{alias}": served for alias, v in aliases[name].items() if v == placed.version}
                if aliases[name].get("champion") == placed.version:
                    references[name] = served
        if not any("@" not in key for key in references):
            raise ShelfError("no champion on the shelf, so nothing to answer with. try: spinecast release <study>")
        return cls(references, withdrawn, settings or Settings())

    @property
    def models(self) -> tuple[Served, ...]:
        """Every model once, by name and version."""
        return tuple(self.by_reference[key] for key in sorted(self.by_reference) if key.rpartition("@")[2].isdigit())

    @property
    def champions(self) -> tuple[Served, ...]:
        """The models that answer to a name alone."""
        return tuple(self.by_reference[name] for name in sorted(self.by_reference) if "@" not in name)

    def find(self, reference: str) -> Served:
        """The model of this name. Raises a `Refusal`: 410 where it was withdrawn, 404 where it was never here."""
        if reference in self.by_reference:
            return self.by_reference[reference]
        if reference in self.withdrawn:
            name = reference.partition("@")[0]
            more = {"replaced_by": self.by_reference[name].reference} if name in self.by_reference else {}
            raise Refusal("model-withdrawn", f"{reference} was withdrawn and no longer answers.", more=more)
        known = ", ".join(sorted(key for key in self.by_reference if "@" not in key)) or "none yet"
        raise Refusal("unknown-model", f"Served here: {known}. See /v1/models.")

    def predict(self, body: bytes) -> Answer:
        """Answer a request for one or several patients and models, or refuse it whole with every fault."""
        limits = self.settings
        request = read_request(
            body, most_patients=limits.patients, most_models=limits.models, identifying=limits.identifying_patterns
        )
        served = self._asked(request)
        patients = _read_patients(served, request)
        by_model = [answer(one, column) for one, column in zip(served, patients, strict=True)]
        answered: list[dict[str, Any]] = []
        warnings: list[dict[str, str]] = []
        for i, (reference, _) in enumerate(request.patients):
            results = [column[i] for column in by_model]
            echoed = {} if reference is None else {"client_reference": reference}
            answered.append({**echoed, "results": [result.body for result in results]})
            for label in crossed(results):
                sentence = f"By {label}, dying without recovery is given a higher probability than dying at all."
                warnings.append({"code": "W301", "pointer": f"#/patients/{i}", "detail": sentence})
        return Answer(answered, warnings, served)

    def example(self, served: Sequence[Served]) -> dict[str, Any]:
        """A complete request for these models, answered 200 as it stands."""
        patient = example_patient([one.form for one in served], [one.bundle.evidence for one in served])
        names = {id(s): key for key, s in sorted(self.by_reference.items(), reverse=True)}
        return {
            "models": [names[id(one)] for one in served],
            "patients": [{"client_reference": "example-1", **patient}],
        }

    def _asked(self, request: Request) -> tuple[Served, ...]:
        found: list[Served] = []
        refused: list[tuple[Refusal, Fault]] = []
        for i, reference in enumerate(request.references):
            try:
                found.append(self.find(reference))
            except Refusal as refusal:
                code = "SC302" if refusal.kind == "model-withdrawn" else "SC301"
                refused.append((refusal, Fault(f"#/models/{i}", code, refusal.detail)))
        if refused:
            first = refused[0][0]
            raise Refusal(first.kind, first.detail, tuple(fault for _, fault in refused), more=first.more)
        return tuple(found)


def _read_patients(served: Sequence[Served], request: Request) -> list[list[Patient]]:
    """Per model, the patients as its form reads them. Raises a `Refusal` with every fault of every patient, once."""
    faults: dict[Fault, None] = {}
    columns: list[list[Patient]] = [[] for _ in served]
    for i, (_, values) in enumerate(request.patients):
        strangers = [key for key in values if all(key not in one.form.questions for one in served)]
        if strangers:
            known = {name for one in served for name in one.form.questions}
            keys = "1 key" if len(strangers) == 1 else f"{len(strangers)} keys"
            detail = f"{keys} that no requested model asks for.{suggest(strangers, known)}"
            faults[Fault(f"#/patients/{i}", "SC202", detail)] = None
        for one, column in zip(served, columns, strict=True):
            read = one.form.read(values, f"#/patients/{i}")
            if isinstance(read, Patient):
                column.append(read)
            else:
                faults |= dict.fromkeys(read)
    if faults:
        raise outside_contract(list(faults))
    return columns


def _opened(placed: Placed) -> Served:
    try:
        served = Served.of(open_bundle(placed.folder, placed.manifest_sha256), placed.status)
        patient = served.form.read(example_patient([served.form], [served.bundle.evidence]), "#")
        if not isinstance(patient, Patient) or answer(served, [patient])[0].curves is None:
            raise IntegrityError(["the model does not answer the example of its own contract."])
    except IntegrityError as error:
        raise IntegrityError([f"{placed.reference}: {fault}" for fault in error.faults]) from error
    return served


def bundles_folder() -> Path:
    """Where the shelf lies: what the environment says, else beside the packages (in a Bento), else where we stand."""
    named = os.environ.get(ADDRESS)
    if named:
        return Path(named)
    packed = Path(__file__).resolve().parent.parent / "bundles"
    return packed if packed.is_dir() else Path("bundles")


def asked_models() -> tuple[str, ...]:
    """The models that the environment names; empty for all."""
    return tuple(name for name in os.environ.get(ONLY, "").split(",") if name)
