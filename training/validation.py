"""`validate`: the whole development wrapped in a design; it gives predictions for patients who taught nothing.

But for a bootstrap: there everybody is predicted by each refit, and `training.optimism` makes of it what it is worth.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.cohort import Cohort
from features.outcome import Outcome
from training.curves import Curves
from training.designs import DesignSettings, resamples
from training.develop import Develop, Developed
from training.evaluation import Scored
from training.interval_times import resolve
from training.resampling import Resample, derive_seed
from training.workers import Engine, InProcess

Floats = NDArray[np.float64]
Observer = Callable[[Resample, Developed], Any]
CHOSEN = "chosen"


class Progress(Protocol):
    """Who is told how far a study is. `advance` may be called from another thread."""

    def start(self, total: int, label: str) -> None:
        """So many refits follow."""
        ...

    def advance(self) -> None:
        """One of them is finished."""
        ...


@final
@dataclass(frozen=True)
class Predictions:
    """Predictions of every model under one design, out of sample; of a bootstrap the chosen model's alone, in float32.

    design    its name.
    times     (t,) days. causes as in `Outcome.causes`.
    patients  (r,) row of the cohort; a patient stands once per repeat.
    groups    (r,) which refit predicted, counted over repeats and folds.
    labels    (g,) the refits in words: "fold 3 of 5", "site=S03".
    models    name → incidence (r, causes, t): "chosen", every recipe, the null, and comparators.
    refits    one row of facts per refit: its place, the chosen recipe, inner scores, and what the observer said.
    """

    design: str
    times: Floats
    causes: tuple[str, ...]
    patients: NDArray[np.int64]
    groups: NDArray[np.int64]
    labels: tuple[str, ...]
    models: Mapping[str, NDArray[Any]]
    refits: tuple[dict[str, Any], ...] = ()

    def scored(self, model: str) -> Scored:
        """One model's predictions, ready to be judged."""
        return Scored(self.patients, self.groups, Curves(self.times, self.causes, self.models[model]))

    def save(self, path: Path) -> None:
        """Write to one file, whole or not at all."""
        facts = {name: getattr(self, name) for name in ("design", "causes", "labels", "refits")}
        facts["models"] = list(self.models)
        arrays = {f"incidence_{k}": incidence for k, incidence in enumerate(self.models.values())}
        _save(path, facts, {"times": self.times, "patients": self.patients, "groups": self.groups, **arrays})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Back from `save`."""
        facts, arrays = _load(path)
        return cls(
            facts["design"],
            arrays["times"],
            tuple(facts["causes"]),
            arrays["patients"],
            arrays["groups"],
            tuple(facts["labels"]),
            {name: arrays[f"incidence_{k}"] for k, name in enumerate(facts["models"])},
            tuple(facts["refits"]),
        )


def validate(
    develop: Develop,
    cohort: Cohort,
    outcome: Outcome,
    designs: Sequence[DesignSettings],
    *,
    seed: int,
    engine: Engine | None = None,
    folder: Path | None = None,
    observer: Observer | None = None,
    progress: Progress | None = None,
) -> dict[str, Predictions]:
    """Develop anew in every resample of every design and predict those left out.

    folder    where finished resamples are kept; one that is whole, and of the same patients, is not done again.
    observer  importable; is shown each refit where it was made, and its JSON value is kept with the resample: a study
              that resumes has what it said about refits of yesterday.
    """
    engine = engine or InProcess()
    planned = {one.design: resamples(one, cohort, outcome.event, seed=seed) for one in designs}
    tasks = [_Task(develop, cohort, outcome, one, seed, folder, observer) for each in planned.values() for one in each]
    if progress is not None:
        progress.start(len(tasks), "refits")
    done: dict[tuple[str, int, int], _Refit] = {}
    futures = {}
    for task in tasks:
        found = task.finished()
        if found is not None:
            done[task.key] = found
            if progress is not None:
                progress.advance()
            continue
        future = engine.submit(task.run)
        if progress is not None:
            future.add_done_callback(lambda _: progress.advance())
        futures[future] = task.key
        if future.done():
            future.result()  # in this process: a fault ends the study now, not after every other refit
    for future in as_completed(futures):
        done[futures[future]] = future.result()
    gathered: dict[str, Predictions] = {}
    for name, each in planned.items():
        refits = [(one, done[one.design, one.repeat, one.fold]) for one in each]
        gathered[name] = _gather(name, refits, develop.times, outcome.causes)
    return gathered


def develop_on_all(develop: Develop, cohort: Cohort, outcome: Outcome, seed: int) -> Developed:
    """The models that leave the house: developed on everyone, as in every resample, and coarsened between `times`."""
    developed = develop(cohort.frame, outcome, cohort.ids, cohort.sites, derive_seed(seed, "all"))
    return replace(developed, models={name: model.coarsened() for name, model in developed.models.items()})


@dataclass(frozen=True)
class _Refit:
    facts: dict[str, Any]
    models: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Task:
    develop: Develop
    cohort: Cohort
    outcome: Outcome
    resample: Resample
    seed: int
    folder: Path | None
    observer: Observer | None

    @property
    def key(self) -> tuple[str, int, int]:
        return self.resample.design, self.resample.repeat, self.resample.fold

    @property
    def path(self) -> Path | None:
        one = self.resample
        return None if self.folder is None else self.folder / one.design / f"{one.repeat}-{one.fold}.npz"

    @property
    def mark(self) -> str:
        """Whose file it is: the same seed, the same patients on each side, the same recipes."""
        one = self.resample
        content = hashlib.blake2b(f"{self.seed} {self.key} {list(self.develop.recipes)}".encode(), digest_size=16)
        for rows in (one.train, one.test):
            content.update("\n".join(self.cohort.ids[rows].tolist()).encode() + b"\0")
        return content.hexdigest()

    def run(self) -> _Refit:
        one, whole = self.resample, self.cohort
        # Not `Cohort.take`: in a bootstrap a patient teaches as often as drawn, and a cohort holds each one once.
        frame = whole.frame.iloc[one.train].reset_index(drop=True)
        sites = None if whole.sites is None else whole.sites[one.train]
        outcome = self.outcome.take(one.train)
        developed = self.develop(frame, outcome, whole.ids[one.train], sites, one.seed(self.seed))
        judged = whole.take(one.test).frame
        models = self._predicted(developed, judged) | self._compared(frame, outcome, judged)
        facts = {
            "mark": self.mark,
            "models": list(models),
            "chosen": developed.chosen,
            "scores": dict(developed.scores),
            "observed": None if self.observer is None else self.observer(one, developed),
        }
        if self.path is not None:
            _save(self.path, facts, {f"incidence_{k}": incidence for k, incidence in enumerate(models.values())})
        return _Refit(facts, models)

    def _predicted(self, developed: Developed, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Every model's answers; of a bootstrap, which judges the whole development, those of the chosen one."""
        times = self.develop.times
        if self.resample.design == "bootstrap":
            chosen = developed.models[developed.chosen].predict(frame, times=times).mean.incidence
            return {CHOSEN: _rounded_down(chosen)}
        return {name: model.predict(frame, times=times).mean.incidence for name, model in developed.models.items()}

    def _compared(self, train: pd.DataFrame, outcome: Outcome, test: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Comparators on the same rows; whole-development bootstraps ask about the chosen model alone."""
        if self.resample.design == "bootstrap":
            return {}
        known = resolve(outcome)
        return {
            one.name: one.fit(train, known).predict(test, self.develop.times).incidence
            for one in self.develop.comparators
        }

    def finished(self) -> _Refit | None:
        """What an earlier, interrupted run left; None where there is nothing, or nothing whole."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            facts, arrays = _load(self.path)
            models = {name: arrays[f"incidence_{k}"] for k, name in enumerate(facts["models"])}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # torn: the power failed, or someone wrote into it; it is done again
        return _Refit(facts, models) if facts["mark"] == self.mark else None


def _gather(
    design: str, refits: Sequence[tuple[Resample, _Refit]], times: Floats, causes: tuple[str, ...]
) -> Predictions:
    names = refits[0][1].facts["models"]
    models = {name: np.concatenate([refit.models[name] for _, refit in refits]) for name in names}
    chosen = models.pop(CHOSEN, None)
    if chosen is None:
        chosen = np.concatenate([refit.models[refit.facts["chosen"]] for _, refit in refits])
    facts = tuple(
        {"design": design, "repeat": one.repeat, "fold": one.fold, "label": one.label}
        | {"n_train": len(one.train), "n_test": len(one.test)}
        | {name: refit.facts[name] for name in ("chosen", "scores", "observed")}
        for one, refit in refits
    )
    return Predictions(
        design,
        times,
        causes,
        np.concatenate([one.test for one, _ in refits]).astype(np.int64),
        np.repeat(np.arange(len(refits)), [len(one.test) for one, _ in refits]),
        tuple(one.label for one, _ in refits),
        {CHOSEN: chosen, **models},
        facts,
    )


def _rounded_down(incidence: Floats) -> NDArray[np.float32]:
    """Half the room; towards zero, so that incidences still sum to at most one."""
    near = incidence.astype(np.float32)
    return np.where(near > incidence, np.nextafter(near, np.float32(0)), near)


def _save(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with beside.open("wb") as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _load(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:  # numpy leaks a torn file it opened
        arrays = {name: file[name] for name in file.files}
    return json.loads(str(arrays.pop("facts"))), arrays
