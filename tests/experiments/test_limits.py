"""What the data can carry, counted: rounded times, values that no other site saw, effects that change with time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.limits import _outside, limit_facts, limit_tables, ties
from experiments.run import Prepared, prepare
from experiments.study import Study
from features.cohort import Cohort
from features.contract import Contract
from features.extract import read_extract
from features.outcome import Outcome
from features.registries.synthetic import SyntheticSettings, simulate, write_extract

PREDICTORS = 'predictors=["age_at_treatment", "ecog", "albumin", "primary_site"]'


@pytest.fixture(scope="module")
def study(root: Path) -> Study:
    return Study.from_toml(root / "configs" / "studies" / "survival.toml", [PREDICTORS])


@pytest.fixture(scope="module")
def contract(root: Path) -> Contract:
    return Contract.from_toml(root / "configs" / "registries" / "spine.toml")


@pytest.fixture(scope="module")
def ready(study: Study, contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("extract")
    write_extract(simulate(SyntheticSettings(patients=400, seed=1, sites=3)), folder)
    return prepare(study, contract, read_extract(folder, contract))


def test_days_are_days_and_months_are_months() -> None:
    days = np.arange(1.0, 1001.0)
    fine = ties(Outcome.right_censored(days, np.arange(1000) % 2))
    months = Outcome.right_censored(np.round(np.arange(1, 1001) % 30 * 30.4375) + 30, np.ones(1000))
    assert fine == {"events": 500, "days": 500, "events_per_day": 1.0, "whole_months_share": fine["whole_months_share"]}
    assert 0.05 < fine["whole_months_share"] < 0.08
    rounded = ties(Outcome.right_censored(np.round(np.ceil(days / 30.4375) * 30.4375), np.ones(1000)))
    assert rounded["whole_months_share"] == 1.0
    assert rounded["events_per_day"] > 25
    assert ties(months)["events_per_day"] > 30


def moved(cohort: Cohort, site: str, by: float) -> Cohort:
    frame = cohort.frame.copy()
    frame.loc[cohort.sites == site, "albumin"] += by
    return Cohort(frame, cohort.ids, cohort.sites, cohort.flow)


def test_a_site_with_values_of_its_own_is_counted_and_named(ready: Prepared, study: Study, contract: Contract) -> None:
    plain = limit_facts(study, contract, ready.cohort, ready.judged)["extrapolation"]
    strange = moved(ready.cohort, "S02", 8.0)
    tables = limit_tables(study, contract, strange, ready.judged)["extrapolation"]
    counted = limit_facts(study, contract, strange, ready.judged)["extrapolation"]
    known = int(ready.cohort.frame.loc[ready.cohort.sites == "S02", "albumin"].notna().sum())
    assert plain["outside"] < 0.1 * plain["n"]
    assert _outside(study, contract, strange)["S02"].sum() >= known
    assert counted["outside"] >= known
    assert all(row["outside"] is None or row["outside"] == 0 or row["outside"] >= 10 for row in tables)


def test_a_level_that_no_other_site_has_is_outside(ready: Prepared, study: Study, contract: Contract) -> None:
    frame = ready.cohort.frame.copy()
    own = ready.cohort.sites == "S01"
    frame.loc[~own & (frame["ecog"] == "2"), "ecog"] = "1"
    cohort = Cohort(frame, ready.cohort.ids, ready.cohort.sites, ready.cohort.flow)
    twos = int((frame.loc[own, "ecog"] == "2").sum())
    assert _outside(study, contract, cohort)["S01"].sum() >= twos >= 10
    assert limit_facts(study, contract, cohort, ready.judged)["extrapolation"]["outside"] >= twos


def test_one_site_has_nobody_to_be_compared_with(ready: Prepared, study: Study, contract: Contract) -> None:
    alone = ready.cohort.take(np.flatnonzero(ready.cohort.sites == "S01"))
    outcome = ready.judged.take(np.flatnonzero(ready.cohort.sites == "S01"))
    assert "extrapolation" not in limit_facts(study, contract, alone, outcome)
    assert "extrapolation" not in limit_tables(study, contract, alone, outcome)


def test_time_trends_stand_by_predictor_with_holms_correction(
    ready: Prepared, study: Study, contract: Contract
) -> None:
    rows = limit_tables(study, contract, ready.cohort, ready.judged)["proportionality"]
    own = [row for row in rows if row["p_holm"] is not None]
    assert [row["predictor"] for row in own] == list(study.predictors)
    assert rows[-1]["predictor"] == "all predictors"
    assert {row["cause"] for row in rows} == {"died"}
    assert min(row["p_holm"] for row in own) == pytest.approx(min(1.0, 4 * min(row["p"] for row in own)))
    assert all(row["p_holm"] >= row["p"] for row in own)


def test_too_few_events_have_no_time_trends(ready: Prepared, study: Study, contract: Contract) -> None:
    event = np.where(np.arange(ready.cohort.n) < 20, ready.judged.event, 0)
    few = Outcome.right_censored(ready.judged.time_days, event, ready.judged.causes)
    assert "proportionality" not in limit_tables(study, contract, ready.cohort, few)
