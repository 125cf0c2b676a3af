"""The synthetic registry: generator G1 and its non-proportional variant G2, written as a registry's many-table export.

Source: the clinical reference, §7.3 (survival) and §7.4 (recovery, visits, missingness, treatment by indication). The
true survival function of each patient is in `Truth` and never in the tables. By default recovery does not change the
hazard of death and sites do not differ; where they do, the truth averages over both.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from features.registries.synthetic_baseline import baseline_table, patient_table
from features.registries.synthetic_cells import Dates, Texts
from features.registries.synthetic_course import live, treat, visit
from features.registries.synthetic_findings import imaging_table, neuro_table, tumour_table
from features.registries.synthetic_follow_up import (
    adverse_event_table,
    follow_up_table,
    outcome_table,
    treatment_table,
)
from features.registries.synthetic_labs import labs_table
from features.registries.synthetic_patients import draw_patients
from features.registries.synthetic_truth import Truth, Variant, acting

# The day on which each registry's first extract was closed: EPOSO enrolled until 2017, MTRON from 2017 on.
_LOCKS: Final = (np.datetime64("2018-08-31"), np.datetime64("2022-08-31"))
_ENROLMENT_DAYS: Final = 500  # follow-up at the first lock is uniform on 600 to 1,100 days


@final
@dataclass(frozen=True)
class SyntheticSettings:
    """What to simulate.

    patients      number in the first extract; the second adds those enrolled since.
    variant       "G1" proportional hazards; "G2" burden acts early and hardly later.
    site_sd       standard deviation of the sites' log hazards (0: sites do not differ).
    recovery_hazard_ratio   multiplies the hazard of death from recovery on (1: it does not).
    extract       1, or 2: the same registry `later_days` later (longer follow-up, new patients, corrections,
                  withdrawals).
    eposo_share   share of patients from EPOSO, the rest from MTRON; they differ in instruments.
    """

    patients: int
    seed: int
    variant: Variant = "G1"
    sites: int = 10
    site_sd: float = 0.0
    recovery_hazard_ratio: float = 1.0
    extract: int = 1
    later_days: int = 180
    eposo_share: float = 0.2

    def __post_init__(self) -> None:
        if self.patients < 1 or not 1 <= self.sites <= 99 or self.extract not in (1, 2) or self.later_days < 1:
            raise ValueError(
                "a simulation needs at least one patient, 1 to 99 sites, extract 1 or 2, and later_days of 1 or more."
            )
        if self.site_sd < 0 or self.recovery_hazard_ratio <= 0 or not 0 <= self.eposo_share <= 1:
            raise ValueError("site_sd must be at least 0, recovery_hazard_ratio above 0, eposo_share between 0 and 1.")

    @property
    def newcomers(self) -> int:
        """Patients whom the second extract adds: enrolment goes on at the same pace."""
        return max(1, round(self.patients * self.later_days / _ENROLMENT_DAYS))


@final
@dataclass(frozen=True)
class Simulated:
    """Tables of text, as exported, and the truth that they do not hold."""

    tables: dict[str, pd.DataFrame]
    truth: Truth


def simulate(settings: SyntheticSettings) -> Simulated:
    """One extract of a synthetic registry. A patient of the first extract is the same patient in the second."""
    later = settings.extract == 2
    blocks = [_block(settings, number=0, extra_days=settings.later_days if later else 0)]
    if later:
        blocks.append(_block(settings, number=1, extra_days=0))
    tables = {name: pd.concat([tables[name] for tables, _ in blocks], ignore_index=True) for name in blocks[0][0]}
    return Simulated(tables, Truth.joined([truth for _, truth in blocks]))


def simulate_truth(settings: SyntheticSettings) -> Truth:
    """The truth about the patients of the first extract, without tables: fast enough for hundreds of thousands."""
    return _lives(settings, number=0)[2]


def simulate_predictors(settings: SyntheticSettings) -> pd.DataFrame:
    """What acts on the survival of the first extract's patients, by id, as no registry has it (`acting`)."""
    patients, _, truth = _lives(settings, number=0)
    return acting(patients).set_index(truth.ids.astype(object))


