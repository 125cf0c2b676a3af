"""Who teaches and who is judged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.resampling import (
    ResamplingError,
    bootstrap,
    canonical_order,
    derive_seed,
    folds,
    keyed_hashes,
    leave_one_site_out,
    split_proofs,
    temporal,
)


def cohort(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    ids = np.array([f"P{i:05d}" for i in range(n)])
    return ids, rng.integers(0, 3, n), np.array([f"S{i:02d}" for i in rng.integers(1, 5, n)])


@settings(max_examples=30, deadline=None)
@given(n=st.integers(12, 120), k=st.integers(2, 6), repeats=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_folds_are_disjoint_exhaustive_and_even(n, k, repeats, seed):
    ids, event, sites = cohort(n, seed)
    dealt = list(folds(ids, event, sites, k=k, repeats=repeats, seed=seed, design="nested_cross_validation"))
    assert len(dealt) == k * repeats
    for repeat in range(repeats):
        tests = [one.test for one in dealt if one.repeat == repeat]
        assert sorted(np.concatenate(tests).tolist()) == list(range(n))
        assert max(map(len, tests)) - min(map(len, tests)) <= 1
    for one in dealt:
        assert sorted([*one.train.tolist(), *one.test.tolist()]) == list(range(n))


def test_folds_never_depend_on_row_order():
    ids, event, sites = cohort(200)
    shuffled = np.random.default_rng(5).permutation(200)
    dealt = folds(ids, event, sites, k=5, repeats=2, seed=7, design="d")
    again = folds(ids[shuffled], event[shuffled], sites[shuffled], k=5, repeats=2, seed=7, design="d")
    for one, other in zip(dealt, again, strict=True):
        assert ids[one.test].tolist() == ids[shuffled][other.test].tolist()
        assert ids[one.train].tolist() == ids[shuffled][other.train].tolist()


def test_each_fold_has_its_share_of_every_site_and_event():
    ids, event, sites = cohort(600)
    for one in folds(ids, event, sites, k=5, repeats=1, seed=1, design="d"):
        for site in np.unique(sites):
            for code in (0, 1, 2):
                whole = np.sum((sites == site) & (event == code))
                here = np.sum((sites[one.test] == site) & (event[one.test] == code))
                assert abs(here - whole / 5) <= 1


def test_repeats_deal_anew_and_seeds_differ_between_resamples():
    ids, event, sites = cohort(100)
    dealt = list(folds(ids, event, sites, k=4, repeats=2, seed=3, design="d"))
    assert set(dealt[0].test) != set(dealt[4].test)
    assert len({one.seed(3) for one in dealt}) == len(dealt)


def test_copies_of_a_patient_stay_on_one_side():
    ids, event, sites = cohort(80)
    draw = np.random.default_rng(1).integers(0, 80, 80)
    for one in folds(ids[draw], event[draw], sites[draw], k=4, repeats=2, seed=3, design="inner"):
        assert not set(ids[draw][one.train]) & set(ids[draw][one.test])
        assert len(one.train) + len(one.test) == 80


def test_a_left_out_site_teaches_nothing():
    ids, _, sites = cohort(100)
    dealt = list(leave_one_site_out(ids, sites, seed=1))
    assert [one.label for one in dealt] == ["site=S01", "site=S02", "site=S03", "site=S04"]
    for one in dealt:
        assert set(sites[one.test]) == {one.label.removeprefix("site=")}
        assert not set(sites[one.train]) & set(sites[one.test])
        assert len(one.train) + len(one.test) == 100


def test_a_bootstrap_draws_as_many_as_each_site_has_and_judges_everybody():
    ids, _, sites = cohort(100)
    for one in bootstrap(ids, sites, replicates=3, seed=2):
        assert sorted(one.test.tolist()) == list(range(100))
        assert set(one.train) <= set(range(100))
        assert np.bincount(one.train).max() > 1
        assert all(np.sum(sites[one.train] == site) == np.sum(sites == site) for site in np.unique(sites))


def test_a_bootstrap_never_depends_on_row_order():
    ids, _, sites = cohort(60)
    shuffled = np.random.default_rng(5).permutation(60)
    again = bootstrap(ids[shuffled], sites[shuffled], replicates=2, seed=7)
    for one, other in zip(bootstrap(ids, sites, replicates=2, seed=7), again, strict=True):
        assert ids[one.train].tolist() == ids[shuffled][other.train].tolist()


def test_the_split_proof_shows_that_nobody_is_on_both_sides_and_can_be_made_again():
    ids, event, sites = cohort(80)
    nested = list(folds(ids, event, sites, k=4, repeats=1, seed=3, design="nested_cross_validation"))
    rows = split_proofs(nested, ids, 3)
    assert [(row["n_train"], row["n_test"], row["overlap"]) for row in rows] == [(60, 20, 0)] * 4
    assert len({row["test_digest"] for row in rows}) == 4
    shuffled = np.random.default_rng(5).permutation(80)
    again = list(
        folds(ids[shuffled], event[shuffled], sites[shuffled], k=4, repeats=1, seed=3, design="nested_cross_validation")
    )
    assert split_proofs(again, ids[shuffled], 3) == rows
    assert split_proofs(nested, ids, 4)[0]["test_digest"] != rows[0]["test_digest"]


def test_in_a_bootstrap_the_overlap_is_who_was_drawn():
    ids, _, sites = cohort(80)
    drawn = list(bootstrap(ids, sites, replicates=2, seed=3))
    rows = split_proofs(drawn, ids, 3)
    assert [row["overlap"] for row in rows] == [len(np.unique(one.train)) for one in drawn]
    assert all(row["overlap"] == row["n_train"] < row["n_test"] == 80 for row in rows)


def test_the_order_is_keyed_by_the_seed_and_pinned():
    ids = ["P1", "P2", "P3", "P4", "P5"]
    assert canonical_order(ids, 1).tolist() != canonical_order(ids, 2).tolist()
    # An auditor deals the same folds years later: these may never change.
    assert derive_seed(20261124, "nested_cross_validation", 0, 0) == 276398192
    assert keyed_hashes(["P1"], 1) == ["ba3391a7ead42d9c2cccd26bcc6e5aa5"]


def test_designs_that_cannot_be_carried_are_refused_by_name():
    ids, event, sites = cohort(10)
    with pytest.raises(ResamplingError, match="expected 2 to 10 folds for 10 patients, got 11"):
        list(folds(ids, event, sites, k=11, repeats=1, seed=1, design="nested_cross_validation"))
    with pytest.raises(ResamplingError, match="at least two sites, got 0"):
        list(leave_one_site_out(ids, None, seed=1))


def test_a_share_is_at_least_the_share_where_many_patients_have_one_day():
    dates = np.repeat(np.array(["2018-01-01", "2019-01-01", "2020-01-01"], dtype="datetime64[D]"), (40, 30, 30))
    (one,) = temporal(np.array([f"P{i}" for i in range(100)]), dates, cutoff=None, share=0.6, seed=1)
    assert (len(one.train), len(one.test)) == (70, 30)


def test_no_digest_is_told_of_so_few_that_they_could_be_tried_out():
    ids, sites = np.array([f"P{i}" for i in range(40)]), np.repeat(["big", "small", "middle"], (20, 5, 15))
    rows = {row["label"]: row for row in split_proofs(list(leave_one_site_out(ids, sites, seed=1)), ids, 1)}
    assert [label for label, row in rows.items() if row["test_digest"] is None] == ["site=small"]
    assert all(row["overlap"] == 0 for row in rows.values())


def test_a_patient_without_a_day_is_not_dealt_to_the_later_side():
    dates = np.array(["2018-01-01", "2019-01-01", "NaT", "2020-01-01"], dtype="datetime64[D]")
    with pytest.raises(ResamplingError, match="1 of 4 patients have no date"):
        list(temporal(np.array(list("abcd")), dates, cutoff="2019-06-01", share=None, seed=1))
