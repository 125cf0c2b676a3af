"""Death from any cause, from the start of the index treatment."""

from __future__ import annotations

from typing import Final, final

import numpy as np

from features.cohort import Cohort
from features.endpoints.endpoint import Description, Observed, Settings, Tables, leave
from features.endpoints.last_known import last_known
from features.outcome import HALF_DAY, Outcome

CAUSES: Final = ("died",)


@final
class OverallSurvival:
    """Death is an event on its day; who is not known to have died is censored when last known alive."""

    def description(self, settings: Settings) -> Description:
        """The endpoint in words."""
        return Description(
            name="overall_survival",
            title="Death from any cause",
            time_zero="start of the index treatment",
            causes=CAUSES,
            free_state="alive",
            labels={"died": "died", "alive": "alive"},
            population=None,
            reading="The probability of having died, from any cause, by the stated day after the start of treatment.",
        )

    def eligible(self, cohort: Cohort, tables: Tables, settings: Settings) -> Cohort:
        """All but those of whom neither a death nor any later contact is recorded."""
        known = last_known(cohort.ids, tables)
        nothing = np.isnan(known.death_days) & np.isnan(known.alive_days)
        return leave(cohort, "neither death nor contact recorded after time zero", nothing)

    def observe(self, cohort: Cohort, tables: Tables, settings: Settings) -> Observed:
        """Right-censored follow-up in days. Day 0 counts as half a day, and the facts say how often."""
        known = last_known(cohort.ids, tables)
        died = np.isfinite(known.death_days)
        days = np.where(died, known.death_days, known.alive_days)
        first_day = days <= 0
        outcome = Outcome.right_censored(np.where(first_day, HALF_DAY, days), died.astype(np.int64), CAUSES)
        facts = {
            "ended_on_day_zero_set_to_half_a_day": int(first_day.sum()),
            "deaths_known_by_month_only": int(known.by_month.sum()),
            "seen_at_a_visit_after_last_contact": _seen_later(cohort, tables),
        }
        return Observed(outcome, facts, {})


def _seen_later(cohort: Cohort, tables: Tables) -> int:
    """Patients whose last contact was not updated by a later visit: their follow-up ends at the visit."""
    contact = tables["outcome"].set_index("patient_id")["last_contact_date"].reindex(cohort.ids.astype(object))
    visits = tables["follow_up"]
    alive = visits[visits["vital_status_at_contact"].astype(object) == "alive"]
    last = alive.groupby("patient_id")["visit_date"].max().reindex(contact.index).astype("datetime64[ns]")
    return int((last > contact).sum())
