from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.benchmarks.learner_scores import best_peers, better_than_null, mean_ranks, paired_gap, ratios, table


def scores() -> pd.DataFrame:
    return pd.DataFrame(
        {"ours": [0.10, 0.20, 0.05], "cox": [0.12, 0.19, 0.06], "slow": [0.11, 0.30, None], "kaplan_meier": [0.2] * 3},
        index=["a", "b", "c"],
    )


def test_a_learner_that_ran_on_fewer_sets_is_ranked_on_its_own() -> None:
    assert mean_ranks(scores(), everywhere=True)["ours"] == pytest.approx(1.75)
    assert mean_ranks(scores(), everywhere=False)["slow"] == pytest.approx(3.0)


def test_ratios_are_geometric_over_the_sets_where_both_ran() -> None:
    assert ratios(scores(), "ours")["slow"] == pytest.approx(np.sqrt(0.10 / 0.11 * 0.20 / 0.30))


def test_seeds_are_averaged_before_anything_else() -> None:
    rows = pd.DataFrame({"ds": ["a", "a"], "who": ["ours", "ours"], "seed": [1, 2], "IBSx": [0.1, 0.3]})
    assert table(rows, "IBSx").loc["a", "ours"] == pytest.approx(0.2)


def test_a_learner_that_is_worse_than_knowing_nothing_counts_for_nothing() -> None:
    worse = scores().assign(bad=[0.3, 0.3, 0.3])
    assert better_than_null(worse) == ["ours", "cox", "slow"]
    assert best_peers(scores().drop(columns="ours")) == {"a": "slow", "b": "cox", "c": "cox"}


def test_the_interval_is_wider_than_independent_splits_would_have_it() -> None:
    own, other = np.linspace(0.9, 1.1, 10), np.ones(10)
    gap = paired_gap(own.tolist(), other.tolist(), test_share=0.25)
    naive = 2.262 * own.std(ddof=1) / np.sqrt(10)
    assert gap.value == pytest.approx(0.0, abs=1e-12)
    assert (gap.high - gap.low) / 2 == pytest.approx(naive * np.sqrt(1 + 10 / 3), rel=1e-3)


def test_one_split_says_nothing_about_its_spread() -> None:
    assert paired_gap([0.9], [1.0], test_share=0.25).high == np.inf
