"""Time to the event of a flat table, with the causes that its contract names."""

from __future__ import annotations

from typing import final

import numpy as np

from features.cohort import Cohort
from features.endpoints.endpoint import Description, Observed, Settings, Tables, leave
from features.outcome import HALF_DAY, Outcome
from features.registries.table import causes_of


@final
class TimeToEvent:
    """Reads `_time` (days) and `_event` (0 censored, k the k-th cause), which the registry has made of the columns.

    Settings: `causes` (code → name in the order of the codes), `competing_cause` where the
    competing event has columns of its own, `time_zero` in words.
    """

    def description(self, settings: Settings) -> Description:
        """The endpoint in words, from the names of the causes."""
        causes = causes_of(settings)
        words = {cause: cause.replace("_", " ") for cause in causes}
        competing = f"; {', '.join(words[cause] for cause in causes[1:])} may come first" if len(causes) > 1 else ""
        return Description(
            name="time_to_event",
            title=f"Time to {words[causes[0]]}",
            time_zero=str(settings.get("time_zero", "start of follow-up in the table")),
            causes=causes,
            free_state="event_free",
            labels={**words, "event_free": "event-free"},
            population=None,
            reading=f"The probability of {words[causes[0]]} by the stated day{competing}.",
        )

    def eligible(self, cohort: Cohort, tables: Tables, settings: Settings) -> Cohort:
        """All whose time and event are recorded."""
        time, event = _follow_up(cohort, tables)
        unknown = np.isnan(time) | np.isnan(event)
        # A flat table has left such rows out itself, and one reason stands once in the flow.
        return leave(cohort, "time or event not recorded", unknown) if unknown.any() else cohort

    def observe(self, cohort: Cohort, tables: Tables, settings: Settings) -> Observed:
        """Right-censored follow-up; a time of 0 counts as half a day, and the facts say how often."""
        time, event = _follow_up(cohort, tables)
        first_day = time <= 0
        outcome = Outcome.right_censored(np.where(first_day, HALF_DAY, time), event, causes_of(settings))
        return Observed(outcome, {"ended_on_day_zero_set_to_half_a_day": int(first_day.sum())}, {})


def _follow_up(cohort: Cohort, tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    outcome = tables["outcome"].set_index("patient_id").reindex(cohort.ids.astype(object))
    return outcome["_time"].to_numpy(dtype=float), outcome["_event"].to_numpy(dtype=float)
