"""How a model does among some patients, and how far that is from the others: gaps with intervals, their number said."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.conditional_censoring import ConditionalCensoring
from training.evaluation import Scored, ledger_of, panel_of
from training.evidence import Estimate, Evidence
from training.judge import Judge
from training.metrics.metric import GIVEN_PREDICTORS

_RATIOS: Final = ("oe_ratio",)
# Not Brier or IPA: they follow the share of events in a group, and how far its risks lie apart, however good the model.
_GAPS: Final = ("harrell_c", "auc", "calibration_slope", *_RATIOS)


@final
@dataclass(frozen=True)
class Subgroup:
    """Patients by one question.

    name    "sex". levels: level → rows of the cohort; together they may leave patients out.
    silent  levels that are judged and not compared: not known, not applicable.
    """

    name: str
    levels: Mapping[str, NDArray[np.intp]]
    silent: tuple[str, ...] = ()

    def population(self, level: str) -> str:
        """The level as the population of an estimate."""
        return f"{self.name}={level}"

    @property
    def contrasts(self) -> dict[str, str]:
        """Level → population of the patients of all others; of two levels one contrast says everything."""
        compared = [level for level, rows in self.levels.items() if level not in self.silent and len(rows)]
        if len(compared) == 2:
            return {compared[0]: self.population(compared[1])}
        return {level: f"{self.name} not {level}" for level in compared} if compared[2:] else {}

    def others(self, level: str) -> NDArray[np.intp]:
        """Rows of all other compared levels."""
        rest = [rows for name, rows in self.levels.items() if name not in (level, *self.silent)]
        return np.sort(np.concatenate(rest))


def judge_subgroup(
    outcome: Outcome,
    scored: Scored,
    group: Subgroup,
    *,
    horizons: Sequence[float],
    level: float,
    design: str,
    model: str,
    censoring: ConditionalCensoring | None = None,
) -> Evidence:
    """Every metric that has an analytic interval, among each level's patients and among all others.

    Censoring is the whole cohort's; a population with fewer than ten events has no number.
    """
    panel = panel_of(outcome, scored)
    days, nobody = tuple(float(h) for h in sorted(horizons)), np.zeros((len(panel.patients), 0))
    judge = Judge(panel, nobody, days, ledger_of(outcome, panel, design, model, level), given=censoring)
    populations = {group.population(one): rows for one, rows in group.levels.items() if len(rows)}
    for one, rest in group.contrasts.items():
        if rest not in populations:
            populations[rest] = group.others(one)
    for cause in range(1, len(outcome.causes) + 1):
        for name, rows in populations.items():
            judge.population(name, rows, cause)
    return Evidence(tuple(judge.estimates))


def gap_table(
    judged: Evidence, groups: Sequence[Subgroup], *, primary_horizon: float, level: float
) -> list[dict[str, Any]]:
    """Each level against all other patients of its group: over the whole range, and by the primary horizon.

    Rows {group, level, against, metric, estimator, cause, horizon_days, n, events, value, rest, gap, low, high, scale,
    p, p_holm, multiplicity}. The two sides share no patient, so that variances add; O/E is compared as a ratio of
    ratios ("ratio": no gap is 1), the others as differences. low, high: each gap by itself; p_holm: Holm's over all.
    """
    rows = [row for group in groups for row in _gaps(judged, group, primary_horizon, level)]
    order = sorted(range(len(rows)), key=lambda k: rows[k]["p"])
    above = 0.0
    for rank, k in enumerate(order):
        above = max(above, min(1.0, (len(rows) - rank) * rows[k]["p"]))
        rows[k]["p_holm"] = above
    said = (
        f"one of {len(rows)} gaps: each interval holds for itself alone at {level:.0%}; p_holm holds for all together"
    )
    return [row | {"multiplicity": said} for row in rows]


def without_rests(judged: Evidence, groups: Sequence[Subgroup]) -> Evidence:
    """The levels alone: the other side of a contrast has served."""
    kept = {group.population(level) for group in groups for level in group.levels}
    return Evidence(tuple(e for e in judged.estimates if e.population in kept), judged.tables, judged.facts)


def _gaps(judged: Evidence, group: Subgroup, primary_horizon: float, level: float) -> Iterator[dict[str, Any]]:
    for one, rest in group.contrasts.items():
        others = {_key(e): e for e in judged.find(population=rest)}
        own = {_key(e): e for e in judged.find(population=group.population(one))}
        given = {(m, c, d) for m, e, c, d in own if e.endswith(GIVEN_PREDICTORS)}
        for (metric, estimator, cause, days), mine in own.items():
            theirs = others.get((metric, estimator, cause, days))
            # Where weights are given the predictors they are the headline: the other reading is no further gap.
            asked = estimator.endswith(GIVEN_PREDICTORS) or (metric, cause, days) not in given
            asked &= metric in _GAPS and days in (None, primary_horizon)
            if asked and theirs is not None and mine.low is not None and theirs.low is not None:
                yield {
                    "group": group.name,
                    "level": one,
                    "against": rest,
                    "metric": mine.metric,
                    "estimator": mine.estimator,
                    "cause": mine.cause,
                    "horizon_days": mine.horizon_days,
                    "n": mine.n,
                    "events": mine.events,
                    "value": mine.value,
                    "rest": theirs.value,
                    **_gap(mine, theirs, level),
                }


def _gap(mine: Estimate, theirs: Estimate, level: float) -> dict[str, Any]:
    ratio = mine.metric in _RATIOS
    (a, a_error), (b, b_error) = (_with_error(one, ratio, level) for one in (mine, theirs))
    gap, error = a - b, math.hypot(a_error, b_error)
    half = NormalDist().inv_cdf(0.5 + level / 2) * error
    ends = (gap, gap - half, gap + half)
    p = math.erfc(abs(gap) / error / math.sqrt(2)) if error > 0 else float(gap == 0)
    values = (math.exp(end) for end in ends) if ratio else ends
    return {
        **dict(zip(("gap", "low", "high"), values, strict=True)),
        "scale": "ratio" if ratio else "difference",
        "p": p,
    }


def _with_error(one: Estimate, ratio: bool, level: float) -> tuple[float, float]:
    """Value and standard error on the scale of the contrast, back from the interval.

    An interval may be cut where values are impossible: its longer side is never the one that was cut.
    """
    if one.value is None or one.low is None or one.high is None:
        raise ValueError(f"{one.id}: has no interval.")
    ends = (one.value, one.low, one.high)
    value, low, high = (math.log(end) for end in ends) if ratio else ends
    return value, max(value - low, high - value) / NormalDist().inv_cdf(0.5 + level / 2)


def _key(one: Estimate) -> tuple[str, str, str, float | None]:
    return one.metric, one.estimator, one.cause, one.horizon_days
