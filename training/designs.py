"""`DESIGNS`: how performance is judged, by name; a study composes their settings."""

from __future__ import annotations

from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.resampling import Resample, folds, leave_one_site_out


@final
class DesignSettings(BaseModel):
    """One design of a study. `folds` and `repeats` belong to nested cross-validation alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    design: Literal["nested_cross_validation", "leave_one_site_out"]
    folds: int | None = Field(default=None, ge=2)
    repeats: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        nested = self.design == "nested_cross_validation"
        if nested and (self.folds is None or self.repeats is None):
            raise ValueError("nested_cross_validation needs folds and repeats.")
        if not nested and (self.folds is not None or self.repeats is not None):
            raise ValueError("leave_one_site_out has one fold per site: drop folds and repeats.")
        return self


def resamples(
    design: DesignSettings, ids: NDArray[Any], event: NDArray[np.int64], sites: NDArray[Any] | None, *, seed: int
) -> list[Resample]:
    """The refits of one design, dealt from the study's seed."""
    if design.design == "leave_one_site_out":
        return list(leave_one_site_out(ids, sites, seed=seed))
    k, repeats = design.folds or 0, design.repeats or 0
    return list(folds(ids, event, sites, k=k, repeats=repeats, seed=seed, design=design.design))
