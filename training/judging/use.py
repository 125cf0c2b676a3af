"""What acting on the prediction is worth, and how risks are distributed among those who had the event or had not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.censoring import Undefined
from training.disclosure import LEAST, Cell, Sum, withheld
from training.judging.analytic import worth
from training.judging.place import Place
from training.metrics.metric import Floats
from training.metrics.panel import Panel
from training.metrics.utility import STATED, THRESHOLDS
from training.nonparametric import incidence_at

BINS = 20
_QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def out_of_reach(place: Place, threshold: float) -> str:
    """What has to be added where a threshold cannot tell the model from treating all or none."""
    inside = place.risk.min(initial=1.0) <= threshold < place.risk.max(initial=0.0)
    return "" if inside else "; no risk lies on the other side of the threshold: the same as a default"


def told_thresholds(panel: Panel, risk: Floats, thresholds: Sequence[float]) -> list[float]:
    """These thresholds (none: those stated by default) and 1 to 50 %, without those that would tell of few patients.

    Net benefit is the count of those above with and without the event: of no patient or of ten at least between any
    two thresholds, and beyond the outer ones. The study's own are seen to before the grid. risk: of each row.
    """

    def above(threshold: float) -> float:
        return float(panel.weights[risk > threshold].sum())

    told = {0.0: float(len(panel.patients)), 1.0: 0.0}
    for threshold in dict.fromkeys((*(thresholds or STATED), *THRESHOLDS)):
        count = above(threshold)
        if all(abs(count - other) < 1e-9 or abs(count - other) >= LEAST - 1e-9 for other in told.values()):
            told[threshold] = count
    return sorted(told)[1:-1]


def decision_curve(place: Place, thresholds: Sequence[float]) -> None:
    """Net benefit over 1 to 50 % and these thresholds, as far as they are told, beside "treat all" and "treat none"."""
    panel, causes = place.panel, len(place.panel.outcome.causes)
    try:
        place.require(common_entry=False)
    except Undefined:
        return
    happened = float(incidence_at(panel.outcome, place.cause, [place.day])[0])
    for threshold in told_thresholds(panel, place.risk, thresholds):
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
    for low, high, patients in _bins(np.clip(risk, 0, 1)):
        place.row("risk_histogram", **{"from": round(low, 6), "to": round(high, 6), "patients": patients})
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


def _bins(risk: Floats) -> list[tuple[float, float, int]]:
    """Twentieths of the scale, each with nobody or with ten at least: few are counted with those below them."""
    counts, edges = np.histogram(risk, bins=np.linspace(0, 1, BINS + 1))
    found: list[tuple[float, float, int]] = []
    for low, high, patients in reversed([*zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)]):
        found.append((low, high, patients))
        if len(found) > 1 and 0 < found[-2][2] < LEAST:
            found[-2:] = [(low, found[-2][1], patients + found[-2][2])]
    while len(found) > 1 and 0 < found[-1][2] < LEAST:
        found[-2:] = [(found[-1][0], found[-2][1], found[-1][2] + found[-2][2])]
    return [] if 0 < len(risk) < LEAST else found[::-1]


def _hidden(sizes: Mapping[str, int]) -> frozenset[Cell]:
    """What is not told. How many had an event is said elsewhere, so it hides nobody."""
    events = {name for name in ("event", "competing_event") if not 0 < sizes.get(name, 1) < LEAST}
    whole = {"everybody": sum(sizes.values())}
    return withheld({**sizes, **whole}, [Sum("everybody", tuple(sizes))], fixed={*events, *whole})


def _summary(risk: Floats) -> dict[str, float | int | None]:
    """Count, mean and quantiles; of fewer than ten patients nothing, and no quantile with fewer beyond it."""
    if len(risk) < LEAST:
        return {"n": None, "mean": None, **dict.fromkeys(_QUANTILES)}
    told = {name: min(q, 1 - q) * len(risk) >= LEAST for name, q in _QUANTILES.items()}
    values = {name: float(np.quantile(risk, q)) if told[name] else None for name, q in _QUANTILES.items()}
    return {"n": len(risk), "mean": float(risk.mean()), **values}
