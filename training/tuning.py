"""Search over a recipe's settings, inside the training rows alone. The only importer of Optuna."""

from __future__ import annotations

from typing import final

from pydantic import BaseModel, ConfigDict, Field


@final
class TuningSettings(BaseModel):
    """How long to search: settings tried per recipe (the recipe's own first), and inner folds that judge each."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    trials: int = Field(ge=1)
    folds: int = Field(ge=2)
