"""Evidence of a run, put together: every design × model judged, and what the data were. Pure: no files, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.contrasts import contrasts
from experiments.follow_up import by_design, censoring_given_predictors
from experiments.limits import limit_facts, limit_tables
from experiments.sample_size import sample_size_facts, sample_size_table
from experiments.study import Study
from experiments.suppression import Told
from experiments.table_one import calendar_years, case_mix, site_table, table_one
from features.cohort import Cohort, Flow
from features.contract import Contract
from features.endpoints.endpoint import Observed
from features.outcome import Outcome
from features.predictors import derive, field_of
from training.appraisal import appraise
from training.conditional_censoring import ConditionalCensoring
from training.designs import resamples
from training.develop import Develop, Developed
from training.disclosure import Cell, Sum, told_facts, withheld
from training.evaluation import Scored, evaluate, merged
from training.evidence import Evidence
from training.interval_times import READING, TAKEN_AS_KNOWN, resolve
from training.meta_analysis import sites_pooled
from training.nonparametric import median_follow_up
from training.observed_curves import observed_curves
from training.optimism import DESIGN as BOOTSTRAP
from training.optimism import Refits, optimism_corrected
from training.resampling import derive_seed, split_proofs
from training.stability import stability
from training.subgroups import Subgroup
from training.validation import CHOSEN, Predictions
from training.workers import Engine


def assemble(
    study: Study,
    contract: Contract,
    cohort: Cohort,
    observed: Observed,
    develop: Develop,
    predictions: Mapping[str, Predictions],
    developed: Developed,
    groups: Sequence[Subgroup],
    identity: Mapping[str, Any],
    engine: Engine,
) -> Evidence:
    """All that the documents, the gate and the tracker will read."""
    outcome = resolve(observed.outcome)
    follow_up = censoring_given_predictors(study, contract, cohort, outcome)
    weighed = by_design(study, contract, cohort, outcome, predictions, follow_up)
    complete = np.flatnonzero(~developed.models[developed.chosen].unknown(cohort.frame).any(axis=1))
    told = Told.of(
        cohort,
        outcome,
        study.endpoint.horizons_days,
        groups=groups,
        comparators=develop.comparators,
        complete=complete,
        designs={name: np.unique(each.patients) for name, each in predictions.items()},
    )
    weights = {**weighed, "apparent": follow_up}
    judged = told.closed(judge(study, cohort, outcome, develop, predictions, developed, complete, weights, engine))
    pooled = sites_pooled(judged, level=study.intervals.level)
    corrected = _bootstrapped(study, cohort, outcome, develop, predictions, developed, follow_up, engine)
    beside = contrasts(study, cohort, outcome, develop, predictions, groups, weighed, told, engine)
    judged = merged([judged, pooled, corrected, beside, *([] if follow_up is None else [follow_up.evidence])])
    if observed.outcome.interval_censored:
        judged = taking_days_as_known(judged)
    data = Evidence(tables=data_tables(study, contract, cohort, observed), facts=data_facts(study, cohort, observed))
    made = _made(study, contract, cohort, observed, outcome, develop, predictions, developed, identity)
    return appraised(told.closed(merged([judged, data, made])), study)


def _made(
    study: Study,
    contract: Contract,
    cohort: Cohort,
    observed: Observed,
    outcome: Outcome,
    develop: Develop,
    predictions: Mapping[str, Predictions],
    developed: Developed,
    identity: Mapping[str, Any],
) -> Evidence:
    """How the models were made: sample size, limits of the data, coefficients, tuning, refits, splits, digests."""
    model = developed.models[developed.chosen]
    enough = sample_size_table(study, develop, cohort, outcome)
    return Evidence(
        tables={
            "sample_size": enough,
            **limit_tables(study, contract, cohort, outcome),
            **{name: rows for name, rows in model.describe().items() if isinstance(rows, list)},
            "tuning": [{**row, "chosen": row["recipe"] == developed.chosen} for row in developed.trials],
            "refits": [_refit_row(row) for each in predictions.values() for row in each.refits],
            "case_mix": _case_mix(study, contract, cohort, predictions),
            "split_proofs": [
                row
                for design in study.designs
                for row in split_proofs(
                    resamples(design, cohort, observed.outcome.event, seed=study.seed), cohort.ids, study.seed
                )
            ],
        },
        facts={
            "chosen": developed.chosen,
            "recipes": list(develop.recipes),
            "null": develop.null[0],
            "inner_scores": dict(developed.scores),
            **sample_size_facts(study, enough),
            **limit_facts(study, contract, cohort, outcome),
            "digests": {name: identity[name] for name in ("run", "study", "contract", "data", "source")},
            "table_digests": dict(identity["tables"]),
            "libraries": dict(identity["libraries"]),
            "synthetic": identity["synthetic"],
        },
    )


def appraised(evidence: Evidence, study: Study) -> Evidence:
    """The evidence with what it answered to each question of the appraisal, in the table "findings"."""
    found = appraise(evidence, cause=study.endpoint.primary_cause, horizon_days=study.endpoint.primary_horizon_days)
    return replace(evidence, tables={**evidence.tables, "findings": [asdict(one) for one in found]})


def judge(
    study: Study,
    cohort: Cohort,
    outcome: Outcome,
    develop: Develop,
    predictions: Mapping[str, Predictions],
    developed: Developed,
    complete: NDArray[np.intp],
    weighed: Mapping[str, ConditionalCensoring | None],
    engine: Engine,
) -> Evidence:
    """Each model under each design, and the chosen one on its own patients ("apparent").

    complete: patients of whom every predictor of the chosen model is known. weighed: design → censoring of the patients
    that it scores, given their predictors.
    """
    null, compared = develop.null[0], {one.name for one in develop.comparators}
    asked = [
        (name, model, each.scored(model), each.scored(null), _populations(name, model, cohort, complete))
        for name, each in predictions.items()
        if name != BOOTSTRAP
        for model in each.models
        if model not in compared
    ]
    everyone = np.arange(cohort.n)
    apparent = {
        name: Scored(
            everyone,
            np.zeros(cohort.n, dtype=np.int64),
            developed.models[name].predict(cohort.frame, times=develop.times).mean,
        )
        for name in (developed.chosen, null)
    }
    asked.append(("apparent", CHOSEN, apparent[developed.chosen], apparent[null], None))
    futures = [
        engine.submit(
            partial(
                evaluate,
                outcome,
                scored,
                horizons=study.endpoint.horizons_days,
                design=design,
                model=model,
                resamples=study.intervals.resamples,
                level=study.intervals.level,
                # One seed for all models of a design: their intervals then resample the same patients.
                seed=derive_seed(study.seed, "intervals", design),
                null=against if model != null else None,
                populations=populations,
                strata=cohort.sites,
                censoring=weighed.get(design),
                thresholds=study.endpoint.thresholds,
            )
        )
        for design, model, scored, against, populations in asked
    ]
    return merged([future.result() for future in futures])


def _bootstrapped(
    study: Study,
    cohort: Cohort,
    outcome: Outcome,
    develop: Develop,
    predictions: Mapping[str, Predictions],
    developed: Developed,
    follow_up: ConditionalCensoring | None,
    engine: Engine,
) -> Evidence:
    """The chosen model's numbers without optimism, and how stable its answers are; nothing without a bootstrap."""
    design = next((one for one in study.designs if one.design == BOOTSTRAP), None)
    if design is None:
        return Evidence()
    drawn = [
        np.bincount(one.train, minlength=cohort.n).astype(float)
        for one in resamples(design, cohort, outcome.event, seed=study.seed)
    ]
    each = predictions[BOOTSTRAP]
    said = each.models[CHOSEN].reshape(len(drawn), cohort.n, *each.models[CHOSEN].shape[1:])
    # Every refit judges everybody in one order, which need not be the cohort's.
    refits = Refits(each.times, each.causes, np.array(drawn), said[:, np.argsort(each.patients[: cohort.n])])
    apparent = developed.models[developed.chosen].predict(cohort.frame, times=develop.times).mean
    horizons = study.endpoint.horizons_days
    choices: dict[str, Any] = {"horizons": horizons, "model": CHOSEN}
    honest: dict[str, Any] = {"level": study.intervals.level, "censoring": follow_up, "engine": engine}
    corrected = optimism_corrected(outcome, apparent, refits, **honest, **choices)
    return merged([corrected, stability(outcome, apparent, refits, **choices)])


