"""The simulation itself: its truth is a truth, and it goes on where it stopped."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.benchmarks.coverage import measure, next_hospital, optimism_of
from experiments.benchmarks.weibull_world import COEFFICIENTS, concordance, fit, patients, risk_of, true_performance
from training.metrics.discrimination import harrell_c


def test_concordance_by_bins_is_that_of_all_pairs():
    people = patients(np.random.default_rng(1), 20_000)
    assert concordance(people.outcome, people.risk) == pytest.approx(
        harrell_c(people.outcome, people.risk).value, abs=1e-3
    )


def test_the_true_risks_are_calibrated_and_a_fit_to_many_patients_finds_them():
    rng = np.random.default_rng(2)
    many, new = patients(rng, 40_000), patients(rng, 40_000)
    model = fit(many.X, many.outcome)
    assert model.coef == pytest.approx(COEFFICIENTS, abs=0.03)
    assert risk_of(model, new.X) == pytest.approx(new.risk, abs=0.05)
    assert true_performance(new.risk, new)[2] == pytest.approx(1, abs=0.05)


def test_a_replicate_holds_what_is_reported():
    row = optimism_of(150, 1, bootstraps=12, new=5000)
    assert {len(row[name]) for name in ("truth", "apparent", "corrected", "error")} == {3}
    assert row["corrected"][2] < row["apparent"][2]
    hospital = next_hospital(1)
    assert hospital["next"][0] < hospital["mean"][0] < hospital["next"][1]


def test_a_simulation_resumes_where_it_stopped_whichever_process_it_was(tmp_path):
    few = {"replicates": 1, "hospitals": 2, "learners": 0, "cohorts": 0, "competing": 0, "bootstrapped": 0}
    done = [{"kind": kind, "replicate": 0} for kind in ("optimism 400", "optimism 1500")]
    (tmp_path / "2-of-2.jsonl").write_text("".join(json.dumps(row) + "\n" for row in done) + '{"kind": "next hos')
    assert not list(measure(tmp_path, share=(1, 2), **few))
    assert next(iter(measure(tmp_path, share=(2, 2), **few))).startswith("next hospital, 2 replicates")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    list(measure(tmp_path, **few))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
