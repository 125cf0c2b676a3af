"""What acting on the prediction is worth, and how risks are distributed among those who had the event or had not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.censoring import Undefined
from training.judging.analytic import worth
from training.judging.place import Place
from training.metrics.calibration import MIN_EVENTS
from training.metrics.metric import Floats
from training.metrics.utility import THRESHOLDS
from training.nonparametric import incidence_at

BINS = 20
_QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def out_of_reach(place: Place, threshold: float) -> str:
    """What has to be added where a threshold cannot tell the model from treating all or none."""
    inside = place.risk.min(initial=1.0) <= threshold < place.risk.max(initial=0.0)
    return "" if inside else "; no risk lies on the other side of the threshold: the same as a default"


def decision_curve(place: Place, thresholds: Sequence[float]) -> None:
    """Net benefit over 1 to 50 % and these thresholds, beside "treat all" and "treat none"."""
    panel, causes = place.panel, len(place.panel.outcome.causes)
    try:
        place.require(common_entry=False)
    except Undefined:
        return
    happened = float(incidence_at(panel.outcome, place.cause, [place.day])[0])
    for threshold in sorted({*THRESHOLDS, *thresholds}):
        everyone = happened - (1 - happened) * threshold / (1 - threshold)
        one = worth(place.cause, place.day, causes, threshold)
        try:
            value, low, high = place.bounded(one.metric, one.estimator, one.of(panel, None))
            found: dict[str, float | None] = {"net_benefit": value, "low": low, "high": high}
        except Undefined:
            # Nobody above it was followed so long: the curve has a gap there.
            found = {"net_benefit": None, "low": None, "high": None}
        place.row("decision_curve", threshold=threshold, **found, treat_all=everyone, treat_none=0.0)


def distribution(place: Place) -> None:
    """Patients by their predicted risk, averaged over repeats; and its quantiles by what is known of them by then."""
    panel, outcome = place.panel, place.panel.outcome
    risk = panel.per_patient(place.risk * panel.weights)
    counts, edges = np.histogram(np.clip(risk, 0, 1), bins=np.linspace(0, 1, BINS + 1))
    for low, high, patients in zip(edges[:-1], edges[1:], counts, strict=True):
        values = {"from": round(float(low), 6), "to": round(float(high), 6), "patients": int(patients)}
        place.row("risk_histogram", **values)
    by = outcome.right_days <= place.day
    seen = outcome.right_days >= place.day if not np.any(~by) else ~by
    statuses = {
        "event": by & (outcome.event == place.cause),
        "competing_event": by & (outcome.event > 0) & (outcome.event != place.cause),
        "event_free": seen & ~(by & (outcome.event > 0)),
        "unknown": by & (outcome.event == 0) & ~seen,
    }
    asked = {s: who for s, who in statuses.items() if s != "competing_event" or len(outcome.causes) > 1}
    hidden = _hidden({status: int(who.sum()) for status, who in asked.items()})
    for status, who in asked.items():
        place.row("risk_by_outcome", outcome=status, **_summary(risk[:0] if status in hidden else risk[who]))


def _hidden(sizes: Mapping[str, int]) -> set[str]:
    """What is not told: the few, and so many others with them that the whole and its mean do not give them away."""
    hidden = {status for status, size in sizes.items() if 0 < size < MIN_EVENTS}
    for status in sorted(set(sizes) - hidden, key=sizes.__getitem__):
        if hidden and sizes[status] and sum(sizes[one] for one in hidden) < MIN_EVENTS:
            hidden.add(status)
    return hidden


def _summary(risk: Floats) -> dict[str, float | int | None]:
    """Count, mean and quantiles; of fewer than ten patients nothing."""
    if len(risk) < MIN_EVENTS:
        return {"n": None, "mean": None, **dict.fromkeys(_QUANTILES)}
    quantiles = np.quantile(risk, list(_QUANTILES.values()))
    values = {name: float(q) for name, q in zip(_QUANTILES, quantiles, strict=True)}
    return {"n": len(risk), "mean": float(risk.mean()), **values}
