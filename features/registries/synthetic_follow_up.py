"""Tables `treatment`, `follow_up`, `adverse_event` and `outcome`: what is known only after time zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from features.registries.synthetic_cells import Dates, Texts, text
from features.registries.synthetic_course import VISIT_WEEKS, grades
from features.registries.synthetic_patients import AIS, expit

Floats = NDArray[np.float64]


def treatment_table(
    rng: Generator, patients: pd.DataFrame, course: pd.DataFrame, ids: Texts, zero: Dates
) -> pd.DataFrame:
    """What was done. Adjuvant radiotherapy and systemic therapy are given to those who live to receive them."""
    n, surgery = len(patients), patients["surgery"].to_numpy(bool)
    alive = course["death_days"].to_numpy()
    deficit = patients["ais"].to_numpy() < 4
    days = patients["deficit_days"].to_numpy()

    def lost(share: float) -> NDArray[np.bool_]:
        return rng.random(n) < share

    quick = np.where(
        deficit & (days < 2), rng.choice([1, 2], n, p=[0.4, 0.6]), rng.choice([0, 1, 2], n, p=[0.8, 0.15, 0.05])
    )
    stay = np.where(surgery, 4 + rng.poisson(6, n), rng.poisson(3, n))
    fused = np.where(surgery, rng.integers(2, 8, n), 0)
    destination = np.where(
        rng.random(n) < 0.6, "home", np.where(rng.random(n) < 0.6, "rehabilitation", "other_hospital")
    )
    no_stay = lost(0.05) | (alive < stay)
    operation = pd.DataFrame(
        {
            "patient_id": ids,
            "treatment_arm": np.where(surgery, np.where(patients["adjuvant_rt"], "surgery_rt", "surgery"), "rt_alone"),
            "urgency": text(np.array(["elective", "urgent", "emergent"])[quick], missing=lost(0.05)),
            "hours_deficit_to_surgery": text(
                np.minimum(24 * days + rng.uniform(2, 22, n), 2000), missing=lost(0.25) | ~(surgery & deficit)
            ),
            "approach": text(
                rng.choice(["posterior", "anterior", "combined"], n, p=[0.85, 0.08, 0.07]),
                missing=lost(0.03) | ~surgery,
            ),
            "decompression": text(rng.random(n) < np.where(deficit, 0.9, 0.55), missing=lost(0.03) | ~surgery),
            "instrumentation": text(rng.random(n) < 0.88, missing=lost(0.03) | ~surgery),
            "levels_fused": text(fused, missing=lost(0.03) | ~surgery),
            "mis": text(rng.random(n) < 0.25, missing=lost(0.03) | ~surgery),
            "blood_loss_ml": text(np.exp(rng.normal(6.3, 0.7, n)), missing=lost(0.15) | ~surgery),
            "op_minutes": text(
                np.clip(60 + 28 * fused + rng.normal(20, 35, n), 30, 800), missing=lost(0.15) | ~surgery
            ),
            "los_days": text(stay, missing=no_stay),
            "discharge_destination": text(destination, missing=no_stay),
        }
    )
    return operation.join(_later_therapy(rng, patients, course, zero))


def _later_therapy(rng: Generator, patients: pd.DataFrame, course: pd.DataFrame, zero: Dates) -> pd.DataFrame:
    """Radiotherapy and systemic therapy; after an operation they come weeks later, and only to the living."""
    n, surgery, alive = len(patients), patients["surgery"].to_numpy(bool), course["death_days"].to_numpy()
    adjuvant = patients["adjuvant_rt"].to_numpy(bool)
    rt_day = np.where(adjuvant, rng.integers(14, 43, n), 0)
    irradiated = ~surgery | adjuvant & (alive > rt_day)
    stereotactic = rng.random(n) < 0.45
    fractions = np.where(stereotactic, rng.choice([1, 2, 3, 5], n), rng.choice([5, 10], n))
    dose = np.where(stereotactic, 24.0 + (fractions == 5) * 6, np.where(fractions == 5, 20.0, 30.0))
    systemic_day = rng.integers(20, 70, n)
    systemic = (rng.random(n) < expit(0.4 - 0.4 * patients["frailty"])) & (alive > systemic_day)
    no_rt = (rng.random(n) < 0.12) | ~irradiated
    no_systemic = rng.random(n) < 0.15
    return pd.DataFrame(
        {
            "rt_modality": text(
                np.where(irradiated, np.where(stereotactic, "sbrt", "cebrt"), "none"), missing=rng.random(n) < 0.05
            ),
            "rt_dose_gy": text(dose, decimals=1, missing=no_rt),
            "rt_fractions": text(fractions, missing=no_rt),
            "rt_start_date": text(zero + rt_day.astype("timedelta64[D]"), missing=no_rt),
            "postop_systemic_therapy": text(systemic, missing=no_systemic),
            "postop_systemic_date": text(zero + systemic_day.astype("timedelta64[D]"), missing=~systemic | no_systemic),
        }
    )


def follow_up_table(
    rng: Generator, patients: pd.DataFrame, course: pd.DataFrame, visits: pd.DataFrame, ids: Texts, zero: Dates
) -> pd.DataFrame:
    """Every visit that a patient lives to, with its actual date; column `_day` is for the cut at an extract's lock."""
    gain, worse_day, _ = grades(rng, patients, course)
    quality, pain = _trajectories(rng, patients, course, visits)
    who, day = visits["patient"].to_numpy(), visits["day"].to_numpy()
    recovered = course["recovery_days"].to_numpy()[who] <= day
    worse = worse_day[who] <= day
    ais = np.clip(patients["ais"].to_numpy()[who] + recovered * gain[who] - worse, 0, 4).astype(int)
    no_function, no_neurology, no_report = (
        visits[f"missed_{domain}"].to_numpy(bool) for domain in ("function", "neurology", "reported")
    )
    ecog = (
        patients["ecog"].to_numpy()[who]
        - (recovered & (rng.random(len(who)) < 0.5))
        + visits["near_death"].to_numpy(int)
    )
    ecog = np.clip(ecog + (rng.random(len(who)) < 0.12) - (rng.random(len(who)) < 0.15), 0, 4)
    walks = patients["ambulatory"].to_numpy(bool)[who] & ~worse | recovered & (rng.random(len(who)) < 0.8)
    contact = np.where(no_function & no_neurology & no_report, "record", np.where(no_neurology, "phone", "clinic"))

    def lost(share: Any) -> NDArray[np.bool_]:
        return np.asarray(rng.random(len(who)) < share)

    visit = visits["visit"].to_numpy()
    table = {
        "patient_id": ids[who],
        "visit_label": np.array([f"{week}w" for week in VISIT_WEEKS], dtype=object)[visit],
        "visit_date": text(zero[who] + day.astype("timedelta64[D]")),
        "contact_mode": contact.astype(object),
        "vital_status_at_contact": text(np.where(lost(0.01), "unknown", "alive")),
        "ecog_v": text(ecog, missing=no_function),
        "ambulatory_v": text(
            np.where(walks, np.where(lost(0.3), "with_aid", "independent"), "non_ambulatory"), missing=no_function
        ),
        "ais_v": text(AIS[ais], missing=no_neurology),
        "motor_score_v": text(
            np.clip(np.array([45, 52, 65, 86, 100])[ais] + rng.integers(-3, 4, len(who)), 0, 100),
            missing=no_neurology | lost(0.15),
        ),
        "sosgoq_total_v": text(quality, decimals=1, missing=no_report),
        "eq5d_index_v": text(
            np.clip((quality - 20) / 75 + rng.normal(0, 0.12, len(who)), -0.329, 1), decimals=3, missing=no_report
        ),
        "eq5d_vas_v": text(np.clip(quality + rng.normal(3, 12, len(who)), 0, 100), missing=no_report),
        "satisfaction": text(np.clip(np.rint(rng.normal(1.9, 0.9, len(who))), 1, 5), missing=no_report | lost(0.04)),
        "_day": day,
    }
    table |= _reported(rng, patients["eposo"].to_numpy(bool)[who], quality, pain, no_report)
    table |= _complications(rng, visit, zero[who], day)
    # Nobody was reached at half of the visits at which nothing was learned: no row, as registries have it.
    met = (course["death_days"].to_numpy()[who] > day) & ((contact != "record") | lost(0.5))
    rows = np.flatnonzero(met)
    return pd.DataFrame(table).take(rows).reset_index(drop=True)


