"""Neurologic recovery: at least one AIS grade better than at time zero, among A to D; death without it competes.

Improvement is seen at visits only. It happened between the last assessment without it and the first one with it, and
that interval is kept. After a death nobody knows what an assessment would have shown: see `Deaths`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.cohort import Cohort
from features.contract import ContractError
from features.endpoints.endpoint import Description, Observed, Population, Settings, Tables, leave
from features.endpoints.last_known import LastKnown, days_between, last_known
from features.outcome import HALF_DAY, Outcome

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CAUSES: Final = ("recovered", "died_without_recovery")
GRADES: Final = ("A", "B", "C", "D", "E")
# First and last day of each scheduled visit: nearest visit by half distance.
WINDOWS: Final = {"6w": (28, 62), "12w": (63, 132), "26w": (133, 272), "52w": (273, 545), "104w": (546, 910)}

# What a death means after a scheduled visit was missed. "censored": recovery may have gone unseen, so the patient is
# censored at the last assessment. "competing": every death without a seen recovery competes; the sensitivity run.
Deaths = Literal["censored", "competing"]
_ENOUGH: Final = 40  # patients, so that ten lie beyond each quartile
_SETTING: Final = "death_after_missed_visit"


@final
class AisImprovement:
    """Setting `death_after_missed_visit`: "censored" (unless the study says otherwise) or "competing"."""

    def description(self, settings: Settings) -> Description:
        """The endpoint in words."""
        return Description(
            name="ais_improvement",
            title="Neurologic recovery (at least one AIS grade)",
            time_zero="start of the index treatment",
            causes=CAUSES,
            free_state="alive_not_recovered",
            labels={
                "recovered": "recovered",
                "died_without_recovery": "died without recovery",
                "alive_not_recovered": "alive, not recovered",
            },
            population=Population("ais_grade", GRADES[:-1], "no deficit (AIS E)"),
            reading="The probability that an AIS grade better by at least one than at time zero is reached by the "
            "stated day, in a world where patients can die first. Some who recover die later.",
        )

    def eligible(self, cohort: Cohort, tables: Tables, settings: Settings) -> Cohort:
        """AIS A to D at time zero: E has nothing to regain, and of an unknown grade no gain can be seen."""
        cohort = leave(cohort, "AIS grade at time zero not known", cohort.frame["ais_grade"].isna().to_numpy())
        cohort = leave(cohort, "no deficit at time zero (AIS E)", (cohort.frame["ais_grade"] == "E").to_numpy())
        known = last_known(cohort.ids, tables)
        nothing = np.isnan(known.death_days) & np.isnan(known.alive_days)
        return leave(cohort, "neither death nor contact recorded after time zero", nothing)

    def observe(self, cohort: Cohort, tables: Tables, settings: Settings) -> Observed:
        """Recovery in (last assessment without, first with]; other times to the day."""
        rule = _rule(settings)
        known = last_known(cohort.ids, tables)
        seen = _assessments(cohort, tables)
        course = _course(cohort.n, seen)
        missed = _missed_visit(course.last, known.death_days, seen, cohort.n)
        recovered = np.isfinite(course.first_with)
        died = np.isfinite(known.death_days) & ~recovered
        competing = died & (~missed | (rule == "competing"))
        event = np.where(recovered, 1, np.where(competing, 2, 0)).astype(np.int64)
        end = np.where(recovered, course.first_with, np.where(competing, known.death_days, course.last))
        # Of whom nothing was ever seen, nothing is known: half a day of follow-up, beside those who died on day 0.
        right = np.where(end <= 0, HALF_DAY, end)
        left = np.where(recovered, course.last_without, right)
        outcome = Outcome(np.zeros(cohort.n), left, right, event, CAUSES)
        facts = _facts(rule, outcome, died=died, missed=missed, assessed=course.last > 0, known=known)
        return Observed(outcome, facts, {"windows": _windows(cohort.n, seen, known, outcome)})


def _rule(settings: Settings) -> Deaths:
    rule = settings.get(_SETTING, "censored")
    if rule == "censored":
        return "censored"
    if rule == "competing":
        return "competing"
    raise ContractError(f'endpoint.settings.{_SETTING}: expected "censored" or "competing".')


@dataclass(frozen=True)
class _Course:
    """(n,) days: last assessment (0: none), last without improvement before the first with it, first with it (NaN)."""

    last: Floats
    last_without: Floats
    first_with: Floats


def _assessments(cohort: Cohort, tables: Tables) -> pd.DataFrame:
    """Every visit after time zero at which the grade was assessed: row of the cohort, day, better."""
    visits = tables["follow_up"]
    visits = visits[visits["ais_v"].notna()]
    row = pd.Index(cohort.ids.astype(object)).get_indexer(pd.Index(visits["patient_id"].astype(object)))
    visits, row = visits[row >= 0], row[row >= 0]
    zero = tables["patient"].set_index("patient_id")["treatment_start_date"]
    day = days_between(visits["patient_id"].map(zero), visits["visit_date"])
    rank = {grade: k for k, grade in enumerate(GRADES)}
    now = visits["ais_v"].map(rank).to_numpy(dtype=float)
    before = cohort.frame["ais_grade"].map(rank).to_numpy(dtype=float)[row]
    seen = pd.DataFrame({"row": row, "day": day, "better": now > before})
    return seen[seen["day"] > 0].sort_values(["row", "day"], ignore_index=True)


def _course(n: int, seen: pd.DataFrame) -> _Course:
    rows = np.arange(n)
    first_with = seen[seen["better"]].groupby("row")["day"].min().reindex(rows)
    limit = seen["row"].map(first_with).fillna(np.inf)
    without = seen[seen["day"] < limit].groupby("row")["day"].max().reindex(rows).fillna(0.0)
    last = seen.groupby("row")["day"].max().reindex(rows).fillna(0.0)
    return _Course(last.to_numpy(dtype=float), without.to_numpy(dtype=float), first_with.to_numpy(dtype=float))


def _missed_visit(last: Floats, death: Floats, seen: pd.DataFrame, n: int) -> Flags:
    """Whether a scheduled visit's window went by, between the last assessment and death, without an assessment."""
    missed = np.zeros(n, dtype=bool)
    for start, end in WINDOWS.values():
        inside = seen["day"].between(start, end)
        assessed = np.isin(np.arange(n), seen.loc[inside, "row"])
        missed |= ~assessed & (end > last) & (end < death)
    return missed


