"""Are the corrected numbers right, and do their intervals hold the truth as often as they say? Long; it resumes.

Truth is the performance of the very model that was fitted, on a hundred thousand new patients.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks import every_interval
from experiments.benchmarks.nested_super_learner import FOLDS, nested_super_learner
from experiments.benchmarks.weibull_world import (
    CAUSE,
    HORIZON,
    fit,
    patients,
    risk_of,
    true_performance,
)
from features.outcome import Outcome
from training.curves import Curves
from training.measures import accuracy, slope
from training.meta_analysis import pool
from training.metrics.calibration import MIN_EVENTS, oe_ratio
from training.metrics.discrimination import harrell_c
from training.metrics.metric import Floats
from training.optimism import Kind, correct
from training.resampling import derive_seed

METRICS: Final = ("C", "IPA", "slope")
SIZES: Final = (400, 1500)
LEARNER_SIZE: Final = 400
BOOTSTRAPS: Final = 100
_KINDS: Final[tuple[Kind, ...]] = ("rank", "plain", "slope")
_NEW, _SEED, _LEVEL = 100_000, 20261126, 0.95
_SITES, _SITE_SD, _NEXT = 10, 0.2, 20
_Z: Final = NormalDist().inv_cdf(0.5 + _LEVEL / 2)
_EVERY: Final = {
    **{f"corrected {n}": f"every interval corrected by {BOOTSTRAPS} bootstraps" for n in SIZES},
    "new cohort": "every interval of a new cohort",
    "two causes": "every interval of a new cohort with two causes",
}
Row = dict[str, list[float]]

Works = dict[str, tuple[int, Callable[[int], Mapping[str, Any]]]]


def measure(
    folder: Path = Path("runs/coverage"),
    *,
    share: tuple[int, int] = (1, 1),
    replicates: int = 1000,
    hospitals: int = 500,
    learners: int = 50,
    cohorts: int = 200,
    competing: int = 100,
    bootstrapped: int = 60,
) -> Iterator[str]:
    """Run what `folder` does not hold yet, a line for each replicate, and say what all of it shows.

    share  (k, of): only each `of`-th replicate, beginning with the k-th, so that processes divide the work. Each writes
    a file of its own. What costs most, every corrected interval and those of competing causes, has fewer replicates.
    """
    works: Works = {f"optimism {n}": (replicates, partial(optimism_of, n)) for n in SIZES}
    works["next hospital"] = (hospitals, next_hospital)
    works["new cohort"] = (cohorts, partial(every_interval.new_cohort, SIZES))
    works["two causes"] = (competing, partial(every_interval.two_causes, SIZES[1:]))
    works |= {
        f"corrected {n}": (bootstrapped, partial(every_interval.corrected, n, bootstraps=BOOTSTRAPS)) for n in SIZES
    }
    works["super learner"] = (learners, partial(nested_super_learner, LEARNER_SIZE))
    done = {(row["kind"], row["replicate"]) for row in _finished(folder)}
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / f"{share[0]}-of-{share[1]}.jsonl"
    for number in range(share[0] - 1, max(count for count, _ in works.values()), share[1]):
        for kind, (count, work) in works.items():
            if number < count and (kind, number) not in done:
                row = {"kind": kind, "replicate": number} | dict(work(derive_seed(_SEED, kind, number)))
                with state.open("a", encoding="utf-8") as file:
                    file.write("\n" + json.dumps(row))  # a torn line ends where the next begins
    yield from report(folder)


def report(folder: Path) -> Iterator[str]:
    """What the finished replicates of all files show."""
    rows = _finished(folder)

    def of(kind: str) -> list[dict[str, Any]]:
        found = [row for row in rows if row["kind"] == kind]
        return found if len(found) > 1 else []

    for n in SIZES:
        if found := of(f"optimism {n}"):
            yield from _optimism_lines(n, found)
    if found := of("next hospital"):
        yield from _hospital_lines(found)
    if found := of("super learner"):
        yield from _learner_lines(found)
    for kind, title in _EVERY.items():
        if found := of(kind):
            yield from every_interval.lines(title, found)


def optimism_of(n: int, seed: int, *, bootstraps: int = BOOTSTRAPS, new: int = _NEW) -> Row:
    """One replicate: apparent, corrected, its standard error and the truth of C, IPA and slope."""
    rng = np.random.default_rng(seed)
    seen = patients(rng, n)
    model = fit(seen.X, seen.outcome)
    read = _Reader.of(seen.outcome)
    everyone, risk = np.ones(n), risk_of(model, seen.X)
    apparent = read(risk, everyone)
    own, everybody = np.zeros((bootstraps, 3)), np.zeros((bootstraps, 3))
    for b in range(bootstraps):
        rows = np.sort(rng.integers(0, n, n))
        again = fit(seen.X[rows], seen.outcome.take(rows), model.coef)
        risks, drawn = risk_of(again, seen.X), np.bincount(rows, minlength=n).astype(float)
        own[b], everybody[b] = read.both(risks, drawn)
    found = correct(apparent, own, everybody, _KINDS)
    shifted = np.quantile(own - found.optimism, [0.025, 0.975], axis=0)
    influence = harrell_c(seen.outcome, risk).influence
    jackknife = float(np.sqrt(np.sum(influence**2))) if influence is not None else np.nan
    ahead = patients(rng, new)
    return {
        "apparent": apparent.tolist(),
        "own": own.mean(axis=0).tolist(),
        "corrected": found.value.tolist(),
        "error": found.standard_error.tolist(),
        "shifted_low": shifted[0].tolist(),
        "shifted_high": shifted[1].tolist(),
        "jackknife": [jackknife],
        "truth": list(true_performance(risk_of(model, ahead.X), ahead)),
    }


@final
@dataclass(frozen=True)
class _Reader:
    """C, IPA and slope of weighted patients. C by counting all pairs in one matrix: at these sizes that is fastest."""

    pairs: NDArray[np.float32]
    gain: Callable[[Curves, Floats | None], Floats]
    slope: Callable[[Curves, Floats | None], Floats]

    @classmethod
    def of(cls, outcome: Outcome) -> _Reader:
        time, event = outcome.right_days, outcome.event == 1
        pairs = event[:, None] & (
            (time[:, None] < time[None, :]) | ((time[:, None] == time[None, :]) & ~event[None, :])
        )
        return cls(pairs.astype(np.float32), accuracy(outcome, 1, HORIZON).read, slope(outcome, HORIZON).read)

    def __call__(self, risk: Floats, weights: Floats) -> Floats:
        return self.both(risk, weights)[0]

    def both(self, risk: Floats, drawn: Floats) -> tuple[Floats, Floats]:
        """With these weights, and with all patients alike."""
        sides = np.stack([drawn, np.ones(len(risk))], axis=1).astype(np.float32)
        right = ((risk[:, None] > risk[None, :]) * self.pairs) @ sides
        all_pairs = self.pairs @ sides
        share = np.sum(sides * right, axis=0, dtype=float) / np.sum(sides * all_pairs, axis=0, dtype=float)
        curves = Curves(np.array([HORIZON]), (CAUSE,), risk[:, None, None])
        found = [
            np.array([c, self.gain(curves, w)[1], self.slope(curves, w)[0]])
            for c, w in zip(share, (drawn, None), strict=True)
        ]
        return found[0], found[1]


def next_hospital(seed: int) -> Row:
    """One replicate: ten hospitals of unequal size, each left out once; then twenty that nobody has seen.

    The truth of a hospital is its own incidence over the mean risk that the model of all ten gives its patients.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.multinomial(1500, np.arange(1, _SITES + 1) / np.arange(1, _SITES + 1).sum())
    site = np.repeat(np.arange(_SITES), sizes)
    seen = patients(rng, 1500, rng.normal(0, _SITE_SD, _SITES)[site])
    model = fit(seen.X, seen.outcome)
    values, errors = [], []
    for left_out in range(_SITES):
        own, others = np.flatnonzero(site == left_out), np.flatnonzero(site != left_out)
        part = seen.outcome.take(own)
        risk = risk_of(fit(seen.X[others], seen.outcome.take(others), model.coef), seen.X[own])
        if np.sum((part.event == 1) & (part.right_days <= HORIZON)) < MIN_EVENTS:
            continue
        ratio, low, high = oe_ratio(part, risk, horizon=HORIZON)
        values.append(np.log(ratio))
        errors.append(np.log((high or np.nan) / (low or np.nan)) / (2 * _Z))
    found = pool(np.array(values), np.array(errors), _LEVEL)
    ahead = [patients(rng, 5_000, rng.normal(0, _SITE_SD)) for _ in range(_NEXT)]
    truths = [float(np.log(one.risk.mean() / risk_of(model, one.X).mean())) for one in ahead]
    return {
        "mean": [found.mean, found.low, found.high],
        "tau": [found.tau],
        "next": [found.next_low or np.nan, found.next_high or np.nan],
        "truth": truths,
        "sites": [len(values)],
    }


