"""How much better a development looks on its own patients than on others, and every number without that.

Harrell's bootstrap: each refit is developed anew on patients drawn with replacement and judged twice, on its own draw
and on everybody; the difference is its optimism, and the mean over refits is taken off the apparent value.

The interval is about the performance of the very model that is corrected, which is itself an outcome of these data:
apparent − true is distributed as own draw − everybody is over refits, and the standard deviation of that is the
standard error (of a slope see `correct`). To shift the apparent value's own interval instead forgets that developments
differ in how well they do on others: for the slope such an interval is right in a few cases of a hundred. Sources:
Harrell 1996; Davison & Hinkley 1997 §2.4 (pivots) and §3.9 (a bootstrap's own bias); Noma 2021 (the shifted interval
and where it fails); `BENCHMARKS.md`, coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import GivenPredictors, Undefined
from training.conditional_censoring import METHOD, ConditionalCensoring
from training.curves import Curves
from training.evidence import Estimate, Evidence
from training.measures import Measure, measures_of
from training.metrics.metric import CORRECTED, GIVEN_PREDICTORS, Floats, events_by
from training.metrics.panel import calibration_grid
from training.workers import Engine

Kind = Literal["plain", "ratio", "slope", "rank"]

DESIGN, SUFFIX = "bootstrap", CORRECTED
LEAST_REFITS = 10
"""Fewer give a standard deviation that nobody should read."""
_CHUNK = 10
_BOUNDS = {
    "ipa": (-np.inf, 1.0),
    "calibration_slope": (-np.inf, np.inf),
    "calibration_intercept": (-np.inf, np.inf),
    "oe_ratio": (0.0, np.inf),
}
_KINDS: dict[str, Kind] = {
    "oe_ratio": "ratio",
    "calibration_slope": "slope",
    "harrell_c": "rank",
    "auc": "rank",
}


@final
@dataclass(frozen=True)
class Refits:
    """What every refit of a bootstrap says of every patient.

    times, causes  as in `Curves` · drawn (b, n) how often each patient taught each refit ·
    incidence (b, n, causes, t).
    """

    times: Floats
    causes: tuple[str, ...]
    drawn: Floats
    incidence: NDArray[Any]

    def curves(self, refit: int) -> Curves:
        """One refit's predictions."""
        return Curves(self.times, self.causes, self.incidence[refit])

    def some(self, which: slice) -> Refits:
        """A part of them."""
        return Refits(self.times, self.causes, self.drawn[which], self.incidence[which])


@final
@dataclass(frozen=True)
class Corrected:
    """(k,) each: apparent numbers, mean optimism, corrected numbers, their standard error, refits behind them.

    A ratio (`log`) is corrected on the log scale, where its optimism and standard error are said too.
    """

    apparent: Floats
    optimism: Floats
    value: Floats
    standard_error: Floats
    refits: NDArray[np.intp]
    log: NDArray[np.bool_]

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """Normal interval about the corrected numbers."""
        reach = NormalDist().inv_cdf(0.5 + level / 2) * self.standard_error
        with np.errstate(over="ignore", invalid="ignore"):
            low = np.where(self.log, self.value * np.exp(-reach), self.value - reach)
            high = np.where(self.log, self.value * np.exp(reach), self.value + reach)
        return low, high


