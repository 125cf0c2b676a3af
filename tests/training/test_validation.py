"""The whole development, wrapped in a design."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.cohort import Cohort, Flow
from features.contract import Contract, Field, Table
from features.outcome import Outcome
from training.designs import DesignSettings
from training.develop import Develop
from training.families import FAMILIES
from training.interval_times import resolve
from training.nonparametric import aalen_johansen
from training.recipe import Recipe
from training.resampling import canonical_order
from training.tuning import TuningSettings
from training.validation import Predictions, develop_on_all, validate
from training.workers import engine

NESTED = DesignSettings(design="nested_cross_validation", folds=3, repeats=2)
SITES = DesignSettings(design="leave_one_site_out")
CONTRACT = Contract(
    name="small",
    version="1",
    registry="table",
    tables=(Table(name="t", key=("id",)),),
    fields=(
        Field(name="age", table="t", kind="number", label="Age", known_at="T0", unit="a"),
        Field(name="sex", table="t", kind="category", label="Sex", known_at="T0", levels=("female", "male")),
        Field(name="albumin", table="t", kind="number", label="Albumin", known_at="T0", unit="g/dL"),
    ),
)


def patients(n: int = 180, *, competing: bool = False) -> tuple[Cohort, Outcome]:
    rng = np.random.default_rng(5)
    age, albumin = rng.normal(60, 10, n), rng.normal(3.8, 0.5, n)
    sex = rng.choice(["female", "male"], n)
    hazard = np.exp(0.05 * (age - 60) - 0.8 * (albumin - 3.8)) / 200
    happens, lost = rng.exponential(1 / hazard), rng.uniform(100, 600, n)
    cause = rng.integers(1, 3, n) if competing else np.ones(n, int)
    frame = pd.DataFrame({"age": age, "sex": sex.astype(object), "albumin": albumin})
    frame.loc[rng.uniform(size=n) < 0.2, "albumin"] = np.nan
    ids = np.array([f"P{i:04d}" for i in range(n)])
    cohort = Cohort(frame, ids, np.array([f"S{i % 3 + 1}" for i in range(n)]), Flow(n))
    days = np.ceil(np.minimum(happens, lost))
    causes = ("recovered", "died") if competing else ("died",)
    return cohort, Outcome.right_censored(days, np.where(happens <= lost, cause, 0), causes)


def development(outcome: Outcome, trials: int = 2) -> Develop:
    null = "kaplan_meier" if len(outcome.causes) == 1 else "aalen_johansen"
    names = ("age", "sex", "albumin")
    return Develop(
        {"cox": Recipe(FAMILIES["cox"](), names), "short": Recipe(FAMILIES["cox"](), ("age",))},
        (null, Recipe(FAMILIES[null](), ())),
        CONTRACT,
        TuningSettings(trials=trials, folds=2),
        np.array([30.0, 90.0, 180.0, 365.0]),
    )


def judged(cohort: Cohort, outcome: Outcome, **how) -> dict[str, Predictions]:
    return validate(development(outcome), cohort, outcome, [NESTED, SITES], seed=1, **how)


def risks(predictions: Predictions, cohort: Cohort) -> dict[str, list]:
    order = np.lexsort((predictions.groups, cohort.ids[predictions.patients]))
    return {name: incidence[order].tolist() for name, incidence in predictions.models.items()}


@pytest.fixture(scope="module")
def small():
    cohort, outcome = patients()
    return cohort, outcome, judged(cohort, outcome)


def test_every_patient_is_judged_once_per_repeat_by_every_model(small):
    cohort, _, predictions = small
    nested, sites = predictions["nested_cross_validation"], predictions["leave_one_site_out"]
    assert np.bincount(nested.patients).tolist() == [2] * cohort.n
    assert np.bincount(sites.patients).tolist() == [1] * cohort.n
    assert list(nested.models) == ["chosen", "cox", "short", "kaplan_meier"]
    assert sites.labels == ("site=S1", "site=S2", "site=S3")
    assert all(
        cohort.sites[p] == sites.labels[g].removeprefix("site=")
        for p, g in zip(sites.patients, sites.groups, strict=True)
    )


def test_the_chosen_model_is_one_of_the_recipes_in_each_refit(small):
    nested = small[2]["nested_cross_validation"]
    for number, refit in enumerate(nested.refits):
        own = nested.groups == number
        assert np.array_equal(nested.models["chosen"][own], nested.models[refit["chosen"]][own])
        assert refit["scores"][refit["chosen"]] == min(refit["scores"].values())


def test_what_was_seen_at_visits_is_learned_from_the_training_rows_alone():
    cohort, known = patients(competing=True)
    left = np.where(known.event == 1, np.maximum(known.left_days - 60, 0), known.left_days)
    outcome = Outcome(known.entry_days, left, known.right_days, known.event, known.causes)
    (design,) = validate(development(outcome), cohort, outcome, [NESTED], seed=1).values()
    train = np.setdiff1d(canonical_order(cohort.ids, 1), design.patients[design.groups == 0], assume_unique=True)
    null = aalen_johansen(resolve(outcome.take(train)))
    served = design.models["aalen_johansen"][design.groups == 0][0]
    for k in (1, 2):
        assert served[k - 1] == pytest.approx(null.at(design.times, k), abs=0.01)


def test_predictions_come_back_from_their_file(small, tmp_path):
    nested = small[2]["nested_cross_validation"]
    nested.save(tmp_path / "p.npz")
    back = Predictions.load(tmp_path / "p.npz")
    assert back.refits == nested.refits
    assert back.labels == nested.labels
    for name, incidence in nested.models.items():
        assert np.array_equal(back.models[name], incidence)


def test_row_order_changes_nothing(small):
    cohort, outcome, predictions = small
    rows = np.random.default_rng(3).permutation(cohort.n)
    again = judged(cohort.take(rows), outcome.take(rows))
    for name, each in predictions.items():
        other = risks(again[name], cohort.take(rows))
        for model, incidence in risks(each, cohort).items():
            assert np.allclose(other[model], incidence, rtol=0, atol=1e-9)


def test_two_workers_say_what_one_says(small):
    cohort, outcome, predictions = small
    with engine(2) as pool:
        again = judged(cohort, outcome, engine=pool)
    for name, each in predictions.items():
        for model, incidence in each.models.items():
            assert np.array_equal(again[name].models[model], incidence)


def test_a_study_goes_on_from_finished_resamples_and_does_torn_ones_again(small, tmp_path):
    cohort, outcome, predictions = small
    judged(cohort, outcome, folder=tmp_path)
    files = sorted(tmp_path.rglob("*.npz"))
    assert len(files) == 9
    torn, gone, touched, kept = files[0], files[1], files[2], files[3:]
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    gone.unlink()
    content = bytearray(touched.read_bytes())
    content[len(content) // 2] ^= 1
    touched.write_bytes(bytes(content))
    before = {path: path.stat().st_mtime_ns for path in files if path.exists()}
    counted = Counter()
    again = judged(cohort, outcome, folder=tmp_path, progress=counted)
    assert (counted.total, counted.finished) == (9, 9)
    assert all(path.stat().st_mtime_ns == before[path] for path in kept)
    assert all(path.stat().st_mtime_ns != before.get(path) for path in (torn, gone, touched))
    for name, each in predictions.items():
        for model, incidence in each.models.items():
            assert np.array_equal(again[name].models[model], incidence)
    assert not list(tmp_path.rglob("*.part"))


def test_a_resample_of_other_patients_is_not_taken_for_ours(small, tmp_path):
    cohort, outcome, _ = small
    one = DesignSettings(design="nested_cross_validation", folds=2, repeats=1)
    validate(development(outcome), cohort, outcome, [one], seed=1, folder=tmp_path)
    fewer = np.arange(cohort.n - 1)
    again = validate(development(outcome), cohort.take(fewer), outcome.take(fewer), [one], seed=1, folder=tmp_path)
    assert len(again["nested_cross_validation"].patients) == cohort.n - 1


def test_the_observer_sees_each_refit_where_it_was_made_and_is_remembered(small, tmp_path):
    cohort, outcome, _ = small
    first = judged(cohort, outcome, folder=tmp_path, observer=count_models)
    again = judged(cohort, outcome, folder=tmp_path, observer=count_models)
    said = [row["observed"] for row in again["nested_cross_validation"].refits]
    assert said == [["fold 1 of 3", 3], ["fold 2 of 3", 3], ["fold 3 of 3", 3]] * 2
    assert [row["observed"] for row in first["nested_cross_validation"].refits] == said


def test_incidences_of_competing_causes_are_judged_too():
    cohort, outcome = patients(competing=True)
    predictions = validate(development(outcome), cohort, outcome, [SITES], seed=1)["leave_one_site_out"]
    assert list(predictions.models) == ["chosen", "cox", "short", "aalen_johansen"]
    assert predictions.models["chosen"].shape == (cohort.n, 2, 4)
    assert predictions.scored("chosen").curves.causes == ("recovered", "died")


def test_a_fault_in_a_refit_is_not_swallowed(small):
    cohort, outcome, _ = small
    with pytest.raises(ZeroDivisionError):
        judged(cohort, outcome, observer=divide)


def test_the_released_model_is_developed_like_the_others(small):
    cohort, outcome, _ = small
    one, two = (develop_on_all(development(outcome), cohort, outcome, 1) for _ in range(2))
    assert one.trials == two.trials
    assert set(one.models) == {"cox", "short", "kaplan_meier"}


def test_a_killed_validation_goes_on_where_it_was(small, tmp_path):
    script = str(Path(__file__))
    code = (
        f"import importlib.util, sys\nspec = importlib.util.spec_from_file_location('judged_patients', {script!r})\n"
        "module = importlib.util.module_from_spec(spec)\nsys.modules['judged_patients'] = module\n"
        "spec.loader.exec_module(module)\n"
        f"cohort, outcome = module.patients()\n"
        f"module.judged(cohort, outcome, folder=module.Path({str(tmp_path)!r}))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"})
    for _ in range(1200):
        if len(list(tmp_path.rglob("*-*.npz"))) >= 2 or child.poll() is not None:
            break
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "finished before it could be killed"
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*-*.npz") if not path.name.startswith(".")}
    assert 0 < len(finished) < 9
    cohort, outcome, predictions = small
    again = judged(cohort, outcome, folder=tmp_path)
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())
    for name, each in predictions.items():
        for model, incidence in each.models.items():
            assert np.array_equal(again[name].models[model], incidence)


class Counter:
    total = finished = 0

    def start(self, total, label):
        self.total = total

    def advance(self):
        self.finished += 1


def count_models(resample, developed):
    return [resample.label, len(developed.models)]


def divide(resample, developed):
    return 1 // 0