def _finished(folder: Path) -> list[dict[str, Any]]:
    """Whole lines of every file there; a torn last one is done again."""
    rows = []
    for state in sorted(folder.glob("*.jsonl")):
        for line in state.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return rows


def _optimism_lines(n: int, rows: list[dict[str, Any]]) -> Iterator[str]:
    truth, apparent, corrected, error = (
        np.array([row[name] for row in rows]) for name in ("truth", "apparent", "corrected", "error")
    )
    yield f"fixed-penalty Cox, n = {n}, {len(rows)} replicates of {BOOTSTRAPS} bootstraps; truth on {_NEW} new patients"
    yield "                                   " + "".join(f"{name:>18}" for name in METRICS)
    yield _row("truth, mean", truth.mean(axis=0))
    yield _bias("apparent − truth", apparent - truth)
    yield _bias("corrected − truth", corrected - truth)
    low, high = corrected - _Z * error, corrected + _Z * error
    yield _coverage("corrected ± SD of the optimism", low, high, truth)
    shifted = [np.array([row[name] for row in rows]) for name in ("shifted_low", "shifted_high")]
    yield _coverage("apparent percentiles, shifted", shifted[0], shifted[1], truth)
    jackknife = np.array([row["jackknife"] for row in rows]) * np.array([1.0, np.nan, np.nan])
    yield _coverage(
        "corrected ± infinitesimal jackknife", corrected - _Z * jackknife, corrected + _Z * jackknife, truth
    )


