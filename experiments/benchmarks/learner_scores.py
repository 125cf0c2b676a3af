"""What a comparison of learners on many tables comes to: ranks, ratios, and paired intervals over repeated splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import pandas as pd

NULL: Final = "kaplan_meier"


@final
@dataclass(frozen=True)
class Gap:
    """How much larger one learner's score is than another's on one table, as a share of the other's mean.

    value, low, high  mean over the splits, and its 95 % interval.
    """

    value: float
    low: float
    high: float


def table(rows: pd.DataFrame, score: str) -> pd.DataFrame:
    """Mean of a score over seeds, a row per set (`ds`), a column per learner (`who`); NaN where it did not run."""
    return rows.pivot_table(index="ds", columns="who", values=score, aggfunc="mean")


def mean_ranks(scores: pd.DataFrame, *, largest_first: bool = False, everywhere: bool) -> dict[str, float]:
    """Mean rank of each learner, best first. everywhere: over the sets where all ran; else each over its own sets."""
    used = scores.dropna() if everywhere else scores
    ranks = used.rank(axis=1, ascending=not largest_first).mean()
    return {str(who): float(rank) for who, rank in ranks.sort_values().items()}


def means(scores: pd.DataFrame, *, largest_first: bool = False) -> dict[str, float]:
    """Each learner's mean over the sets where all ran, best first."""
    found = scores.dropna().mean().sort_values(ascending=not largest_first)
    return {str(who): float(value) for who, value in found.items()}


def ratios(scores: pd.DataFrame, own: str) -> dict[str, float]:
    """Geometric mean of own score over each other's, on the sets where both ran; the closest first."""
    logs = scores.apply(np.log)
    found = {str(who): float(np.exp((logs[own] - logs[who]).dropna().mean())) for who in scores if who != own}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def better_than_null(scores: pd.DataFrame) -> list[str]:
    """Learners whose score, a geometric mean over the sets where they ran, is below Kaplan–Meier's there."""
    logs = scores.apply(np.log)
    return [str(who) for who in scores if who != NULL and (logs[who] - logs[NULL]).mean() < 0]


def best_peers(scores: pd.DataFrame) -> dict[str, str]:
    """For each set the learner with the least score."""
    return {str(ds): str(who) for ds, who in scores.idxmin(axis=1).items()}


def paired_gap(own: Sequence[float], other: Sequence[float], *, test_share: float) -> Gap:
    """The gap over repeated random splits of one table: splits overlap, and their spread alone says too little.

    test_share  share of the rows in each test part. Source: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366: the
                variance of the mean of J differences is (1/J + test/training) times their variance.
    """
    from scipy.stats import t

    gap = (np.asarray(own, float) - np.asarray(other, float)) / float(np.mean(other))
    splits = len(gap)
    if splits < 2:
        return Gap(float(gap.mean()), -np.inf, np.inf)
    error = np.sqrt((1 / splits + test_share / (1 - test_share)) * gap.var(ddof=1))
    half = float(t.ppf(0.975, splits - 1) * error)
    return Gap(float(gap.mean()), float(gap.mean()) - half, float(gap.mean()) + half)