def write_extract(simulated: Simulated, folder: Path) -> None:
    """`<table>.csv` and `manifest.json` ({file: {sha256, bytes, rows, synthetic}}), all or nothing.

    An extract that lies there is replaced; any other folder with something in it is refused.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise FileExistsError(f"{folder} holds files that are no extract. try: another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh = aside / "new"
    fresh.mkdir()
    manifest = {}
    for name, table in simulated.tables.items():
        content = table.to_csv(index=False, lineterminator="\n").encode()
        (fresh / f"{name}.csv").write_bytes(content)
        manifest[f"{name}.csv"] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "rows": len(table),
            "synthetic": True,
        }
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if folder.exists():
        folder.rename(aside / "old")
    fresh.rename(folder)
    shutil.rmtree(aside)


def _block(settings: SyntheticSettings, *, number: int, extra_days: int) -> tuple[dict[str, pd.DataFrame], Truth]:
    """Patients enrolled up to the first lock (0) or since (1), with their tables cut at the extract's lock."""
    patients, course, truth = _lives(settings, number)
    ids = truth.ids.astype(object)
    zero = _time_zero(settings, patients, course, number)

    def stream(purpose: int) -> Generator:
        return np.random.default_rng([settings.seed, number, purpose])

    visits = visit(stream(2), patients, course, stream(3).normal(0, 0.5, settings.sites))
    follow_up = follow_up_table(stream(4), patients, course, visits, ids, zero)
    tables = {
        "patient": patient_table(stream(5), patients, ids, zero),
        "baseline": baseline_table(stream(6), patients, ids),
        "neuro": neuro_table(stream(7), patients, course, ids, zero),
        "labs": labs_table(stream(8), patients, ids, zero),
        "tumour": tumour_table(stream(9), patients, ids, zero),
        "imaging": imaging_table(stream(10), patients, ids, zero),
        "treatment": treatment_table(stream(11), patients, course, ids, zero),
        "follow_up": follow_up,
        "adverse_event": adverse_event_table(stream(12), patients, course, ids, zero),
        "outcome": outcome_table(stream(13), course, follow_up, ids, zero, extra_days=extra_days),
    }
    _close(tables, course, ids, extra_days)
    _correct(stream(14), tables, later=extra_days > 0)
    _withdraw(stream(15), tables, later=extra_days > 0)
    return tables, truth


def _lives(settings: SyntheticSettings, number: int) -> tuple[pd.DataFrame, pd.DataFrame, Truth]:
    n = settings.newcomers if number else settings.patients
    # Sites keep their hazards between extracts: the effects come from the registry's own stream.
    effects = np.random.default_rng([settings.seed, 99]).normal(size=settings.sites) * settings.site_sd
    rng = np.random.default_rng([settings.seed, number, 1])
    # EPOSO is closed: only MTRON still enrols.
    patients = draw_patients(rng, n, settings.sites, eposo_share=0.0 if number else settings.eposo_share)
    treat(rng, patients, settings.variant)
    course = live(
        rng, patients, settings.variant, site_effect=effects, recovery_hazard_ratio=settings.recovery_hazard_ratio
    )
    first = settings.patients + 1 if number else 1
    ids = np.char.mod("P%07d", np.arange(first, first + n))
    deficit = (patients["ais"] < 4).to_numpy(bool)
    return patients, course, Truth.of(ids, deficit, course, settings.site_sd, settings.recovery_hazard_ratio)


def _time_zero(settings: SyntheticSettings, patients: pd.DataFrame, course: pd.DataFrame, number: int) -> Dates:
    """Start of treatment: the lock minus the follow-up that each could have. Newcomers have 600 days and more too."""
    if number:
        share = (course["follow_up_days"].to_numpy() - 600) / _ENROLMENT_DAYS
        course["follow_up_days"] = 600 + share * settings.later_days
    days = np.floor(course["follow_up_days"].to_numpy()).astype("timedelta64[D]")
    locks = np.where(patients["eposo"], _LOCKS[0], _LOCKS[1])
    return np.asarray(locks + np.timedelta64(settings.later_days if number else 0, "D") - days)


def _close(tables: dict[str, pd.DataFrame], course: pd.DataFrame, ids: Texts, extra_days: int) -> None:
    """Drop what had not happened yet when the extract was closed, or happened after the patient was lost."""
    lock = np.floor(course["follow_up_days"].to_numpy()) + extra_days
    end = np.minimum(lock, np.floor(course["lost_days"].to_numpy()))
    for name in ("follow_up", "adverse_event"):
        table = tables[name]
        kept = table["_day"].to_numpy() <= end[pd.Index(ids).get_indexer(pd.Index(table["patient_id"]))]
        tables[name] = table[kept].drop(columns="_day").reset_index(drop=True)


def _correct(rng: Generator, tables: dict[str, pd.DataFrame], *, later: bool) -> None:
    """About one row in a hundred of the first extract was mistyped; the later extract has it right."""
    table = tables["baseline"]
    slipped = rng.random(len(table)) < 0.01
    slipped[: min(1, len(table))] = True
    if not later:
        bmi = pd.to_numeric(table["bmi"], errors="coerce")
        wrong = slipped & bmi.notna().to_numpy()
        table.loc[wrong, "bmi"] = np.char.mod("%.1f", np.clip(bmi[wrong] + 3, 14, 50)).astype(object)
        asked = slipped & (table["opioid_use"] != "").to_numpy()
        table.loc[asked, "opioid_use"] = np.where(table.loc[asked, "opioid_use"] == "1", "0", "1")


def _withdraw(rng: Generator, tables: dict[str, pd.DataFrame], *, later: bool) -> None:
    """A few patients withdraw their consent, some of them between the extracts."""
    n = len(tables["patient"])
    order = rng.permutation(n)
    count = (n // 400) + (max(1, n // 200) if later else 0)
    gone: NDArray[np.intp] = order[: min(count, n - 1)]
    tables["patient"].loc[gone, "consent_status"] = "withdrawn"
    censored = tables["outcome"].index.isin(gone) & (tables["outcome"]["censor_reason"] != "")
    tables["outcome"].loc[censored, "censor_reason"] = "withdrawn"