def _complications(rng: Generator, visit: NDArray[np.intp], zero: Dates, day: Floats) -> dict[str, Texts]:
    """Whether the tumour is back or the spine was operated again, and since when; less often asked as time goes on."""
    n, cells = len(visit), {}
    unasked = np.array([0.10, 0.15, 0.20, 0.25, 0.30])[visit]
    for event, share in (("local_recurrence", np.array([0.01, 0.03, 0.06, 0.09, 0.12])[visit]), ("reoperation", 0.03)):
        flag = text(rng.random(n) < share, missing=rng.random(n) < unasked)
        since = np.floor(np.minimum(day, 40) * rng.random(n))
        cells[event] = flag
        cells[f"{event}_date"] = text(zero + (day - since).astype("timedelta64[D]"), missing=flag != "1")
    return cells


def _reported(
    rng: Generator, eposo: NDArray[np.bool_], quality: Floats, pain: Floats, missed: NDArray[np.bool_]
) -> dict[str, Texts]:
    """Pain and quality of life by domain at a visit; EPOSO and MTRON differ in instruments as at time zero."""
    n = len(quality)
    cells = {"nrs_pain_worst_v": text(pain, missing=missed)}
    for where in ("neck", "arm", "back", "leg"):
        felt = np.clip(np.rint(pain - rng.integers(0, 6, n)), 0, 10)
        cells[f"nrs_{where}_v"] = text(felt, missing=missed | eposo)
    for domain in ("pf", "pain", "mh", "sf"):
        score = np.clip(quality + rng.normal(0, 10, n), 0, 100)
        cells[f"sosgoq_{domain}_v"] = text(score, decimals=1, missing=missed)
    for summary, start in (("pcs", 20), ("mcs", 30)):
        score = np.clip(start + 0.25 * quality + rng.normal(0, 7, n), 5, 75)
        cells[f"sf36_{summary}_v"] = text(score, decimals=1, missing=missed | ~eposo)
    return cells


