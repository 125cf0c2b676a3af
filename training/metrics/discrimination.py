"""Does the model rank patients rightly? Harrell's and Uno's C (with competing causes: Wolbers'), and AUC(t)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import (
    LEAST_OBSERVED,
    GivenPredictors,
    Observing,
    Undefined,
    censoring,
    ipcw,
    reach,
    through_censoring,
)
from training.curves import Curves
from training.metrics.metric import Floats, Measured, Metric, events_by, risk_for
from training.metrics.pairs import PairSums, pair_sums
from training.partial_likelihood import fit_cox

Groups = NDArray[np.intp] | None
_Part = tuple[PairSums, Floats, Floats]
"""Pairs of one kind, and the weights of their earlier and later members."""

_CLASSES = 20


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
    g: Observing | None = None,
) -> Measured:
    """Uno's C(τ), τ = `horizon` (None: no truncation); with competing causes Wolbers' C with the same weights.

    A pair of an event at Y and a patient observed longer weighs 1/G(Y−)²; one with a patient who had a competing event
    at Z ≤ Y weighs 1/(G(Y−)·G(Z−)). g: the censoring distribution, by default of these data; a given one is taken as
    known. Given predictors, G(Y− | i)·G(Y− | j) takes the square's place, a patient's own hazard of being censored read
    in twenty classes, and a pair counts where both are at least 0.1. Source: Uno 2011; Wolbers 2014; Gerds 2013.
    """
    w = np.ones(outcome.n) if weights is None else weights
    own = (g or censoring(outcome, weights)).before(outcome.right_days)
    inverse = np.divide(1.0, own, out=np.zeros_like(own), where=own > (LEAST_OBSERVED if _given(g) else 0.0))
    event = events_by(outcome, cause, horizon)
    key = _key(outcome.right_days, outcome.event == 0)
    parts = []
    for other, late in _partners(outcome, g, inverse, w):
        early = w * event * inverse * other
        parts.append((pair_sums(key, risk, early, late, groups), early, late))
    competing = (outcome.event > 0) & (outcome.event != cause)
    if competing.any():
        early, late = w * event * inverse, w * competing * inverse
        backwards = _key(-outcome.right_days, outcome.event != cause)
        parts.append((pair_sums(backwards, risk, early, late, groups), early, late))
    found = _ratio(parts)
    if g is not None:
        return found
    # A pair with a patient observed longer holds G of its event twice, one of two events holds G of each once.
    (once, _), *others = (_excess(part, found.value) for part in parts)
    factor = 2 * once + sum(early + late for early, late in others)
    through = through_censoring(outcome, outcome.right_days, factor / _pairs(parts), weights)
    return Measured(found.value, found.influence, through)


def auc(
    outcome: Outcome,
    risk: Floats,
    cause: int = 1,
    *,
    horizon: float,
    groups: Groups = None,
    weights: Floats | None = None,
    g: Observing | None = None,
) -> Measured:
    """Cumulative/dynamic AUC(t): how often a patient with the event by t had a higher risk than one without it.

    Without it: free of any event at t, or with a competing one by t (of two control definitions the one that
    answers "did it happen by t"). Both sides weigh by inverse probability of censoring; ties count ½. A given `g` is
    taken as known. Source: Heagerty 2000; Blanche, Dartigues & Jacqmin-Gadda 2013.
    """
    w = np.ones(outcome.n) if weights is None else weights
    known = w * ipcw(outcome, horizon, g or censoring(outcome, weights))
    case = events_by(outcome, cause, horizon)
    early, late = known * case, known * ~case
    found = _ratio([(pair_sums((~case).astype(int), risk, early, late, groups), early, late)])
    if g is not None or found.influence is None:
        return found
    through = through_censoring(outcome, reach(outcome, horizon), found.influence, weights)
    return Measured(found.value, found.influence, through)


def royston_d(
    outcome: Outcome, risk: Floats, cause: int = 1, *, weights: Floats | None = None
) -> tuple[float, float, float]:
    """Royston & Sauerbrei's D with its standard error, and R²_D: prognostic separation on the log hazard scale.

    Cox, with competing causes Fine–Gray, on the normal scores of the risks (Blom), scaled by √(8/π). Source: Royston &
    Sauerbrei 2004; competing causes: van Geloven 2022.
    """
    order = np.sort(risk)
    rank = (np.searchsorted(order, risk, side="left") + np.searchsorted(order, risk, side="right") + 1) / 2
    places, kappa = np.unique((rank - 0.375) / (outcome.n + 0.25), return_inverse=True), np.sqrt(8 / np.pi)
    score = np.array([NormalDist().inv_cdf(p) for p in places[0]])[places[1]] / kappa
    competing = len(outcome.causes) > 1
    fit = fit_cox(score[:, None], outcome, cause, weights=weights, subdistribution=competing)
    d = float(fit.coef[0])
    explained = (d / kappa) ** 2
    return d, float(fit.standard_error[0]), float(explained / (np.pi**2 / 6 + explained))


def _key(time: Floats, after: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Order of follow-up; on one day those marked `after` come later."""
    rank = np.unique(time, return_inverse=True)[1].astype(np.int64)
    return np.asarray(2 * rank + after)


