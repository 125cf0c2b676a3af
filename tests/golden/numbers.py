"""Every reference number beside ours, with its tolerance: what the tests hold and what `make golden` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.golden.reference import EXPECTED, SETS, Value, net_benefits


@dataclass(frozen=True)
class Number:
    """One reference value, or a few that stand together: a value with its interval, a curve.

    published  as the authors print it, None where they do not.
    reference  as computed independently; ours is held to it within `tolerance`, one of each.
    """

    group: str
    name: str
    published: Any
    reference: tuple[float, ...]
    ours: tuple[float, ...]
    tolerance: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Whether every one is within its tolerance."""
        pairs = zip(self.ours, self.reference, self.tolerance, strict=True)
        return all(abs(ours - reference) <= tolerance for ours, reference, tolerance in pairs)

    @property
    def line(self) -> str:
        """Name, published, computed, ours, tolerance, and whether it holds."""
        published = "\u2013" if self.published is None else str(self.published)
        mark = "ok" if self.holds else "FAILS"
        parts = (_said(self.reference), _said(self.ours), _said(tuple(dict.fromkeys(self.tolerance))))
        head = f"{self.group}/{self.name}  published {published}"
        return f"{head}  computed {parts[0]}  ours {parts[1]}  tolerance {parts[2]}  {mark}"


def names() -> list[tuple[str, str]]:
    """Set and name of every reference number that somebody could compute."""
    return [(group, name) for group in EXPECTED["sets"] for name in _references(group)]


def number(group: str, name: str) -> Number:
    """One of them beside ours."""
    published, reference, tolerance = _references(group)[name]
    found = _computed(group)[name]
    ours = (float(found),) if isinstance(found, int | float) else tuple(map(float, found))
    return Number(group, name, published, reference, ours[: len(reference)], tolerance)


@cache
def _computed(group: str) -> dict[str, Value]:
    found = SETS[group]()
    return found | (net_benefits(group) if "net_benefit_computed_here" in EXPECTED["sets"][group] else {})


Reference = tuple[Any, tuple[float, ...], tuple[float, ...]]


@cache
def _references(group: str) -> dict[str, Reference]:
    held = EXPECTED["sets"][group]
    if group == "computed_here_only":
        return dict(_only_here(held))
    if group == "pmsampsize_survival":
        return dict(_cases(held["cases"]))
    found = {
        name: _entry(entry)
        for name, entry in held.get("metrics", {}).items()
        # Ten-sample bootstraps, by the reference's own mark no test target, and what it did not compute.
        if entry["computed"] is not None and entry["status"] != "not_reproducible"
    }
    curve = held.get("net_benefit_computed_here", {})
    return found | {
        f"net_benefit_{who}": (None, tuple(curve[who]), (2e-5,) * len(curve[who]))
        for who in ("model", "treat_all")
        if who in curve
    }


def _entry(entry: dict[str, Any]) -> Reference:
    """A value with its interval where the reference has one, or a list."""
    computed, published = entry["computed"], entry["published"]
    if isinstance(computed, list):
        return published, tuple(computed), (entry["tol"],) * len(computed)
    interval = tuple(entry.get("computed_ci", ()))
    if interval and "published_ci" in entry:
        published = (published, *entry["published_ci"])
    return published, (computed, *interval), (entry["tol"], *[max(entry["tol"], 1e-4)] * len(interval))


def _cases(cases: list[dict[str, Any]]) -> Iterator[tuple[str, Reference]]:
    for place, case in enumerate(cases, start=1):
        yield f"case_{place}", (case["published"], tuple(map(float, case["computed"])), (0.0,) * 3)
        yield f"case_{place}_epp", (case["epp"], (case["epp"],), (0.01,))


def _only_here(held: dict[str, Any]) -> Iterator[tuple[str, Reference]]:
    slopes, d = held["fixed_horizon_slope_basic_gbsg_5y"], held["d_calibration_basic_gbsg"]
    gee = slopes["pseudo_observation_gee_cloglog_gaussian"]
    intercept, oe = gee["intercept_offset_model"], held["oe_interval_greenwood_basic_gbsg_5y"]
    exact, close = 1e-5, 1e-4

    def one(value: float, tolerance: float) -> Reference:
        return None, (value,), (tolerance,)

    yield "slope_cox_on_linear_predictor", one(slopes["cox_on_linear_predictor"], exact)
    yield "slope_pseudo_gee_cloglog", (None, (gee["estimate"], *gee["ci"]), (exact, close, close))
    yield "slope_pseudo_gee_cloglog_se", one(gee["se"], close)
    yield "intercept_pseudo_gee_cloglog", one(intercept["estimate"], exact)
    yield "intercept_pseudo_gee_cloglog_se", one(intercept["se"], close)
    # The reference leaves events of a day at risk of being censored on it (to all its digits ours, counted so): 5e-5.
    yield "slope_ipcw_binomial_cloglog_4_99", one(slopes["ipcw_binomial_cloglog_4_99"], close)
    yield "oe_ratio_greenwood", (None, (oe["oe"], *oe["ci"]), (exact, exact, exact))
    yield "d_calibration_counts", (None, tuple(d["counts_from_S_0_to_1"]), (2e-3,) * 10)
    yield "d_calibration_chi2", one(d["chi2"], 1e-3)
    yield "d_calibration_p", one(d["p"], close)


def _said(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.7g}" for value in values)
