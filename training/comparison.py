"""Two sets of predictions of the same patients, compared in pairs: what b gains over a, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Undefined, require_follow_up
from training.conditional_censoring import METHOD, ConditionalCensoring
from training.disclosure import WITHHELD
from training.evaluation import Scored, panel_of
from training.evidence import Estimate
from training.judging.analytic import Analytic, at_horizon, of_all_causes, over_range
from training.judging.use import told_thresholds
from training.metrics.metric import GIVEN_PREDICTORS, Floats, events_by
from training.metrics.panel import Panel, basic_interval, multiplicities, normal_interval, smooth

JACKKNIFE = "infinitesimal jackknife of the difference over patients"
WITH_WEIGHTS = f"{JACKKNIFE}, estimated censoring weights included"

Difference = tuple[float, float | None, float | None]


@final
@dataclass(frozen=True)
class Comparison:
    """Paired differences b − a on the same patients.

    a, b       names · n patients · events of the first cause, the study's own.
    estimates  by cause; at horizons delta_c, delta_antolini_c, delta_uno_c, delta_auc, delta_brier, delta_ipa,
               delta_ici, delta_net_benefit; over the range the C's, delta_ibs, and delta_rcll of all causes.
               Their `model` is b's name, their `n` and `events` those of the cause and horizon.
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
    strata: NDArray[Any] | None = None,
    censoring: ConditionalCensoring | None = None,
    thresholds: Sequence[float] = (),
) -> Comparison:
    """B − a: positive is better for C, AUC, IPA, net benefit, negative for the others. A model with itself: exactly 0.

    Both score the same patients (folds may differ: C compares pairs within each one's own); raises `ValueError` where
    they do not. A patient's influences on the two sides are subtracted before they are squared; ICI, which has none, is
    measured on the same resamples of patients on both sides. strata, censoring, thresholds as in `evaluate`.
    """
    left, right = panel_of(outcome, a), panel_of(outcome, b)
    if not np.array_equal(left.patients, right.patients):
        shared = len(np.intersect1d(left.patients, right.patients))
        raise ValueError(
            f"a comparison needs the same patients on both sides: {names[0]} scores {len(left.patients)}, {names[1]} "
            f"{len(right.patients)}, {shared} of them shared. try: score both on the shared patients."
        )
    layers = None if strata is None else np.unique(strata[left.patients], return_inverse=True)[1]
    drawn = multiplicities(len(left.patients), resamples, seed, layers)
    pair = _Pair(left, right, drawn, names[1], level, tuple(thresholds))
    days, causes = tuple(float(h) for h in sorted(horizons)), len(outcome.causes)
    pair.differ(of_all_causes(), 1 if causes == 1 else 0, None, None)
    for cause in range(1, causes + 1):
        pair.differ(over_range(cause, days[-1]), cause, None, censoring)
        for horizon in days:
            pair.differ(at_horizon(cause, horizon, causes, thresholds), cause, horizon, censoring)
        pair.smooth(cause, days)
    patients = left.outcome
    return Comparison(names[0], names[1], patients.n, int((patients.event == 1).sum()), tuple(pair.estimates))


class _Pair:
    """Collects the differences of two panels."""

    def __init__(
        self, left: Panel, right: Panel, drawn: Floats, name: str, level: float, thresholds: tuple[float, ...]
    ) -> None:
        self.sides, self.drawn, self.name, self.level = (left, right), drawn, name, level
        self.thresholds = thresholds
        self.estimates: list[Estimate] = []

    def differ(
        self, numbers: Sequence[Analytic], cause: int, horizon: float | None, given: ConditionalCensoring | None
    ) -> None:
        """Each number's difference; with weights given the predictors once more, where they are the headline."""
        for one in numbers:
            method = WITH_WEIGHTS if one.weighted else JACKKNIFE
            plain: Callable[[], Difference] = partial(self._jackknife, one, None)
            if one.threshold is not None and horizon is not None and not self._tells(one.threshold, cause, horizon):
                plain = _withheld
            self._say(_named(one.metric), one.estimator, cause, horizon, plain, method)
            if one.weighted and given is not None and given.headline:
                honest = partial(self._jackknife, one, given)
                method = f"{JACKKNIFE}; {METHOD}"
                self._say(_named(one.metric), f"{one.estimator}{GIVEN_PREDICTORS}", cause, horizon, honest, method)

    def _tells(self, threshold: float, cause: int, horizon: float) -> bool:
        """Whether net benefit at the threshold is told of both: with the difference one tells the other."""
        told = (told_thresholds(panel, panel.risk(cause, horizon), self.thresholds) for panel in self.sides)
        return all(threshold in each for each in told)

    def smooth(self, cause: int, horizons: tuple[float, ...]) -> None:
        """The difference of the distances between predicted and observed risk."""
        method = f"{self.drawn.shape[1]} resamples of patients, paired, basic bootstrap"
        smoother = "flexible_cox_rcs3" if len(self.sides[0].outcome.causes) == 1 else "flexible_fine_gray_rcs3"
        for horizon in horizons:
            self._say("delta_ici", smoother, cause, horizon, partial(self._smooth, cause, horizon), method)

    def _jackknife(self, one: Analytic, given: ConditionalCensoring | None) -> Difference:
        found, moved = [], []
        for panel in self.sides:
            g = None if given is None else given.given.take(panel.patients[panel.of])
            found.append(one.of(panel, g))
            moved.append(panel.per_patient(found[-1].total))
        value = found[1].value - found[0].value
        error = float(np.sqrt(np.sum((moved[1] - moved[0]) ** 2)))
        return value, *normal_interval(value, error, self.level)

    def _smooth(self, cause: int, horizon: float) -> Difference:
        left, right = (smooth(p, cause, horizon, self.drawn) for p in self.sides)
        value = right.errors.ici - left.errors.ici
        if self.drawn.shape[1] < 2:
            return value, None, None
        return value, *basic_interval(value, right.ici_resampled - left.ici_resampled, self.level)

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
        happened = events_by(outcome, cause, horizon) if cause else outcome.event > 0
        key: dict[str, Any] = {
            "metric": metric,
            "estimator": estimator,
            "cause": outcome.causes[cause - 1] if cause else "",
            "horizon_days": horizon,
            "design": "paired",
            "model": self.name,
            "n": outcome.n,
            "events": int(happened.sum()),
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


def _withheld() -> Difference:
    raise Undefined(WITHHELD)


def _named(metric: str) -> str:
    """delta_c has been Harrell's since the first evidence; the others carry their metric's name."""
    return "delta_c" if metric == "harrell_c" else f"delta_{metric}"