def correct(apparent: Floats, own: Floats, everybody: Floats, kinds: Sequence[Kind] | None = None) -> Corrected:
    """From apparent numbers (k,) and those of each refit on its own draw and on everybody, (b, k); NaN is left out.

    Slope and rank need more than Harrell's difference. With V the variance of the true signal and K that of the noise
    that a development adds, a slope is V / (V + K) on others, and a rank lies above one half by a share of
    V / √(V + K), apparently of √(V + K). A bootstrap's population is the sample, whose signal already is V + K: its
    refits show K / (V + 2K) for K / (V + K), and K / √(V + 2K) for K / √(V + K). Without any signal that makes a slope
    of one half where the truth is 0. q = K / (V + 2K) is the mean optimism over what a refit shows on its own draw,
    and dividing each optimism by 1 − q, of a rank by √(1 − q), gives back what was sought. Squared errors have the
    same optimism, 2K, in both worlds.
    """
    named = np.array(["plain"] * len(apparent) if kinds is None else list(kinds))
    ratio = named == "ratio"
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.where(ratio, np.log(own) - np.log(everybody), own - everybody)
        fine = np.isfinite(difference)
        count = fine.sum(axis=0)
        difference = np.where(fine, difference, 0.0)
        mean = np.where(count > 0, difference.sum(axis=0) / count, np.nan)
        squares = np.sum(np.where(fine, difference - mean, 0.0) ** 2, axis=0)
        # The mean of b refits is itself uncertain, by one over the root of b of the same spread.
        error = np.sqrt(squares / np.where(count > 1, count - 1, np.nan) * (1 + 1 / count))
        shown = np.where(fine, own, 0.0).sum(axis=0) / count - np.where(named == "rank", 0.5, 0.0)
        q = np.where((named != "plain") & ~ratio & (shown > 0), np.clip(mean / shown, 0.0, 0.5), 0.0)
        left = np.where(named == "rank", np.sqrt(1 - q), 1 - q)
        mean, error = mean / left, error / left
        value = np.where(ratio, apparent * np.exp(-mean), apparent - mean)
        value = np.where((named == "slope") & (q == 0.5), np.maximum(value, 0.0), value)
    return Corrected(apparent, mean, value, error, count.astype(np.intp), ratio)


def both_ways(measures: Sequence[Measure], refits: Refits) -> list[tuple[Floats, Floats]]:
    """For each measure, every refit judged on its own draw and on everybody: (b, k) each, NaN where undefined."""
    found: list[tuple[list[Floats], list[Floats]]] = [([], []) for _ in measures]
    for number, drawn in enumerate(refits.drawn):
        curves = refits.curves(number)
        for measure, (own, everybody) in zip(measures, found, strict=True):
            own.append(_or_nan(measure, curves, drawn))
            everybody.append(_or_nan(measure, curves, None))
    return [(np.array(own), np.array(everybody)) for own, everybody in found]


def optimism_corrected(
    outcome: Outcome,
    apparent: Curves,
    refits: Refits,
    *,
    horizons: Sequence[float],
    level: float,
    model: str,
    engine: Engine,
    censoring: ConditionalCensoring | None = None,
) -> Evidence:
    """Estimates, the table `optimism`, and a corrected `calibration_curve` for each cause and horizon.

    outcome, apparent, refits: of the same patients in the same order; days as in `evaluate`. censoring: of the same
    patients, given their predictors; where it is the headline, what weighs by it stands beside the marginal numbers.
    """
    given = censoring.given if censoring is not None and censoring.headline else None
    days = tuple(float(one) for one in sorted(horizons))
    grids = _grids(apparent, days)
    try:
        measures = measures_of(outcome, days, grids, given)
    except Undefined as error:
        return Evidence(facts={"bootstrap_undefined": str(error)})
    parts = [refits.some(slice(at, at + _CHUNK)) for at in range(0, len(refits.drawn), _CHUNK)]
    futures = [engine.submit(partial(_part, outcome, days, grids, given, part)) for part in parts]
    collected = [future.result() for future in futures]
    estimates: list[Estimate] = []
    tables: dict[str, list[dict[str, Any]]] = {"optimism": [], "calibration_curve": []}
    for number, measure in enumerate(measures):
        own, everybody = (np.concatenate([part[number][side] for part in collected]) for side in (0, 1))
        asked = _Asked(measure, outcome, model, level, len(refits.drawn))
        try:
            found = correct(measure.read(apparent, None), own, everybody, _kinds(measure))
        except Undefined as error:
            estimates += [asked.refused(name, estimator, str(error)) for name, estimator in measure.names]
            continue
        for place, (name, estimator) in enumerate(measure.names):
            estimates.append(asked.estimate(found, place, name, estimator))
            tables["optimism"].append(asked.row(found, place, name, estimator))
        tables["calibration_curve"] += asked.curve(found)
    return Evidence(tuple(estimates), tables)


