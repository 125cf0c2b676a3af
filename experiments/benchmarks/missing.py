"""Unknown predictors: conditional means, draws and indicators, beside the median of the column.

The same super learner twice on the same splits: on the table as it is, and with unknown numbers filled by the median of
the training rows, as is usual. On tables with gaps of their own, and on complete ones of which a third of the numbers
was taken away, more often where another predictor is large.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self, final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from experiments.benchmarks.learner_scores import NULL, paired_gap, ratios, table
from experiments.benchmarks.learners import LEARNER, compare, shared_bench
from training.estimator import SurvivalSuperLearner

MEDIAN: Final = "experiments.benchmarks.missing:MedianFirst"
_SEEDS = (1, 2)
_ROWS = 1000  # of a larger table with gaps so many rows are drawn; a larger complete one is passed over
_TAKEN = 1 / 3


@final
class MedianFirst:
    """`SurvivalSuperLearner` behind a median imputation."""

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: NDArray[Any]) -> Self:
        """Learn medians, then the model."""
        self.medians_ = X.select_dtypes("number").median()
        self.model_ = SurvivalSuperLearner(random_state=self.random_state).fit(X.fillna(self.medians_), y)
        return self

    def predict_survival_function(self, X: pd.DataFrame, times: ArrayLike) -> NDArray[np.float64]:
        """(n, times)."""
        return self.model_.predict_survival_function(X.fillna(self.medians_), times)


def measure(*, folder: Path) -> Iterator[str]:
    """A line per table, then the ratio over all."""
    bench = shared_bench()
    if bench is None:
        yield "no survival_bench.py in ../shared/bench. try: SPINECAST_SHARED=FOLDER"
        return
    own, holed = folder / "gaps" / "own", folder / "gaps" / "made"
    _laid_out(bench / "data", own, holed)
    for title, data in (("gaps of their own", own), ("a third of the numbers taken away", holed)):
        rows = compare(
            bench,
            folder / f"missing_{data.name}.json",
            learners=[LEARNER, MEDIAN],
            peers=[NULL],
            sets=[path.stem for path in sorted(data.glob("*.parquet"))],
            seeds=_SEEDS,
            data=data,
        )
        yield f"{title}: IBSx of ours over that behind a median imputation, {len(_SEEDS)} splits"
        for ds, part in rows.groupby("ds"):
            pairs = part.pivot_table(index="seed", columns="who", values="IBSx")
            gap = paired_gap(pairs[LEARNER].tolist(), pairs[MEDIAN].tolist(), test_share=0.25)
            yield f"  {ds:<12} {gap.value:+.2%} ({gap.low:+.2%} to {gap.high:+.2%})"
        ibs, c = table(rows, "IBSx"), table(rows, "C").mean()
        yield f"  all: {ratios(ibs, LEARNER)[MEDIAN] - 1:+.2%}; C {c[LEARNER]:.4f} beside {c[MEDIAN]:.4f}"


def _laid_out(data: Path, own: Path, holed: Path) -> None:
    """Tables with gaps as they are, and complete ones with gaps made."""
    own.mkdir(parents=True, exist_ok=True)
    holed.mkdir(parents=True, exist_ok=True)
    for path in sorted(data.glob("*.parquet")):
        frame = pd.read_parquet(path)
        if frame.isna().any().any():
            drawn = frame if len(frame) <= _ROWS else frame.sample(_ROWS, random_state=0)
            drawn.reset_index(drop=True).to_parquet(own / path.name)
        elif len(frame) <= _ROWS:
            _with_holes(frame).to_parquet(holed / path.name)


def _with_holes(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = [str(name) for name in frame.select_dtypes("number").columns if name != "time"]
    made = frame.astype(dict.fromkeys(numbers, float))
    for j, name in enumerate(numbers):
        deciding = frame[numbers[j - 1]].rank(pct=True).to_numpy()  # the column before, for the first the last
        made.loc[rng.random(len(frame)) < 2 * _TAKEN * deciding, name] = np.nan
    return made
