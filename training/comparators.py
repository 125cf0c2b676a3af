"""`Comparator`: a published score, or an uploaded risk, that stands beside our models on the same patients and folds.

Raw, it says what its paper says of the patient's group; recalibrated, it is Cox's model of its one number, fitted on
the training rows of each resample. It is never a recipe: nothing is tuned, and it cannot be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.outcome import Outcome
from features.scores import SCORES
from features.scores.score import Score, piecewise_exponential
from training.curves import Curves
from training.families.cox import Cox
from training.families.family import Design, FittedFamily

Floats = NDArray[np.float64]
RECALIBRATED: Final = "_recalibrated"
# One column and hundreds of events: a prior that decides nothing, and keeps a separated number from infinity.
_PENALTY: Final = 0.1
# Within a group the points rank patients and the paper gives them one risk: risks differ by at most a millionth.
_TIE: Final = 1e-6
_CERTAIN: Final = 1e-9  # an uploaded risk of 0 or 1 has no finite hazard


@final
@dataclass(frozen=True)
class PublishedScore:
    """A bedside score by its name in `SCORES`.

    at       which of the points that are possible where inputs are missing; "middle" is the point estimate.
    reading  one of its table's `readings`, for a sensitivity; "" is the score as it is judged.
    """

    name: str
    at: Literal["low", "middle", "high"] = "middle"
    reading: str = ""

    @property
    def score(self) -> Score:
        """Its table."""
        return SCORES[self.name].read_as(self.reading) if self.reading else SCORES[self.name]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The fields of its table."""
        return self.score.inputs

    @property
    def until(self) -> float:
        """The last day of which the paper says something of every group; 0 where it only ranks."""
        return self.score.published_until

    def marker(self, frame: pd.DataFrame) -> Floats:
        """(n,) points, turned where fewer are worse; NaN for patients for whom the score was not made."""
        points: Floats = getattr(self.score.points(frame), self.at)
        return points if self.score.higher_is_worse else -points

    def risk(self, frame: pd.DataFrame, times: Floats) -> Floats:
        """(n, t) the published risk by these days; NaN for patients for whom the score was not made."""
        return self.risk_of(self.marker(frame), times)

    def risk_of(self, marker: Floats, times: Floats) -> Floats:
        """(n, t) the published risk of the marker's group; where there is none, any that rises with the marker."""
        score, points = self.score, np.abs(marker)
        share = (points - score.lowest) / (score.highest - score.lowest)
        worse = share if score.higher_is_worse else 1 - share
        if not self.until:
            return np.asarray(-np.expm1(-np.outer(0.1 + worse, times / times[-1])))
        return np.asarray(score.published_risk(points, times) * (1 - _TIE + _TIE * worse)[:, None])


@final
@dataclass(frozen=True)
class UploadedRisk:
    """Risks that another tool gave, as fields of the contract: (field, by which day), ascending in days.

    Between the days, and before the first, the patient's hazard is constant. A later risk below an earlier one counts
    as the earlier.
    """

    name: str
    columns: tuple[tuple[str, float], ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The fields."""
        return tuple(field for field, _ in self.columns)

    @property
    def until(self) -> float:
        """The last day of which it speaks."""
        return self.columns[-1][1]

    def marker(self, frame: pd.DataFrame) -> Floats:
        """(n,) log cumulative hazard by the last day; NaN where a field is not known."""
        return np.log(-np.log1p(-self._risks(frame)[:, -1]))

    def risk(self, frame: pd.DataFrame, times: Floats) -> Floats:
        """(n, t) the uploaded risk by these days."""
        at = [days for _, days in self.columns]
        alive = 1 - self._risks(frame)
        return np.array([piecewise_exponential(at, row, times) for row in alive]).reshape(len(frame), len(times))

    def _risks(self, frame: pd.DataFrame) -> Floats:
        risks = np.column_stack([frame[field].to_numpy(dtype=float) for field in self.inputs])
        # maximum.accumulate carries a NaN on, so that the last column is NaN where any is.
        return np.asarray(np.clip(np.maximum.accumulate(risks, axis=1), _CERTAIN, 1 - _CERTAIN))


@final
@dataclass(frozen=True)
class Comparator:
    """One of two readings of a source: raw, or recalibrated to the patients at hand."""

    source: PublishedScore | UploadedRisk
    recalibrated: bool = False

    @property
    def name(self) -> str:
        """In evidence."""
        return self.source.name + RECALIBRATED if self.recalibrated else self.source.name

    @property
    def until(self) -> float:
        """The last day of which it gives a risk; infinity where it has learned them all."""
        return float("inf") if self.recalibrated else self.source.until

    def speaks_of(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(n,) the patients for whom it has a number."""
        return ~np.isnan(self.source.marker(frame))

    def fit(self, frame: pd.DataFrame, outcome: Outcome) -> FittedComparator:
        """Ready to predict; what is recalibrated learns from the rows of which it speaks. One cause."""
        if not self.recalibrated:
            return FittedComparator(self, outcome.causes)
        marker = self.source.marker(frame)
        rows = np.flatnonzero(~np.isnan(marker))
        own, known = marker[rows], outcome.take(rows)
        if not np.any(known.event > 0):
            return FittedComparator(self, outcome.causes)  # nobody died of whom it speaks: a risk of 0
        centre, spread = float(np.mean(own)), float(np.std(own))
        scale = spread if spread > 0 else 1.0
        design = Design(((own - centre) / scale)[:, None], (self.source.name,))
        hazard = Cox(penalty=_PENALTY).fit(design, known, seed=0)
        return FittedComparator(self, outcome.causes, hazard, centre, scale)


@final
@dataclass(frozen=True)
class FittedComparator:
    """A comparator that predicts. hazard: of the number, centred and scaled; None where nothing was learned."""

    comparator: Comparator
    causes: tuple[str, ...]
    hazard: FittedFamily | None = None
    centre: float = 0.0
    scale: float = 1.0

    def predict(self, frame: pd.DataFrame, times: Floats) -> Curves:
        """Curves of each row; those of patients of whom it does not speak are 0, and nobody scores them."""
        risk = np.zeros((len(frame), 1, len(times)))
        marker = self.comparator.source.marker(frame)
        rows = np.flatnonzero(~np.isnan(marker))
        if len(rows) and not self.comparator.recalibrated:
            risk[rows, 0] = self.comparator.source.risk(frame.iloc[rows], times)
        elif len(rows) and self.hazard is not None:
            own = (marker[rows] - self.centre) / self.scale
            risk[rows] = self.hazard.predict(own[:, None], times).incidence
        return Curves(times, self.causes, risk)