def _hospital_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    truth, ahead = np.array([row["truth"] for row in rows]), np.array([row["next"] for row in rows])
    held = ((truth >= ahead[:, :1]) & (truth <= ahead[:, 1:])).mean(axis=1)
    noise = held.std(ddof=1) / np.sqrt(len(held))
    yield f"next hospital, {len(rows)} replicates of {_SITES} sites, site effects of SD {_SITE_SD:g} on the log hazard"
    share = f"{100 * held.mean():.1f} ± {100 * noise:.1f} %"
    yield f"  95 % prediction interval of O/E holds {share} of {_NEXT} new hospitals per replicate"
    tau, width = np.array([row["tau"][0] for row in rows]), np.exp(ahead)
    yield f"  τ of log O/E: mean {tau.mean():.3f}, truth {truth.std(axis=1, ddof=1).mean():.3f}"
    yield f"  median interval {np.median(width[:, 0]):.2f} to {np.median(width[:, 1]):.2f}"


def _learner_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    truth, estimate = (np.array([row[name] for row in rows]) for name in ("truth", "estimate"))
    yield f"super learner, n = {LEARNER_SIZE}, {len(rows)} replicates of nested cross-validation, {FOLDS} outer folds"
    yield "                                   " + "".join(f"{name:>18}" for name in METRICS)
    yield _row("truth, mean", truth.mean(axis=0))
    yield _bias("out of fold − truth", estimate - truth)


def _bias(name: str, gap: Floats) -> str:
    noise = gap.std(axis=0, ddof=1) / np.sqrt(len(gap))
    cells = [f"{a:+.4f} ± {b:.4f}" for a, b in zip(gap.mean(axis=0), noise, strict=True)]
    return f"  {name:<33}" + "".join(f"{cell:>18}" for cell in cells)


def _coverage(name: str, low: Floats, high: Floats, truth: Floats) -> str:
    held = np.where(np.isnan(low), np.nan, (low <= truth) & (truth <= high)).mean(axis=0)
    noise = np.sqrt(held * (1 - held) / len(truth))
    cells = ["" if np.isnan(a) else f"{100 * a:.1f} ± {100 * b:.1f} %" for a, b in zip(held, noise, strict=True)]
    return f"  {name:<33}" + "".join(f"{cell:>18}" for cell in cells)


def _row(name: str, values: Floats) -> str:
    return f"  {name:<33}" + "".join(f"{value:>18.4f}" for value in values)
