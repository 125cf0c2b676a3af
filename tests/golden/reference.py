"""What this house makes of the published tables, by set and name of `golden/expected.json`.

The tables lie beside the clone, or where SPINECAST_SHARED points.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from features.outcome import Outcome
from training.censoring import Censoring, censoring
from training.metrics.accuracy import brier, ipa, null_risk
from training.metrics.calibration import Line, cox_slope, ipcw_calibration, oe_ratio, pseudo_calibration
from training.metrics.discrimination import auc, harrell_c, royston_d, uno_c
from training.metrics.hazard_calibration import d_calibration, poisson_calibration
from training.metrics.metric import Measured
from training.metrics.smooth_calibration import Errors, cox_smoother, errors, neighbour_smoother
from training.metrics.utility import net_benefit
from training.nonparametric import aalen_johansen, pseudo_values
from training.partial_likelihood import CoxFit, fit_cox
from training.sample_size import Setting, development_criteria

Floats = NDArray[np.float64]
FOLDER = Path(os.environ.get("SPINECAST_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "golden"
AVAILABLE = FOLDER.is_dir()
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text()) if AVAILABLE else {"sets": {}}
BASIC = ["size_20_50", "size_gt50", "nodes2", "nodes3", "grade3"]
COLUMNS = {"basic": BASIC, "pgr": [*BASIC, "pgr2", "pgr3"]}


@cache
def breast(name: str) -> tuple[pd.DataFrame, Outcome]:
    """Prepared exactly as `data_preparation` says, from the files as published."""
    raw = pd.read_csv(FOLDER / f"{name}.csv")
    if name == "rotterdam":
        late_death = ((raw["recur"] == 0) & (raw["death"] == 1) & (raw["rtime"] < raw["dtime"])).to_numpy()
        assert late_death.sum() == 43
        time = np.where(late_death, raw["dtime"], raw["rtime"]) / 365.25
        event = np.maximum(raw["recur"], raw["death"]).to_numpy()
        size = raw["size"].map({"<=20": 0, "20-50": 1, ">50": 2}).to_numpy()
    else:
        time, event = (raw["rfstime"] / 365.25).to_numpy(), raw["status"].to_numpy()
        size = np.digitize(raw["size"], [20, 50], right=True)
    nodes, pgr = np.minimum(raw["nodes"], 19).to_numpy(float), np.minimum(raw["pgr"], 1360).to_numpy(float)
    frame = pd.DataFrame(
        {
            "size_20_50": (size == 1) * 1.0,
            "size_gt50": (size == 2) * 1.0,
            "nodes2": nodes,
            "nodes3": spline(nodes, 0, 1, 9),
            "grade3": (raw["grade"] == 3) * 1.0,
            "pgr2": pgr,
            "pgr3": spline(pgr, 0, 41, 486),
        }
    )
    return frame, Outcome.right_censored(np.minimum(time, 5), np.where(time > 5, 0, event), ("recurred_or_died",))


def spline(x: Floats, a: float, b: float, c: float) -> Floats:
    def cube(knot: float) -> Floats:
        return np.clip(x - knot, 0, None) ** 3

    return (cube(a) - cube(b) * (c - a) / (c - b) + cube(c) * (b - a) / (c - b)) / (c - a) ** 2


@cache
def breast_fit(model: str) -> CoxFit:
    frame, outcome = breast("rotterdam")
    return fit_cox(frame[COLUMNS[model]].to_numpy(float), outcome)


def breast_risk(model: str, name: str) -> Floats:
    frame, fit = breast(name)[0], breast_fit(model)
    return 1 - np.exp(-fit.cumulative_hazard(5.0) * np.exp(frame[COLUMNS[model]].to_numpy(float) @ fit.coef))


@cache
def elderly(name: str) -> tuple[Floats, Outcome]:
    raw = pd.read_csv(FOLDER / f"cmprsk_{name}.csv")
    X = np.c_[raw["age"], raw["size"], raw["ncat"] == "positive", raw["hr_status"] == "ER-/PR-"].astype(float)
    return X, Outcome.right_censored(raw["time"], raw["status_num"], ("recurrence", "death"))


@cache
def elderly_risk(name: str) -> Floats:
    """Five-year incidence of recurrence from the two cause-specific fits, product limit over all event times."""
    X, development = elderly("development")
    fits = [fit_cox(X, development, cause) for cause in (1, 2)]
    days = np.union1d(fits[0].times, fits[1].times)
    days = days[days <= 5]
    new = elderly(name)[0]
    step = [np.exp(new @ f.coef)[:, None] * np.diff(f.cumulative_hazard(days), prepend=0.0) for f in fits]
    survival = np.cumprod(1 - step[0] - step[1], axis=1)
    before = np.concatenate([np.ones((len(new), 1)), survival[:, :-1]], axis=1)
    return np.asarray((before * step[0]).sum(axis=1))


Value = float | list[float] | tuple[float, float, float]


def interval(found: Measured) -> Value:
    assert found.influence is not None
    error = float(np.sqrt(np.sum(found.influence**2)))
    return found.value, found.value - 1.959964 * error, found.value + 1.959964 * error


def line(found: Line) -> Value:
    return found.value, *found.interval()


def ratio(found: Line) -> Value:
    return float(np.exp(found.value)), *(float(np.exp(x)) for x in found.interval())


def distances(found: Errors, suffix: str) -> dict[str, Value]:
    names = ("ici", "e50", "e90", "emax", "root_squared_bias")
    return {f"{name}_{suffix}": getattr(found, name) for name in names}


def cox_fit(model: str) -> dict[str, Value]:
    fit, names = breast_fit(model), COLUMNS[model]
    return {
        **{f"coef_{name}": value for name, value in zip(names, fit.coef.tolist(), strict=True)},
        **{f"se_{name}": value for name, value in zip(names, fit.standard_error.tolist(), strict=True)},
        "likelihood_ratio_chi2": 2 * (fit.loglik - fit.loglik_null),
        "partial_loglik": fit.loglik,
        "baseline_survival_5y": float(np.exp(-fit.cumulative_hazard(5.0))),
    }


def judged(risk: Floats, outcome: Outcome) -> dict[str, Value]:
    """What every set of the breast cancer example asks of predictions."""
    found = errors(risk, cox_smoother(outcome, risk, 5.0)(None))
    b, i = brier(outcome, risk, horizon=4.99).value, ipa(outcome, risk, horizon=4.99).value
    null = np.full(outcome.n, null_risk(outcome, 1, 4.99))
    everybody = np.ones(outcome.n)
    return {
        "harrell_c": interval(harrell_c(outcome, risk)),
        "uno_c": interval(uno_c(outcome, risk)),
        "auc_4_99": auc(outcome, risk, horizon=4.99).value,
        "oe_ratio_5y": oe_ratio(outcome, risk, horizon=5.0, standard_error="events"),  # type: ignore[dict-item]
        "calibration_slope": line(cox_slope(outcome, risk)),
        "ici_5y": found.ici,
        "e50_5y": found.e50,
        "e90_5y": found.e90,
        "emax_5y": found.emax,
        "brier": b,
        "brier_4_99": b,
        "brier_null_4_99": brier(outcome, null, horizon=4.99).value,
        "ipa": i,
        "ipa_4_99": i,
        "net_benefit_0_23": net_benefit(outcome, risk, horizon=5.0, threshold=0.23).value,
        "net_benefit_treat_all_0_23": net_benefit(outcome, everybody, horizon=5.0, threshold=0.23).value,
    }


def external(model: str) -> dict[str, Value]:
    frame, outcome = breast("gbsg")
    fit = breast_fit(model)
    eta = frame[COLUMNS[model]].to_numpy(float) @ fit.coef
    passed = fit.cumulative_hazard(outcome.right_days) * np.exp(eta)
    assert model != "basic" or int((passed > 0).sum()) == 679
    poisson = poisson_calibration(outcome, passed, eta)
    return {
        **judged(breast_risk(model, "gbsg"), outcome),
        "calibration_in_the_large_poisson": ratio(poisson.ratio),
        "calibration_slope_poisson": line(poisson.slope),
    }


def equation(model: str) -> dict[str, Value]:
    frame, outcome = breast("gbsg")
    published = EXPECTED["sets"][f"pps_published_equation_{model}"]["equation"]
    eta = sum(value * frame[name].to_numpy() for name, value in published["coef"].items())
    return judged(1 - published["S0_5y"] ** np.exp(eta), outcome)


def authors_python() -> dict[str, Value]:
    """Weights of the development data for Uno's C and AUC, its Kaplan–Meier as null: here only."""
    development, outcome = breast("rotterdam")[1], breast("gbsg")[1]
    risk, g = breast_risk("basic", "gbsg"), censoring(development)
    found = judged(risk, outcome)
    null = np.full(outcome.n, null_risk(development, 1, 5.0))
    # scikit-survival's Brier weighs an event at T by G(T), not G(T−).
    own = censoring(outcome)
    at_event = Censoring(np.nextafter(own.times, 0), own.values)
    b = brier(outcome, risk, horizon=4.99, g=at_event).value
    return {
        "harrell_c": found["harrell_c"],
        "uno_c": uno_c(outcome, risk, g=g).value,
        "auc_4_99": auc(outcome, risk, horizon=4.99, g=g).value,
        "brier": b,
        "ipa": 1 - b / brier(outcome, null, horizon=4.99, g=at_event).value,
        "ici": found["ici_5y"],
        "e50": found["e50_5y"],
        "e90": found["e90_5y"],
        "oe_ratio": oe_ratio(outcome, risk, horizon=5.0)[0],
        "slope": cox_slope(outcome, risk).value,
    }


