"""Recalibration of cause-specific hazards, and only where patients not seen say that it helps.

In each of a few cells of time the hazard of cause k is multiplied by e^α · (Λ / Λ₀)^(β − 1): Λ is the patient's
cumulative hazard of the cause by the cell's end, Λ₀ the cohort's. α moves the level, β draws patients apart (above 1)
or together; where hazards are in proportion β is the power of every hazard ratio. Incidences are composed again from
the multiplied hazards of all causes, so that they and survival sum to one. Source: van Houwelingen 2000, Statistics in
Medicine 19:3401 (calibration of cumulative hazards), here for each cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from training.stacking import HonestBrier

Floats = NDArray[np.float64]
_EVENTS_PER_CELL, _CELLS = 20, 10
_FAR = 4.0  # a patient's log Λ / Λ₀ is held within this
_LARGEST = 1.0  # as are α and log β: beyond a factor e a model is wrong, and no recalibration mends it
_STEP = 1e-4
_ROUNDS, _ROUNDS_FROM_NEAR = 8, 2  # from no change; from the minimum over all patients


@final
@dataclass(frozen=True)
class Recalibration:
    """What cross-validation said of a recalibration; it acts where `helps`.

    edges    (c,) days at which cells end.
    level    (causes,) e^α; power: (causes,) β.
    gain     mean over patients of how much lower the loss is with parameters from other patients; as a share of it.
    error    standard error of `gain`, over the same patients.
    """

    edges: Floats
    level: Floats
    power: Floats
    gain: float
    error: float

    @property
    def helps(self) -> bool:
        """Whether the gain is above its standard error: less is noise."""
        return self.gain > self.error

    def applied(self, incidence: Floats, times: Floats, at_edges: Floats, cohort: Floats) -> Floats:
        """(n, causes, t) incidences at `times` (none beyond the last edge), recalibrated.

        at_edges  (n, causes, c) the same curves at the edges; cohort: (causes, c) the cohort's.
        """
        cell = np.searchsorted(self.edges, times, side="left")
        cells = _Cells(incidence, cell, at_edges, _references(cohort))
        return cells.recalibrated(np.log(self.level), self.power)

    def table(self, causes: tuple[str, ...]) -> list[dict[str, Any]]:
        """A row per cause: its parameters; whether they act and what cross-validation found is said of all at once."""
        said = {"applied": self.helps, "gain": self.gain, "standard_error": self.error}
        return [
            {"cause": cause, "level": float(level), "power": float(power), **said}
            for cause, level, power in zip(causes, self.level, self.power, strict=True)
        ]

    def json(self) -> dict[str, Any]:
        """Plain data."""
        arrays = {name: getattr(self, name).tolist() for name in ("edges", "level", "power")}
        return {**arrays, "gain": self.gain, "error": self.error}

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> Self:
        """Back, to the last bit."""
        arrays = {name: np.array(json[name], dtype=float) for name in ("edges", "level", "power")}
        return cls(**arrays, gain=float(json["gain"]), error=float(json["error"]))


def judged_recalibration(
    score: HonestBrier, curves: Floats, cohort: Floats, fold: NDArray[np.intp], events: int
) -> Recalibration:
    """Parameters that minimise the score of out-of-fold curves, and what they gain in patients that did not set them.

    curves  (n, causes, t) at `score.times`, each patient's by a model that has not seen it; cohort: (causes, t).
    fold    (n,) which patients are held out together.
    """
    t = len(score.times)
    cells = max(1, min(_CELLS, events // _EVENTS_PER_CELL, t))
    ends = np.ceil(np.arange(1, cells + 1) * t / cells).astype(int) - 1
    references = _references(cohort[:, ends])

    def problem(rows: NDArray[np.intp]) -> _Problem:
        return _Problem(score.take(rows), curves[rows], references, ends)

    every = problem(np.arange(len(curves)))
    none = np.zeros(2 * curves.shape[1])
    best = every.minimum(none, _ROUNDS)
    plain, mended = every.losses(none), np.zeros(len(curves))
    for number in np.unique(fold):
        held, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        mended[held] = problem(held).losses(problem(others).minimum(best, _ROUNDS_FROM_NEAR))
    lower = (plain - mended) / max(float(plain.mean()), 1e-300)
    level, power = np.exp(best[0::2]), np.exp(best[1::2])
    error = float(lower.std()) / np.sqrt(max(len(lower), 1))
    return Recalibration(score.times[ends], level, power, float(lower.mean()), float(error))


@final
class _Problem:
    """The score of some patients' curves as a function of θ = (α, log β of the first cause, of the second …)."""

    def __init__(self, score: HonestBrier, curves: Floats, references: Floats, ends: NDArray[np.intp]) -> None:
        cell = np.searchsorted(ends, np.arange(curves.shape[2]), side="left")
        self._cells = _Cells(curves, cell, curves[:, :, ends], references)
        self._root, self._state = np.sqrt(score.weights)[:, None, :], score.state

    def errors(self, theta: Floats) -> Floats:
        """(n, causes · t) weighted errors."""
        said = self._cells.recalibrated(theta[0::2], np.exp(theta[1::2]))
        said -= self._state
        said *= self._root
        return np.asarray(said.reshape(len(said), -1))

    def losses(self, theta: Floats) -> Floats:
        """(n,) each patient's."""
        return np.asarray(np.square(self.errors(theta)).sum(axis=1))

    def minimum(self, theta: Floats, rounds: int) -> Floats:
        """By Gauss and Newton with halved steps; deterministic."""
        errors = self.errors(theta)
        value = float(np.square(errors).sum())
        for _ in range(rounds):
            moved = theta + _STEP * np.eye(len(theta))
            slopes = np.stack([((self.errors(one) - errors) / _STEP).ravel() for one in moved])
            information = slopes @ slopes.T
            ridge = (1e-6 * float(np.trace(information)) + 1e-12) * np.eye(len(theta))
            step = -np.linalg.solve(information + ridge, slopes @ errors.ravel())
            before = value
            for _halving in range(4):
                tried = np.clip(theta + step, -_LARGEST, _LARGEST)
                after = self.errors(tried)
                if (reached := float(np.square(after).sum())) < value:
                    theta, errors, value = tried, after, reached
                    break
                step = step / 2
            if before - value <= 1e-6 * before:
                break
        return theta


