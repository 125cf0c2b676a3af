"""How quick, beside the usual libraries, in one run on one thread: boosted Cox, forest, concordance; and tied rows.

Seconds are of the processor, not of the clock, so that a busy machine distorts them little; what is short is measured
several times and the least counts.
"""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.families.boosted_cox import BoostedCox
from training.families.cox import Cox
from training.families.family import Design, Family
from training.families.forest import PseudoValueForest
from training.metrics.accuracy import integrated_brier
from training.metrics.discrimination import harrell_c

Floats = NDArray[np.float64]
T = TypeVar("T")
_UNTIL = 5.0  # years: nine in ten events have happened, one patient in four is still followed
_GRID = np.linspace(0.1, _UNTIL, 50)


def measure(*, patients: int = 5000, pairs: int = 50_000, trees: int = 100) -> Iterator[str]:
    """Lines with seconds, ratios and quality of each pair."""
    yield f"{patients} patients, 20 predictors, {trees} trees, one thread, seconds of the processor"
    train, test = drawn(patients, seed=1), drawn(patients, seed=2)
    yield from _boosting(train, test, trees)
    yield from _forests(train, test, trees)
    yield from _concordance(pairs)
    yield from _order_of_tied_rows(min(patients, 2000))


def drawn(n: int, *, seed: int, months: bool = False) -> tuple[Design, Outcome]:
    """Patients whose log hazard is linear in three predictors, bent in one and crossed in two; half are censored."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 20))
    score = 0.6 * X[:, 0] - 0.4 * X[:, 1] + 0.3 * X[:, 2] + 0.4 * (np.abs(X[:, 3]) - 0.8) + 0.5 * X[:, 4] * X[:, 5]
    event, censored = rng.weibull(1.2, n) * 4.0 * np.exp(-score / 1.2), rng.uniform(0.0, 8.0, n)
    followed = np.minimum(event, censored)
    followed = np.ceil(followed * 12) / 12 if months else np.maximum(followed, 1e-6)
    return Design(X, tuple(f"x{j}" for j in range(20))), Outcome.right_censored(followed, event <= censored)


def timed(task: Callable[[], T], *, repeats: int = 1) -> tuple[float, T]:
    """Least seconds of the processor, and what came out last."""
    least = np.inf
    for _ in range(repeats):
        start = time.process_time()
        found = task()
        least = min(least, time.process_time() - start)
    return least, found


def _boosting(train: tuple[Design, Outcome], test: tuple[Design, Outcome], trees: int) -> Iterator[str]:
    from sksurv.ensemble import GradientBoostingSurvivalAnalysis

    (design, outcome), (new, truth) = train, test
    family = BoostedCox(trees=trees, depth=3)
    ours, fitted = timed(lambda: family.fit(design, outcome, 1), repeats=5)
    peer = GradientBoostingSurvivalAnalysis(n_estimators=trees, max_depth=3, random_state=0)
    theirs, _ = timed(lambda: peer.fit(design.X, _surv(outcome)))
    own = harrell_c(truth, fitted.log_hazard(new.X)).value
    other = harrell_c(truth, np.asarray(peer.predict(new.X), float)).value
    yield f"  boosted Cox, depth 3                       {ours:8.3f} s  C {own:.4f}"
    yield f"  scikit-survival's gradient boosting        {theirs:8.3f} s  C {other:.4f}  ratio {theirs / ours:.0f}"


def _forests(train: tuple[Design, Outcome], test: tuple[Design, Outcome], trees: int) -> Iterator[str]:
    from sksurv.ensemble import RandomSurvivalForest

    (design, outcome), (new, truth) = train, test
    family = PseudoValueForest(trees=trees)
    ours, fitted = timed(lambda: family.fit(design, outcome, 1), repeats=2)
    answering, answers = timed(lambda: fitted.predict(new.X, _GRID), repeats=2)
    file = io.BytesIO()
    np.savez_compressed(file, **fitted.state().arrays)  # type: ignore[arg-type]  # numpy's stub wants no names
    yield (
        f"  pseudo-value forest                        {ours:8.3f} s  {_quality(truth, answers)}  "
        f"prediction {answering:.2f} s, {len(file.getvalue()) / 1e6:.1f} MB"
    )
    peer = RandomSurvivalForest(n_estimators=trees, min_samples_leaf=family.leaf, n_jobs=1, random_state=0)
    theirs, _ = timed(lambda: peer.fit(design.X, _surv(outcome)))
    answering, survival = timed(lambda: peer.predict_survival_function(new.X, return_array=True))
    read = np.searchsorted(np.asarray(peer.unique_times_), _GRID, side="right") - 1
    curves = Curves.from_survival(_GRID, np.where(read >= 0, np.asarray(survival)[:, read], 1.0))
    yield (
        f"  scikit-survival's random survival forest   {theirs:8.3f} s  {_quality(truth, curves)}  "
        f"prediction {answering:.2f} s  ratio {theirs / ours:.0f}"
    )


def _quality(truth: Outcome, curves: Curves) -> str:
    ibs = integrated_brier(truth, curves, until=_UNTIL).value
    return f"C {harrell_c(truth, curves.incidence[:, 0].sum(axis=1)).value:.4f}, IBS {ibs:.5f}"


def _concordance(pairs: int) -> Iterator[str]:
    from sksurv.metrics import concordance_index_censored

    rng = np.random.default_rng(3)
    design, outcome = drawn(pairs, seed=3, months=True)
    exact = design.X[:, 0] + rng.normal(size=pairs)
    # Values that are tied or at least 1e-6 apart: scikit-survival takes risks within 1e-8 for tied.
    risk = np.where(rng.random(pairs) < 0.3, np.round(exact, 1), np.round(exact, 6))
    ours, c = timed(lambda: harrell_c(outcome, risk).value, repeats=5)
    theirs, found = timed(lambda: concordance_index_censored(outcome.event == 1, outcome.time_days, risk))
    yield f"concordance of {pairs} patients, times in months, three risks in ten coarse"
    yield f"  here                                       {ours:8.3f} s"
    yield f"  scikit-survival                            {theirs:8.3f} s  ratio {theirs / ours:.0f}"
    yield f"  difference {abs(c - found[0]):.1e}"
    if importlib.util.find_spec("lifelines") is None:
        yield "  lifelines is not installed"
        return
    from lifelines.utils import concordance_index

    theirs, other = timed(lambda: concordance_index(outcome.time_days, -risk, outcome.event))
    yield f"  lifelines                                  {theirs:8.3f} s  ratio {theirs / ours:.0f}"
    yield f"  difference {abs(c - other):.1e} (it counts a censoring on the day of an event otherwise)"


def _order_of_tied_rows(patients: int) -> Iterator[str]:
    """The same patients in another order: by how much does any answer move?"""
    design, outcome = drawn(patients, seed=4, months=True)
    order = np.random.default_rng(5).permutation(patients)
    shuffled, moved = Design(design.X[order], design.columns), outcome.take(order)
    yield f"the same {patients} patients in another order, times in months: largest change of a predicted risk"
    families: tuple[Family, ...] = (Cox(), BoostedCox(), PseudoValueForest(trees=30))
    for family in families:
        straight = family.fit(design, outcome, 1).predict(design.X, _GRID).incidence
        gap = np.abs(straight - family.fit(shuffled, moved, 1).predict(design.X, _GRID).incidence).max()
        yield f"  {family.name:<42} {gap:.1e}"
    straight, again = _xgboost_cox(design.X, outcome, design.X), _xgboost_cox(shuffled.X, moved, design.X)
    yield f"  XGBoost's survival:cox, hazard ratio       {np.abs(again / straight - 1).max():.1e} (relative)"


def _xgboost_cox(X: Floats, outcome: Outcome, new: Floats) -> Floats:
    import xgboost

    signed = np.where(outcome.event == 1, outcome.time_days, -outcome.time_days)
    settings = {"objective": "survival:cox", "max_depth": 2, "eta": 0.06, "nthread": 1, "seed": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(X, signed, nthread=1), 100)
    return np.asarray(booster.predict(xgboost.DMatrix(new, nthread=1)), float)


def _surv(outcome: Outcome) -> NDArray[np.void]:
    from sksurv.util import Surv

    return np.asarray(Surv.from_arrays(outcome.event == 1, outcome.time_days))
