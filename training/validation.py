"""`validate`: the whole development wrapped in a design; it gives predictions for patients who taught nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Predictions:
    """Out-of-sample predictions of every model under one design.

    design    its name.
    times     (t,) days. causes as in `Outcome.causes`.
    patients  (r,) row of the cohort; a patient stands once per repeat.
    groups    (r,) which refit predicted: one label per repeat × fold.
    models    name → incidence (r, causes, t): "chosen", every recipe, and the null.
    """

    design: str
    times: Floats
    causes: tuple[str, ...]
    patients: NDArray[np.int64]
    groups: NDArray[np.int64]
    models: Mapping[str, Floats]
