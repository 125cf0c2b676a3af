"""Neurologic recovery, seen at visits, with death competing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from features.contract import ContractError
from features.endpoints import ENDPOINTS, Observed

Observe = Callable[..., Observed]
NAME = "ais_improvement"


def test_recovery_lies_between_the_last_visit_without_and_the_first_with(observe_table: Observe) -> None:
    observed = observe_table(
        """
        id | time_zero  | ais | last_seen  | visits                                 || days      | event
        1  | 2020-01-01 | D   | 2020-06-01 | 2020-02-12 E                           || (0, 42]   | recovered
        2  | 2020-01-01 | C   | 2020-06-01 | 2020-02-12 C, 2020-03-25 D             || (42, 84]  | recovered
        3  | 2020-01-01 | A   | 2020-06-01 | 2020-02-12 A, 2020-03-25, 2020-07-01 C || (42, 182] | recovered
        4  | 2020-01-01 | B   | 2020-06-01 | 2020-02-12 C, 2020-03-25 A             || (0, 42]   | recovered
        """,
        endpoint=NAME,
    )
    assert observed.facts["interval_width_days_quartiles"] == [], "of so few it would be their own"
    first_seen = {row["visit"]: row["recovery_first_seen"] for row in observed.tables["windows"]}
    assert first_seen == {"6w": 2, "12w": 1, "26w": 1, "52w": 0, "104w": 0}


def test_who_does_not_recover_is_censored_at_the_last_assessment_not_at_the_last_contact(
    observe_table: Observe,
) -> None:
    observed = observe_table(
        """
        id | time_zero  | ais | last_seen  | visits                   || days | event
        1  | 2020-01-01 | D   | 2021-01-01 | 2020-02-12 D, 2020-03-25 || 42   | censored
        2  | 2020-01-01 | D   | 2021-01-01 | 2020-02-12 C             || 42   | censored
        3  | 2020-01-01 | D   | 2021-01-01 | 2020-02-12               || 0.5  | censored
        4  | 2020-01-01 | D   | 2020-01-15 |                          || 0.5  | censored
        """,
        endpoint=NAME,
    )
    assert observed.facts["never_assessed_after_time_zero"] == 2


def test_a_death_competes_where_no_scheduled_visit_was_missed_since_the_last_assessment(observe_table: Observe) -> None:
    observed = observe_table(
        """
        id | time_zero  | ais | visits                   | died       || days      | event
        1  | 2020-01-01 | D   |                          | 2020-01-21 || 20        | died_without_recovery
        2  | 2020-01-01 | D   | 2020-02-12 D             | 2020-03-01 || 60        | died_without_recovery
        3  | 2020-01-01 | D   | 2020-02-12 D             | 2020-05-12 || 132       | died_without_recovery
        4  | 2020-01-01 | D   | 2020-02-12 D             | 2020-05-13 || 42        | censored
        5  | 2020-01-01 | D   | 2020-02-12 D, 2020-03-25 | 2020-06-01 || 42        | censored
        6  | 2020-01-01 | D   | 2020-03-25 D             | 2020-04-01 || 91        | died_without_recovery
        7  | 2020-01-01 | D   |                          | 2020-06-01 || 0.5       | censored
        8  | 2020-01-01 | D   | 2020-02-12 E             | 2020-02-13 || (0, 42]   | recovered
        """,
        endpoint=NAME,
    )
    assert observed.facts["deaths_without_missed_visit"] == 4
    assert observed.facts["deaths_after_missed_visit"] == 3
    assert observed.facts["death_after_missed_visit"] == "censored"


def test_under_the_opposite_rule_every_death_without_recovery_competes(observe_table: Observe) -> None:
    observed = observe_table(
        """
        id | time_zero  | ais | visits                   | died       || days | event
        1  | 2020-01-01 | D   | 2020-02-12 D             | 2020-05-13 || 133  | died_without_recovery
        2  | 2020-01-01 | D   |                          | 2020-06-01 || 152  | died_without_recovery
        3  | 2020-01-01 | D   | 2020-02-12 D, 2020-03-25 |            || 42   | censored
        """,
        endpoint=NAME,
        death_after_missed_visit="competing",
    )
    assert observed.facts["deaths_after_missed_visit"] == 2
    assert observed.facts["death_after_missed_visit"] == "competing"


def test_grade_e_and_an_unknown_grade_leave_the_cohort(observe_table: Observe) -> None:
    observe_table(
        """
        id | time_zero  | ais | last_seen  | visits       || days    | event
        1  | 2020-01-01 | E   | 2020-06-01 | 2020-02-12 E ||         | left
        2  | 2020-01-01 |     | 2020-06-01 | 2020-02-12 E ||         | left
        3  | 2020-01-01 | D   |            |              ||         | left
        4  | 2020-01-01 | D   | 2020-06-01 | 2020-02-12 E || (0, 42] | recovered
        """,
        endpoint=NAME,
    )


def test_an_assessment_on_the_day_of_treatment_is_no_follow_up(observe_table: Observe) -> None:
    observe_table(
        """
        id | time_zero  | ais | last_seen  | visits                     || days    | event
        1  | 2020-01-01 | D   | 2020-06-01 | 2020-01-01 E               || 0.5     | censored
        2  | 2020-01-01 | D   | 2020-06-01 | 2020-01-01 D, 2020-02-12 E || (0, 42] | recovered
        """,
        endpoint=NAME,
    )


def test_an_unknown_rule_is_refused_with_the_known_ones(observe_table: Observe) -> None:
    with pytest.raises(ContractError, match='expected "censored" or "competing"'):
        observe_table(
            """
            id | time_zero  | ais | last_seen  | visits       || days    | event
            1  | 2020-01-01 | D   | 2020-06-01 | 2020-02-12 E || (0, 42] | recovered
            """,
            endpoint=NAME,
            death_after_missed_visit="ignored",
        )


def test_the_description_names_its_population_and_three_states() -> None:
    described = ENDPOINTS[NAME].description({}).to_json()
    assert described["population"] == {
        "field": "ais_grade",
        "levels": ["A", "B", "C", "D"],
        "otherwise": "no deficit (AIS E)",
    }
    assert set(described["labels"]) == {"recovered", "died_without_recovery", "alive_not_recovered"}
