"""How performance is judged, by name."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from training.designs import DesignSettings, resamples


def test_each_design_deals_what_its_name_says():
    ids = np.array([f"P{i}" for i in range(40)])
    sites = np.array(["A", "B"] * 20)
    event = np.zeros(40, dtype=np.int64)
    nested = resamples(DesignSettings(design="nested_cross_validation", folds=4, repeats=2), ids, event, sites, seed=1)
    left_out = resamples(DesignSettings(design="leave_one_site_out"), ids, event, sites, seed=1)
    assert [(one.repeat, one.fold) for one in nested] == [(r, f) for r in range(2) for f in range(4)]
    assert [one.label for one in left_out] == ["site=A", "site=B"]
    assert len({one.seed(1) for one in [*nested, *left_out]}) == 10


@pytest.mark.parametrize("keys", [{"folds": 5}, {"repeats": 1}, {"folds": 1, "repeats": 1}])
def test_nested_cross_validation_says_its_folds_and_repeats(keys):
    with pytest.raises(ValidationError):
        DesignSettings(design="nested_cross_validation", **keys)


def test_sites_need_no_folds():
    with pytest.raises(ValidationError, match="one fold per site"):
        DesignSettings(design="leave_one_site_out", folds=3)
