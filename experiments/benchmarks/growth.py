"""How cost grows with the number of patients: seconds and memory of fits, metrics and prediction, and the exponent.

Each task runs in a process of its own, so that the peak of memory is its own: what the process held at most, minus what
it held with the data there and the libraries loaded.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from experiments.benchmarks.speed import drawn
from features.outcome import Outcome
from training.families.boosted_cox import BoostedCox
from training.families.cox import Cox
from training.families.family import Design
from training.families.forest import PseudoValueForest
from training.metrics.accuracy import integrated_brier
from training.metrics.discrimination import harrell_c, uno_c

_TIMES = np.linspace(0.5, 5.0, 10)


def _predict_forest(design: Design, outcome: Outcome) -> None:
    few = np.arange(min(outcome.n, 2000))
    fitted = PseudoValueForest(trees=30).fit(Design(design.X[few], design.columns), outcome.take(few), 1)
    fitted.predict(design.X, _TIMES)


def _predict_cox(design: Design, outcome: Outcome) -> None:
    few = np.arange(min(outcome.n, 2000))
    Cox().fit(Design(design.X[few], design.columns), outcome.take(few), 1).predict(design.X, _TIMES)


def _integrated(design: Design, outcome: Outcome) -> None:
    few = np.arange(min(outcome.n, 2000))
    fitted = Cox().fit(Design(design.X[few], design.columns), outcome.take(few), 1)
    integrated_brier(outcome, fitted.predict(design.X, _TIMES), until=5.0)


def _fit_cox(design: Design, outcome: Outcome) -> None:
    Cox().fit(design, outcome, 1)


def _fit_boosted(design: Design, outcome: Outcome) -> None:
    BoostedCox(depth=3).fit(design, outcome, 1)


def _fit_forest(design: Design, outcome: Outcome) -> None:
    PseudoValueForest(trees=30).fit(design, outcome, 1)


def _rank(design: Design, outcome: Outcome) -> None:
    harrell_c(outcome, design.X[:, 0])


def _rank_weighted(design: Design, outcome: Outcome) -> None:
    uno_c(outcome, design.X[:, 0], horizon=5.0)


TASKS: dict[str, Callable[[Design, Outcome], None]] = {
    "Cox, fit": _fit_cox,
    "boosted Cox, 100 trees of depth 3, fit": _fit_boosted,
    "pseudo-value forest, 30 trees, fit": _fit_forest,
    "Harrell's C": _rank,
    "Uno's C": _rank_weighted,
    "Cox, prediction and integrated Brier": _integrated,
    "Cox, prediction": _predict_cox,
    "pseudo-value forest, prediction": _predict_forest,
}


def measure(*, sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)) -> Iterator[str]:
    """A line per task: seconds of the processor and megabytes at each size, and the exponents between the outermost."""
    yield "20 predictors, times in months, one thread; per size: seconds of the processor, megabytes at the peak"
    yield f"  {'patients':<40}" + "".join(f"{n:>22}" for n in sizes) + "      exponent of s, MB"
    context = multiprocessing.get_context("spawn")
    for name in TASKS:
        found = []
        for n in sizes:
            with ProcessPoolExecutor(1, mp_context=context) as alone:
                found.append(alone.submit(cost, name, n).result())
        figures = "".join(f"{seconds:>12.3f} s {megabytes:>5.0f} MB" for seconds, megabytes in found)
        exponents = (_exponent(sizes, [one[i] for one in found], least) for i, least in ((0, 0.001), (1, 1.0)))
        yield f"  {name:<40}{figures}      {', '.join(exponents)}"


def _exponent(sizes: tuple[int, ...], costs: list[float], least: float) -> str:
    """Of the growth between the outermost sizes; none where the smaller cost is too small to be told from nothing."""
    if costs[0] < least:
        return "–"
    return f"{math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0]):.2f}"


def cost(name: str, patients: int) -> tuple[float, float]:
    """(seconds, megabytes) of one task on so many patients; the libraries are loaded by a small one before."""
    small = drawn(500, seed=1, months=True)
    TASKS[name](*small)
    design, outcome = drawn(patients, seed=1, months=True)
    held, start = peak_megabytes(), time.process_time()
    TASKS[name](design, outcome)
    return time.process_time() - start, max(peak_megabytes() - held, 0.0)


def peak_megabytes() -> float:
    """The most that this process has held so far."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)
