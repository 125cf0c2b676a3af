"""`RunFolder`: the record of one run as plain files, written atomically; `done.json` comes last."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, final

from experiments.study import BESIDE, Study
from experiments.suggestions import did_you_mean
from features.contract import Contract
from training.bundle_files import parts_from_files, parts_to_files
from training.evidence import Evidence
from training.optimism import DESIGN as BOOTSTRAP
from training.recipe import Model
from training.validation import Predictions


class RunError(ValueError):
    """A run that is not there, or not finished. Exit code 2."""


@final
class RunFolder:
    """One run. Everything but `clock.json` is a function of study, contract, data and code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, root: Path, run: str) -> Self:
        """The folder of a run under the project root, whether or not it is there yet."""
        return cls(root / "runs" / run[:16])

    @property
    def run(self) -> str:
        """The run's identity: its folder is named by the first sixteen digits."""
        return str(self.json("run")["run"])

    @property
    def finished(self) -> bool:
        """Whether everything has been written."""
        return (self.path / "done.json").is_file()

    @property
    def study(self) -> Study:
        """The resolved study."""
        return Study.from_json({k: v for k, v in self.json("study").items() if k not in BESIDE})

    @property
    def contract(self) -> Contract:
        """The contract that the tables were held to."""
        return Contract.model_validate_json((self.path / "contract.json").read_text(encoding="utf-8"))

    @property
    def evidence(self) -> Evidence:
        """What was found."""
        return Evidence.from_json(self.json("evidence"))

    @property
    def mutes(self) -> dict[str, str]:
        """Code of a finding → why somebody has muted it. They stand beside the evidence and change nothing in it."""
        return dict(self.json("mutes")) if (self.path / "mutes.json").is_file() else {}

    def mute(self, code: str, reason: str) -> None:
        """Mute one finding of this run, for this run alone. Raises `RunError` where there is nothing to mute."""
        states = {row["code"]: row["state"] for row in self.evidence.tables.get("findings", ())}
        if states.get(code) != "found":
            raise RunError(
                f"run {self.path.name}: {code} was not found here ({states.get(code, 'not asked')}): nothing to mute."
            )
        if not reason.strip():
            raise RunError(f"{code}: a mute needs a reason. try: --reason TEXT")
        self.write_json("mutes", {**self.mutes, code: reason.strip()})

    @property
    def resamples(self) -> Path:
        """Where finished resamples lie while the study runs, and after."""
        return self.path / "resamples"

    def predictions(self, design: str) -> Predictions:
        """What the models said under one design about patients who had taught them nothing: none of the bootstrap."""
        return Predictions.load(self.path / "predictions" / f"{design}.npz")

    def model(self) -> Model:
        """The chosen recipe, developed on everyone."""
        files = {
            path.relative_to(self.path / "model").as_posix(): path.read_bytes()
            for path in sorted((self.path / "model").rglob("*"))
            if path.is_file()
        }
        return Model.from_parts(parts_from_files(files, ("model", "encoding")), self.contract)

    def json(self, name: str) -> dict[str, Any]:
        """One of "study" (with "endpoint_description"), "contract", "run", "patients", "evidence", "clock", "done"."""
        try:
            value: dict[str, Any] = json.loads((self.path / f"{name}.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            hint = "not finished. try: spinecast study again"
            raise RunError(f"run {self.path.name}: {name}.json is not there: {hint}") from error
        return value

    def begin(
        self,
        study: Study,
        contract: Contract,
        description: Mapping[str, Any],
        identity: Mapping[str, Any],
        patients: Mapping[str, Any],
    ) -> None:
        """Write what is known before the first fit; an interrupted run finds the same there."""
        self.write_json("study", {**study.to_json(), "endpoint_description": description})
        self.write_json("contract", contract.model_dump(mode="json"))
        self.write_json("patients", patients)
        self.write_json("run", identity)

    def finish(
        self, predictions: Mapping[str, Predictions], model: Model, evidence: Evidence, clock: Mapping[str, Any]
    ) -> None:
        """Write what was found; `done.json`, with the evidence's digest, comes last."""
        for design, each in predictions.items():
            if design != BOOTSTRAP:  # a hundred megabytes that lie in `resamples` already
                each.save(self.path / "predictions" / f"{design}.npz")
        for name, content in parts_to_files(model.to_parts(), allowed=("model", "encoding")).items():
            write_atomic(self.path / "model" / name, content)
        self.write_json("evidence", evidence.to_json())
        self.write_json("clock", clock)
        self.write_json("done", {"run": self.run, "evidence": evidence.digest})

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a JSON file of the folder, whole or not at all."""
        write_atomic(self.path / f"{name}.json", (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def write_atomic(path: Path, content: bytes) -> None:
    """The whole file or the former one, also when the power fails in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def list_runs(root: Path) -> Iterator[RunFolder]:
    """Runs under the project root, the latest finished first; unfinished ones last."""
    folders = [one.parent for one in (root / "runs").glob("*/run.json")]

    def when(folder: Path) -> tuple[bool, float]:
        done = folder / "done.json"
        return (done.is_file(), (done if done.is_file() else folder / "run.json").stat().st_mtime)

    for folder in sorted(folders, key=when, reverse=True):
        yield RunFolder(folder)


def find_run(root: Path, text: str) -> RunFolder:
    """The run whose identity starts with `text`, or the latest finished run of the study of that name.

    Raises `RunError` naming what is known.
    """
    runs = list(list_runs(root))
    by_digest = [one for one in runs if len(text) >= 4 and one.path.name.startswith(text)]
    by_name = [one for one in runs if one.json("run").get("name") == text]
    if len(by_digest) == 1:
        return by_digest[0]
    finished = [one for one in by_name if one.finished]
    if finished or by_name:
        return (finished or by_name)[0]
    if by_digest:
        raise RunError(f'"{text}" fits {len(by_digest)} runs. try: more digits of the run.')
    known = {str(one.json("run").get("name")) for one in runs}
    hint = (
        did_you_mean(text, known)
        if known
        else " There are no runs yet. try: spinecast study configs/studies/<name>.toml"
    )
    raise RunError(f'no run "{text}".{hint}')
