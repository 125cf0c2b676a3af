"""Recovery with known truth: what estimators make of exact times, and of what a registry sees at visits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from experiments.benchmarks.demonstration import Demonstration, demonstrate
from features.outcome import Outcome
from training.interval_times import resolve
from training.nonparametric import aalen_johansen, kaplan_meier
from training.validation import develop_on_all
from training.workers import Engine, engine

HORIZONS = np.array([42.0, 84.0, 182.0])


def measure(*, patients: int = 2500, replicates: int = 10, workers: int = 2) -> Iterator[str]:
    """Exact times first: any bias there is a fault. Then the visits: how late and how low a registry sees recovery.

    What stays below the truth after the intervals are resolved is the rule for deaths: whoever recovers and dies before
    the next assessment is counted as dead without recovery, or as censored where a visit had been missed.
    """
    shown = [demonstrate("recovery", patients, seed) for seed in range(1, replicates + 1)]
    n = int(np.mean([d.prepared.cohort.n for d in shown]))
    yield f"recovery of at least one AIS grade, {replicates} replicates of {patients} patients, {n} with a deficit each"
    yield "  incidence of recovery by          " + "".join(f"{h:>9g} d" for h in HORIZONS)
    truths = np.array([_truth(d) for d in shown])
    yield _row("truth as drawn", truths.mean(axis=0))
    exact, seen = [_exact(d) for d in shown], [d.prepared.observed.outcome for d in shown]
    resolved = [resolve(outcome) for outcome in seen]
    estimates = {
        "Aalen–Johansen, exact times": [aalen_johansen(o).at(HORIZONS) for o in exact],
        "1 − Kaplan–Meier, exact times": [_ignoring_death(o) for o in exact],
        "at visits: self-consistent": [aalen_johansen(o).at(HORIZONS) for o in resolved],
        "at visits: day first seen": [aalen_johansen(o).at(HORIZONS) for o in seen],
        "at visits: 1 − Kaplan–Meier": [_ignoring_death(o) for o in resolved],
    }
    for name, values in estimates.items():
        yield from _beside_truth(name, np.array(values), truths)
    with engine(workers) as pool:
        for name, outcomes in (("exact times", exact), ("visits", seen)):
            means = _model_means(shown, outcomes, pool)
            yield from _beside_truth(f"model's mean, {name}", means, truths)


def _model_means(shown: list[Demonstration], outcomes: list[Outcome], pool: Engine) -> np.ndarray:
    """(replicates, horizons) mean predicted incidence of the chosen model, developed on everyone."""
    fitted = [
        pool.submit(partial(develop_on_all, d.prepared.develop, d.prepared.cohort, outcome, d.study.seed))
        for d, outcome in zip(shown, outcomes, strict=True)
    ]
    means = []
    for one, future in zip(shown, fitted, strict=True):
        developed = future.result()
        curves = developed.models[developed.chosen].predict(one.prepared.cohort.frame, HORIZONS).mean
        means.append(curves.incidence[:, 0].mean(axis=0))
    return np.array(means)


def _ignoring_death(outcome: Outcome) -> np.ndarray:
    return np.asarray(1 - kaplan_meier(outcome.time_days, outcome.event == 1).at(HORIZONS))


def _beside_truth(name: str, values: np.ndarray, truths: np.ndarray) -> Iterator[str]:
    gap = values - truths
    error = gap.std(axis=0, ddof=1) / np.sqrt(len(gap))
    yield _row(name, values.mean(axis=0))
    yield _row("  minus truth", gap.mean(axis=0))
    yield _row("  Monte-Carlo error of that", error)


def _truth(one: Demonstration) -> np.ndarray:
    return np.asarray(one.simulated.truth.recovery(one.prepared.cohort.ids, HORIZONS).mean(axis=0))


def _exact(one: Demonstration) -> Outcome:
    """The latent times of the study's patients, followed to the end: what no registry has."""
    truth = one.simulated.truth
    where = {patient: row for row, patient in enumerate(truth.ids.tolist())}
    rows = np.array([where[patient] for patient in one.prepared.cohort.ids.tolist()])
    recovery, death = truth.recovery_days[rows], truth.death_days[rows]
    event = np.where(recovery < death, 1, 2)
    return Outcome.right_censored(np.minimum(recovery, death), event, one.prepared.description.causes)


def _row(what: str, values: np.ndarray) -> str:
    return f"  {what:<34}" + "".join(f"{value:>11.4f}" for value in values)
