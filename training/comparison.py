"""Two sets of predictions of the same patients, compared in pairs: what b gains over a, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from features.outcome import Outcome
from training.censoring import Undefined, require_follow_up
from training.evaluation import Scored, panel_of
from training.evidence import Estimate
from training.metrics.discrimination import harrell_c
from training.metrics.metric import Floats, events_by, risk_for
from training.metrics.panel import (
    Panel,
    accuracy,
    basic_interval,
    censorings,
    multiplicities,
    normal_interval,
    pseudo_at,
    smooth,
)

JACKKNIFE = "infinitesimal jackknife of the difference over patients"

Difference = tuple[float, float | None, float | None]


@final
@dataclass(frozen=True)
class Comparison:
    """Paired differences b − a on the same patients.

    a, b       names · n patients · events of the first cause, the study's own.
    estimates  delta_ipa, delta_brier, delta_ici and delta_c by cause and horizon, delta_c also over the whole range;
               their `model` is b's name, their `n` and `events` those of the cause and horizon.
    """

    a: str
    b: str
    n: int
    events: int
    estimates: tuple[Estimate, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "estimates": [asdict(e) for e in self.estimates]}


def compare(
    outcome: Outcome,
    a: Scored,
    b: Scored,
    *,
    names: tuple[str, str],
    horizons: Sequence[float],
    resamples: int,
    level: float,
    seed: int,
) -> Comparison:
    """B − a: positive is better for IPA and C, negative for ICI and Brier. A model with itself differs by exactly 0.

    Both score the same patients (folds may differ: C compares pairs within each one's own); raises `ValueError` where
    they do not. The same resamples of patients serve both sides; C has the infinitesimal jackknife of the difference.
    """
    left, right = panel_of(outcome, a), panel_of(outcome, b)
    if not np.array_equal(left.patients, right.patients):
        shared = len(np.intersect1d(left.patients, right.patients))
        raise ValueError(
            f"a comparison needs the same patients on both sides: {names[0]} scores {len(left.patients)}, {names[1]} "
            f"{len(right.patients)}, {shared} of them shared. try: score both on the shared patients."
        )
    drawn = multiplicities(len(left.patients), resamples, seed)
    pair = _Pair(left, right, drawn, names[1], level)
    for cause in range(1, len(outcome.causes) + 1):
        pair.compare(cause, tuple(float(h) for h in sorted(horizons)))
    patients = left.outcome
    return Comparison(names[0], names[1], patients.n, int((patients.event == 1).sum()), tuple(pair.estimates))


class _Pair:
    """Collects the differences of two panels."""

    def __init__(self, left: Panel, right: Panel, drawn: Floats, name: str, level: float) -> None:
        self.sides, self.drawn, self.name, self.level = (left, right), drawn, name, level
        self.estimates: list[Estimate] = []

    def compare(self, cause: int, horizons: tuple[float, ...]) -> None:
        """All differences for one cause."""
        self._say("delta_c", "within_fold_pairs", cause, None, lambda: self._rank(cause, None), JACKKNIFE)
        for column, horizon in enumerate(horizons):
            self._at(cause, horizon, horizons, column)

    def _at(self, cause: int, horizon: float, horizons: tuple[float, ...], column: int) -> None:
        b = self.drawn.shape[1]
        normal, basic = (f"{b} resamples of patients, paired, {kind}" for kind in ("normal", "basic bootstrap"))
        smoother = "flexible_cox_rcs3" if len(self.sides[0].outcome.causes) == 1 else "pseudo_nearest_neighbours"
        self._say("delta_c", "within_fold_pairs", cause, horizon, lambda: self._rank(cause, horizon), JACKKNIFE)
        self._say("delta_brier", "ipcw", cause, horizon, lambda: self._squared(cause, horizon)[0], normal)
        ipa = "ipcw_null_of_scored_data"
        self._say("delta_ipa", ipa, cause, horizon, lambda: self._squared(cause, horizon)[1], normal)
        self._say("delta_ici", smoother, cause, horizon, lambda: self._smooth(cause, horizons, column), basic)

    def _say(
        self,
        metric: str,
        estimator: str,
        cause: int,
        horizon: float | None,
        measure: Callable[[], Difference],
        method: str,
    ) -> None:
        outcome = self.sides[0].outcome
        key: dict[str, Any] = {
            "metric": metric,
            "estimator": estimator,
            "cause": outcome.causes[cause - 1],
            "horizon_days": horizon,
            "design": "paired",
            "model": self.name,
            "n": outcome.n,
            "events": int(events_by(outcome, cause, horizon).sum()),
        }
        try:
            if horizon is not None:
                require_follow_up(outcome, horizon)
            value, low, high = measure()
        except Undefined as error:
            self.estimates.append(Estimate(state="not applicable", reason=str(error), **key))
            return
        interval: dict[str, Any] = {"level": self.level, "method": method} if low is not None else {}
        self.estimates.append(Estimate(value=value, low=low, high=high, **interval, **key))

    def _rank(self, cause: int, horizon: float | None) -> Difference:
        values, influences = [], []
        for panel in self.sides:
            risk = risk_for(panel.curves, cause, horizon)
            found = harrell_c(panel.rows, risk, cause, horizon=horizon, groups=panel.groups)
            values.append(found.value)
            influences.append(panel.per_patient(np.asarray(found.influence)))
        difference = values[1] - values[0]
        error = float(np.sqrt(np.sum((influences[1] - influences[0]) ** 2)))
        return difference, *normal_interval(difference, error, self.level)

    def _squared(self, cause: int, horizon: float) -> tuple[Difference, Difference]:
        left, right = (accuracy(p, cause, horizon, self.drawn, *censorings(p, self.drawn)) for p in self.sides)
        brier = self._normal(right.brier - left.brier, right.brier_resampled - left.brier_resampled)
        return brier, self._normal(right.ipa - left.ipa, right.ipa_resampled - left.ipa_resampled)

    def _normal(self, value: float, resampled: Floats) -> Difference:
        if len(resampled) < 2:
            return value, None, None
        return value, *normal_interval(value, float(np.std(resampled, ddof=1)), self.level)

    def _smooth(self, cause: int, horizons: tuple[float, ...], column: int) -> Difference:
        pseudo, drawn = pseudo_at(self.sides[0], cause, horizons[column : column + 1], self.drawn)
        left, right = (smooth(p, cause, horizons[column], self.drawn, pseudo[:, 0], drawn[:, 0]) for p in self.sides)
        value = right.errors.ici - left.errors.ici
        if self.drawn.shape[1] < 2:
            return value, None, None
        return value, *basic_interval(value, right.resampled["ici"] - left.resampled["ici"], self.level)