def _facts(
    rule: Deaths, outcome: Outcome, *, died: Flags, missed: Flags, assessed: Flags, known: LastKnown
) -> dict[str, Any]:
    widths = (outcome.right_days - outcome.left_days)[outcome.event == 1]
    # Not the shortest and the longest: they are two patients' own.
    quartiles = np.percentile(widths, [25, 50, 75]).round(1).tolist() if len(widths) >= _ENOUGH else []
    return {
        "death_after_missed_visit": rule,
        "deaths_without_missed_visit": int((died & ~missed).sum()),
        "deaths_after_missed_visit": int((died & missed).sum()),
        "never_assessed_after_time_zero": int((~assessed).sum()),
        "deaths_known_by_month_only": int((known.by_month & died).sum()),
        "interval_width_days_quartiles": quartiles,
    }


def _windows(n: int, seen: pd.DataFrame, known: LastKnown, outcome: Outcome) -> list[dict[str, Any]]:
    """For each scheduled visit: who lived through its window, who was assessed in it, whose recovery was first seen."""
    recovered = outcome.event == 1
    width = outcome.right_days - outcome.left_days
    rows = []
    for visit, (start, end) in WINDOWS.items():
        assessed = np.isin(np.arange(n), seen.loc[seen["day"].between(start, end), "row"])
        first = recovered & (outcome.right_days >= start) & (outcome.right_days <= end)
        alive = ~(known.death_days <= end) & (np.fmax(known.alive_days, np.nan_to_num(known.death_days)) >= end)
        rows.append(
            {
                "visit": visit,
                "from_days": start,
                "to_days": end,
                "known_alive_throughout": int(alive.sum()),
                "assessed": int(assessed.sum()),
                "recovery_first_seen": int(first.sum()),
                "interval_width_median_days": float(np.median(width[first])) if first.sum() >= _ENOUGH else None,
            }
        )
    return rows
