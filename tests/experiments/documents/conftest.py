"""Hand-made evidence of two studies, survival and recovery, as a run would leave it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pytest

from experiments.declared import Declared
from features.contract import Contract, Field, Table
from training.evidence import Estimate, Evidence

METHOD = "percentile interval, patients resampled 200 times"
SITES = {"S01": 320, "S02": 280, "S03": 240, "S04": 160}
N = sum(SITES.values())
DECLARED = Declared(
    {
        "intended_use": "To inform the conversation about treatment between surgeon and patient.",
        "contact": "registry office",
    },
    {"registration": "a retrospective study of routine data"},
    "B. Reader",
    "2026-11-20",
)


@dataclass(frozen=True)
class Parts:
    """What `render` is given."""

    evidence: Evidence
    study: dict[str, Any]
    contract: Contract
    identity: dict[str, Any]
    decision: dict[str, Any]
    declared: Declared

    def changed(self, **parts: Any) -> Parts:
        return replace(self, **parts)

    @cached_property
    def _made(self) -> dict[str, bytes]:
        return self.rendered_again()

    def rendered(self) -> dict[str, bytes]:
        """Rendered once for all tests: the same parts give the same bytes, which is a test of its own."""
        return self._made

    def rendered_again(self) -> dict[str, bytes]:
        from experiments.documents import render

        return render(self.evidence, self.study, self.contract, self.identity, self.decision, self.declared)


def contract() -> Contract:
    fields = (
        Field(
            name="age",
            table="patient",
            kind="number",
            label="Age",
            known_at="T0",
            unit="a",
            minimum=18,
            maximum=100,
            required=True,
            unknown_allowed=False,
        ),
        Field(
            name="albumin",
            table="labs",
            kind="number",
            label="Albumin",
            known_at="T0",
            unit="g/dL",
            units={"g/L": 0.1},
            minimum=1,
            maximum=6,
        ),
        Field(
            name="ecog",
            table="baseline",
            kind="ordinal",
            label="ECOG performance status",
            known_at="T0",
            levels=("0", "1", "2", "3", "4"),
        ),
        Field(
            name="primary",
            table="tumour",
            kind="category",
            label="Primary tumour",
            known_at="T0",
            levels=("breast", "lung", "prostate", "other"),
        ),
    )
    tables = (Table(name="patient", key=("patient_id",)), Table(name="labs", key=("patient_id", "date")))
    return Contract(name="spine", version="1", registry="spine", tables=tables, fields=fields)


def study(causes: tuple[str, ...], horizons: tuple[float, ...]) -> dict[str, Any]:
    recovery = len(causes) > 1
    labels = {"died": "died", "alive": "alive"}
    if recovery:
        labels = {
            "recovered": "recovered",
            "died_without_recovery": "died without recovery",
            "alive_not_recovered": "alive, not recovered",
        }
    return {
        "name": "recovery_after_treatment" if recovery else "death_after_spine_metastasis",
        "title": "Neurologic recovery after treatment" if recovery else "Death after treatment for spinal metastasis",
        "seed": 20261124,
        "predictors": ["age", "albumin", "ecog", "primary"],
        "landmark_days": 0,
        "treatment_conditional": False,
        "endpoint": {
            "name": "ais_improvement" if recovery else "overall_survival",
            "horizons_days": list(horizons),
            "primary_horizon_days": horizons[1],
            "primary_cause": causes[0],
        },
        "recipes": [
            {"family": "cox", "name": "", "predictors": None},
            {"family": "boosted_cox", "name": "", "predictors": None},
        ],
        "designs": [
            {"design": "nested_cross_validation", "folds": 5, "repeats": 2},
            {"design": "leave_one_site_out", "folds": None, "repeats": None},
        ],
        "tuning": {"trials": 20, "folds": 3},
        "intervals": {"resamples": 200, "level": 0.95},
        "endpoint_description": {
            "name": "ais_improvement" if recovery else "overall_survival",
            "title": "At least one AIS grade better than at time zero" if recovery else "Death from any cause",
            "time_zero": "start of the index treatment",
            "causes": list(causes),
            "free_state": "alive_not_recovered" if recovery else "alive",
            "labels": labels,
            "population": {"field": "ais_grade", "levels": ["A", "B", "C", "D"], "otherwise": "no deficit (AIS E)"}
            if recovery
            else None,
            "reading": "Seen at visits: it lies between the last visit without and the first visit with it."
            if recovery
            else "Deaths are known to the day.",
        },
    }


def events_of(risk: float, population: str, n: int) -> int:
    """Whole numbers that sum over sites."""
    return sum(math.floor(0.9 * risk * of) for of in (SITES.values() if population == "all" else [n]))


def estimates(
    causes: tuple[str, ...], horizons: tuple[float, ...], risks: dict[str, tuple[float, ...]]
) -> list[Estimate]:
    several = len(causes) > 1
    observed_by = "aalen_johansen" if several else "kaplan_meier"
    flexible = "flexible_fine_gray_rcs3" if several else "flexible_cox_rcs3"
    found: list[Estimate] = []
    for cause in causes:
        for horizon, risk in zip(horizons, risks[cause], strict=True):
            for population, n in {"all": N, **{f"site={name}": of for name, of in SITES.items()}}.items():
                counted = {"n": n, "events": events_of(risk, population, n), "level": 0.95, "method": "log(−log) scale"}
                key = {"cause": cause, "horizon_days": horizon, "population": population}
                span = {"low": risk * 0.93, "high": min(risk * 1.07, 1.0)}
                found.append(Estimate("observed_risk", observed_by, value=risk, **span, **counted, **key))
    for design in ("nested_cross_validation", "leave_one_site_out"):
        populations = {"all": N} | (
            {f"site={name}": n for name, n in SITES.items()} if design == "leave_one_site_out" else {}
        )
        for cause in causes:
            for h, horizon in enumerate(horizons):
                for index, (population, n) in enumerate(populations.items()):
                    for m, model in enumerate(
                        ("chosen", "cox", "boosted_cox", observed_by) if population == "all" else ("chosen",)
                    ):
                        risk = risks[cause][h]
                        events = events_of(risk, population, n)
                        ratio = math.exp(0.12 * ((index * 7 + h) % 5 - 2) * (index > 0)) * (1.01 if m == 0 else 0.99)
                        key: dict[str, Any] = {
                            "cause": cause,
                            "horizon_days": horizon,
                            "population": population,
                            "design": design,
                            "model": model,
                            "n": n,
                            "events": events,
                        }
                        spread = 1.96 / math.sqrt(max(events, 1))
                        span = {"level": 0.95, "method": METHOD}
                        null = model == observed_by
                        auc = 0.5 if null else 0.741 - 0.02 * h + 0.004 * m
                        found += [
                            Estimate("mean_risk", "mean_prediction", value=risk / ratio, **key),
                            Estimate(
                                "oe_ratio",
                                f"{observed_by}_over_mean_risk",
                                value=ratio,
                                low=ratio * math.exp(-spread),
                                high=ratio * math.exp(spread),
                                **span,
                                **key,
                            ),
                            Estimate(
                                "auc",
                                "ipcw_cumulative_dynamic",
                                value=auc,
                                low=auc - spread / 3,
                                high=min(auc + spread / 3, 1),
                                **span,
                                **key,
                            ),
                            Estimate(
                                "ipa",
                                "ipcw_null_of_scored_data",
                                value=0.0 if null else 0.142 - 0.01 * m,
                                low=-0.01 if null else 0.142 - spread / 2,
                                high=0.21,
                                **span,
                                **key,
                            ),
                            Estimate("brier", "ipcw", value=0.171 + 0.003 * m, low=0.16, high=0.185, **span, **key),
                            Estimate("ici", flexible, value=0.018 + 0.002 * m, low=0.011, high=0.034, **span, **key),
                        ]
                        if null:
                            reason = "a constant prediction has no slope"
                            found.append(
                                Estimate(
                                    "calibration_slope", "pseudo_cloglog", state="not applicable", reason=reason, **key
                                )
                            )
                        else:
                            found.append(
                                Estimate(
                                    "calibration_slope", "pseudo_cloglog", value=0.97, low=0.84, high=1.1, **span, **key
                                )
                            )
                        if population == "all" and not null:
                            found += [
                                Estimate(name, flexible, value=0.015 + k / 50, low=0.01, high=0.1, **span, **key)
                                for k, name in enumerate(("e50", "e90", "emax"))
                            ]
                            found.append(
                                Estimate(
                                    "calibration_intercept",
                                    "pseudo_cloglog",
                                    value=0.012,
                                    low=-0.06,
                                    high=0.09,
                                    **span,
                                    **key,
                                )
                            )
                            found.append(
                                Estimate(
                                    "uno_c", "ipcw_within_fold_pairs", value=0.702, low=0.68, high=0.722, **span, **key
                                )
                            )
            key = {
                "cause": cause,
                "design": design,
                "model": "chosen",
                "n": N,
                "events": round(0.9 * risks[cause][-1] * N),
            }
            found.append(
                Estimate(
                    "harrell_c",
                    "within_fold_pairs",
                    value=0.698,
                    low=0.681,
                    high=0.714,
                    level=0.95,
                    method=METHOD,
                    **key,
                )
            )
            found.append(Estimate("ibs", "ipcw", value=0.152, low=0.14, high=0.163, level=0.95, method=METHOD, **key))
            if several:
                found.append(
                    Estimate(
                        "calibration_slope", "cox_on_log_hazard", state="not applicable", reason="one cause only", **key
                    )
                )
            else:
                found.append(
                    Estimate(
                        "calibration_slope",
                        "cox_on_log_hazard",
                        value=0.99,
                        low=0.9,
                        high=1.08,
                        level=0.95,
                        method=METHOD,
                        **key,
                    )
                )
    return found


def tables(
    causes: tuple[str, ...], horizons: tuple[float, ...], risks: dict[str, tuple[float, ...]]
) -> dict[str, list[dict[str, Any]]]:
    curve, bars, steps = [], [], []
    for c, cause in enumerate(causes):
        for h, horizon in enumerate(horizons):
            key = {"design": "nested_cross_validation", "model": "chosen", "cause": cause, "horizon_days": horizon}
            top = min(0.95, 2.4 * risks[cause][h])
            for k in range(41):
                p = 0.02 + (top - 0.02) * k / 40
                o = min(max(p + 0.03 * math.sin(5 * p) - 0.01, 0), 1)
                half = 0.02 + 0.12 * (k / 40) ** 2
                curve.append({**key, "predicted": p, "observed": o, "low": max(o - half, 0), "high": min(o + half, 1)})
            for k in range(50):
                middle = (k + 0.5) / 50
                patients = round(
                    2 * N * 0.08 * math.exp(-(((middle - risks[cause][h]) / (0.5 * risks[cause][h])) ** 2))
                )
                bars.append({**key, "from": k / 50, "to": (k + 1) / 50, "patients": patients})
        limit = risks[cause][-1] * 1.05
        for day in range(10, 731, 10):
            value = limit * (1 - math.exp(-day / (0.45 * horizons[-1])))
            steps.append(
                {
                    "cause": cause,
                    "estimator": "self_consistent" if len(causes) > 1 else "kaplan_meier",
                    "time_days": day,
                    "incidence": value,
                    "low": max(value - 0.02, 0),
                    "high": value + 0.02,
                    "at_risk": round(N * math.exp(-day / 500)),
                }
            )
            if c == 0 and len(causes) > 1:
                steps.append(
                    {
                        "cause": cause,
                        "estimator": "one_minus_kaplan_meier",
                        "time_days": day,
                        "incidence": value * 1.18,
                        "low": None,
                        "high": None,
                        "at_risk": round(N * math.exp(-day / 500)),
                    }
                )
    one = []
    for site, of in {"all": N, **SITES}.items():
        one += [
            {
                "site": site,
                "field": "age",
                "label": "Age",
                "kind": "number",
                "level": None,
                "statistic": s,
                "value": v,
                "n": of,
                "missing": 0,
                "of": of,
            }
            for s, v in (("median", 64.2), ("lower_quartile", 56.0), ("upper_quartile", 71.8))
        ]
        one += [
            {
                "site": site,
                "field": "albumin",
                "label": "Albumin",
                "kind": "number",
                "level": None,
                "statistic": s,
                "value": v,
                "n": of - of // 4,
                "missing": of // 4,
                "of": of,
            }
            for s, v in (("median", 3.6), ("lower_quartile", 3.1), ("upper_quartile", 4.0))
        ]
        parts = [of // 2, of // 4, of - of // 2 - of // 4]
        one += [
            {
                "site": site,
                "field": "primary",
                "label": "Primary tumour",
                "kind": "category",
                "level": level,
                "statistic": "count",
                "value": v,
                "n": of,
                "missing": 0,
                "of": of,
            }
            for level, v in zip(("breast", "lung", "other"), parts, strict=True)
        ]
    labels = (
        ("age", "Age, per 10 years", 0.11),
        ("albumin", "Albumin, per g/dL", -0.42),
        ("ecog", "ECOG, per grade", 0.36),
        ("primary=lung", "Primary: lung", 0.58),
        ("primary=prostate", "Primary: prostate", -0.21),
    )
    coefficients = [
        {
            "cause": cause,
            "column": name,
            "label": label,
            "estimate": b,
            "low": b - 0.15,
            "high": b + 0.15,
            "hazard_ratio": math.exp(b),
        }
        for cause in causes
        for name, label, b in labels
    ]
    baseline = [
        {"cause": cause, "time_days": float(day), "cumulative_hazard": day / 900}
        for cause in causes
        for day in range(1, 400)
    ]
    flow = [
        ("no index treatment", 40, 1100),
        ("younger than 18 years", 0, 1100),
        ("consent withdrawn", 12, 1088),
        ("primary tumour of the spine, or treated before the registry opened", 88, 1000),
    ]
    return {
        "calibration_curve": curve,
        "risk_histogram": bars,
        "observed_curve": steps,
        "table_one": one,
        "coefficients": coefficients,
        "baseline": baseline,
        "flow": [{"reason": r, "left": left, "remaining": rest} for r, left, rest in flow],
        "tuning": [{"recipe": "cox", "trial": k, "penalty": 10.0**-k, "loss": 0.21 + k / 1000} for k in range(4)],
        **(
            {"windows": [{"cause": causes[0], "median": 42.0, "lower_quartile": 40.0, "upper_quartile": 91.0}]}
            if len(causes) > 1
            else {}
        ),
    }


def parts(causes: tuple[str, ...], horizons: tuple[float, ...], risks: dict[str, tuple[float, ...]]) -> Parts:
    events = {cause: round(0.95 * risks[cause][-1] * N) for cause in causes}
    facts = {
        "n": N,
        "events": events,
        "censored": N - sum(events.values()),
        "follow_up": 612.0,
        "sites": list(SITES),
        "chosen": "cox",
        "resamples": 200,
        "digests": {"study": "5a" * 32, "contract": "c0" * 32, "data": "da" * 32},
        **({"interval_estimator": "self-consistent with the intervals"} if len(causes) > 1 else {}),
    }
    decision = {
        "verdict": "promoted",
        "as": "champion",
        "by": "A. Reader",
        "reason": "first model of this question",
        "reasons": [
            {"check": "recipe_vs_recipe", "passed": None, "sentence": "There is no champion to compare with."},
            {"check": "against_null", "passed": True, "sentence": "IPA is above zero at the primary horizon."},
        ],
    }
    made = study(causes, horizons)
    identity = {"name": made["name"], "version": 1, "run": "3f9c2b17", "model_digest": "ab" * 32, "status": "champion"}
    return Parts(
        Evidence(tuple(estimates(causes, horizons, risks)), tables(causes, horizons, risks), facts),
        made,
        contract(),
        identity,
        decision,
        DECLARED,
    )


@pytest.fixture(scope="session")
def survival() -> Parts:
    return parts(("died",), (42.0, 90.0, 365.0), {"died": (0.12, 0.24, 0.55)})


@pytest.fixture(scope="session")
def recovery() -> Parts:
    risks = {"recovered": (0.14, 0.22, 0.31), "died_without_recovery": (0.1, 0.17, 0.29)}
    return parts(("recovered", "died_without_recovery"), (42.0, 84.0, 182.0), risks)


@pytest.fixture(scope="session", params=["survival", "recovery"])
def either(request: pytest.FixtureRequest) -> Parts:
    found: Parts = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def parts_of() -> Callable[..., Parts]:
    return parts
