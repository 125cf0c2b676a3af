"""`plan`: what a study will meet and cost, before any of its fits counts."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from experiments.assembly import flow_table
from experiments.run import Prepared, prepare
from experiments.sample_size import sample_size_table, shortfalls
from experiments.study import Study
from experiments.study_checks import require_study
from features.contract import Contract
from features.extract import read_extract
from training.designs import resamples
from training.resampling import Resample

# An event per parameter is no law; below ten, shrinkage carries the model, and a reader should know it.
_EVENTS_PER_PARAMETER = 10


@final
@dataclass(frozen=True)
class Plan:
    """Counts, and what they mean for the study.

    events      cause → horizon in days → patients in whom it had happened by then; "ever" for the whole follow-up.
    parameters  recipe → columns it reads, encoded.
    sample_size  Riley's criteria, a row each: see `experiments.sample_size`.
    refits      design → times that everything is developed anew; "all" for the released model.
    minutes     predicted from one measured development, on this machine.
    remarks     sentences, where something is thin.
    """

    study: str
    patients: int
    sites: int
    events: dict[str, dict[str, int]]
    flow: tuple[dict[str, Any], ...]
    parameters: dict[str, int]
    events_per_parameter: dict[str, float]
    sample_size: tuple[dict[str, Any], ...]
    refits: dict[str, int]
    fits: int
    minutes: float | None
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def plan(study: Study, contract: Contract, tables: Path, *, workers: int = 1, pilot: bool = True) -> Plan:
    """Look before fitting. With `pilot`, one development on two thirds of the patients is timed.

    Raises what `run_study` would raise, but for a sample that is too small: that is shown.
    """
    require_study(study, contract)
    ready = prepare(study, contract, read_extract(tables, contract))
    outcome, cohort = ready.observed.outcome, ready.cohort
    dealt: dict[str, list[Resample]] = {
        one.design: resamples(one, cohort, outcome.event, seed=study.seed) for one in study.designs
    }
    refits = {name: len(each) for name, each in dealt.items()} | {"all": 1}
    tuned = sum(study.tuning.trials if one.family.space() else 1 for one in ready.develop.recipes.values())
    fits = sum(refits.values()) * (tuned * study.tuning.folds + len(ready.develop.recipes) + 1)
    events = _events(study, ready)
    enough = sample_size_table(study, ready.develop, cohort, ready.judged)
    parameters = {row["recipe"]: int(row["parameters"]) for row in enough if row["recipe"]}
    primary = events[study.endpoint.primary_cause]["ever"]
    ratio = {name: round(primary / max(count, 1), 1) for name, count in parameters.items()}
    return Plan(
        study.name,
        cohort.n,
        0 if cohort.sites is None else len(set(cohort.sites.tolist())),
        events,
        tuple(flow_table(cohort.flow)),
        parameters,
        ratio,
        tuple(enough),
        refits,
        fits,
        _minutes(ready, study, dealt, workers) if pilot else None,
        (*_remarks(study, ready, ratio), *_too_few(study, enough)),
    )


def _events(study: Study, ready: Prepared) -> dict[str, dict[str, int]]:
    outcome = ready.judged
    counted = {}
    for k, cause in enumerate(outcome.causes, start=1):
        days = outcome.time_days[outcome.event == k]
        by_horizon = {f"{by:g}": int((days <= by).sum()) for by in study.endpoint.horizons_days}
        counted[cause] = by_horizon | {"ever": len(days)}
    return counted


def _minutes(ready: Prepared, study: Study, dealt: dict[str, list[Resample]], workers: int) -> float:
    """One development on two thirds of the patients, scaled by the patients that each refit learns from."""
    outcome, cohort = ready.observed.outcome, ready.cohort
    rows = np.arange(0, cohort.n * 2 // 3)
    train = cohort.take(rows)
    before = time.monotonic()
    ready.develop(train.frame, outcome.take(rows), train.ids, train.sites, study.seed)
    seconds = (time.monotonic() - before) / len(rows)
    learned = sum(len(one.train) for each in dealt.values() for one in each) + cohort.n
    return round(seconds * learned / workers / 60, 2)


def _remarks(study: Study, ready: Prepared, ratio: dict[str, float]) -> list[str]:
    outcome = ready.judged
    remarks = [
        f"{name}: {value:g} events per parameter; below {_EVENTS_PER_PARAMETER}, shrinkage carries it."
        for name, value in ratio.items()
        if value < _EVENTS_PER_PARAMETER
    ]
    for days in study.endpoint.horizons_days:
        followed = int((outcome.time_days >= days).sum())
        if followed < 50:
            remarks.append(f"horizon {days:g} d: {followed} patients were followed as long.")
    return remarks


def _too_few(study: Study, enough: list[dict[str, Any]]) -> list[str]:
    missed = shortfalls(enough)
    stops = missed and study.require_sample_size
    return missed + (["the study will stop here: it says require_sample_size = true."] if stops else [])
