"""Every number whose interval comes from its patients' influences: said of one model, and of the difference of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from training.censoring import Observing
from training.metrics.accuracy import brier, integrated_brier, ipa
from training.metrics.discrimination import auc, harrell_c, uno_c
from training.metrics.likelihood import log_likelihood
from training.metrics.metric import Measured, risk_for
from training.metrics.panel import Panel
from training.metrics.time_dependent import antolini_c
from training.metrics.utility import STATED, net_benefit, stated_estimator


@final
@dataclass(frozen=True)
class Analytic:
    """One number of a panel.

    metric, estimator   as in evidence.
    of        (panel, censoring or None for that of the panel itself) → value and influences.
    weighted  whether it weighs by inverse probability of censoring; `always` says it also with weights given the
              predictors where these are not the headline.
    whole     whether it is said of the whole cohort alone, not of sites and subgroups.
    threshold at which somebody would act, where it has one.
    """

    metric: str
    estimator: str
    of: Callable[[Panel, Observing | None], Measured]
    weighted: bool = False
    always: bool = False
    whole: bool = False
    threshold: float | None = None


def of_all_causes() -> list[Analytic]:
    """What judges whole curves of all causes at once."""

    def likelihood(p: Panel, _: Observing | None) -> Measured:
        return log_likelihood(p.rows, p.curves, weights=p.weights)

    return [Analytic("rcll", "right_censored_log_likelihood", likelihood)]


def over_range(cause: int, until: float) -> list[Analytic]:
    """What has no horizon; the Brier score is averaged up to `until`."""

    def integrated(p: Panel, g: Observing | None) -> Measured:
        return integrated_brier(p.rows, p.curves, cause, until=until, weights=p.weights, g=g)

    return [*_ranking(cause, None), Analytic("ibs", "ipcw", integrated, weighted=True, always=True, whole=True)]


def at_horizon(cause: int, horizon: float, causes: int, thresholds: Sequence[float]) -> list[Analytic]:
    """What needs a horizon. thresholds: of net benefit; none: 10, 20 and 30 %."""

    def area(p: Panel, g: Observing | None) -> Measured:
        risk = p.risk(cause, horizon)
        return auc(p.rows, risk, cause, horizon=horizon, groups=p.groups, weights=p.weights, g=g)

    def error(p: Panel, g: Observing | None) -> Measured:
        return brier(p.rows, p.risk(cause, horizon), cause, horizon=horizon, weights=p.weights, g=g)

    def gain(p: Panel, g: Observing | None) -> Measured:
        return ipa(p.rows, p.risk(cause, horizon), cause, horizon=horizon, weights=p.weights, g=g)

    return [
        *_ranking(cause, horizon),
        Analytic("auc", "ipcw_cumulative_dynamic", area, weighted=True),
        Analytic("brier", "ipcw", error, weighted=True, always=True),
        Analytic("ipa", "ipcw_null_of_scored_data", gain, weighted=True, always=True),
        *(worth(cause, horizon, causes, threshold) for threshold in thresholds or STATED),
    ]


def worth(cause: int, horizon: float, causes: int, threshold: float) -> Analytic:
    """Net benefit at one threshold."""

    def benefit(p: Panel, _: Observing | None) -> Measured:
        risk = p.risk(cause, horizon)
        return net_benefit(p.rows, risk, cause, horizon=horizon, threshold=threshold, weights=p.weights)

    return Analytic("net_benefit", stated_estimator(threshold, causes), benefit, threshold=threshold, whole=True)


def _ranking(cause: int, horizon: float | None) -> list[Analytic]:
    """C by Harrell, Antolini and Uno; pairs lie within a fold and repeat."""

    def harrell(p: Panel, _: Observing | None) -> Measured:
        risk = risk_for(p.curves, cause, horizon)
        return harrell_c(p.rows, risk, cause, horizon=horizon, groups=p.groups, weights=p.weights)

    def antolini(p: Panel, _: Observing | None) -> Measured:
        return antolini_c(p.rows, p.curves, cause, horizon=horizon, groups=p.groups, weights=p.weights)

    def uno(p: Panel, g: Observing | None) -> Measured:
        risk = risk_for(p.curves, cause, horizon)
        return uno_c(p.rows, risk, cause, horizon=horizon, groups=p.groups, weights=p.weights, g=g)

    return [
        Analytic("harrell_c", "within_fold_pairs", harrell),
        Analytic("antolini_c", "within_fold_pairs", antolini, whole=True),
        Analytic("uno_c", "ipcw_within_fold_pairs", uno, weighted=True, whole=True),
    ]