def _trajectories(
    rng: Generator, patients: pd.DataFrame, course: pd.DataFrame, visits: pd.DataFrame
) -> tuple[Floats, Floats]:
    """SOSGOQ total and worst pain at each visit: a gain by treatment, a fall in the last 60 days of life."""
    who, visit = visits["patient"].to_numpy(), visits["visit"].to_numpy()
    surgery = patients["surgery"].to_numpy(bool)[who]
    reached = np.array([0.7, 1.0, 1.0, 1.0, 0.95])[visit]
    start = 52 - 8 * patients["frailty"].to_numpy()[who]
    change = np.where(surgery, 12.7, 6.2) * reached - 15 * visits["near_death"].to_numpy(float)
    quality = np.clip(start + change + rng.normal(0, 20, len(who)), 0, 100)
    relief = np.where(surgery, 3.3, 1.8) * reached
    return quality, np.clip(np.rint(6.1 - relief + rng.normal(0, 2.5, len(who))), 0, 10)


def adverse_event_table(
    rng: Generator, patients: pd.DataFrame, course: pd.DataFrame, ids: Texts, zero: Dates
) -> pd.DataFrame:
    """One row per event; sites differ in how many they capture, by a factor of about four."""
    capture = np.array([0.5, 0.8, 1.0, 1.2, 2.0, 0.6, 1.0, 1.5, 0.7, 1.1])[(patients["site"].to_numpy() - 1) % 10]
    rate = capture * np.where(patients["surgery"], 0.45, 0.15) * (1 + 0.4 * (patients["ais"] < 4))
    count = rng.poisson(rate)
    who = np.repeat(np.arange(len(patients)), count)
    day = np.floor(rng.exponential(18, len(who)))
    who, day = who[day < course["death_days"].to_numpy()[who]], day[day < course["death_days"].to_numpy()[who]]
    terms = (
        "wound_infection",
        "wound_dehiscence",
        "csf_leak",
        "uti",
        "pneumonia",
        "dvt_pe",
        "delirium",
        "cardiac",
        "other",
    )
    grade = rng.choice([1, 2, 3, 4], len(who), p=[0.25, 0.4, 0.28, 0.07])
    surgical = patients["surgery"].to_numpy(bool)[who]
    return pd.DataFrame(
        {
            "patient_id": ids[who],
            "ae_id": [f"AE{number:06d}" for number in _event_numbers(ids, who)],
            "onset_date": text(zero[who] + day.astype("timedelta64[D]")),
            "ae_term": rng.choice(np.array(terms, dtype=object), len(who)),
            "ctcae_grade": text(grade),
            "clavien_dindo": text(np.array(["I", "II", "III", "IV"])[grade - 1], missing=~surgical),
            "serious": text(grade >= 3),
            "related_to": np.where(
                surgical, rng.choice(["surgery", "disease"], len(who)), rng.choice(["rt", "systemic"], len(who))
            ).astype(object),
            "resolved_date": text(zero[who] + (day + 10).astype("timedelta64[D]"), missing=rng.random(len(who)) < 0.3),
            "_day": day,
        }
    )


