from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
