"""From the words of a study to the object that learns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.comparators import comparators_of
from experiments.study import Study, StudyError
from features.contract import Contract
from features.outcome import Outcome
from training.develop import NULL_FAMILIES, Develop
from training.families import FAMILIES
from training.recipe import Recipe

_GRID = 50
LEAST_EVENTS = 10
"""Between two times of a model's answers: what is kept there is kept of so many patients at least."""


def development(study: Study, contract: Contract, outcome: Outcome) -> Develop:
    """Every recipe of the study with its settings, the null, and the times at which they answer."""
    recipes = {
        one.label: Recipe(
            FAMILIES[one.family]().with_settings(study.settings_of(one)), study.predictors_of(one), one.label
        )
        for one in study.recipes
    }
    fixed = {one.label: tuple(one.settings) for one in study.recipes}
    null = NULL_FAMILIES[0] if len(outcome.causes) == 1 else NULL_FAMILIES[1]
    times = evaluation_times(outcome, (*study.endpoint.horizons_days, *_changes(study, outcome)))
    return Develop(
        recipes,
        (null, Recipe(FAMILIES[null](), ())),
        contract,
        study.tuning,
        times,
        fixed,
        comparators=comparators_of(study),
    )


def _changes(study: Study, outcome: Outcome) -> list[float]:
    """Days during follow-up at which a recipe's effects may change: its hazards are kept apart there."""
    last = outcome.time_days.max(initial=0.0)
    days = [day for one in study.recipes for day in study.settings_of(one).get("change_days", ())]
    return [float(day) for day in days if day < last]


def evaluation_times(outcome: Outcome, horizons_days: tuple[float, ...]) -> NDArray[np.float64]:
    """(t,) days: the horizons, the last event, and up to fifty quantiles of the event times: fine where much happens.

    A quantile with fewer than `LEAST_EVENTS` to the time before or after it is left out: the times of a model stand in
    its bundle, and no step there may be one patient's.
    """
    happened = np.sort(outcome.time_days[outcome.event > 0])
    grid = np.union1d(np.asarray(horizons_days, float), happened[-1:])
    if not len(happened):
        return grid
    # An observed time, not a mean of two: the grid then means the same whatever unit the table came in.
    points = min(_GRID, len(happened) // LEAST_EVENTS + 1)
    for day in np.quantile(happened, np.linspace(0, 1, points), method="inverted_cdf"):
        events_by = np.searchsorted(happened, np.append(grid, 0.0), side="right")
        if np.abs(events_by - np.searchsorted(happened, day, side="right")).min() >= LEAST_EVENTS:
            grid = np.union1d(grid, day)
    return grid


def require_horizons(study: Study, outcome: Outcome) -> None:
    """Raise `StudyError` where nobody was followed to a horizon, or the primary cause never happened by its own."""
    cause = outcome.cause_index(study.endpoint.primary_cause)
    faults = []
    for days in study.endpoint.horizons_days:
        followed = int(np.sum(outcome.time_days >= days))
        if followed == 0:
            longest = float(outcome.time_days.max()) if outcome.n else 0.0
            faults.append(f"horizon {days:g} d: 0 of {outcome.n} were followed as long; the longest is {longest:g} d.")
    days = study.endpoint.primary_horizon_days
    events = int(np.sum((outcome.event == cause) & (outcome.time_days <= days)))
    if events == 0:
        faults.append(f"{study.endpoint.primary_cause} by {days:g} d: 0 of {outcome.n} patients; nothing to learn.")
    if faults:
        raise StudyError("\n  ".join([f"study {study.name}: {len(faults)} fault(s).", *faults]))
