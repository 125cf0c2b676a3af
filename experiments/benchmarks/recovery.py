"""Recovery with known truth: what estimators make of exact times, and of what a registry sees at visits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.benchmarks.demonstration import Demonstration, demonstrate
from features.outcome import Outcome
from training.nonparametric import aalen_johansen, kaplan_meier
from training.validation import develop_on_all, validate
from training.workers import engine

HORIZONS = np.array([42.0, 84.0, 182.0])


def measure(*, patients: int = 2500, replicates: int = 10, modelled: int = 2, workers: int = 2) -> Iterator[str]:
    """Exact times first: any bias there is a fault. Then the visits: how late and how low a registry sees recovery."""
    shown = [demonstrate("recovery", patients, seed) for seed in range(1, replicates + 1)]
    n = int(np.mean([d.prepared.cohort.n for d in shown]))
    yield f"recovery of at least one AIS grade, {replicates} replicates of {patients} patients, {n} with a deficit each"
    yield "  incidence of recovery by          " + "".join(f"{h:>9g} d" for h in HORIZONS)
    truths = np.array([_truth(d) for d in shown])
    exact = np.array([aalen_johansen(_exact(d)).at(HORIZONS) for d in shown])
    yield _row("truth as drawn", truths.mean(axis=0))
    yield _row("Aalen–Johansen, exact times", exact.mean(axis=0))
    gap = exact - truths
    error = gap.std(axis=0, ddof=1) / np.sqrt(replicates)
    yield _row("  minus truth", gap.mean(axis=0))
    yield _row("  in Monte-Carlo errors", gap.mean(axis=0) / error)
    ignoring = np.array([1 - kaplan_meier(_exact(d).time_days, _exact(d).event == 1).at(HORIZONS) for d in shown])
    yield _row("1 − Kaplan–Meier (ignores death)", ignoring.mean(axis=0))
    seen = np.array([aalen_johansen(d.prepared.observed.outcome).at(HORIZONS) for d in shown])
    yield _row("Aalen–Johansen, as seen at visits", seen.mean(axis=0))
    yield _row("  minus truth", (seen - truths).mean(axis=0))
    visits = [d.prepared.observed.outcome for d in shown]
    naive = np.array([1 - kaplan_meier(o.time_days, o.event == 1).at(HORIZONS) for o in visits])
    yield _row("1 − Kaplan–Meier, at visits", naive.mean(axis=0))
    for one in shown[:modelled]:
        yield from _model(one, workers)


def _model(one: Demonstration, workers: int) -> Iterator[str]:
    ready, outcome, seed = one.prepared, _exact(one), one.study.seed
    fitted = develop_on_all(ready.develop, ready.cohort, outcome, seed)
    mean = fitted.models[fitted.chosen].predict(ready.cohort.frame, HORIZONS).mean.incidence[:, 0].mean(axis=0)
    yield _row(f"{fitted.chosen}, mean incidence, exact", mean)
    yield _row("  minus truth of these patients", mean - _truth(one))
    designs = [d for d in one.study.designs if d.design == "nested_cross_validation"]
    with engine(workers) as pool:
        found = validate(ready.develop, ready.cohort, outcome, designs, seed=seed, engine=pool)
    folds = found["nested_cross_validation"].scored("chosen").curves.at(HORIZONS).incidence[:, 0].mean(axis=0)
    yield _row("  the same out of fold, minus truth", folds - _truth(one))


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
