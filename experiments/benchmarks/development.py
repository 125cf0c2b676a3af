"""What one whole development costs, and two hundred of them: encoding, inner folds, tuning, refits.

Each size runs in a process of its own, so that its peak of memory is its own. Seconds are of the processor.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import final

import numpy as np

from experiments.benchmarks.demonstration import Demonstration, demonstrate
from experiments.benchmarks.growth import peak_megabytes
from training.resampling import bootstrap

_BOOTSTRAP = 200


@final
@dataclass(frozen=True)
class Cost:
    """Seconds of one development on all patients, and of one on a bootstrap's draw with the prediction of everyone."""

    patients: int
    seconds: float
    drawn_seconds: float
    megabytes: float


def measure(
    *, sizes: tuple[int, ...] = (400, 1500, 5000), trials: int = 10, replicates: int = 5, workers: int = 2
) -> Iterator[str]:
    """Lines per study and size. The bootstrap's whole is its measured draws, times as many as are missing."""
    context = multiprocessing.get_context("spawn")
    for name in ("survival", "recovery"):
        yield (
            f"the whole development of configs/studies/{name}.toml, {trials} trials a recipe, core-seconds; "
            f"{_BOOTSTRAP} bootstrap draws, each with the prediction of every patient, from {replicates} of them"
        )
        for n in sizes:
            with ProcessPoolExecutor(1, mp_context=context) as alone:
                cost = alone.submit(spent, name, n, trials, replicates).result()
            minutes = _BOOTSTRAP * cost.drawn_seconds / workers / 60
            yield (
                f"  {cost.patients:>5} patients   once {cost.seconds:6.2f} s   bootstrap {cost.drawn_seconds:6.2f} s a "
                f"draw, {minutes:5.1f} min on {workers} cores   {cost.megabytes:4.0f} MB at the peak"
            )


def spent(name: str, patients: int, trials: int, replicates: int) -> Cost:
    """Measured on a synthetic registry of so many patients; the libraries are loaded by a small development before."""
    shown = demonstrate(name, patients, 1, (f"tuning.trials={trials}",))
    _develop(shown, np.arange(min(120, shown.prepared.cohort.n)))
    held = peak_megabytes()
    start = time.process_time()
    everyone = np.arange(shown.prepared.cohort.n)
    _develop(shown, everyone)
    once, start = time.process_time() - start, time.process_time()
    cohort = shown.prepared.cohort
    for one in bootstrap(cohort.ids, cohort.sites, replicates=replicates, seed=1):
        _develop(shown, one.train)
    drawn = (time.process_time() - start) / replicates
    return Cost(len(everyone), once, drawn, max(peak_megabytes() - held, 0.0))


def _develop(shown: Demonstration, rows: np.ndarray) -> None:
    ready = shown.prepared
    cohort, outcome = ready.cohort, ready.observed.outcome.take(rows)
    # A draw repeats patients, which no cohort may: its parts are taken one by one.
    frame, sites = cohort.frame.iloc[rows].reset_index(drop=True), None if cohort.sites is None else cohort.sites[rows]
    developed = ready.develop(frame, outcome, cohort.ids[rows], sites, seed=1)
    for model in developed.models.values():
        model.predict(cohort.frame, times=ready.develop.times)
