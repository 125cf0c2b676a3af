"""Answers: laws of the numbers first, then their shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.predictor import Result, Served, answer, crossed, label_of, per_100, scenarios
from serving.schemas import Patient
from training.curves import Curves


def read(served: Served, values: dict[str, Any]) -> Patient:
    patient = served.form.read(values, "#")
    assert isinstance(patient, Patient)
    return patient


@given(shares=st.lists(st.floats(0, 1), min_size=2, max_size=5).filter(lambda s: sum(s) > 1e-6))
def test_whole_numbers_sum_to_100_and_none_is_off_by_one(shares: list[float]) -> None:
    probabilities = {str(i): share / sum(shares) for i, share in enumerate(shares)}
    whole = per_100(probabilities)
    assert sum(whole.values()) == 100
    assert all(abs(whole[state] - 100 * p) < 1 + 1e-9 for state, p in probabilities.items())
    assert all(value >= 0 for value in whole.values())


def test_the_largest_remainder_is_rounded_up() -> None:
    assert per_100({"recovered": 0.455, "alive_not_recovered": 0.437, "died_without_recovery": 0.108}) == {
        "recovered": 45,
        "alive_not_recovered": 44,
        "died_without_recovery": 11,
    }
    assert per_100({"died": 0.5, "alive": 0.5}) == {"died": 50, "alive": 50}


def test_a_patient_alone_and_among_others_gets_the_same_numbers(survival: Served, patient: dict[str, Any]) -> None:
    albumin = [{"value": 2 + i / 10, "unit": "g/dL"} for i in range(10)]
    others = [read(survival, {**patient, "albumin": value, "ecog": i % 5}) for i, value in enumerate(albumin)]
    alone = [answer(survival, [other])[0].body for other in others]
    assert [result.body for result in answer(survival, others)] == alone
    assert [result.body for result in answer(survival, others[::-1])] == alone[::-1]


def test_survival_is_answered_with_risk_counts_curve_and_scenarios(survival: Served, patient: dict[str, Any]) -> None:
    body = answer(survival, [read(survival, patient)])[0].body
    assert list(body) == [
        "model",
        "endpoint",
        "time_zero",
        "states",
        "horizons",
        "scenarios",
        "curve",
        "unknown_inputs",
        "reading",
    ]
    assert body["model"] == {
        "name": "survival",
        "version": 3,
        "digest": f"sha-256:{survival.bundle.model_digest}",
        "status": "champion",
        "developed_on": "200 patients at 2 hospitals",
        "card": "/v1/models/survival/versions/3/card",
    }
    assert [horizon["label"] for horizon in body["horizons"]] == ["6 weeks", "90 days", "1 year"]
    assert all(sum(horizon["per_100"].values()) == 100 for horizon in body["horizons"])
    assert body["unknown_inputs"] == [{"field": "crp", "handled": "averaged over what is plausible for this patient"}]


def test_the_curve_falls_and_is_the_one_that_the_risks_are_read_from(survival: Served, patient: dict[str, Any]) -> None:
    body = answer(survival, [read(survival, patient)])[0].body
    curve = body["curve"]
    assert curve["survival"][0] == 1.0
    assert all(np.diff(curve["survival"]) <= 0)
    for horizon in body["horizons"]:
        step = np.searchsorted(curve["times_days"], horizon["days"], side="right") - 1
        assert horizon["risk"] == pytest.approx(1 - curve["survival"][step], abs=1e-15)


def test_recovery_is_answered_with_three_probabilities_that_sum_to_one(
    recovery: Served, patient: dict[str, Any]
) -> None:
    body = answer(recovery, [read(recovery, patient)])[0].body
    assert body["states"] == ["recovered", "alive_not_recovered", "died_without_recovery"]
    for horizon in body["horizons"]:
        assert list(horizon["probability"]) == body["states"]
        assert sum(horizon["probability"].values()) == pytest.approx(1.0, abs=1e-12)
        assert sum(horizon["per_100"].values()) == 100
        assert "risk" not in horizon
    assert "scenarios" not in body


def test_a_patient_outside_the_population_gets_the_reason_and_no_numbers(
    recovery: Served, patient: dict[str, Any]
) -> None:
    patient |= {"ais_grade": "E", "deficit_duration": "not_applicable"}
    body = answer(recovery, [read(recovery, patient)])[0].body
    assert body["not_applicable"] == "no deficit (AIS E)"
    assert "horizons" not in body


def test_scenarios_are_quantiles_of_the_curve_and_say_where_the_data_end() -> None:
    curves = Curves.from_survival([10.0, 20.0, 30.0, 730.0], [[0.95, 0.9, 0.75, 0.3]])
    assert scenarios(curves, lethal=True) == {
        "worst_10_percent": {"die_within_days": 20},
        "middle_half": {"from_days": 30, "to_days": None, "to_note": "beyond 730 days, the end of the data"},
        "best_10_percent": {"live_longer_than_days": None, "note": "beyond 730 days, the end of the data"},
    }


def test_a_median_stands_nowhere_in_an_answer(survival: Served, patient: dict[str, Any]) -> None:
    assert "median" not in repr(answer(survival, [read(survival, patient)])[0].body)


def test_dying_without_recovery_above_dying_at_all_is_said() -> None:
    deaths = Result({"time_zero": "t"}, Curves.from_survival([42.0, 90.0], [[0.9, 0.8]], cause="died"))
    horizons = [
        {"days": 42, "label": "6 weeks", "probability": {"died_without_recovery": 0.05}},
        {"days": 90, "label": "90 days", "probability": {"died_without_recovery": 0.25}},
    ]
    incidence = np.array([[[0.1, 0.1], [0.05, 0.25]]])
    causes = ("recovered", "died_without_recovery")
    recovery = Result({"time_zero": "t", "horizons": horizons}, Curves(np.array([42.0, 90.0]), causes, incidence))
    assert crossed([deaths, recovery]) == ["90 days"]
    assert crossed([recovery]) == []


@pytest.mark.parametrize(
    ("days", "label"),
    [(7, "1 week"), (42, "6 weeks"), (90, "90 days"), (182, "26 weeks"), (365, "1 year"), (730, "2 years")],
)
def test_horizons_have_the_words_that_clinicians_use(days: float, label: str) -> None:
    assert label_of(days) == label
