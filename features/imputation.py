"""Unknown values from known ones: a multivariate normal of the encoded columns, learned from rows with gaps.

The joint model is fitted by EM (Dempster, Laird & Rubin 1977) with covariances shrunk as if p more patients without
correlation had been seen, so that columns may outnumber rows. Conditioning works row by row: an answer does not depend,
to the last bit, on the other rows of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROUNDS = 40  # EM gains little after ten; it stops when no mean and covariance moves by a thousandth


@final
@dataclass(frozen=True)
class Conditioned:
    """Rows with what their known values say about the unknown ones.

    mean    (n, p) the known values, and conditional means of the unknown ones.
    spread  (n, p) conditional standard deviations; 0 where known.
    """

    mean: Floats
    spread: Floats
    groups: tuple[tuple[NDArray[np.intp], NDArray[np.intp], Floats], ...]
    normals: Floats

    def take(self, rows: NDArray[np.intp]) -> Conditioned:
        """These rows alone, each at most once."""
        place = np.full(len(self.mean), -1, dtype=np.intp)
        place[rows] = np.arange(len(rows))
        groups = []
        for own, missing, factor in self.groups:
            kept = place[own] >= 0
            groups.append((place[own[kept]], missing[kept], factor[kept]))
        return Conditioned(self.mean[rows], self.spread[rows], tuple(groups), self.normals)

    def latent(self, draws: Sequence[int]) -> Floats:
        """(draws, n, p) the standard normal of each unknown value, correlated as these are; 0 where known."""
        z = np.zeros((len(draws), *self.mean.shape))
        for rows, missing, factor in self.groups:
            noise = self.normals[np.asarray(draws)[:, None, None], missing]
            total = np.zeros(noise.shape)
            for b in range(missing.shape[1]):
                total += factor[:, :, b] * noise[:, :, b, None]
            z[:, rows[:, None], missing] = total
        return z


@final
@dataclass(frozen=True)
class ConditionalNormal:
    """Mean and precision of p columns, and the stored normals that draws are made of.

    mean (p,) · precision (p, p) · normals (draws, p): one set for all rows, so that a draw is one possible answer to
    the same questions; stratified, so that few draws cover a distribution evenly.
    """

    mean: Floats
    precision: Floats
    normals: Floats

    @classmethod
    def fit(cls, Z: Floats, *, draws: int, seed: int) -> ConditionalNormal:
        """Learn from (n, p) with NaN where unknown; every column has known values."""
        mean, covariance = _em(Z)
        return cls(mean, np.asarray(np.linalg.inv(covariance), float), _stratified_normals(draws, Z.shape[1], seed))

    def condition(self, Z: Floats) -> Conditioned:
        """What each row's known values say about its unknown ones."""
        known = ~np.isnan(Z)
        residual = np.where(known, Z - self.mean, 0.0)
        pull = np.zeros_like(residual)
        for j in range(Z.shape[1]):
            pull += residual[:, j : j + 1] * self.precision[j]
        filled, spread = np.where(known, Z, 0.0), np.zeros_like(residual)
        groups = []
        for rows, missing in _by_gaps(known):
            variance = np.linalg.inv(self.precision[missing[:, :, None], missing[:, None, :]])
            shift = np.zeros(missing.shape)
            for b in range(missing.shape[1]):
                shift -= variance[:, :, b] * pull[rows, missing[:, b]][:, None]
            deviation = np.sqrt(np.einsum("gaa->ga", variance))
            filled[rows[:, None], missing] = self.mean[missing] + shift
            spread[rows[:, None], missing] = deviation
            groups.append((rows, missing, np.linalg.cholesky(variance) / deviation[:, :, None]))
        return Conditioned(filled, spread, tuple(groups), self.normals)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, for a bundle."""
        return {"mean": self.mean, "precision": self.precision, "normals": self.normals}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ConditionalNormal:
        """Back from `arrays`."""
        return cls(arrays["mean"], arrays["precision"], arrays["normals"])


def normal_probability(z: Floats) -> Floats:
    """Φ(z), to 1e-7: Abramowitz & Stegun 26.2.17, elementwise and the same on every machine."""
    t = 1.0 / (1.0 + 0.2316419 * np.abs(z))
    density = np.exp(-0.5 * z * z) * 0.3989422804014327
    series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    return np.asarray(np.where(z >= 0, 1.0 - density * series, density * series))


def _by_gaps(known: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows grouped by their number of unknown values: (rows (g,), which columns (g, m))."""
    count = (~known).sum(axis=1)
    groups = []
    for m in np.unique(count[count > 0]):
        rows = np.flatnonzero(count == m)
        groups.append((rows, np.nonzero(~known[rows])[1].reshape(len(rows), m)))
    return groups


def _em(Z: Floats) -> tuple[Floats, Floats]:
    n, p = Z.shape
    known = ~np.isnan(Z)
    mean = np.nansum(Z, axis=0) / np.maximum(known.sum(axis=0), 1)
    residual = np.where(known, Z - mean, 0.0)
    scale = np.maximum((residual**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1), 1e-8)
    covariance = residual.T @ residual / n
    np.fill_diagonal(covariance, scale)
    groups = _by_gaps(known)
    for _ in range(_ROUNDS if groups else 1):
        precision = np.linalg.inv(_shrunk(covariance, n, scale))
        residual = np.where(known, Z - mean, 0.0)
        pull = residual @ precision
        uncertain = np.zeros(p * p)
        for rows, missing in groups:
            variance = np.linalg.inv(precision[missing[:, :, None], missing[:, None, :]])
            residual[rows[:, None], missing] = -np.einsum("gab,gb->ga", variance, pull[rows[:, None], missing])
            flat = missing[:, :, None] * p + missing[:, None, :]
            uncertain += np.bincount(flat.ravel(), variance.ravel(), p * p)
        shift = residual.mean(axis=0)
        updated = (residual.T @ residual + uncertain.reshape(p, p)) / n - np.outer(shift, shift)
        moved = max(
            float(np.abs(shift / np.sqrt(scale)).max(initial=0.0)),
            float((np.abs(updated - covariance) / np.sqrt(np.outer(scale, scale))).max(initial=0.0)),
        )
        mean, covariance = mean + shift, updated
        if moved < 1e-3:
            break
    return mean, _shrunk(covariance, n, scale)


def _shrunk(covariance: Floats, n: int, scale: Floats) -> Floats:
    p = len(covariance)
    diagonal = np.maximum(np.diag(covariance), 1e-3 * scale)
    shrunk = covariance * (n / (n + p))
    np.fill_diagonal(shrunk, diagonal)
    return np.asarray((shrunk + shrunk.T) / 2)


def _stratified_normals(draws: int, columns: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    inverse = NormalDist().inv_cdf
    normals = np.zeros((draws, columns))
    for j in range(columns):
        level = (rng.permutation(draws) + rng.uniform(0.05, 0.95, draws)) / max(draws, 1)
        normals[:, j] = [inverse(float(u)) for u in level]
    return normals
