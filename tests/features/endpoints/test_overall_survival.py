"""Death from any cause, read from dates."""

from __future__ import annotations

from collections.abc import Callable

from features.endpoints import ENDPOINTS, Observed

Observe = Callable[..., Observed]


def test_death_after_the_last_contact_is_an_event_and_no_death_is_censored_when_last_seen(
    observe_table: Observe,
) -> None:
    observe_table(
        """
        id | time_zero  | last_seen  | died       || days | event
        1  | 2020-01-01 | 2020-01-20 | 2020-02-01 || 31   | died
        2  | 2020-01-01 | 2020-03-01 |            || 60   | censored
        3  | 2020-01-01 |            | 2020-01-02 || 1    | died
        4  | 2020-01-01 |            |            ||      | left
        """,
        endpoint="overall_survival",
    )


def test_follow_up_that_ends_on_the_first_day_is_half_a_day_and_counted(observe_table: Observe) -> None:
    observed = observe_table(
        """
        id | time_zero  | last_seen  | died       || days | event
        1  | 2020-01-01 |            | 2020-01-01 || 0.5  | died
        2  | 2020-01-01 | 2020-01-01 |            || 0.5  | censored
        3  | 2020-01-01 | 2020-01-02 |            || 1    | censored
        """,
        endpoint="overall_survival",
    )
    assert observed.facts["ended_on_day_zero_set_to_half_a_day"] == 2


def test_a_visit_after_the_last_contact_extends_follow_up(observe_table: Observe) -> None:
    observed = observe_table(
        """
        id | time_zero  | last_seen  | visits                   | died || days | event
        1  | 2020-01-01 | 2020-01-20 | 2020-02-12 D, 2020-03-01 |      || 60   | censored
        2  | 2020-01-01 | 2020-03-01 | 2020-02-12 D             |      || 60   | censored
        3  | 2020-01-01 |            | 2020-02-12               |      || 42   | censored
        """,
        endpoint="overall_survival",
    )
    assert observed.facts["seen_at_a_visit_after_last_contact"] == 1


def test_a_death_known_by_its_month_never_lies_before_the_patient_was_last_seen(observe_table: Observe) -> None:
    observed = observe_table(
        """
        id | time_zero  | last_seen  | visits     | died        || days | event
        1  | 2020-01-01 | 2020-02-20 |            | 2020-02-15~ || 50   | died
        2  | 2020-01-01 | 2020-02-03 |            | 2020-02-15~ || 45   | died
        3  | 2020-01-01 | 2020-01-20 | 2020-02-20 | 2020-02-15~ || 50   | died
        4  | 2020-01-20 |            |            | 2020-01-15~ || 0.5  | died
        """,
        endpoint="overall_survival",
    )
    assert observed.facts["deaths_known_by_month_only"] == 4


def test_the_description_is_plain_json_about_one_cause() -> None:
    described = ENDPOINTS["overall_survival"].description({}).to_json()
    assert described["causes"] == ["died"]
    assert described["free_state"] == "alive"
    assert described["population"] is None
    assert set(described["labels"]) == {"died", "alive"}
