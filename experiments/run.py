"""The whole project on one screen: study and tables in, a run folder out. It calls; it has no ideas of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.assembly import assemble
from experiments.clock import Clock
from experiments.development import development, require_horizons
from experiments.identity import identities, patient_hashes
from experiments.progress import SilentProgress
from experiments.results import RunFolder
from experiments.sample_size import require_sample_size
from experiments.study import Study
from experiments.study_checks import require_study
from experiments.subgroups import subgroups_of
from features.cohort import Cohort, select_cohort
from features.contract import Contract
from features.endpoints import ENDPOINTS
from features.endpoints.endpoint import Description, Observed, leave
from features.extract import Extract, read_extract
from features.inspection import require
from features.outcome import Outcome
from features.registries import REGISTRIES
from training.develop import Develop
from training.interval_times import resolve
from training.resampling import canonical_order
from training.subgroups import Subgroup
from training.validation import Progress, develop_on_all, validate
from training.workers import engine

Leaving = tuple[str, Callable[[Cohort, Outcome], NDArray[np.bool_]]]


def run_study(
    study: Study, contract: Contract, tables: Path, root: Path, *, progress: Progress | None = None, workers: int = 1
) -> RunFolder:
    """Answer one study: develop its recipes, judge them by its designs, write down what was found.

    A run that is finished is returned as it is; one that was interrupted goes on from its finished resamples.
    Raises `StudyError` for a study that cannot be run, `ContractError` for tables that break their contract; neither
    leaves a folder behind.
    """
    clock = Clock.start(workers)
    require_study(study, contract)
    extract = read_extract(tables, contract)
    identity = identities(study, contract, extract)
    folder = RunFolder.of(root, identity["run"])
    if folder.finished:
        return folder
    ready = prepare(study, contract, extract)
    cohort, outcome = ready.cohort, ready.observed.outcome
    require_sample_size(study, ready.develop, cohort, ready.judged)
    patients = patient_hashes(cohort, outcome, ready.withdrawn, study.seed)
    folder.begin(study, contract, ready.description.to_json(), identity, patients)
    with engine(workers) as pool:
        final = pool.submit(develop_on_all, ready.develop, cohort, outcome, study.seed)  # the longest starts first
        predictions = validate(
            ready.develop,
            cohort,
            outcome,
            study.designs,
            seed=study.seed,
            engine=pool,
            folder=folder.resamples,
            progress=progress or SilentProgress(),
        )
        clock.lap("refits")
        evidence = assemble(
            study,
            contract,
            cohort,
            ready.observed,
            ready.develop,
            predictions,
            final.result(),
            ready.subgroups,
            identity,
            pool,
        )
        clock.lap("evidence")
    developed = final.result()
    folder.finish(predictions, developed.models[developed.chosen], evidence, clock.read())
    return folder


@final
@dataclass(frozen=True)
class Prepared:
    """What a study meets: eligible patients in canonical order, what happened to them, and how models will be made.

    withdrawn  ids of those who took their consent back: they are in nothing else here.
    subgroups  the groups that the study names.
    """

    cohort: Cohort
    observed: Observed
    description: Description
    develop: Develop
    withdrawn: tuple[str, ...]
    subgroups: tuple[Subgroup, ...]

    @property
    def judged(self) -> Outcome:
        """What predictions are held against: the outcome with a day for each event that was seen at a visit."""
        return resolve(self.observed.outcome)


@final
@dataclass(frozen=True)
class Met:
    """Eligible patients of an extract in canonical order, what happened to them, and the endpoint in words.

    withdrawn  ids of those who took their consent back · tables  typed, as the registry conformed them.
    """

    cohort: Cohort
    observed: Observed
    description: Description
    withdrawn: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]


def meet(study: Study, contract: Contract, extract: Extract, leaving: Leaving | None = None) -> Met:
    """From raw tables to what a study asks about.

    leaving  a reason and, from cohort and outcome, who leaves for it, after everything else.
    """
    endpoint, settings = ENDPOINTS[study.endpoint.name], study.settings(contract)
    conformed = REGISTRIES[study.registry].conform(require(contract, extract), contract)
    eligible = endpoint.eligible(select_cohort(conformed, study.eligibility), conformed.tables, settings)
    cohort = eligible.take(canonical_order(eligible.ids, study.seed))
    observed = endpoint.observe(cohort, conformed.tables, settings)
    if leaving is not None:
        reason, who = leaving
        cohort = leave(cohort, reason, who(cohort, observed.outcome))
        observed = endpoint.observe(cohort, conformed.tables, settings)
    return Met(cohort, observed, endpoint.description(settings), conformed.withdrawn, conformed.tables)


def prepare(study: Study, contract: Contract, extract: Extract) -> Prepared:
    """From raw tables to the first fit, without it."""
    met = meet(study, contract, extract)
    resolved = resolve(met.observed.outcome)
    require_horizons(study, resolved)
    develop = development(study, contract, resolved)
    groups = subgroups_of(study, contract, met.cohort, met.tables)
    return Prepared(met.cohort, met.observed, met.description, develop, met.withdrawn, groups)
