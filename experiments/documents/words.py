"""How documents say things: names of metrics and estimators, numbers with their intervals, days, states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

from experiments.documents.page import Cell
from training.evidence import Estimate
from training.metrics import METRICS
from training.metrics.metric import CORRECTED, GIVEN_PREDICTORS


@final
@dataclass(frozen=True)
class _Metric:
    title: str
    digits: int
    scale: Literal["plain", "percent"] = "plain"


# What is judged says its own words (`training.metrics`); here stands what only describes.
_METRICS = {metric.name: _Metric(metric.title, metric.digits) for metric in METRICS.values()} | {
    "observed_risk": _Metric("Observed risk", 1, "percent"),
    "mean_risk": _Metric("Mean predicted risk", 1, "percent"),
    "tau": _Metric("τ between sites", 3),
    "mape": _Metric("Mean absolute prediction error", 1, "percent"),
    "d_calibration_p": _Metric("D-calibration, p", 3),
    "mape_p95": _Metric("Absolute prediction error that 95 of 100 patients stay below", 1, "percent"),
    "censoring_c": _Metric("C of a model for leaving", 3),
}

_ESTIMATORS = {
    **{metric.estimator: metric.how for metric in METRICS.values()},
    **{metric.estimator_competing: metric.how_competing for metric in METRICS.values() if metric.estimator_competing},
    "pseudo_nearest_neighbours": "pseudo-observations smoothed over nearest neighbours",
    "ipcw_null_out_of_fold": "inverse-censoring-weighted, against the null model out of fold",
    "ipcw_over_mean_risk": "inverse-censoring-weighted share of events over mean predicted risk",
    "ipcw_binomial_cloglog": "inverse-censoring-weighted likelihood, cloglog link, at the horizon",
    "kaplan_meier": "Kaplan–Meier",
    "aalen_johansen": "Aalen–Johansen",
    "one_minus_kaplan_meier": "1 − Kaplan–Meier, which ignores the other causes",
    "self_consistent": "self-consistent with the intervals between visits",
    "right_end_of_interval": "Aalen–Johansen, counted on the day first seen",
    "mean_prediction": "mean of predictions",
    "reml_hartung_knapp": "random effects by REML, Hartung–Knapp",
    "reml_log_oe": "REML on log observed : expected",
    "reml_logit_c": "REML on logit C",
    "reml_slope": "REML on the slope",
    "bootstrap_refits": "distance between refits and the model, averaged over refits and patients",
    "cox_on_normal_scores": "Cox on normal scores of the risk",
    "out_of_sample_cox": "Cox for the censoring time, out of sample",
}
# What a name's ending adds to its meaning, wherever it stands.
_ENDINGS = {
    CORRECTED: ", corrected for optimism",
    GIVEN_PREDICTORS: ", censoring weights given the predictors",
}

_DESIGNS = {
    "nested_cross_validation": "nested cross-validation",
    "leave_one_site_out": "leave-one-site-out",
    "bootstrap": "bootstrap of the whole development",
    "temporal": "temporal (treated later than those who taught it)",
    "external": "external cohort",
    "apparent": "apparent (same patients as the fit; optimistic)",
    "data": "the data as observed",
}


def said(kind: Literal["metric", "estimator", "design"], name: str) -> str:
    """The reader's words for a name of the evidence; a name without own words is read as it stands."""
    if kind == "metric":
        return _METRICS[name].title if name in _METRICS else plain(name)
    if kind == "design":
        return _DESIGNS.get(name, plain(name))
    above = re.fullmatch(r"(kaplan_meier|aalen_johansen)_above_([0-9.]+)_percent", name)
    if above:
        return f"{_ESTIMATORS[above[1]]} of those above {above[2]} %"
    for ending, words in _ENDINGS.items():
        if name.endswith(ending):
            return said("estimator", name.removesuffix(ending)) + words
    return _ESTIMATORS.get(name, plain(name))


def plain(name: object) -> str:
    """An identifier as words: underscores are spaces."""
    return str(name).replace("_", " ")


def count(number: object) -> str:
    """A whole number with thin thousands; anything else as `decimal`. None is a count that is not told."""
    if number is None:
        return "few"
    if isinstance(number, bool) or not isinstance(number, int | float):
        return str(number)
    return f"{int(number):,}".replace(",", "\u202f") if float(number).is_integer() else decimal(number, 2)


def decimal(number: float, digits: int) -> str:
    """Fixed digits with a true minus sign; a rounded zero has no sign."""
    text = f"{number:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\u2212")


def days(horizon_days: float | None) -> str:
    """A horizon as it is said; None is the whole range."""
    return "whole range" if horizon_days is None else f"{count(horizon_days)} days"


def amount(metric: str, value: float) -> str:
    """A metric's value in its own digits and scale."""
    form = _METRICS.get(metric, _Metric("", 3))
    return f"{decimal(100 * value, form.digits)} %" if form.scale == "percent" else decimal(value, form.digits)


def number(estimate: Estimate | None, *, missing: str = "not in the evidence of this run") -> Cell:
    """An estimate as a cell: value with interval, linked; or its state in words, never an empty space."""
    if estimate is None:
        return Cell(f"MISSING: {missing}", state="missing")
    if estimate.value is None:
        state: Literal["missing", "not applicable"] = "missing" if estimate.state == "missing" else "not applicable"
        word = "MISSING" if state == "missing" else "not applicable"
        return Cell(f"{word}: {estimate.reason}", estimate=estimate.id, note=origin(estimate), state=state)
    text, between = amount(estimate.metric, estimate.value), ""
    if estimate.low is not None and estimate.high is not None:
        between = f"{amount(estimate.metric, estimate.low)} to {amount(estimate.metric, estimate.high)}".replace(
            " % to", " to"
        )
    return Cell(text, between, estimate=estimate.id, note=origin(estimate), value=estimate.value, numeric=True)


def told_once(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """A row in which the same reason stands more than once says it once."""
    seen: set[str] = set()
    kept = []
    for cell in cells:
        again = cell.state == "not applicable" and cell.text in seen
        kept.append(Cell("–") if again else cell)
        seen.add(cell.text)
    return tuple(kept)


def interval(estimate: Estimate) -> str:
    """What the interval is, in words."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    level = "" if estimate.level is None else f"{decimal(100 * estimate.level, 0)} %"
    return f"{level} {estimate.method}".strip()


def origin(estimate: Estimate) -> str:
    """All that stands behind a number, in one sentence."""
    counts = [
        f"n {count(estimate.n)}" if estimate.n is not None else "",
        f"events {count(estimate.events)}" if estimate.events is not None else "",
    ]
    parts = (
        f"{said('metric', estimate.metric)}: {said('estimator', estimate.estimator)}",
        plain(estimate.cause),
        days(estimate.horizon_days),
        "" if estimate.population == "all" else estimate.population,
        said("design", estimate.design),
        f"model {plain(estimate.model)}" if estimate.model else "",
        *counts,
        interval(estimate),
    )
    return "; ".join(part for part in parts if part)


def fact(value: Any, *, missing: str) -> Cell:
    """A declared or recorded fact in words; an absent one says so."""
    if value is None or value == "" or value == [] or value == {}:
        return Cell(f"MISSING: {missing}", state="missing")
    if isinstance(value, Mapping):
        return Cell("; ".join(f"{plain(name)}: {_flat(entry)}" for name, entry in value.items()))
    return Cell(_flat(value))


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(name)} {_flat(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_flat(entry) for entry in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return count(value) if float(value).is_integer() else f"{value:g}".replace("-", "\u2212")
    return str(value)
