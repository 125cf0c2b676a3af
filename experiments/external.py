"""A released model judged in a cohort that had no part in it: as it is, nothing is fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from experiments.assembly import data_facts, data_tables, taking_days_as_known
from experiments.contrasts import asked_elsewhere, published_elsewhere
from experiments.documents import render
from experiments.follow_up import censoring_given_predictors
from experiments.identity import patient_hashes
from experiments.results import list_runs, write_atomic
from experiments.run import Met, meet
from experiments.study import BESIDE, Study
from experiments.suppression import Told
from features.cohort import Cohort
from features.contract import Contract, ContractError
from features.extract import Extract, read_extract
from features.outcome import Outcome
from training.bundle import Bundle
from training.disclosure import told_facts
from training.evaluation import Scored, evaluate, merged
from training.evidence import Evidence
from training.interval_times import resolve
from training.resampling import derive_seed

DESIGN = "external"
TAUGHT = "taught the model"
_REPORT = ("calibration-report.html", "calibration-report.json")


@final
@dataclass(frozen=True)
class External:
    """What came of it.

    evidence   estimates of design "external" of the model "chosen", tables and facts of these data.
    documents  file name → bytes: the calibration report and the tables behind it.
    remarks    sentences that a reader must know.
    """

    evidence: Evidence
    documents: Mapping[str, bytes]
    remarks: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Evidence and report as files, each whole or not at all."""
        from json import dumps

        text = dumps(self.evidence.to_json(), indent=1, ensure_ascii=False) + "\n"
        for name, content in {"evidence.json": text.encode(), **self.documents}.items():
            write_atomic(folder / name, content)


def judge_elsewhere(
    bundle: Bundle, tables: Path, contract: Contract, *, root: Path | None = None, new_only: bool = False
) -> External:
    """Judge the model of a bundle in other tables, held to their own contract.

    root      the project, whose run folder knows who taught the model: they leave, and the flow says how many.
    new_only  who leaves is whoever's id taught the model, as in a later extract of the same registry. Without it it is
              whoever's whole row did: two registries may give one number to two patients.

    Raises `ContractError` where a field that the model reads is not there or means something else.
    """
    reference = f"{bundle.manifest.name}@{bundle.manifest.version}"
    plain = {key: value for key, value in bundle.study.items() if key not in BESIDE}
    study = Study.from_json({**plain, "registry": contract.registry, "contract": contract.name}, reference)
    _require_fields(bundle, contract)
    extract = read_extract(tables, contract)
    known = _Teachers.of(bundle, root, study.seed)
    met = meet(study, contract, extract, (TAUGHT, known.whose_id if new_only else known.whose_row))
    if met.observed.outcome.causes != bundle.model.causes:
        raise ContractError(f"{reference} answers {', '.join(bundle.model.causes)}; these tables tell of others.")
    judged = _judged(bundle, study, contract, met)
    if met.observed.outcome.interval_censored:
        judged = taking_days_as_known(judged)
    told = Told.of(
        met.cohort,
        resolve(met.observed.outcome),
        study.endpoint.horizons_days,
        comparators=asked_elsewhere(study, met.cohort),
    )
    evidence = told.closed(merged([judged, _data(bundle, study, contract, extract, met, known)]))
    identity = {
        "name": bundle.manifest.name,
        "version": bundle.manifest.version,
        "status": "judged in an external cohort",
        "run": bundle.manifest.run,
        "model_digest": bundle.model_digest,
    }
    rendered = render(
        evidence, {**study.to_json(), "endpoint_description": met.description.to_json()}, contract, identity, {}
    )
    documents = {name: text for name, text in rendered.items() if name in _REPORT or name.startswith("tables/")}
    return External(evidence, documents, tuple(known.remarks(met, new_only=new_only)))