def _hazards(incidence: Floats) -> Floats:
    """(…, causes, c) hazard of each cause within each cell, from incidences at the cells' ends."""
    died = np.diff(incidence, axis=-1, prepend=0.0)
    alive = np.maximum(1.0 - incidence.sum(axis=-2), 1e-12)
    start = np.concatenate([np.ones((*alive.shape[:-1], 1)), alive[..., :-1]], axis=-1)
    every = died.sum(axis=-2)
    force = np.log(start / alive) / np.where(every > 0, every, 1.0)
    return np.asarray(np.maximum(died * force[..., None, :], 0.0))


def _references(cohort: Floats) -> Floats:
    """(causes, c) the cohort's cumulative hazards."""
    return np.asarray(np.cumsum(_hazards(cohort), axis=-1))


@final
class _Cells:
    """Curves cut into cells of time. Within a cell each cause's incidence keeps its course and ends where the
    multiplied hazards end: what is said of one time does not depend on which others were asked for.
    """

    def __init__(self, incidence: Floats, cell: NDArray[np.intp], at_edges: Floats, references: Floats) -> None:
        self._hazards, self._cell = _hazards(at_edges), cell
        total = np.add.accumulate(self._hazards, axis=2)
        known = (references > 0) & (total > 0)
        apart = np.where(known, np.log(np.where(known, total, 1.0) / np.where(known, references, 1.0)), 0.0)
        self._apart = np.clip(apart, -_FAR, _FAR)
        was = np.diff(at_edges, axis=2, prepend=0.0)
        earlier = np.concatenate([np.zeros((*was.shape[:2], 1)), at_edges[:, :, :-1]], axis=2)
        passed = incidence - earlier[:, :, cell]
        width = was[:, :, cell]
        self._share = np.divide(passed, width, out=np.zeros_like(passed), where=width > 0)

    def recalibrated(self, alpha: Floats, power: Floats) -> Floats:
        """(n, causes, t) with each cause's hazards multiplied by e^α · (Λ / Λ₀)^(β − 1)."""
        multiplied = self._hazards * np.exp(alpha[:, None] + (power[:, None] - 1.0) * self._apart)
        force = multiplied[:, 0].copy()
        for k in range(1, multiplied.shape[1]):
            force += multiplied[:, k]
        alive = np.exp(-np.add.accumulate(force, axis=1))
        start = np.concatenate([np.ones((len(alive), 1)), alive[:, :-1]], axis=1)
        died = multiplied * ((start - alive) / np.where(force > 0, force, 1.0))[:, None, :]
        before = np.add.accumulate(died, axis=2) - died
        return np.asarray(before[:, :, self._cell] + died[:, :, self._cell] * self._share)
