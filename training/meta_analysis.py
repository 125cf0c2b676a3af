"""Sites taken together: a random-effects mean, how much sites differ, and what the next hospital may expect.

REML for the variance between sites, Hartung–Knapp–Sidik–Jonkman's interval for the mean, and the prediction interval
μ ± t(k − 2)·√(τ² + SE²). C is pooled on the logit, O/E on the log scale, the slope as it is. Sources: Viechtbauer 2005;
Hartung & Knapp 2001; Higgins, Thompson & Spiegelhalter 2009; scales: Snell 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from training.evidence import Estimate, Evidence
from training.metrics.metric import GIVEN_PREDICTORS

Floats = NDArray[np.float64]
DESIGN: Final = "leave_one_site_out"
POOLED, NEXT = "all sites, pooled", "next site"
ESTIMATOR: Final = "reml_hartung_knapp"
LEAST_SITES: Final = 2
_SITE: Final = "site="


@final
@dataclass(frozen=True)
class Pooled:
    """A random-effects summary of k numbers, on their own scale.

    mean, standard_error (Hartung–Knapp) · tau between-site standard deviation · weights (k,) sum to one ·
    low, high of the mean · next_low, next_high what the next site may show; None below three sites.
    """

    mean: float
    standard_error: float
    tau: float
    weights: Floats
    low: float
    high: float
    next_low: float | None
    next_high: float | None


def pool(values: Floats, errors: Floats, level: float = 0.95) -> Pooled:
    """REML with Hartung–Knapp from values (k,) and their standard errors (k,), k at least two."""
    from scipy.stats import t

    y, v, k = np.asarray(values, float), np.asarray(errors, float) ** 2, len(values)
    if k < LEAST_SITES or not np.all(v > 0):
        raise ValueError(f"a pool needs at least {LEAST_SITES} values with positive standard errors, got {k}.")
    between = _reml(y, v)
    w = 1 / (v + between)
    mean = float(w @ y / w.sum())
    error = float(np.sqrt(w @ (y - mean) ** 2 / ((k - 1) * w.sum())))
    reach = float(t.ppf(0.5 + level / 2, k - 1)) * error
    ahead = float(t.ppf(0.5 + level / 2, k - 2)) * float(np.hypot(np.sqrt(between), error)) if k > 2 else None
    return Pooled(
        mean,
        error,
        float(np.sqrt(between)),
        w / w.sum(),
        mean - reach,
        mean + reach,
        None if ahead is None else mean - ahead,
        None if ahead is None else mean + ahead,
    )


def _reml(y: Floats, v: Floats) -> float:
    """The variance between, by Fisher scoring of the restricted likelihood, never below zero."""
    between = max(float(np.var(y, ddof=1) - v.mean()), 0.0)
    for _ in range(200):
        w = 1 / (v + between)
        total, second, third = w.sum(), float(np.sum(w**2)), float(np.sum(w**3))
        mean = w @ y / total
        trace = total - second / total
        score = float(w**2 @ (y - mean) ** 2) - trace
        information = second - 2 * third / total + (second / total) ** 2
        after = max(between + float(score / information), 0.0)
        if abs(after - between) <= 1e-12 * (1 + between):
            return after
        between = after
    return between


def _plain(value: float) -> float:
    return value


def _logit(value: float) -> float:
    return float(np.log(value / (1 - value)))


def _expit(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


@dataclass(frozen=True)
class _Scale:
    """Where a metric is pooled: `name` in evidence, there and back, slope of the way there, values that can go."""

    name: str
    there: Callable[[float], float]
    back: Callable[[float], float]
    derivative: Callable[[float], float]
    inside: Callable[[float], bool]


_SCALES: Final[Mapping[str, _Scale]] = {
    "harrell_c": _Scale("logit_c", _logit, _expit, lambda c: 1 / (c * (1 - c)), lambda c: 0 < c < 1),
    "oe_ratio": _Scale(
        "log_oe", lambda r: float(np.log(r)), lambda x: float(np.exp(x)), lambda r: 1 / r, lambda r: r > 0
    ),
    "calibration_slope": _Scale("slope", _plain, _plain, lambda _: 1.0, lambda _: True),
}


def sites_pooled(evidence: Evidence, *, level: float) -> Evidence:
    """From each site's estimates in leave-one-site-out: pooled mean, τ, the next site, and the table of sites.

    A site without a number (too few events, follow-up shorter than the horizon, no spread in risk) stays in the table
    with its state and reason, is left out of the pool, and the pool's method says how many were.
    """
    estimates: list[Estimate] = []
    rows: list[dict[str, Any]] = []
    keys = [e for e in evidence.find(design=DESIGN) if e.population.startswith(_SITE) and e.metric in _SCALES]
    groups = dict.fromkeys((e.metric, e.estimator, e.cause, e.horizon_days, e.model) for e in keys)
    given = {(g[0], *g[2:]) for g in groups if g[1].endswith(GIVEN_PREDICTORS)}
    for group in groups:
        if (group[0], *group[2:]) in given and not group[1].endswith(GIVEN_PREDICTORS):
            continue  # where weights are given the predictors they are the headline: one pool per number
        sites = [e for e in keys if (e.metric, e.estimator, e.cause, e.horizon_days, e.model) == group]
        scale = _SCALES[sites[0].metric]
        errors = [_error(e, scale, level) for e in sites]
        used = [number for number, error in enumerate(errors) if error is not None]
        found: Pooled | None = None
        if len(used) >= LEAST_SITES:
            values = np.array([scale.there(float(sites[i].value or 0.0)) for i in used])
            found = pool(values, np.array([errors[i] for i in used], float), level)
        estimates += _said(sites, used, found, scale, level)
        weights = {} if found is None else dict(zip(used, found.weights.tolist(), strict=True))
        rows += [_row(site, weights.get(number), len(used)) for number, site in enumerate(sites)]
    return Evidence(tuple(estimates), {"site_performance": rows} if rows else {})


def _error(estimate: Estimate, scale: _Scale, level: float) -> float | None:
    """Standard error on the pooling scale, read from the interval; None where there is no number to pool.

    The wider side of the interval counts: the other may have been cut at the edge of what is possible.
    """
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None or not scale.inside(value):
        return None
    z = NormalDist().inv_cdf(0.5 + level / 2)
    if scale.name == "log_oe":
        return float(np.log(high / low)) / (2 * z) if high > low > 0 else None
    error = max(value - low, high - value) / z * scale.derivative(value)
    return error if error > 0 else None


def _said(
    sites: Sequence[Estimate], used: Sequence[int], found: Pooled | None, scale: _Scale, level: float
) -> list[Estimate]:
    first, left_out = sites[0], len(sites) - len(used)
    pooled = [sites[i] for i in used]
    key: dict[str, Any] = {
        "cause": first.cause,
        "horizon_days": first.horizon_days,
        "design": DESIGN,
        "model": first.model,
        "n": _together([e.n for e in pooled]),
        "events": _together([e.events for e in pooled]),
    }
    count = f"{len(used)} of {len(sites)} sites" + (f", {left_out} left out (see site_performance)" if left_out else "")
    between: dict[str, Any] = {"metric": "tau", "estimator": f"reml_{scale.name}", "population": POOLED}
    mean: dict[str, Any] = {"metric": first.metric, "estimator": ESTIMATOR, "population": POOLED}
    ahead: dict[str, Any] = {"metric": first.metric, "estimator": ESTIMATOR, "population": NEXT}
    if found is None:
        reason = f"{count} have a number with an interval; a pool needs {LEAST_SITES}"
        return [Estimate(state="not applicable", reason=reason, **named, **key) for named in (mean, ahead, between)]
    value, low, high = (scale.back(one) for one in (found.mean, found.low, found.high))
    words = f"{scale.name} scale, {count}"
    hartung = f"REML, Hartung–Knapp t({len(used) - 1}), {words}"
    said = [
        Estimate(value=value, low=low, high=high, level=level, method=hartung, **mean, **key),
        Estimate(value=found.tau, method=f"REML, {words}", **between, **key),
    ]
    if found.next_low is None or found.next_high is None:
        reason = f"{count} have a number with an interval; a prediction interval needs 3"
        return [*said, Estimate(state="not applicable", reason=reason, **ahead, **key)]
    low, high = scale.back(found.next_low), scale.back(found.next_high)
    words = f"prediction interval for the next site, t({len(used) - 2}), {words}"
    return [*said, Estimate(value=value, low=low, high=high, level=level, method=words, **ahead, **key)]


def _together(counts: Sequence[int | None]) -> int | None:
    """Their sum; of what is not told none."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _row(site: Estimate, weight: float | None, pooled: int) -> dict[str, Any]:
    reason = site.reason
    if weight is None and not reason:
        reason = "no interval, so no weight" if pooled >= LEAST_SITES else "too few sites to pool"
    return {
        "metric": site.metric,
        "estimator": site.estimator,
        "cause": site.cause,
        "horizon_days": site.horizon_days,
        "model": site.model,
        "site": site.population.removeprefix(_SITE),
        "n": site.n,
        "events": site.events,
        "value": site.value,
        "low": site.low,
        "high": site.high,
        "weight": weight,
        "state": site.state,
        "reason": reason,
    }
