"""How cost grows with the number of patients: seconds and memory of fits, metrics and prediction, and the exponent.

Each task runs in a process of its own, so that the peak of memory is its own: what the process held at most, minus what
it held with the data there and the libraries loaded.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from experiments.benchmarks.speed import drawn
from features.outcome import Outcome
from training.families.boosted_cox import BoostedCox
from training.families.cox import Cox
from training.families.family import Design
from training.families.forest import PseudoValueForest
from training.families.super_learner import SuperLearner
from training.metrics.accuracy import integrated_brier
from training.metrics.discrimination import harrell_c, uno_c

_TIMES = np.linspace(0.5, 5.0, 10)
_PART = 65_536  # rows read and predicted at once


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
    BoostedCox(trees=100, depth=3).fit(design, outcome, 1)


def _fit_forest(design: Design, outcome: Outcome) -> None:
    PseudoValueForest(trees=30).fit(design, outcome, 1)


def _rank(design: Design, outcome: Outcome) -> None:
    harrell_c(outcome, design.X[:, 0])


def _rank_weighted(design: Design, outcome: Outcome) -> None:
    uno_c(outcome, design.X[:, 0], horizon=5.0)


def _fit_super_learner(design: Design, outcome: Outcome) -> None:
    SuperLearner().fit(design, outcome, 1)


def _end_to_end(design: Design, outcome: Outcome) -> None:
    """Trees grown on everyone, everyone predicted in parts as a table is scored, and the predictions judged."""
    fitted = BoostedCox(trees=100, depth=3).fit(design, outcome, 1)
    risk = np.empty(outcome.n)
    for start in range(0, outcome.n, _PART):
        risk[start : start + _PART] = fitted.log_hazard(design.X[start : start + _PART])
    harrell_c(outcome, risk)


TASKS: dict[str, Callable[[Design, Outcome], None]] = {
    "boosted Cox, fit, prediction and Harrell's C": _end_to_end,
    "boosted Cox, 100 trees of depth 3, fit": _fit_boosted,
    "super learner, fit": _fit_super_learner,
    "Cox, fit": _fit_cox,
    "pseudo-value forest, 30 trees, fit": _fit_forest,
    "Harrell's C": _rank,
    "Uno's C": _rank_weighted,
    "Cox, prediction and integrated Brier": _integrated,
    "Cox, prediction": _predict_cox,
    "pseudo-value forest, prediction": _predict_forest,
}
_UP_TO = {"super learner, fit": 100_000}


def measure(*, sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)) -> Iterator[str]:
    """A line per task: seconds of the processor and megabytes at each size, and the exponents between the outermost.

    Each process reads its own Parquet file: megabytes are what the task holds at its peak beyond the matrix itself.
    """
    yield (
        "20 predictors as float32 from Parquet, times in months, one thread; per size: seconds of the processor, and "
        "megabytes at the peak beyond the data: " + ", ".join(f"{n * 20 * 4 / 1e6:g} MB" for n in sizes)
    )
    yield f"  {'patients':<45}" + "".join(f"{n:>22}" for n in sizes) + "      exponent of s, MB"
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="spinecast-") as folder:
        files = {n: write_parquet(n, Path(folder) / f"{n}.parquet") for n in sizes}
        for name in TASKS:
            found = []
            own = [n for n in sizes if n <= _UP_TO.get(name, n)]
            for n in own:
                with ProcessPoolExecutor(1, mp_context=context) as alone:
                    found.append(alone.submit(cost, name, files[n]).result())
            figures = "".join(f"{seconds:>12.3f} s {megabytes:>5.0f} MB" for seconds, megabytes in found)
            exponents = (_exponent(own, [one[i] for one in found], least) for i, least in ((0, 0.001), (1, 1.0)))
            yield f"  {name:<45}{figures:<{22 * len(sizes)}}      {', '.join(exponents)}"


def write_parquet(patients: int, path: Path) -> Path:
    """Patients of the speed benchmark in a file: predictors in single precision, `time` and `event`."""
    import pyarrow
    import pyarrow.parquet

    design, outcome = drawn(patients, seed=1, months=True)
    columns = {name: design.X[:, j].astype(np.float32) for j, name in enumerate(design.columns)}
    table = pyarrow.table({**columns, "time": outcome.time_days, "event": outcome.event})
    pyarrow.parquet.write_table(table, path, row_group_size=_PART)
    return path


def read_parquet(path: Path) -> tuple[Design, Outcome]:
    """The file as one matrix in single precision, filled part by part: it stands in memory once."""
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    n, names = file.metadata.num_rows, tuple(name for name in file.schema_arrow.names if name not in ("time", "event"))
    X, time, event = np.empty((n, len(names)), np.float32), np.empty(n), np.empty(n, np.int64)
    start = 0
    for part in file.iter_batches(_PART):
        rows = slice(start, start + part.num_rows)
        for j, name in enumerate(names):
            X[rows, j] = part.column(name).to_numpy()
        time[rows], event[rows] = part.column("time").to_numpy(), part.column("event").to_numpy()
        start = rows.stop
    # Families are declared for double precision; those measured here read single as it is.
    return Design(X, names), Outcome.right_censored(time, event)


def _exponent(sizes: Sequence[int], costs: list[float], least: float) -> str:
    """Of the growth between the outermost sizes; none where the smaller cost is too small to be told from nothing."""
    if costs[0] < least:
        return "–"
    return f"{math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0]):.2f}"


def cost(name: str, path: Path) -> tuple[float, float]:
    """(seconds, megabytes) of one task on a file's patients; the libraries are loaded by a small one before."""
    TASKS[name](*drawn(500, seed=1, months=True))
    design, outcome = read_parquet(path)
    held, start = peak_megabytes(), time.process_time()
    TASKS[name](design, outcome)
    return time.process_time() - start, max(peak_megabytes() - held, 0.0)


def peak_megabytes() -> float:
    """The most that this process has held so far."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)