def cause_specific_fit() -> dict[str, Value]:
    found: dict[str, Value] = {}
    for cause in (1, 2):
        fit = fit_cox(*elderly("development"), cause)
        names = ("age", "size", "node_positive", "hr_negative")
        found |= {f"c{cause}_{name}": value for name, value in zip(names, fit.coef.tolist(), strict=True)}
        found[f"c{cause}_lr_chi2"] = 2 * (fit.loglik - fit.loglik_null)
        found[f"c{cause}_aic"] = -2 * fit.loglik + 8
    for name, label in (("development", "dev"), ("validation", "val")):
        found[f"aj_cif_{label}_1_to_5y"] = aalen_johansen(elderly(name)[1]).at([1, 2, 3, 4, 5]).tolist()
    return found


def recurrence(name: str) -> dict[str, Value]:
    outcome, risk = elderly(name)[1], elderly_risk(name)
    pseudo = pseudo_values(outcome, 1, [5.0])[:, 0]
    lines = pseudo_calibration(pseudo, risk)
    sextiles = tuple(np.linspace(0, 1, 7))
    smooth = cox_smoother(outcome, risk, 5.0, knots=sextiles, subdistribution=True)(None)
    d, error, explained = royston_d(outcome, risk)
    return {
        "oe_ratio": oe_ratio(outcome, risk, horizon=5.0),  # type: ignore[dict-item]
        "calibration_intercept_cloglog_pseudo": line(lines.intercept),
        "calibration_slope_cloglog_pseudo": line(lines.slope),
        "joint_test_p": lines.joint_p,
        **distances(errors(risk, smooth), "subdistribution"),
        **distances(errors(risk, neighbour_smoother(risk, risk)(pseudo, None)), "pseudo_nn"),
        "c_index_5y": uno_c(outcome, risk, horizon=5.0).value,
        "auc_5y": auc(outcome, risk, horizon=5.0).value,
        "brier_5y": brier(outcome, risk, horizon=5.0).value,
        "ipa_5y": ipa(outcome, risk, horizon=5.0).value,
        "royston_d": (d, d - 1.96 * error, d + 1.96 * error),
        "r2_d": explained,
    }


