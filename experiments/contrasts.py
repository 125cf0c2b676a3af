"""What our model is held against beside its null: published scores on the same patients, and groups of patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from experiments.comparators import comparators_of
from experiments.study import Study
from experiments.suppression import Told
from features.cohort import Cohort
from features.outcome import Outcome
from training.comparator_evidence import comparator_tables, judge_comparator
from training.comparators import Comparator
from training.conditional_censoring import ConditionalCensoring
from training.develop import Develop
from training.evaluation import Scored, merged
from training.evidence import Evidence
from training.resampling import derive_seed
from training.subgroups import Subgroup, gap_table, judge_subgroup, without_rests
from training.validation import CHOSEN, Predictions
from training.workers import Engine

_SUBGROUP_DESIGN: Final = "nested_cross_validation"


def contrasts(
    study: Study,
    cohort: Cohort,
    outcome: Outcome,
    develop: Develop,
    predictions: Mapping[str, Predictions],
    groups: Sequence[Subgroup],
    weighed: Mapping[str, ConditionalCensoring | None],
    told: Told,
    engine: Engine,
) -> Evidence:
    """Comparators under every design that predicted them, and the elected model in every subgroup.

    weighed: design → censoring of the patients that it scores, given their predictors. told: which counts are told;
    a gap is not made of numbers that are not.
    """
    comparators = _comparators(study, cohort, outcome, develop, predictions, weighed, engine)
    subgroups = _subgroups(study, outcome, predictions, groups, weighed.get(_SUBGROUP_DESIGN), told, engine)
    facts = {
        "comparators": [one.name for one in develop.comparators],
        "subgroups": {group.name: list(group.levels) for group in groups},
    }
    return merged([comparators, subgroups, Evidence(facts=facts)])


def published_elsewhere(
    study: Study,
    cohort: Cohort,
    outcome: Outcome,
    ours: Scored,
    design: str,
    *,
    censoring: ConditionalCensoring | None = None,
) -> Evidence:
    """Raw comparators beside a model that is judged as it is: nothing here may learn, so none is recalibrated."""
    there = asked_elsewhere(study, cohort)
    if not there:
        return Evidence()
    horizons = study.endpoint.horizons_days
    judged = [
        judge_comparator(
            one,
            outcome,
            cohort.frame,
            replace(ours, curves=one.fit(cohort.frame, outcome).predict(cohort.frame, ours.curves.times)),
            ours,
            None,
            horizons=horizons,
            design=design,
            resamples=study.intervals.resamples,
            level=study.intervals.level,
            seed=derive_seed(study.seed, "intervals", design),
            strata=cohort.sites,
            censoring=censoring,
            thresholds=study.endpoint.thresholds,
        )
        for one in there
    ]
    lacked = comparator_tables(there, cohort.frame, outcome, horizons)
    return merged([*judged, Evidence(tables=lacked, facts={"comparators": [one.name for one in there]})])


def asked_elsewhere(study: Study, cohort: Cohort) -> list[Comparator]:
    """The study's raw scores whose inputs these patients have."""
    raw = [one for one in comparators_of(study) if not one.recalibrated]
    return [one for one in raw if set(one.source.inputs) <= set(cohort.frame.columns)]


def _comparators(
    study: Study,
    cohort: Cohort,
    outcome: Outcome,
    develop: Develop,
    predictions: Mapping[str, Predictions],
    weighed: Mapping[str, ConditionalCensoring | None],
    engine: Engine,
) -> Evidence:
    futures = [
        engine.submit(
            partial(
                judge_comparator,
                one,
                outcome,
                cohort.frame,
                each.scored(one.name),
                each.scored(CHOSEN),
                each.scored(develop.null[0]),
                horizons=study.endpoint.horizons_days,
                design=design,
                resamples=study.intervals.resamples,
                level=study.intervals.level,
                # The seed of all models of the design: the same resamples of the same patients.
                seed=derive_seed(study.seed, "intervals", design),
                strata=cohort.sites,
                censoring=weighed.get(design),
                thresholds=study.endpoint.thresholds,
            )
        )
        for design, each in predictions.items()
        for one in develop.comparators
        if one.name in each.models
    ]
    if not develop.comparators:
        return Evidence()
    lacked = comparator_tables(develop.comparators, cohort.frame, outcome, study.endpoint.horizons_days)
    return merged([*(future.result() for future in futures), Evidence(tables=lacked)])


def _subgroups(
    study: Study,
    outcome: Outcome,
    predictions: Mapping[str, Predictions],
    groups: Sequence[Subgroup],
    censoring: ConditionalCensoring | None,
    told: Told,
    engine: Engine,
) -> Evidence:
    if _SUBGROUP_DESIGN not in predictions:
        return Evidence()
    scored = predictions[_SUBGROUP_DESIGN].scored(CHOSEN)
    choices = {"design": _SUBGROUP_DESIGN, "model": CHOSEN}
    futures = [
        engine.submit(
            partial(
                judge_subgroup,
                outcome,
                scored,
                group,
                horizons=study.endpoint.horizons_days,
                level=study.intervals.level,
                censoring=censoring,
                **choices,
            )
        )
        for group in groups
    ]
    judged = told.closed(merged(future.result() for future in futures))
    level, horizon = study.intervals.level, study.endpoint.primary_horizon_days
    gaps = gap_table(judged, groups, primary_horizon=horizon, level=level)
    return Evidence(without_rests(judged, groups).estimates, {"subgroup_gaps": gaps} if gaps else {})
