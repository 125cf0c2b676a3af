"""`DESIGNS`: how performance is judged, by name; a study composes their settings."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.cohort import Cohort
from training.resampling import Resample, bootstrap, folds, leave_one_site_out, temporal

_NEEDS = {
    "nested_cross_validation": "folds and repeats",
    "leave_one_site_out": "nothing more: it has one fold per site",
    "bootstrap": "replicates",
    "temporal": "cutoff (a day, YYYY-MM-DD) or share",
}


@final
class DesignSettings(BaseModel):
    """One design of a study.

    folds, repeats  of nested cross-validation · replicates of the bootstrap, 200 in what is reported ·
    cutoff, share   temporal: the first day that is judged, or the share of patients that teaches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    design: Literal["nested_cross_validation", "leave_one_site_out", "bootstrap", "temporal"]
    folds: int | None = Field(default=None, ge=2)
    repeats: int | None = Field(default=None, ge=1)
    replicates: int | None = Field(default=None, ge=10)
    cutoff: str | None = None
    share: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = {
            name for name in ("folds", "repeats", "replicates", "cutoff", "share") if getattr(self, name) is not None
        }
        allowed: dict[str, tuple[set[str], ...]] = {
            "nested_cross_validation": ({"folds", "repeats"},),
            "leave_one_site_out": (set(),),
            "bootstrap": ({"replicates"},),
            "temporal": ({"cutoff"}, {"share"}),
        }
        if given not in allowed[self.design]:
            got = ", ".join(sorted(given)) or "nothing"
            raise ValueError(f"{self.design} needs {_NEEDS[self.design]}, got {got}.")
        if self.cutoff is not None:
            date.fromisoformat(self.cutoff)
        return self


def resamples(design: DesignSettings, cohort: Cohort, event: NDArray[np.int64], *, seed: int) -> list[Resample]:
    """The refits of one design, dealt from the study's seed."""
    ids, sites = cohort.ids, cohort.sites
    if design.design == "leave_one_site_out":
        return list(leave_one_site_out(ids, sites, seed=seed))
    if design.design == "bootstrap":
        return list(bootstrap(ids, sites, replicates=design.replicates or 0, seed=seed))
    if design.design == "temporal":
        dates = cohort.time_zero
        return list(temporal(ids, dates, cutoff=design.cutoff, share=design.share, seed=seed))
    k, repeats = design.folds or 0, design.repeats or 0
    return list(folds(ids, event, sites, k=k, repeats=repeats, seed=seed, design=design.design))
