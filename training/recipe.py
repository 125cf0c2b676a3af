"""`Recipe`: how to learn, from a frame of predictors to curves. `Model`: what came out, the only door to its answers.

The same two steps at fit and at prediction, in training and in serving: derive the predictors, encode them, ask the
family. A patient's unknown predictors are averaged over draws from what the known ones say about them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import Contract, Field
from features.encoding import Encoding
from features.outcome import Outcome
from features.predictors import derive, field_of, inputs_of
from training.coefficients import tables_of
from training.curves import Curves
from training.families import CauseSpecific, family_named
from training.families.family import Design, Family, FamilyError, FittedFamily, HazardFamily, ModelState

Floats = NDArray[np.float64]
_ROWS = 1000  # patients encoded at once: bounds memory, changes no answer


@final
@dataclass(frozen=True)
class Prediction:
    """Curves for each patient.

    mean   averaged over what is not known.
    draws  the same with unknown predictors drawn, as many as were asked for; where all is known, the mean.
    """

    mean: Curves
    draws: tuple[Curves, ...]


@final
@dataclass(frozen=True)
class TrainingRows:
    """Training rows, encoded: the same for all recipes of one road that read the same predictors."""

    encoding: Encoding
    design: Design


@final
@dataclass(frozen=True)
class Recipe:
    """A family with its settings, and the predictors that it reads.

    title  what the recipe is called in a study; the family's name where it has none.
    """

    family: Family
    predictors: tuple[str, ...]
    title: str = ""

    @property
    def name(self) -> str:
        """What it is called in a study and in evidence."""
        return self.title or self.family.name

    def encode(self, frame: pd.DataFrame, contract: Contract, *, seed: int) -> TrainingRows:
        """These training rows as the family reads them, whatever its settings."""
        fields = _fields(self, contract)
        table = derive(frame, [*(field.name for field in fields), *_deciding(fields)])
        encoding = Encoding.fit(table, fields, self.family.road, seed=seed)
        return TrainingRows(encoding, Design(encoding.transform(table), encoding.columns))

    def fit(
        self,
        frame: pd.DataFrame,
        outcome: Outcome,
        contract: Contract,
        *,
        times: Sequence[float] | Floats,
        seed: int,
        rows: TrainingRows | None = None,
    ) -> Model:
        """Learn from training rows. Competing causes make of a hazard family a cause-specific one.

        times  the grid of the model's answers; other times may be asked for.
        rows   the same rows encoded (`encode`), where that has been done.
        """
        if len(frame) != outcome.n:
            raise FamilyError(f"{self.name}: {len(frame)} rows of predictors, {outcome.n} of follow-up.")
        rows = rows or self.encode(frame, contract, seed=seed)
        family = _composed(self.family, len(outcome.causes) > 1)
        fitted = family.fit(rows.design, outcome, seed)
        fields = _fields(self, contract)
        names, parents = tuple(field.name for field in fields), _deciding(fields)
        inputs = inputs_of([*names, *parents], contract)
        grid, own = np.asarray(times, float), contract.subset(inputs)
        return Model(family, fitted, rows.encoding, names, parents, inputs, grid, outcome.causes, own)


@final
@dataclass(frozen=True)
class Model:
    """A fitted recipe. Predicting needs numpy and pandas alone.

    predictors  what it reads; parents: fields that decide whether a predictor applies.
    inputs      raw fields behind both: what a caller is asked for.
    times       (t,) grid of its answers, in the unit of the outcome it learned from.
    contract    of the fields that it asks for.
    """

    family: Family
    fitted: FittedFamily
    encoding: Encoding
    predictors: tuple[str, ...]
    parents: tuple[str, ...]
    inputs: tuple[str, ...]
    times: Floats
    causes: tuple[str, ...]
    contract: Contract

    def predict(self, frame: pd.DataFrame, times: Sequence[float] | Floats | None = None, draws: int = 0) -> Prediction:
        """Cumulative incidence of each cause for each row, each for itself: alone or in any batch the same.

        draws  how many single draws of the unknown predictors to give beside the mean, at most `encoding.n_draws`
               (a family on the native road has none: each of its draws is the mean).
        """
        grid = self.times if times is None else np.asarray(times, float)
        if draws > self.encoding.n_draws > 0:
            raise ValueError(f"{draws} draws asked for, {self.encoding.n_draws} are stored.")
        shape = (len(frame), len(self.causes), len(grid))
        mean, drawn = np.zeros(shape), np.zeros((draws, *shape))
        for start in range(0, len(frame), _ROWS):
            part = slice(start, min(start + _ROWS, len(frame)))
            mean[part], drawn[:, part] = self._answers(frame.iloc[part], grid, draws)
        return Prediction(Curves(grid, self.causes, mean), tuple(Curves(grid, self.causes, d) for d in drawn))

    def unknown(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(n, predictors) which predictors apply to a row and are not known."""
        if not self.encoding.fields:
            return np.zeros((len(frame), len(self.predictors)), dtype=bool)
        return self.encoding.unknown(derive(frame, [*self.predictors, *self.parents]))

    def _answers(self, frame: pd.DataFrame, grid: Floats, draws: int) -> tuple[Floats, Floats]:
        encoded = self.encoding.encode(derive(frame, [*self.predictors, *self.parents]))
        mean = np.array(self.fitted.predict(encoded.mean, grid).incidence)
        uncertain = np.flatnonzero(encoded.open)
        drawn = np.repeat(mean[None], draws, axis=0)
        if not len(uncertain):
            return mean, drawn
        stacked = encoded.take(uncertain).draws(range(self.encoding.n_draws))
        answers = self.fitted.predict(stacked, grid).incidence.reshape(-1, len(uncertain), *mean.shape[1:])
        drawn[:, uncertain] = answers[:draws]
        total = np.zeros(answers.shape[1:])
        for answer in answers:  # one by one: a sum over the axis would depend on how many patients are asked for
            total += answer
        mean[uncertain] = total / len(answers)
        return mean, drawn

    def coarsened(self) -> Model:
        """The model as it leaves the house: the same answers at `times`, and between them no patient's own day."""
        return replace(self, fitted=self.fitted.coarsened(self.times))

    def to_parts(self) -> dict[str, ModelState]:
        """Everything that `predict` and `describe` read, as plain data: "model" and "encoding"."""
        fitted = self.fitted.state()
        json = {
            "family": self.family.name,
            "competing": isinstance(self.family, CauseSpecific),
            "causes": list(self.causes),
            "predictors": list(self.predictors),
            "parents": list(self.parents),
            "inputs": list(self.inputs),
            "fitted": dict(fitted.json),
        }
        arrays = {"times": self.times, **{f"fitted_{name}": array for name, array in fitted.arrays.items()}}
        return {"model": ModelState(json, arrays), "encoding": ModelState(*self.encoding.state())}

    @classmethod
    def from_parts(cls, parts: Mapping[str, ModelState], contract: Contract) -> Model:
        """Back from `to_parts`, predicting to the last bit the same. contract: of the fields it asks for (or more)."""
        json, arrays = parts["model"].json, parts["model"].arrays
        family = _composed(family_named(json["family"])(), bool(json["competing"]))
        own = {name.removeprefix("fitted_"): a for name, a in arrays.items() if name.startswith("fitted_")}
        fitted = family.load(ModelState(json["fitted"], own))
        encoding = Encoding.from_state(parts["encoding"].json, parts["encoding"].arrays)
        predictors, parents, inputs = (tuple(json[name]) for name in ("predictors", "parents", "inputs"))
        causes = tuple(json["causes"])
        return cls(family, fitted, encoding, predictors, parents, inputs, arrays["times"], causes, contract)

    def describe(self, level: float = 0.95) -> dict[str, list[dict[str, Any]]]:
        """Tables for evidence (`coefficients.tables_of`); a null model has none."""
        return tables_of(self.fitted, self.encoding, self.times, level)


def _composed(family: Family, competing: bool) -> Family:
    if competing and family.causes == "one" and isinstance(family, HazardFamily):
        return CauseSpecific(family)
    return family


def _fields(recipe: Recipe, contract: Contract) -> list[Field]:
    if recipe.family.road == "none":
        return []
    if not recipe.predictors:
        raise FamilyError(f"{recipe.name} needs predictors, got none. try: kaplan_meier or aalen_johansen.")
    return [field_of(contract, name) for name in recipe.predictors]


def _deciding(fields: Sequence[Field]) -> tuple[str, ...]:
    """Fields that decide whether one of these applies, and are not among them."""
    own = {field.name for field in fields}
    return tuple(dict.fromkeys(parent for field in fields for parent in field.applies_when if parent not in own))