def data_tables(
    study: Study, contract: Contract, cohort: Cohort, observed: Observed
) -> dict[str, list[dict[str, Any]]]:
    """Who was in the data, who left and why, and what was observed."""
    names = tuple(dict.fromkeys(name for one in study.recipes for name in study.predictors_of(one)))
    frame = derive(cohort.frame, names)
    return {
        "table_one": table_one(frame, cohort.sites, [field_of(contract, name) for name in names]),
        "flow": told_flow(cohort.flow),
        "sites": site_table(cohort.sites, observed.outcome),
        "observed_curve": observed_curves(observed.outcome, study.intervals.level),
        **{name: [told_facts(row) for row in rows] for name, rows in observed.tables.items()},
    }


def _case_mix(
    study: Study, contract: Contract, cohort: Cohort, predictions: Mapping[str, Predictions]
) -> list[dict[str, Any]]:
    """Earlier patients beside later ones, where the study is split in time."""
    if "temporal" not in predictions:
        return []
    names = tuple(dict.fromkeys(name for one in study.recipes for name in study.predictors_of(one)))
    later = np.isin(np.arange(cohort.n), predictions["temporal"].patients)
    return case_mix(derive(cohort.frame, names), later, [field_of(contract, name) for name in names])


def flow_table(flow: Flow) -> list[dict[str, Any]]:
    """Rows {reason, left, remaining}, from all rows of the registry to the patients analysed."""
    rows: list[dict[str, Any]] = [{"reason": "in the extract", "left": 0, "remaining": flow.started}]
    for step in flow.steps:
        rows.append({"reason": step.reason, "left": step.left, "remaining": rows[-1]["remaining"] - step.left})
    return rows


