"""Comparators as predictors: raw as published, recalibrated on training rows, and never a model of ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.cohort import Cohort, Flow
from features.contract import Contract, Field, Table
from features.outcome import Outcome
from features.scores import SCORES
from training.comparators import Comparator, PublishedScore, UploadedRisk
from training.designs import DesignSettings
from training.develop import Develop
from training.families import FAMILIES
from training.nonparametric import aalen_johansen
from training.recipe import Recipe
from training.tuning import TuningSettings
from training.validation import develop_on_all, validate
from training.workers import engine

TIMES = np.array([42.0, 90.0, 182.625, 365.25, 730.5])
VDL = PublishedScore("van_der_linden")
UPLOADED = UploadedRisk("tool", (("p90", 90.0), ("p365", 365.25)))
CONTRACT = Contract(
    name="small",
    version="1",
    registry="table",
    tables=(Table(name="t", key=("id",)),),
    fields=tuple(
        Field(name=name, table="t", kind=kind, label=name, known_at="T0", levels=levels)
        for name, kind, levels in (
            ("kps", "number", ()),
            ("ecog", "ordinal", ("0", "1", "2", "3", "4")),
            ("primary_site", "category", ("breast", "prostate", "lung_nsclc", "kidney")),
            ("visceral_mets", "category", ("none", "nodular")),
            ("p90", "number", ()),
            ("p365", "number", ()),
        )
    ),
)


def patients(n: int = 240, seed: int = 3) -> tuple[Cohort, Outcome]:
    rng = np.random.default_rng(seed)
    ecog = rng.choice(list("01234"), n)
    frame = pd.DataFrame(
        {
            "kps": np.where(rng.random(n) < 0.5, np.nan, 90.0 - 20 * ecog.astype(float)),
            "ecog": ecog.astype(object),
            "primary_site": rng.choice(["breast", "prostate", "lung_nsclc", "kidney"], n).astype(object),
            "visceral_mets": rng.choice(["none", "nodular"], n).astype(object),
        }
    )
    worse = VDL.marker(frame)
    frame["p90"] = np.clip(0.2 + 0.05 * worse + rng.normal(0, 0.02, n), 0, 1)
    frame["p365"] = np.clip(frame["p90"] * 2, 0, 1)
    happens, lost = rng.exponential(300 * np.exp(-0.4 * (worse + 3))), rng.uniform(200, 800, n)
    frame.loc[rng.random(n) < 0.1, "visceral_mets"] = None
    frame.loc[rng.random(n) < 0.1, "p365"] = np.nan
    ids = np.array([f"P{i:04d}" for i in range(n)])
    cohort = Cohort(frame, ids, np.array([f"S{i % 3}" for i in range(n)]), Flow(n))
    days = np.ceil(np.minimum(happens, lost))
    return cohort, Outcome.right_censored(days, (happens <= lost).astype(int), ("died",))


def test_raw_says_what_was_published_whatever_happened() -> None:
    cohort, outcome = patients()
    raw = Comparator(VDL).fit(cohort.frame, outcome).predict(cohort.frame, TIMES)
    points = SCORES["van_der_linden"].points(cohort.frame).middle
    wanted = SCORES["van_der_linden"].published_risk(points, TIMES)
    assert np.allclose(raw.incidence[:, 0], wanted, rtol=2e-6, atol=0)
    silent = Outcome.right_censored(np.full(outcome.n, 9.0), np.zeros(outcome.n, int), ("died",))
    again = Comparator(VDL).fit(cohort.frame, silent).predict(cohort.frame, TIMES)
    assert np.array_equal(again.incidence, raw.incidence)


@pytest.mark.parametrize("name", ["van_der_linden", "tokuhashi_revised", "katagiri_revised", "nesms", "sins"])
def test_points_rank_patients_also_where_the_paper_gives_a_group_one_risk(name: str) -> None:
    score, source = SCORES[name], PublishedScore(name)
    points = np.arange(score.lowest, score.highest + 1, dtype=float)
    marker = points if score.higher_is_worse else -points
    risk = source.risk_of(marker, TIMES)
    order = np.argsort(marker)
    assert (np.diff(risk[order], axis=0) > 0).all()
    assert ((risk >= 0) & (risk <= 1)).all()
    assert (np.diff(risk, axis=1) >= 0).all()


def test_recalibration_learns_from_the_training_rows_alone() -> None:
    cohort, outcome = patients()
    half = np.arange(outcome.n // 2)
    train, known = cohort.take(half), outcome.take(half)
    again = Comparator(VDL, recalibrated=True).fit(train.frame, known)
    curves = again.predict(cohort.frame, TIMES)
    assert again.comparator.name == "van_der_linden_recalibrated"
    mean = curves.incidence[half, 0, 3].mean()
    observed = float(aalen_johansen(known).at(365.25))
    assert mean == pytest.approx(observed, abs=0.02)
    marker = VDL.marker(cohort.frame)
    assert (np.diff(curves.incidence[np.argsort(marker), 0, 3]) >= 0).all()


def test_where_nobody_died_a_recalibrated_risk_is_zero() -> None:
    cohort, outcome = patients(30)
    silent = Outcome.right_censored(outcome.time_days, np.zeros(outcome.n, int), ("died",))
    assert not Comparator(VDL, True).fit(cohort.frame, silent).predict(cohort.frame, TIMES).incidence.any()


def test_an_uploaded_risk_is_given_back_on_its_days_and_is_silent_where_it_is_missing() -> None:
    cohort, outcome = patients()
    raw = Comparator(UPLOADED)
    curves = raw.fit(cohort.frame, outcome).predict(cohort.frame, TIMES)
    spoken = raw.speaks_of(cohort.frame)
    assert np.array_equal(spoken, cohort.frame["p365"].notna())
    for column, name in ((1, "p90"), (3, "p365")):
        assert np.allclose(curves.incidence[spoken, 0, column], cohort.frame.loc[spoken, name], atol=1e-8)
    assert not curves.incidence[~spoken].any()
    assert (raw.until, Comparator(UPLOADED, True).until) == (365.25, float("inf"))


def test_a_later_risk_below_an_earlier_one_counts_as_the_earlier() -> None:
    frame = pd.DataFrame({"p90": [0.4], "p365": [0.3]})
    risk = UPLOADED.risk(frame, np.array([90.0, 365.25]))
    assert np.allclose(risk, 0.4)


def test_points_of_one_patient_do_not_depend_on_the_others() -> None:
    cohort, outcome = patients()
    for one in (Comparator(VDL), Comparator(VDL, True), Comparator(UPLOADED, True)):
        fitted = one.fit(cohort.frame, outcome)
        together = fitted.predict(cohort.frame, TIMES).incidence
        alone = fitted.predict(cohort.frame.iloc[[7]].reset_index(drop=True), TIMES).incidence
        assert np.array_equal(alone[0], together[7])


def developing() -> Develop:
    recipes = {"cox": Recipe(FAMILIES["cox"](), ("ecog", "primary_site"), "cox")}
    comparators = tuple(Comparator(source, again) for again in (False, True) for source in (VDL, UPLOADED))
    null = ("kaplan_meier", Recipe(FAMILIES["kaplan_meier"](), ()))
    return Develop(recipes, null, CONTRACT, TuningSettings(trials=1, folds=2), TIMES, comparators=comparators)


def test_every_design_asks_them_about_the_same_patients_and_none_is_a_candidate() -> None:
    cohort, outcome = patients()
    develop = developing()
    designs = [
        DesignSettings(design="nested_cross_validation", folds=2, repeats=1),
        DesignSettings(design="leave_one_site_out"),
    ]
    for found in validate(develop, cohort, outcome, designs, seed=5).values():
        names = [one.name for one in develop.comparators]
        assert set(names) < set(found.models)
        assert {row["chosen"] for row in found.refits} == {"cox"}
        assert all(set(row["scores"]) == {"cox"} for row in found.refits)
        raw = Comparator(VDL).fit(cohort.frame, outcome).predict(cohort.frame, TIMES).incidence
        assert np.array_equal(found.models["van_der_linden"], raw[found.patients])
        for group in np.unique(found.groups):
            judged = found.groups == group
            taught = np.setdiff1d(np.arange(cohort.n), found.patients[judged])
            train = cohort.take(taught)
            again = Comparator(VDL, True).fit(train.frame, outcome.take(taught))
            wanted = again.predict(cohort.frame.iloc[found.patients[judged]], TIMES).incidence
            assert np.allclose(found.models["van_der_linden_recalibrated"][judged], wanted, atol=1e-12)
    assert not {one.name for one in develop.comparators} & set(develop_on_all(develop, cohort, outcome, 5).models)


def test_they_travel_to_another_process() -> None:
    sent = developing().comparators
    with engine(2) as processes:
        assert [processes.submit(replace, one).result() for one in sent] == list(sent)
