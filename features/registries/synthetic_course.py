"""After time zero in the synthetic registry: treatment, recovery, death, visits, and who is missed at them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from features.registries.synthetic_patients import expit
from features.registries.synthetic_truth import Variant, cumulative_hazard, draw_deaths, rates, recovery_law

Floats = NDArray[np.float64]

VISIT_WEEKS: Final = (6, 12, 26, 52, 104)
VISIT_DAYS: Final = np.array([42, 84, 182, 364, 728])
# Nearest visit by half distance (§1.1): a visit outside its window would carry another label.
WINDOWS: Final = np.array([[28, 62], [63, 132], [133, 272], [273, 545], [546, 910]])
_SPREAD = np.array([5.0, 9.0, 16.0, 25.0, 35.0])
# Missing among the alive at 6/12/26/52/104 weeks (§3.8), by a logit of frailty, nearness of death and site.
MISSING: Final = {
    "function": np.array([0.18, 0.25, 0.32, 0.40, 0.50]),
    "neurology": np.array([0.27, 0.33, 0.42, 0.50, 0.60]),
    "reported": np.array([0.28, 0.36, 0.45, 0.52, 0.62]),
}
# Intercepts of that logit, solved once on 400,000 patients with site effects N(0, 0.5).
_INTERCEPTS: Final = {
    "function": np.array([-1.70, -1.23, -0.82, -0.40, 0.08]),
    "neurology": np.array([-1.14, -0.81, -0.35, 0.04, 0.52]),
    "reported": np.array([-1.10, -0.66, -0.19, 0.18, 0.70]),
}
_LOST_BY_TWO_YEARS: Final = 0.15
_MONTH_ONLY: Final = 0.10


def treat(rng: Generator, patients: pd.DataFrame, variant: Variant) -> None:
    """Surgery or radiotherapy by indication: unstable, compressed, paretic patients are operated, the dying are not."""
    early, late = rates(patients, variant)
    alive_90 = np.exp(-cumulative_hazard(early, late, np.asarray(90.0)))
    logit = (
        # -0.3 in the reference gives 64 % with its published spread of SINS; this gives its 71 %.
        0.05
        + 0.25 * (patients["sins_total"].to_numpy() - 8)
        + 1.1 * (patients["escc"].to_numpy() >= 4)
        + 0.9 * (patients["ais"].to_numpy() < 4)
        - 0.6 * (patients["ecog"].to_numpy() == 4)
        - 0.5 * (alive_90 < 0.5)
    )
    patients["surgery"] = rng.random(len(patients)) < expit(logit)
    patients["adjuvant_rt"] = patients["surgery"] & (rng.random(len(patients)) < 0.6)


def live(
    rng: Generator, patients: pd.DataFrame, variant: Variant, *, site_effect: Floats, recovery_hazard_ratio: float
) -> pd.DataFrame:
    """The exact course. Columns: early, late, susceptible, mean_days, recovery_days, death_days, lost_days, month_only,
    follow_up_days (until the first lock).
    """
    n = len(patients)
    susceptible, mean_days = recovery_law(patients)
    recovery = np.where(rng.random(n) < susceptible, rng.exponential(mean_days), np.inf)
    early, late = rates(patients, variant)
    frailty = np.exp(site_effect[patients["site"].to_numpy() - 1])
    death = draw_deaths(rng, early * frailty, late * frailty, recovery, recovery_hazard_ratio)
    course = pd.DataFrame({"early": early, "late": late, "susceptible": susceptible, "mean_days": mean_days})
    course["recovery_days"], course["death_days"] = recovery, death
    course["lost_days"] = rng.exponential(-730 / np.log1p(-_LOST_BY_TWO_YEARS), n)
    course["month_only"] = rng.random(n) < _MONTH_ONLY
    course["follow_up_days"] = rng.uniform(600, 1100, n)
    return course


def visit(rng: Generator, patients: pd.DataFrame, course: pd.DataFrame, site_effect: Floats) -> pd.DataFrame:
    """Every visit that would take place if nobody died or was lost (n × 5 rows), with what is missed at it.

    Columns: patient (row), visit (0–4), day, missed_function, missed_neurology, missed_reported, near_death.
    """
    n, k = len(patients), len(VISIT_DAYS)
    day = np.clip(np.rint(VISIT_DAYS + rng.normal(size=(n, k)) * _SPREAD), WINDOWS[:, 0], WINDOWS[:, 1])
    near = course["death_days"].to_numpy()[:, None] - day
    visits = pd.DataFrame({"patient": np.repeat(np.arange(n), k), "visit": np.tile(np.arange(k), n)})
    visits["day"] = day.ravel()
    # Who skips one form tends to skip the others: a shared draw for two patients in three at each visit.
    shared = rng.random((n, k))
    for domain, weight in (("function", 0.3), ("neurology", 0.3), ("reported", 0.5)):
        logit = (
            _INTERCEPTS[domain]
            + weight * patients["frailty"].to_numpy()[:, None]
            + 0.8 * (near < 60)
            + site_effect[patients["site"].to_numpy() - 1][:, None]
        )
        draw = np.where(rng.random((n, k)) < 0.65, shared, rng.random((n, k)))
        visits[f"missed_{domain}"] = (draw < expit(logit)).ravel()
    visits["near_death"] = (near < 60).ravel()
    return visits


def grades(rng: Generator, patients: pd.DataFrame, course: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """(n,) days of the gain or the loss of AIS grades; how many are gained; day of worsening (inf: never).

    A gain is one grade, sometimes two. E worsens in 8.3 % and D in 2 % within six weeks; who is to recover does not.
    """
    n, ais = len(patients), patients["ais"].to_numpy()
    gain = 1 + (rng.random(n) < 0.2) * (ais < 3)
    worsens = rng.random(n) < np.array([0.0, 0.0, 0.0, 0.035, 0.083])[ais]
    worsens &= ~np.isfinite(course["recovery_days"].to_numpy())
    return gain.astype(float), np.where(worsens, rng.uniform(1, 42, n), np.inf), worsens.astype(float)