@dataclass(frozen=True)
class _Asked:
    """One measure, and how its numbers are written down."""

    measure: Measure
    outcome: Outcome
    model: str
    level: float
    refits: int

    @property
    def _stamp(self) -> dict[str, Any]:
        cause = self.outcome.causes[self.measure.cause - 1]
        return {"design": DESIGN, "model": self.model, "cause": cause, "horizon_days": self.measure.horizon}

    def _counts(self) -> dict[str, Any]:
        return {
            "n": self.outcome.n,
            "events": int(events_by(self.outcome, self.measure.cause, self.measure.horizon).sum()),
        }

    def refused(self, metric: str, estimator: str, reason: str) -> Estimate:
        """Why there is no number."""
        return Estimate(
            metric, estimator + SUFFIX, state="not applicable", reason=reason, **self._stamp, n=self.outcome.n
        )

    def estimate(self, found: Corrected, place: int, metric: str, estimator: str) -> Estimate:
        """The corrected number with its interval."""
        behind = int(found.refits[place])
        if behind < LEAST_REFITS or not np.isfinite([found.value[place], found.standard_error[place]]).all():
            reason = f"{behind} of {self.refits} refits give this number, fewer than the {LEAST_REFITS} needed"
            return self.refused(metric, estimator, reason)
        bottom, top = _BOUNDS.get(metric, (0.0, 1.0))
        value, low, high = (
            float(np.clip(one[place], bottom, top)) for one in (found.value, *found.interval(self.level))
        )
        scale = "log scale, " if found.log[place] else ""
        weights = f"; {METHOD}" if estimator.endswith(GIVEN_PREDICTORS) else ""
        return Estimate(
            metric,
            estimator + SUFFIX,
            value=value,
            low=low,
            high=high,
            level=self.level,
            method=f"{scale}standard deviation of the optimism over {behind} refits of the whole development, normal"
            f"{weights}",
            **self._stamp,
            **self._counts(),
        )

    def row(self, found: Corrected, place: int, metric: str, estimator: str) -> dict[str, Any]:
        """Apparent, optimism and corrected beside each other."""
        numbers = {
            "apparent": found.apparent[place],
            "optimism": found.optimism[place],
            "corrected": found.value[place],
            "standard_error": found.standard_error[place],
        }
        written = {name: float(one) if np.isfinite(one) else None for name, one in numbers.items()}
        scale = "log" if found.log[place] else "as measured"
        named = {"metric": metric, "estimator": estimator, "scale": scale, "refits": int(found.refits[place])}
        return {**self._stamp, **named, **written}

    def curve(self, found: Corrected) -> list[dict[str, Any]]:
        """Points of the corrected calibration curve that at least half of the refits reach."""
        low, high = found.interval(self.level)
        rows = []
        for place, predicted in enumerate(self.measure.grid, start=len(self.measure.names)):
            band = np.array([found.value[place], low[place], high[place]])
            if 2 * found.refits[place] < max(self.refits, 2 * LEAST_REFITS) or not np.isfinite(band).all():
                continue
            observed, bottom, top = np.clip(band, 0.0, 1.0).tolist()
            rows.append({**self._stamp, "predicted": predicted, "observed": observed, "low": bottom, "high": top})
        return rows


def _grids(apparent: Curves, days: Sequence[float]) -> dict[tuple[int, float], tuple[float, ...]]:
    grids = {}
    for cause, name in enumerate(apparent.causes, start=1):
        for day in days:
            grids[cause, day] = tuple(calibration_grid(apparent.risk_at(day, name)).tolist())
    return grids


def _part(
    outcome: Outcome,
    days: tuple[float, ...],
    grids: dict[tuple[int, float], tuple[float, ...]],
    given: GivenPredictors | None,
    refits: Refits,
) -> list[tuple[Floats, Floats]]:
    return both_ways(measures_of(outcome, days, grids, given), refits)


def _kinds(measure: Measure) -> list[Kind]:
    named: list[Kind] = [_KINDS.get(metric, "plain") for metric, _ in measure.names]
    return named + ["plain"] * len(measure.grid)


def _or_nan(measure: Measure, curves: Curves, weights: Floats | None) -> Floats:
    try:
        return measure.read(curves, weights)
    except Undefined:
        return np.full(len(measure.names) + len(measure.grid), np.nan)
