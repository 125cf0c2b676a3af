"""Does the model rank patients rightly? Harrell's and Uno's C (with competing causes: Wolbers'), and AUC(t)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import Censoring, Undefined, censoring, ipcw
from training.curves import Curves
from training.metrics.metric import Floats, Measured, Metric, events_by, risk_for
from training.metrics.pairs import PairSums, pair_sums
from training.partial_likelihood import fit_cox

Groups = NDArray[np.intp] | None


def harrell_c(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float | None = None,
    groups: Groups = None,
    weights: Floats | None = None,
) -> Measured:
    """Harrell's C: of the pairs whose order is known, the share ranked rightly; ties in risk count ½.

    Known is the order of i and j where i had the event (by `horizon`) and j was still free of it, also where j was
    censored on the very day; two events of one day are no pair. Whoever had a competing event stays free of the cause
    for ever. risk (n,): higher is earlier. Source: Harrell 1982; as R's survival::concordance; Wolbers 2009.
    """
    w = np.ones(outcome.n) if weights is None else weights
    free = (outcome.event > 0) & (outcome.event != cause)
    time = np.where(free, np.inf, outcome.right_days)
    key = _key(time, outcome.event != cause)
    early = w * events_by(outcome, cause, horizon)
    return _ratio([(pair_sums(key, risk, early, w, groups), early, w)])


def uno_c(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float | None = None,
    groups: Groups = None,
    weights: Floats | None = None,
    g: Censoring | None = None,
) -> Measured:
    """Uno's C(τ), τ = `horizon` (None: no truncation); with competing causes Wolbers' C with the same weights.

    A pair of an event at Y and a patient observed longer weighs 1/G(Y−)²; one with a patient who had a competing event
    at Z ≤ Y weighs 1/(G(Y−)·G(Z−)). g: the censoring distribution, by default of these data. The interval takes the
    weights as known. Source: Uno 2011; Wolbers 2014.
    """
    w = np.ones(outcome.n) if weights is None else weights
    own = (g or censoring(outcome, weights)).before(outcome.right_days)
    inverse = np.divide(1.0, own, out=np.zeros_like(own), where=own > 0)
    event = events_by(outcome, cause, horizon)
    early = w * event * inverse**2
    key = _key(outcome.right_days, outcome.event == 0)
    parts = [(pair_sums(key, risk, early, w, groups), early, w)]
    competing = (outcome.event > 0) & (outcome.event != cause)
    if competing.any():
        early, late = w * event * inverse, w * competing * inverse
        backwards = _key(-outcome.right_days, outcome.event != cause)
        parts.append((pair_sums(backwards, risk, early, late, groups), early, late))
    return _ratio(parts)


def auc(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    groups: Groups = None,
    weights: Floats | None = None,
    g: Censoring | None = None,
) -> Measured:
    """Cumulative/dynamic AUC(t): how often a patient with the event by t had a higher risk than one without it.

    Without it: free of any event at t, or with a competing one by t (of two control definitions the one that
    answers "did it happen by t"). Both sides weigh by inverse probability of censoring; ties count ½. The interval
    takes the weights as known. Source: Heagerty 2000; Blanche, Dartigues & Jacqmin-Gadda 2013.
    """
    w = np.ones(outcome.n) if weights is None else weights
    known = w * ipcw(outcome, horizon, g or censoring(outcome, weights))
    case = events_by(outcome, cause, horizon)
    early, late = known * case, known * ~case
    return _ratio([(pair_sums((~case).astype(int), risk, early, late, groups), early, late)])


def royston_d(outcome: Outcome, risk: Floats, cause: int = 1) -> tuple[float, float, float]:
    """Royston & Sauerbrei's D with its standard error, and R²_D: prognostic separation on the log hazard scale.

    Cox, with competing causes Fine–Gray, on the normal scores of the risks (Blom), scaled by √(8/π). Source: Royston &
    Sauerbrei 2004; competing causes: van Geloven 2022.
    """
    order = np.sort(risk)
    rank = (np.searchsorted(order, risk, side="left") + np.searchsorted(order, risk, side="right") + 1) / 2
    normal, kappa = NormalDist(), np.sqrt(8 / np.pi)
    score = np.array([normal.inv_cdf(p) for p in (rank - 0.375) / (outcome.n + 0.25)]) / kappa
    fit = fit_cox(score[:, None], outcome, cause, subdistribution=len(outcome.causes) > 1)
    d = float(fit.coef[0])
    explained = (d / kappa) ** 2
    return d, float(fit.standard_error[0]), float(explained / (np.pi**2 / 6 + explained))


def _key(time: Floats, after: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Order of follow-up; on one day those marked `after` come later."""
    rank = np.unique(time, return_inverse=True)[1].astype(np.int64)
    return np.asarray(2 * rank + after)


def _ratio(parts: list[tuple[PairSums, Floats, Floats]]) -> Measured:
    """Share of pairs ranked rightly, and each row's influence on it."""
    pairs = np.sum([early * sums.as_early for sums, early, _ in parts], axis=0)
    right = np.sum([early * sums.as_early_right for sums, early, _ in parts], axis=0)
    total = float(np.sum(pairs))
    if total <= 0:
        raise Undefined("no pair of patients whose order is known")
    value = float(np.sum(right)) / total
    pairs = pairs + np.sum([late * sums.as_late for sums, _, late in parts], axis=0)
    right = right + np.sum([late * sums.as_late_right for sums, _, late in parts], axis=0)
    return Measured(value, np.asarray((right - value * pairs) / total))


def _harrell(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, groups: Groups) -> Measured:
    return harrell_c(outcome, risk_for(curves, cause, horizon), cause, horizon=horizon, groups=groups)


def _uno(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, groups: Groups) -> Measured:
    return uno_c(outcome, risk_for(curves, cause, horizon), cause, horizon=horizon, groups=groups)


def _auc(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, groups: Groups) -> Measured:
    if horizon is None:
        raise Undefined("AUC(t) needs a horizon")
    return auc(outcome, risk_for(curves, cause, horizon), cause, horizon=horizon, groups=groups)


METRICS = (
    Metric(
        "harrell_c",
        "within_fold_pairs",
        _harrell,
        scope="both",
        causes="any",
        direction="higher",
        range=(0.0, 1.0),
        null=0.5,
        best=1.0,
        groups=True,
        label="Of two patients, how often the one with the higher predicted risk has the event first",
        source="Harrell 1982; competing causes: Wolbers 2009",
    ),
    Metric(
        "uno_c",
        "ipcw_within_fold_pairs",
        _uno,
        scope="both",
        causes="any",
        direction="higher",
        range=(0.0, 1.0),
        null=0.5,
        best=1.0,
        groups=True,
        label="The same, as it would be had nobody been lost to follow-up",
        source="Uno 2011; competing causes: Wolbers 2014",
    ),
    Metric(
        "auc",
        "ipcw_cumulative_dynamic",
        _auc,
        scope="horizon",
        causes="any",
        direction="higher",
        range=(0.0, 1.0),
        null=0.5,
        best=1.0,
        groups=True,
        label="How often a patient with the event by then had a higher predicted risk than one without it",
        source="Heagerty 2000; Blanche 2013",
    ),
)