def _judged(bundle: Bundle, study: Study, contract: Contract, met: Met) -> Evidence:
    cohort, outcome = met.cohort, resolve(met.observed.outcome)
    follow_up = censoring_given_predictors(study, contract, cohort, outcome, bundle.model.predictors)
    curves = bundle.model.predict(cohort.frame, times=bundle.model.times).mean
    names = [] if cohort.sites is None else sorted(set(cohort.sites.tolist()))
    ours = Scored(np.arange(cohort.n), np.zeros(cohort.n, dtype=np.int64), curves)
    own = evaluate(
        outcome,
        ours,
        horizons=study.endpoint.horizons_days,
        design=DESIGN,
        model="chosen",
        resamples=study.intervals.resamples,
        level=study.intervals.level,
        seed=derive_seed(study.seed, "intervals", DESIGN),
        populations={f"site={name}": np.flatnonzero(cohort.sites == name) for name in names} or None,
        strata=cohort.sites,
        censoring=follow_up,
        thresholds=study.endpoint.thresholds,
    )
    beside = published_elsewhere(study, cohort, outcome, ours, DESIGN, censoring=follow_up)
    return merged([own, beside, *([] if follow_up is None else [follow_up.evidence])])


def _data(bundle: Bundle, study: Study, contract: Contract, extract: Extract, met: Met, known: _Teachers) -> Evidence:
    facts = {
        "chosen": bundle.evidence.facts["chosen"],
        "synthetic": extract.synthetic,
        "digests": {"run": bundle.manifest.run, "contract": contract.digest, "data": extract.digest},
        "external": {
            "model": f"{bundle.manifest.name}@{bundle.manifest.version}",
            "model_digest": bundle.model_digest,
            "taught_by_sites": [str(row["site"]) for row in bundle.evidence.tables.get("sites", ())],
            "teachers_known": known.ids is not None,
            **told_facts({"known_ids": int(known.whose_id(met.cohort, met.observed.outcome).sum())}),
        },
    }
    return Evidence(
        tables=data_tables(study, contract, met.cohort, met.observed),
        facts={**data_facts(study, met.cohort, met.observed), **facts},
    )


@dataclass(frozen=True)
class _Teachers:
    """Hashes of those who taught the model; None where the run folder is not here."""

    ids: frozenset[str] | None
    rows: frozenset[str]
    seed: int

    @classmethod
    def of(cls, bundle: Bundle, root: Path | None, seed: int) -> _Teachers:
        runs = [] if root is None else [one for one in list_runs(root) if one.run == bundle.manifest.run]
        if not runs:
            return cls(None, frozenset(), seed)
        patients = runs[0].json("patients")["patients"]
        return cls(frozenset(one["id"] for one in patients), frozenset(one["row"] for one in patients), seed)

    def whose_row(self, cohort: Cohort, outcome: Outcome) -> NDArray[np.bool_]:
        """Whose every value, day and id stood among the teachers'."""
        said = patient_hashes(cohort, outcome, (), self.seed)["patients"]
        return np.array([one["row"] in self.rows for one in said], dtype=bool)

    def whose_id(self, cohort: Cohort, outcome: Outcome) -> NDArray[np.bool_]:
        """Whose id stood among the teachers'."""
        said = patient_hashes(cohort, outcome, (), self.seed)["patients"]
        return np.array([one["id"] in (self.ids or ()) for one in said], dtype=bool)

    def remarks(self, met: Met, *, new_only: bool) -> list[str]:
        """What is not known of the overlap, or known and worrying."""
        if self.ids is None:
            return ["the run folder of this model is not here: whether its teachers are among these is not known"]
        left = next(step.left for step in met.cohort.flow.steps if step.reason == TAUGHT)
        said = [f"{left} patients had taught the model and were left out"] if left else []
        alike = int(self.whose_id(met.cohort, met.observed.outcome).sum())
        if alike and not new_only:
            said.append(
                f"{alike} ids are also ids of the model's teachers. try: --new-only, if the registry is the same"
            )
        return said


def _require_fields(bundle: Bundle, contract: Contract) -> None:
    faults = []
    for field in bundle.contract.fields:
        if field.name not in contract.names:
            faults.append(f"{field.name}: not in the contract")
            continue
        other = contract.field(field.name)
        if (field.kind, field.unit) != (other.kind, other.unit):
            units = [f"{one.kind} in {one.unit or 'no unit'}" for one in (field, other)]
            faults.append(f"{field.name}: {units[0]}, here {units[1]}")
        new = sorted(set(other.levels) - set(field.levels))
        if new:
            faults.append(f"{field.name}: {len(new)} levels that the model never met")
    if faults:
        lines = "\n  ".join(faults)
        raise ContractError(
            f"contract {contract.name}: {len(faults)} fields are not as the model reads them.\n  {lines}"
        )
