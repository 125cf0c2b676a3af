"""A flat table's own event, with its causes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.cohort import Cohort, Flow
from features.contract import ContractError
from features.endpoints import ENDPOINTS

ENDPOINT = ENDPOINTS["time_to_event"]


def test_times_and_codes_become_an_outcome_in_the_order_of_the_cohort() -> None:
    table = pd.DataFrame(
        {"patient_id": ["a", "b", "c", "d"], "_time": [10.0, 0.0, np.nan, 5.5], "_event": [1, 0, 1, 2]}
    )
    cohort = Cohort(pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0]}), np.array(["d", "c", "b", "a"]), None, Flow(4))
    settings = {"causes": {"1": "progression", "2": "death"}}
    eligible = ENDPOINT.eligible(cohort, {"outcome": table}, settings)
    assert eligible.ids.tolist() == ["d", "b", "a"]
    assert eligible.flow.steps[-1].left == 1
    observed = ENDPOINT.observe(eligible, {"outcome": table}, settings)
    assert observed.outcome.time_days.tolist() == [5.5, 0.5, 10.0]
    assert observed.outcome.event.tolist() == [2, 0, 1]
    assert observed.outcome.causes == ("progression", "death")
    assert observed.facts == {"ended_on_day_zero_set_to_half_a_day": 1}


@pytest.mark.parametrize(
    ("settings", "causes"),
    [
        ({}, ("event",)),
        ({"causes": {"1": "death"}}, ("death",)),
        ({"causes": {"1": "relapse"}, "competing_time": "t", "competing_cause": "death"}, ("relapse", "death")),
    ],
)
def test_causes_come_from_the_contract(settings: dict[str, object], causes: tuple[str, ...]) -> None:
    described = ENDPOINT.description(settings)
    assert described.causes == causes
    assert set(described.labels) == {*causes, "event_free"}


def test_no_cause_is_refused() -> None:
    with pytest.raises(ContractError, match="must name each code"):
        ENDPOINT.description({"causes": {}})
