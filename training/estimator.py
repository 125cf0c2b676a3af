"""`SurvivalSuperLearner`: the super learner with scikit-learn's manners, from a raw table and a structured array.

It keeps to scikit-learn's protocol (`get_params`, `set_params`, `clone`, no work in `__init__`) and does not import it.
"""

from __future__ import annotations

import difflib
import hashlib
import warnings
from collections.abc import Sequence
from typing import Any, Final, Self, final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features.contract import Contract, Field, Kind, Table
from features.encoding import N_DRAWS
from features.outcome import Outcome
from training.families.super_learner import MEMBERS, SuperLearner
from training.recipe import Model, Recipe
from training.resampling import derive_seed

Floats = NDArray[np.float64]
_PARAMETERS: Final = ("members", "random_state", "seconds")
_GRID = 100


class ShortOfTime(UserWarning):
    """The seconds allowed did not suffice for every member."""


class EstimatorError(ValueError):
    """Data that the estimator cannot learn from or answer about: what, and what it expected; never a value."""


@final
class SurvivalSuperLearner:
    """Survival and cumulative incidence for each row of a raw table: text, numbers and missing values as recorded.

    members       names of families to blend; None: all of `MEMBERS`.
    random_state  an integer; None is 0, so that two fits on the same data always agree.
    seconds       of the clock that `fit` may take; None: as many as it needs. Members that would not be ready are left
                  out (a warning says which), never the first linear one nor the cohort's curve.

    `fit` leaves `model_` (a `training.recipe.Model`), `weights_` (member → weight), `left_out_` (members for which
    there was no time), `classes_` (causes), `feature_names_in_`, `n_features_in_`. Rows may come in any order, time in
    any unit.
    """

    def __init__(
        self, members: Sequence[str] | None = None, random_state: int | None = None, seconds: float | None = None
    ) -> None:
        self.members = members
        self.random_state = random_state
        self.seconds = seconds

    def fit(self, X: pd.DataFrame, y: NDArray[Any]) -> Self:
        """Learn from rows of X and their follow-up y: fields `event` (bool, or 0 censored, k the k-th cause), `time`.

        A follow-up of 0 counts as half the shortest positive one. Raises `EstimatorError` on what is not that.
        """
        frame = _table(X)
        if not len(frame.columns):
            raise EstimatorError("X has no column. try: the Kaplan–Meier curve, which needs none.")
        outcome = _outcome(y, len(frame))
        order = _canonical(frame, outcome)
        frame, outcome = frame.iloc[order].reset_index(drop=True), outcome.take(order)
        contract = _contract(frame)
        seed = derive_seed(0 if self.random_state is None else int(self.random_state), "estimator")
        family = SuperLearner(_members(self.members), seconds=_allowed(self.seconds))
        times = np.unique(np.quantile(outcome.time_days, np.linspace(0, 1, _GRID + 1)[1:], method="inverted_cdf"))
        recipe = Recipe(family, contract.names)
        self.model_: Model = recipe.fit(frame, outcome, contract, times=times, seed=seed)
        blend = self.model_.fitted.state()
        self.weights_ = dict(zip(blend.json["names"], blend.arrays["weights"].tolist(), strict=True))
        self.left_out_ = tuple(blend.json["left_out"])
        if self.left_out_:
            warnings.warn(
                f"{self.seconds:g} s did not suffice for every member; left out: {', '.join(self.left_out_)}. "
                "try: more seconds, or these members by name without a limit.",
                ShortOfTime,
                stacklevel=2,
            )
        self.classes_ = outcome.causes
        self.feature_names_in_ = np.array(contract.names, dtype=object)
        self.n_features_in_ = len(contract.names)
        return self

    def predict_cumulative_incidence(self, X: pd.DataFrame, times: ArrayLike) -> Floats:
        """(n, causes, times): probability that each cause has happened by each time.

        Times are finite and not negative, in any order; beyond the last event the answer stays as it is there. Where
        values are missing it is the mean over draws of them, given those that are known.
        """
        incidence: Floats = self._answers(X, times, 0)[0]
        return incidence

    def predict_survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Floats:
        """(n, times): probability that no cause has happened by each time."""
        return _survival(self._answers(X, times, 0)[0])

    def predict_survival_range(self, X: pd.DataFrame, times: ArrayLike) -> Floats:
        """(2, n, times): how far missing values could move survival, its 5th and 95th percentile over draws of them.

        Both are the answer itself where nothing is missing.
        """
        drawn = _survival(self._answers(X, times, N_DRAWS)[1:])
        return np.asarray(np.quantile(drawn, [0.05, 0.95], axis=0), float)

    def _answers(self, X: pd.DataFrame, times: ArrayLike, draws: int) -> Floats:
        """(1 + draws, n, causes, times): the mean, then single draws of what is missing."""
        if not hasattr(self, "model_"):
            raise EstimatorError("this SurvivalSuperLearner is not fitted yet. try: fit(X, y) first.")
        wanted = np.atleast_1d(np.asarray(times, dtype=float))
        wrong = ~np.isfinite(wanted) | (wanted < 0)
        if wanted.ndim != 1 or wrong.any():
            raise EstimatorError(f"times must be one row of finite numbers from 0 on, {int(wrong.sum())} are not.")
        frame = _asked(_table(X), self.feature_names_in_.tolist(), self.model_.contract)
        grid = np.unique(wanted[wanted > 0])
        answer = np.zeros((1 + draws, len(frame), len(self.classes_), len(wanted)))
        if len(grid) and len(frame):
            said = self.model_.predict(frame, grid, draws)
            positive = wanted > 0
            place = np.searchsorted(grid, wanted[positive])
            for number, curves in enumerate((said.mean, *said.draws)):
                answer[number][:, :, positive] = curves.incidence[:, :, place]
        return answer

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings of `__init__`."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **params: Any) -> Self:
        """Change settings by name."""
        for name, value in params.items():
            if name not in _PARAMETERS:
                near = difflib.get_close_matches(name, _PARAMETERS, 1)
                raise EstimatorError(
                    f'unknown setting "{name}". Known: {", ".join(_PARAMETERS)}.'
                    + (f' try: "{near[0]}".' if near else "")
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"SurvivalSuperLearner({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"


def _survival(incidence: Floats) -> Floats:
    """The rest of (…, causes, times) incidences."""
    rest: Floats = 1.0 - incidence.sum(axis=-2)
    return np.asarray(np.clip(rest, 0.0, 1.0), float)


def _members(named: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(MEMBERS) if named is None else tuple(named)


def _allowed(seconds: float | None) -> float:
    if seconds is not None and not seconds > 0:
        raise EstimatorError(f"seconds must be above 0, got {seconds}. try: None, as many as it needs.")
    return seconds or 0.0


def _table(X: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame):
        raise EstimatorError(f"X must be a pandas DataFrame, got {type(X).__name__}. try: pd.DataFrame(X).")
    names = [str(name) for name in X.columns]
    if len(set(names)) != len(names):
        raise EstimatorError(f"{len(names) - len(set(names))} of {len(names)} columns have the name of another.")
    columns = {}
    for number, name in enumerate(names):
        column = X.iloc[:, number]
        if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
            raise EstimatorError(f'column "{name}" holds dates. try: the interval to time zero, as a number.')
        if pd.api.types.is_numeric_dtype(column.dtype) or _only_numbers(column):
            value = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
            if np.isinf(value).any():
                raise EstimatorError(f'column "{name}": {int(np.isinf(value).sum())} of {len(X)} values are infinite.')
            columns[name] = pd.Series(value)
        else:
            cells = column.to_numpy(dtype=object)
            texts = [None if pd.isna(cell) else str(cell) for cell in cells]
            columns[name] = pd.Series(texts, dtype=object)  # said aloud, or pandas makes a string column of it
    return pd.DataFrame(columns, index=pd.RangeIndex(len(X)))


def _only_numbers(column: pd.Series[Any]) -> bool:
    """A mixed column of numbers or truth values and gaps (pandas has no other way to say "true, false, not known")."""
    known = column.dropna() if column.dtype == object else ()
    return len(known) > 0 and all(isinstance(cell, bool | int | float | np.number | np.bool_) for cell in known)


def _outcome(y: NDArray[Any], rows: int) -> Outcome:
    names = getattr(getattr(y, "dtype", None), "names", None)
    if not names or not {"event", "time"} <= set(names):
        raise EstimatorError('y must be a structured array with the fields "event" and "time".')
    if len(y) != rows:
        raise EstimatorError(f"X has {rows} rows, y has {len(y)}.")
    if rows < 2:
        raise EstimatorError(f"fit needs at least 2 rows, got {rows}.")
    time, event = np.asarray(y["time"], dtype=float), np.asarray(y["event"])
    wrong = ~np.isfinite(time) | (time < 0)
    if wrong.any():
        raise EstimatorError(f"{int(wrong.sum())} of {rows} times are negative, infinite or not known.")
    code = event.astype(float)
    if np.any(~np.isfinite(code) | (code < 0) | (code != np.round(code))):
        raise EstimatorError("events must be true or false, or 0 (censored) and the number of a cause from 1 on.")
    if not code.any():
        raise EstimatorError(f"fit needs at least one event, got 0 in {rows} rows.")
    if not (time > 0).any():
        raise EstimatorError(f"fit needs follow-up beyond time 0, got none in {rows} rows.")
    last = int(code.max())
    causes = ("event",) if last == 1 else tuple(f"cause_{k}" for k in range(1, last + 1))
    return Outcome.right_censored(np.where(time > 0, time, time[time > 0].min() / 2), code.astype(np.int64), causes)


def _canonical(frame: pd.DataFrame, outcome: Outcome) -> NDArray[np.intp]:
    """Rows in the order of a hash of all they hold, time by its rank: whatever order they came in."""
    rank = np.searchsorted(np.unique(outcome.time_days), outcome.time_days)
    columns = [frame[name].tolist() for name in frame.columns]
    rows = zip(rank.tolist(), outcome.event.tolist(), *columns, strict=True)
    digests = [hashlib.blake2b(repr(row).encode(), digest_size=16).digest() for row in rows]
    return np.array(sorted(range(len(digests)), key=digests.__getitem__), dtype=np.intp)


def _contract(frame: pd.DataFrame) -> Contract:
    fields = tuple(_field(name, frame[name]) for name in frame.columns)
    table = Table(name="table", key=())
    return Contract(name="table", version="1", registry="table", tables=(table,), fields=fields)


def _field(name: str, column: pd.Series[Any]) -> Field:
    known = column.dropna()
    kind: Kind = "number"
    levels: tuple[str, ...] = ()
    if column.dtype == object:
        kind, levels = "category", tuple(sorted(set(known))) or ("unknown",)
    elif len(known) and set(known.unique()) <= {0.0, 1.0}:
        kind = "boolean"
    return Field(name=name, table="table", kind=kind, label=name, known_at="T0", levels=levels)


def _asked(frame: pd.DataFrame, names: list[str], contract: Contract) -> pd.DataFrame:
    absent = [name for name in names if name not in frame]
    if absent:
        raise EstimatorError(f"{len(absent)} of {len(names)} columns of the fit are not in X: {', '.join(absent)}.")
    kept = {}
    for name in names:
        column = frame[name]
        text = contract.field(name).kind == "category"
        if text and column.dtype != object:  # all missing comes as numbers; anything else is another kind of column
            if column.notna().any():
                raise EstimatorError(f'column "{name}" was text in fit and is numbers now.')
            column = pd.Series([None] * len(frame), dtype=object)
        elif not text and column.dtype == object:
            if column.notna().any():
                raise EstimatorError(f'column "{name}" was numbers in fit and is text now.')
            column = pd.Series(np.full(len(frame), np.nan))
        kept[name] = column
    return pd.DataFrame(kept, index=frame.index)