def fine_gray_fit() -> dict[str, Value]:
    fit = fit_cox(*elderly("development"), 1, subdistribution=True)
    names = ("age", "size", "node_positive", "hr_negative")
    return {
        **dict(zip(names, fit.coef.tolist(), strict=True)),
        **{f"se_{name}": value for name, value in zip(names, fit.standard_error.tolist(), strict=True)},
        "lr_chi2": 2 * (fit.loglik - fit.loglik_null),
        "aic": -2 * fit.loglik + 8,
    }


def only_here() -> dict[str, Value]:
    """What has no published counterpart: anchors that another implementation computed from the same files."""
    frame, outcome = breast("gbsg")
    risk, fit = breast_risk("basic", "gbsg"), breast_fit("basic")
    pseudo = pseudo_calibration(pseudo_values(outcome, 1, [5.0])[:, 0], risk)
    survival = np.exp(-fit.cumulative_hazard(outcome.right_days) * np.exp(frame[BASIC].to_numpy(float) @ fit.coef))
    counts, chi2 = d_calibration(survival, outcome.event == 1)
    return {
        "slope_cox_on_linear_predictor": cox_slope(outcome, risk).value,
        "slope_pseudo_gee_cloglog": line(pseudo.slope),
        "slope_pseudo_gee_cloglog_se": pseudo.slope.standard_error,
        "intercept_pseudo_gee_cloglog": pseudo.intercept.value,
        "intercept_pseudo_gee_cloglog_se": pseudo.intercept.standard_error,
        "slope_ipcw_binomial_cloglog_4_99": ipcw_calibration(outcome, risk, horizon=4.99)[0].value,
        "oe_ratio_greenwood": oe_ratio(outcome, risk, horizon=5.0),  # type: ignore[dict-item]
        "d_calibration_counts": counts.tolist(),
        "d_calibration_chi2": chi2,
        "d_calibration_p": float(chdtrc(len(counts) - 1, chi2)),
    }


