from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.metrics import concordance_index_censored

from features.outcome import Outcome
from training.metrics.discrimination import harrell_c
from training.metrics.pairs import pair_sums


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_sums_equal_all_pairs_written_out(n: int, keys: int, levels: int, groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    key, risk = rng.integers(0, keys, n), rng.integers(0, levels, n) / 7
    group, early, late = rng.integers(0, groups, n), rng.uniform(0, 2, n), rng.uniform(0, 2, n)
    found = pair_sums(key, risk, early, late, group)
    pair = (key[:, None] < key[None, :]) & (group[:, None] == group[None, :])
    right = (risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])
    assert found.as_early == pytest.approx((pair * late[None, :]).sum(axis=1), abs=1e-12)
    assert found.as_early_right == pytest.approx((pair * right * late[None, :]).sum(axis=1), abs=1e-12)
    assert found.as_late == pytest.approx((pair * early[:, None]).sum(axis=0), abs=1e-12)
    assert found.as_late_right == pytest.approx((pair * right * early[:, None]).sum(axis=0), abs=1e-12)


def test_with_three_patients_in_ten_tied_c_is_that_of_all_pairs_to_twelve_digits() -> None:
    rng = np.random.default_rng(0)
    n = 2500
    risk = np.where(rng.random(n) < 0.3, rng.integers(0, 20, n) / 7, rng.normal(size=n))
    time, event = np.ceil(rng.exponential(np.exp(-risk)) * 60) + 1, rng.integers(0, 2, n)
    pair = (event[:, None] == 1) & ((time[:, None] < time) | ((time[:, None] == time) & (event == 0)))
    right = (risk[:, None] > risk) + 0.5 * (risk[:, None] == risk)
    brute = np.sum(pair * right) / np.sum(pair)
    ours = harrell_c(Outcome.right_censored(time, event), risk).value
    assert abs(ours - brute) < 1e-12
    assert abs(ours - concordance_index_censored(event == 1, time, risk)[0]) < 1e-12


def test_risks_closer_than_scikit_survivals_tolerance_are_two_risks_here_and_one_there() -> None:
    risk, time = np.array([0.5 + 4e-9, 0.5]), np.array([1.0, 2.0])
    assert harrell_c(Outcome.right_censored(time, [1, 1]), risk).value == 1.0
    assert concordance_index_censored(np.array([True, True]), time, risk)[0] == 0.5


def test_nobody_makes_no_pair() -> None:
    sums = pair_sums(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
    assert sums.as_early_right.shape == (0,)