def _ratio(parts: list[_Part]) -> Measured:
    """Share of pairs ranked rightly, and each row's influence on it."""
    total = _pairs(parts)
    if total <= 0:
        raise Undefined("no pair of patients whose order is known")
    value = float(sum(np.sum(early * sums.as_early_right) for sums, early, _ in parts)) / total
    moved = np.sum([early + late for early, late in (_excess(part, value) for part in parts)], axis=0)
    return Measured(value, moved / total)


def _given(g: Observing | None) -> bool:
    return isinstance(g, GivenPredictors)


def _partners(outcome: Outcome, g: Observing | None, inverse: Floats, w: Floats) -> list[tuple[Floats, Floats]]:
    """Classes of patients observed longer: 1/G of the class at each row's own time, and the weights of its members."""
    if not isinstance(g, GivenPredictors):
        return [(inverse, w)]
    edges = np.quantile(g.ratio, np.arange(1, _CLASSES) / _CLASSES, method="inverted_cdf")
    label, found = np.searchsorted(edges, g.ratio, side="left"), []
    for one in np.unique(label):
        members = label == one
        middle = np.full(outcome.n, np.exp(np.mean(np.log(g.ratio[members]))))
        their = GivenPredictors(g.days, g.cumulative, middle).before(outcome.right_days)
        found.append((np.where(their >= LEAST_OBSERVED, 1.0 / np.maximum(their, LEAST_OBSERVED), 0.0), w * members))
    return found


def _pairs(parts: list[_Part]) -> float:
    """Weight of all pairs."""
    return float(sum(np.sum(early * sums.as_early) for sums, early, _ in parts))


def _excess(part: _Part, value: float) -> tuple[Floats, Floats]:
    """Each row's pairs ranked rightly beyond `value` of them, as the earlier one and as the later one."""
    sums, early, late = part
    as_early = early * (sums.as_early_right - value * sums.as_early)
    return as_early, late * (sums.as_late_right - value * sums.as_late)


def _harrell(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, groups: Groups) -> Measured:
    return harrell_c(outcome, risk_for(curves, cause, horizon), cause, horizon=horizon, groups=groups)


def _uno(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, groups: Groups) -> Measured:
    return uno_c(outcome, risk_for(curves, cause, horizon), cause, horizon=horizon, groups=groups)


def _auc(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, groups: Groups) -> Measured:
    if horizon is None:
        raise Undefined("AUC(t) needs a horizon")
    return auc(outcome, risk_for(curves, cause, horizon), cause, horizon=horizon, groups=groups)


def _royston(outcome: Outcome, curves: Curves, cause: int, horizon: float | None, _: Groups) -> Measured:
    last = float(curves.times[-1]) if horizon is None else horizon
    risk = curves.risk_at(last, curves.causes[cause - 1])
    if np.ptp(risk) < 1e-12:
        return Measured(0.0)
    return Measured(royston_d(outcome, risk, cause)[0])


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
        title="C (Harrell)",
        digits=3,
        how="pairs within a fold and repeat",
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
        title="C (Uno)",
        digits=3,
        how="inverse-censoring-weighted pairs within a fold and repeat",
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
        title="AUC",
        digits=3,
        how="inverse-censoring-weighted, cumulative cases against dynamic controls",
        label="How often a patient with the event by then had a higher predicted risk than one without it",
        source="Heagerty 2000; Blanche 2013",
    ),
    Metric(
        "royston_d",
        "cox_on_normal_scores",
        _royston,
        scope="range",
        causes="any",
        direction="higher",
        range=(-np.inf, np.inf),
        null=0.0,
        best=np.inf,
        groups=False,
        title="Separation D",
        digits=2,
        how="Cox on normal scores of the risks",
        how_competing="Fine–Gray on normal scores of the risks",
        label="Log hazard ratio between the better and the worse half of patients, as the model parts them",
        source="Royston & Sauerbrei 2004; competing causes: van Geloven 2022",
        estimator_competing="fine_gray_on_normal_scores",
    ),
)