def told_flow(flow: Flow) -> list[dict[str, Any]]:
    """The same without counts of one to nine, told or to be had by subtraction; how many are analysed is told."""
    rows, last = flow_table(flow), len(flow.steps)
    steps = range(1, last + 1)
    cells: dict[Cell, int] = {(k, name): row[name] for k, row in enumerate(rows) for name in ("left", "remaining")}
    sums = [Sum((k - 1, "remaining"), ((k, "remaining"), (k, "left"))) for k in steps]
    # For one reason or another: by how many steps ever.
    sums += [
        Sum((j, "remaining"), ((k, "remaining"), *((step, "left") for step in range(j + 1, k + 1))))
        for j in range(last)
        for k in range(j + 2, last + 1)
    ]
    hidden = withheld(cells, sums, fixed=[(last, "remaining")])
    return [{name: None if (k, name) in hidden else value for name, value in row.items()} for k, row in enumerate(rows)]


def data_facts(study: Study, cohort: Cohort, observed: Observed) -> dict[str, Any]:
    """Counts and follow-up, as small JSON values."""
    outcome = observed.outcome
    median, low, high = median_follow_up(outcome, study.intervals.level)
    return {
        "n": outcome.n,
        "events": {cause: int((outcome.event == k).sum()) for k, cause in enumerate(outcome.causes, start=1)},
        "censored": int((outcome.event == 0).sum()),
        "follow_up": {"median_days": median, "low": low, "high": high, "method": "reverse Kaplan–Meier"},
        "sites": 0 if cohort.sites is None else len(set(cohort.sites.tolist())),
        "dates": calendar_years(cohort.time_zero, outcome),
        "resamples": study.intervals.resamples,
        "level": study.intervals.level,
        "endpoint": told_facts(observed.facts) | ({"interval_estimator": READING} if outcome.interval_censored else {}),
    }


def taking_days_as_known(judged: Evidence) -> Evidence:
    """Intervals of estimates made of resolved days say what they leave out."""
    estimates = tuple(
        one if one.low is None else replace(one, method=f"{one.method}; {TAKEN_AS_KNOWN}") for one in judged.estimates
    )
    return Evidence(estimates, judged.tables, judged.facts)


def _populations(
    design: str, model: str, cohort: Cohort, complete: NDArray[np.intp]
) -> dict[str, NDArray[np.intp]] | None:
    """For the model that would be released: each site by itself where sites are the question, and under
    cross-validation those of whom every predictor is known, where they are not all.
    """
    if design == "nested_cross_validation" and model == CHOSEN and len(complete) < cohort.n:
        return {"complete cases": complete}
    if design != "leave_one_site_out" or model != CHOSEN or cohort.sites is None:
        return None
    return {f"site={site}": np.flatnonzero(cohort.sites == site) for site in sorted(set(cohort.sites.tolist()))}


def _refit_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("design", "repeat", "fold", "label", "n_train", "n_test", "chosen")} | {
        f"score_{name}": score for name, score in row["scores"].items()
    }
