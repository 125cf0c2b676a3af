"""How performance is judged, by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from features.cohort import Cohort, Flow
from training.designs import DesignSettings, resamples
from training.resampling import ResamplingError


def cohort(n: int = 40, *, dated: bool = True) -> Cohort:
    ids = np.array([f"P{i}" for i in range(n)])
    days = np.datetime64("2018-01-01") + np.arange(n) * 30 if dated else None
    return Cohort(pd.DataFrame({"age": np.arange(n, dtype=float)}), ids, np.array(["A", "B"] * (n // 2)), Flow(n), days)


def dealt(**settings):
    patients = cohort()
    return resamples(DesignSettings(**settings), patients, np.zeros(patients.n, dtype=np.int64), seed=1)


def test_each_design_deals_what_its_name_says():
    nested = dealt(design="nested_cross_validation", folds=4, repeats=2)
    left_out = dealt(design="leave_one_site_out")
    drawn = dealt(design="bootstrap", replicates=10)
    later = dealt(design="temporal", cutoff="2020-01-01")
    assert [(one.repeat, one.fold) for one in nested] == [(r, f) for r in range(2) for f in range(4)]
    assert [one.label for one in left_out] == ["site=A", "site=B"]
    assert [one.repeat for one in drawn] == list(range(10))
    assert [one.label for one in later] == ["time zero from 2020-01-01 on"]
    assert len({one.seed(1) for one in [*nested, *left_out, *drawn, *later]}) == 21


def test_a_temporal_split_teaches_with_the_earlier_patients_alone():
    days = cohort().time_zero
    (by_day,) = dealt(design="temporal", cutoff="2020-01-01")
    assert days[by_day.train].max() < np.datetime64("2020-01-01") <= days[by_day.test].min()
    (by_share,) = dealt(design="temporal", share=0.7)
    assert len(by_share.train) == 28
    assert days[by_share.train].max() < days[by_share.test].min()


def test_a_registry_without_dates_cannot_be_split_in_time():
    patients = cohort(dated=False)
    with pytest.raises(ResamplingError, match="gives no day of time zero"):
        resamples(DesignSettings(design="temporal", share=0.5), patients, np.zeros(40, dtype=np.int64), seed=1)
    with pytest.raises(ResamplingError, match="0 of 40 patients"):
        dealt(design="temporal", cutoff="2001-01-01")


@pytest.mark.parametrize(
    "settings",
    [
        {"design": "nested_cross_validation", "folds": 5},
        {"design": "nested_cross_validation", "folds": 1, "repeats": 1},
        {"design": "leave_one_site_out", "folds": 3},
        {"design": "bootstrap"},
        {"design": "bootstrap", "replicates": 100, "folds": 2},
        {"design": "temporal"},
        {"design": "temporal", "cutoff": "2020-01-01", "share": 0.5},
        {"design": "temporal", "cutoff": "last year"},
    ],
)
def test_a_design_says_what_it_needs_and_nothing_else(settings):
    with pytest.raises(ValidationError):
        DesignSettings(**settings)
