"""Whether a study has patients enough: Riley's criteria for its recipes, causes and horizons, before any fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from experiments.study import Study, StudyError
from features.cohort import Cohort
from features.outcome import Outcome
from training.develop import Develop
from training.families.cox import Cox
from training.nonparametric import aalen_johansen
from training.sample_size import (
    SHARE_OF_MAXIMUM,
    Requirement,
    Setting,
    development_criteria,
    evaluation_criteria,
    largest_r2,
    slope_criterion,
    supported_parameters,
)

_UNSAID: Final = {"parameters": None, "supported": None}


def encoded_parameters(develop: Develop, cohort: Cohort) -> dict[str, int]:
    """Recipe → candidate columns that it reads, encoded; one whose effect may change counts once per interval."""
    columns: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
    counted = {}
    for name, recipe in develop.recipes.items():
        key = (recipe.family.road, recipe.predictors)
        if key not in columns:
            columns[key] = recipe.encode(cohort.frame, develop.contract, seed=0).design.columns
        counted[name] = len(columns[key])
        if isinstance(recipe.family, Cox):
            counted[name] += len(recipe.family.varying(columns[key])) * len(recipe.family.change_days)
    return counted


def sample_size_table(study: Study, develop: Develop, cohort: Cohort, outcome: Outcome) -> list[dict[str, Any]]:
    """Development by recipe and cause at the primary horizon, evaluation by cause and horizon.

    Rows {recipe, cause, horizon_days, parameters, supported, r2, purpose, criterion, target, needed_n, available,
    source, met}; supported: how many columns so many patients carry.

    outcome: of the whole cohort, each event with its day.
    """
    parameters = encoded_parameters(develop, cohort)
    rows: list[dict[str, Any]] = []
    for cause, name in enumerate(outcome.causes, start=1):
        setting = _setting(study, outcome, cause)
        if setting is None:
            rows.append(_without_events(name, cohort.n))
            continue
        supported = supported_parameters(setting, cohort.n)
        for recipe, count in parameters.items():
            wanted = development_criteria(setting, count, cohort.n, study.endpoint.primary_horizon_days)
            about = {"recipe": recipe, "cause": name, "horizon_days": study.endpoint.primary_horizon_days}
            rows += [
                _row(one, about | {"parameters": count, "supported": supported, "r2": setting.r2}) for one in wanted
            ]
        judged = {"recipe": "", "cause": name, "horizon_days": None, **_UNSAID, "r2": setting.r2}
        for horizon in study.endpoint.horizons_days:
            risk = float(aalen_johansen(outcome).at(horizon, cause))
            if not 0 < risk < 1:
                continue
            wanted = evaluation_criteria(setting, cohort.n, risk)
            rows += [_row(one, judged | {"horizon_days": horizon}) for one in wanted]
        rows.append(_row(slope_criterion(setting, cohort.n), judged))
    return rows


def sample_size_facts(study: Study, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Whether every criterion of each purpose is met, and on what expectation it was reckoned."""
    return {
        "sample_size_met": _met(rows, "development"),
        "evaluation_precision_met": _met(rows, "evaluation"),
        "anticipated_r2": "declared by the study"
        if study.anticipated_r2 is not None
        else f"not declared: {SHARE_OF_MAXIMUM:.0%} of the largest possible Cox–Snell R²",
    }


def shortfalls(rows: list[dict[str, Any]]) -> list[str]:
    """A sentence for each development criterion that is not met, the worst of each recipe and cause."""
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["recipe"], row["cause"])
        missed = row["purpose"] == "development" and not row["met"]
        if missed and (key not in worst or row["needed_n"] > worst[key]["needed_n"]):
            worst[key] = row
    return [
        f"{row['cause']}: no event among {row['available']} patients."
        if row["needed_n"] is None
        else f"{recipe} for {cause}: {row['parameters']} columns need {row['needed_n']} patients ({row['target']}), "
        f"there are {row['available']}, enough for {row['supported']} columns."
        for (recipe, cause), row in worst.items()
    ]


def require_sample_size(study: Study, develop: Develop, cohort: Cohort, outcome: Outcome) -> None:
    """Raise `StudyError` where the study asks to be stopped and a development criterion is not met."""
    if not study.require_sample_size:
        return
    missed = shortfalls(sample_size_table(study, develop, cohort, outcome))
    if missed:
        least = "try: fewer predictors, a simpler recipe, more patients, or require_sample_size = false."
        raise StudyError("\n  ".join([f"study {study.name}: too few patients (Riley's criteria).", *missed, least]))


def _setting(study: Study, outcome: Outcome, cause: int) -> Setting | None:
    events, others = int((outcome.event == cause).sum()), int(((outcome.event > 0) & (outcome.event != cause)).sum())
    time = float((outcome.time_days - outcome.entry_days).sum())
    if not events:
        return None
    declared = study.anticipated_r2 if outcome.causes[cause - 1] == study.endpoint.primary_cause else None
    expected = SHARE_OF_MAXIMUM * largest_r2(events / outcome.n) if declared is None else declared
    try:
        return Setting(events / time, time / outcome.n, expected, others / time)
    except ValueError as error:
        raise StudyError(f"study {study.name}: anticipated_r2: {error}") from error


def _without_events(cause: str, available: int) -> dict[str, Any]:
    about = {"recipe": "", "cause": cause, "horizon_days": None, **_UNSAID, "r2": None, "purpose": "development"}
    return about | {
        "criterion": "events",
        "target": "at least one event",
        "needed_n": None,
        "available": available,
        "source": "",
        "met": False,
    }


def _row(one: Requirement, about: dict[str, Any]) -> dict[str, Any]:
    return {**about, **asdict(one), "met": one.met}


def _met(rows: list[dict[str, Any]], purpose: str) -> bool:
    return all(row["met"] for row in rows if row["purpose"] == purpose)
