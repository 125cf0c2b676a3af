"""Whether every interval of the evidence holds the truth: of new cohorts, and of numbers corrected by bootstrap.

The intervals are those of `evaluate` and of `optimism_corrected`, as in `spinecast validate` and in a study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from experiments.benchmarks.true_values import RANGE, Ahead, Truth, true_values
from experiments.benchmarks.two_cause_world import TwoCoxes, two_cause_patients
from experiments.benchmarks.weibull_world import CAUSE, HORIZON, curves_of, fit, patients, risk_of
from training.curves import Curves
from training.evaluation import Scored, evaluate
from training.evidence import Evidence
from training.metrics.metric import Floats
from training.optimism import SUFFIX, Refits, optimism_corrected
from training.workers import InProcess

LEVEL: Final = 0.95
RESAMPLES: Final = 200
"""Of a calibration curve and its distances, as in a study."""
_TAUGHT: Final = 400
Intervals = dict[str, Any]


def new_cohort(sizes: Sequence[int], seed: int, *, new: int = 100_000) -> Intervals:
    """One replicate: a Cox model of 400 patients, scored in other cohorts of these sizes."""
    rng = np.random.default_rng(seed)
    seen = patients(rng, _TAUGHT)
    model = fit(seen.X, seen.outcome)
    ahead = patients(rng, new)
    truth = true_values(ahead, curves_of(model, ahead.X), HORIZON)
    found = {}
    for n in sizes:
        others = patients(rng, n)
        found[f"n = {n}"] = _judged(others, curves_of(model, others.X), truth, seed)
    return found


def two_causes(sizes: Sequence[int], seed: int, *, new: int = 100_000) -> Intervals:
    """One replicate: the same where a second cause competes; the first one is asked about."""
    rng = np.random.default_rng(seed)
    seen = two_cause_patients(rng, _TAUGHT)
    model = TwoCoxes.fit(seen.X, seen.outcome)
    ahead = two_cause_patients(rng, new)
    truth = true_values(ahead, model.curves(ahead.X), HORIZON)
    found = {}
    for n in sizes:
        others = two_cause_patients(rng, n)
        found[f"n = {n}"] = _judged(others, model.curves(others.X), truth, seed)
    return found


def corrected(n: int, seed: int, *, bootstraps: int, new: int = 100_000) -> Intervals:
    """One replicate: a Cox model judged on the patients who taught it, every number corrected for that."""
    rng = np.random.default_rng(seed)
    seen = patients(rng, n)
    model = fit(seen.X, seen.outcome)
    drawn, risks = np.zeros((bootstraps, n)), np.zeros((bootstraps, n))
    for b in range(bootstraps):
        rows = np.sort(rng.integers(0, n, n))
        drawn[b] = np.bincount(rows, minlength=n)
        risks[b] = risk_of(fit(seen.X[rows], seen.outcome.take(rows), model.coef), seen.X)
    ahead = patients(rng, new)
    truth = true_values(ahead, curves_of(model, ahead.X), HORIZON)
    own, at = risk_of(model, seen.X), np.array([HORIZON])
    evidence = optimism_corrected(
        seen.outcome,
        Curves(at, (CAUSE,), own[:, None, None]),
        Refits(at, (CAUSE,), drawn, risks[:, :, None, None]),
        horizons=[HORIZON],
        level=LEVEL,
        model="cox",
        engine=InProcess(),
    )
    return {f"n = {n}": _beside(evidence, truth, own)}


def lines(title: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each interval: mean truth, how far the estimate lies off, how often the interval holds the truth."""
    for size in dict.fromkeys(name for row in rows for name in row if name.startswith("n = ")):
        found = [row[size] for row in rows if size in row]
        yield f"{title}, {size}, {len(found)} replicates"
        yield f"  {'':<58}{'truth':>9}{'estimate − truth':>22}{'held':>16}"
        for key in dict.fromkeys(key for one in found for key in one["intervals"]):
            yield _line(key, np.array([one["intervals"][key] for one in found if key in one["intervals"]]))
        for key in dict.fromkeys(key for one in found for key in one["bands"]):
            shares = np.array([one["bands"][key] for one in found if key in one["bands"]])
            yield f"  {key:<58}{'':>9}{'':>22}{_share(shares.mean(), shares.std() / np.sqrt(len(shares)))}"


def _judged(others: Ahead, curves: Curves, truth: Truth, seed: int) -> Intervals:
    n = others.outcome.n
    evidence = evaluate(
        others.outcome,
        Scored(np.arange(n), np.zeros(n, np.intp), curves),
        horizons=[HORIZON],
        design="external",
        model="cox",
        resamples=RESAMPLES,
        level=LEVEL,
        seed=seed,
    )
    return _beside(evidence, truth, curves.risk_at(HORIZON))


def _beside(evidence: Evidence, truth: Truth, risk: Floats) -> Intervals:
    """Value, low, high and truth of every interval; of a band the share of its points that holds it."""
    by = f"{HORIZON:g}"
    smoother = next(estimator for name, estimator, _ in truth.values if name == "ici")
    values = truth.values | {("emax", smoother, by): truth.emax(risk)}
    first = next(one.cause for one in evidence.estimates if one.cause)
    intervals = {}
    for one in evidence.estimates:
        if one.low is None or one.high is None or one.cause not in ("", first):
            continue
        key = (one.metric, one.estimator.removesuffix(SUFFIX), RANGE if one.horizon_days is None else by)
        intervals[", ".join(key)] = [one.value, one.low, one.high, values[key]]
    bands = {}
    curve = _rows(evidence, "calibration_curve", first)
    if curve:
        inside = np.quantile(risk, [0.05, 0.95])
        asked = np.array([row["predicted"] for row in curve])
        held = _held(curve, truth.observed(asked))
        middle = (asked >= inside[0]) & (asked <= inside[1])
        bands["calibration curve, 5th to 95th percentile of risks"] = float(held[middle].mean())
        bands["calibration curve, beyond"] = float(held[~middle].mean())
    curve = _rows(evidence, "decision_curve", first)
    if curve:
        bands["decision curve, 1 to 50 %"] = float(
            _held(curve, [truth.net_benefit(row["threshold"]) for row in curve]).mean()
        )
    return {"intervals": intervals, "bands": bands}


def _rows(evidence: Evidence, table: str, cause: str) -> list[Mapping[str, Any]]:
    rows = evidence.tables.get(table, ())
    return [row for row in rows if row["cause"] == cause and row["low"] is not None]


def _held(rows: Sequence[Mapping[str, Any]], truth: ArrayLike) -> Floats:
    low, high = (np.array([row[name] for row in rows]) for name in ("low", "high"))
    return np.asarray((low <= truth) & (truth <= high), float)


def _line(key: str, numbers: Floats) -> str:
    value, low, high, truth = numbers.T
    gap, held = value - truth, np.mean((low <= truth) & (truth <= high))
    # A number that a cohort does not tell (a threshold with few patients beyond it) may stand in one replicate alone.
    noise = f" ± {gap.std(ddof=1) / np.sqrt(len(gap)):.4f}" if len(gap) > 1 else ""
    bias = f"{gap.mean():+.4f}{noise}"
    return f"  {key:<58}{truth.mean():>9.4f}{bias:>22}{_share(held, np.sqrt(held * (1 - held) / len(gap)))}"


def _share(held: float, noise: float) -> str:
    return f"{f'{100 * held:.1f} ± {100 * noise:.1f} %':>16}"