def net_benefits(name: str) -> dict[str, Value]:
    """At thresholds that can tell right from wrong: unlike the one that the authors print."""
    curve = EXPECTED["sets"][name]["net_benefit_computed_here"]
    if name.startswith("pps"):
        outcome, risk = breast("gbsg")[1], breast_risk(name.rsplit("_", 1)[1], "gbsg")
    else:
        outcome, risk = elderly("validation")[1], elderly_risk("validation")
    either = {"model": risk, "treat_all": np.ones(outcome.n)}
    return {
        f"net_benefit_{who}": [net_benefit(outcome, r, horizon=5.0, threshold=t).value for t in curve["thresholds"]]
        for who, r in either.items()
    }


def sample_sizes() -> dict[str, Value]:
    """Riley's criteria for development, with the events that they give for each parameter."""
    found: dict[str, Value] = {}
    for number, case in enumerate(EXPECTED["sets"]["pmsampsize_survival"]["cases"], start=1):
        setting = Setting(case["rate"], case["mean_followup"], case["r2_cs"])
        criteria = development_criteria(setting, case["parameters"], 1000, case["timepoint"])
        needed = {one.criterion: float(one.needed_n) for one in criteria}
        most = max(needed.values())
        found[f"case_{number}"] = [needed["shrinkage"], needed["optimism"], most]
        found[f"case_{number}_epp"] = most * case["rate"] * case["mean_followup"] / case["parameters"]
    return found


SETS: dict[str, Callable[[], dict[str, Value]]] = {
    "pps_cox_fit_basic": lambda: cox_fit("basic"),
    "pps_cox_fit_pgr": lambda: cox_fit("pgr"),
    "pps_external_basic": lambda: external("basic"),
    "pps_external_pgr": lambda: external("pgr"),
    "pps_apparent_basic": lambda: judged(breast_risk("basic", "rotterdam"), breast("rotterdam")[1]),
    "pps_apparent_pgr": lambda: judged(breast_risk("pgr", "rotterdam"), breast("rotterdam")[1]),
    "pps_published_equation_basic": lambda: equation("basic"),
    "pps_published_equation_pgr": lambda: equation("pgr"),
    "pps_authors_python": authors_python,
    "vcr_cause_specific_fit": cause_specific_fit,
    "vcr_external_recurrence_5y": lambda: recurrence("validation"),
    "vcr_apparent_recurrence_5y": lambda: recurrence("development"),
    "vcr_fine_gray_fit": fine_gray_fit,
    "pmsampsize_survival": sample_sizes,
    "computed_here_only": only_here,
}