def _event_numbers(ids: Texts, who: NDArray[np.intp]) -> NDArray[np.int64]:
    """Numbers unique in the registry, from the patient's own: up to ten events each keep theirs in a later extract."""
    start = np.array([int(identity[1:]) for identity in ids[who]], dtype=np.int64) * 10
    return start + pd.Series(who).groupby(who).cumcount().to_numpy()


def outcome_table(
    rng: Generator, course: pd.DataFrame, follow_up: pd.DataFrame, ids: Texts, zero: Dates, *, extra_days: int
) -> pd.DataFrame:
    """Last contact and death as recorded, with follow-up closed `extra_days` after the first extract's lock.

    A death known by its month is put on the 15th, never before the last date the patient was known alive.
    """
    n = len(ids)
    death = np.rint(course["death_days"].to_numpy())
    lock = np.floor(course["follow_up_days"].to_numpy()) + extra_days
    lost = np.floor(course["lost_days"].to_numpy())
    end = np.minimum(lock, lost)
    died = death <= end
    seen = follow_up[
        follow_up["_day"] <= np.minimum(end, death)[pd.Index(ids).get_indexer(pd.Index(follow_up["patient_id"]))]
    ]
    last_visit = seen.groupby("patient_id")["_day"].max().reindex(ids).fillna(0).to_numpy()
    last = zero + np.where(died, last_visit, np.maximum(end, last_visit)).astype("timedelta64[D]")
    exact = np.maximum(zero + np.where(died, death, 0).astype("timedelta64[D]"), last)
    by_month = exact.astype("datetime64[M]").astype("datetime64[D]") + np.timedelta64(14, "D")
    month = course["month_only"].to_numpy(bool)
    recorded = np.where(month, np.maximum(by_month, last), exact)
    causes = np.where(death < 40, "treatment", "cancer")
    cause = np.where(
        rng.random(n) < 0.85, np.where(rng.random(n) < 0.9, "cancer", causes), rng.choice(["other", "unknown"], n)
    )
    return pd.DataFrame(
        {
            "patient_id": ids,
            "death_date": text(recorded, missing=~died),
            "death_date_precision": text(np.where(month, "month", "day"), missing=~died),
            "death_cause": text(cause, missing=~died),
            "last_contact_date": text(last),
            "censor_reason": text(np.where(lost < lock, "lost", "admin"), missing=died),
        }
    )
