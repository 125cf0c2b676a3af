"""How close to the truth can a model come? The true curves' C beside the model's, on the same patients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.benchmarks.demonstration import demonstrate
from training.comparison import compare
from training.curves import Curves
from training.evaluation import Scored
from training.validation import validate
from training.workers import engine


def measure(*, patients: int = 1500, seeds: tuple[int, ...] = (1, 2, 3), workers: int = 2) -> Iterator[str]:
    """C of the truth minus C of the chosen model, out of fold, with its interval: below zero would be a leak."""
    yield f"overall survival, {patients} synthetic patients (G1), nested cross-validation; difference in Harrell's C"
    for seed in seeds:
        shown = demonstrate("survival", patients, seed)
        ready = shown.prepared
        outcome = ready.observed.outcome
        designs = [d for d in shown.study.designs if d.design == "nested_cross_validation"]
        with engine(workers) as pool:
            found = validate(ready.develop, ready.cohort, outcome, designs, seed=shown.study.seed, engine=pool)
        model = found["nested_cross_validation"].scored("chosen")
        times = np.asarray(model.curves.times)
        alive = shown.simulated.truth.survival(ready.cohort.ids, times)[model.patients]
        truth = Scored(model.patients, model.groups, Curves.from_survival(times, alive, outcome.causes[0]))
        horizons = shown.study.endpoint.horizons_days
        compared = compare(
            outcome, model, truth, names=("model", "truth"), horizons=horizons, resamples=200, level=0.95, seed=seed
        )
        for estimate in compared.estimates:
            if estimate.metric == "delta_c":
                when = "whole range" if estimate.horizon_days is None else f"{estimate.horizon_days:g} d"
                yield (
                    f"  seed {seed}  {when:>11}  truth − model {estimate.value:+.4f} "
                    f"({estimate.low:+.4f} to {estimate.high:+.4f})  n {estimate.n}, events {estimate.events}"
                )
