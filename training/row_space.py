"""More columns than patients: a ridge's maximum lies in the span of the rows, so as many directions as rows suffice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class RowSpace:
    """The columns of Z (n, p > n), turned so that n of them carry everything and one ridge weighs on all alike.

    A likelihood reads Z β alone, and of all β with one Z β the ridge Σ penalty β² / 2 is least for the one in the
    span of the rows: nothing is approximated. With γ = `into(β)`, Z β = scores γ, and the ridge is level/2 · Σ γ².

    scores  (n, n) · turn (n, p) orthonormal rows · stretch (p,) root of each column's penalty over `level`.
    level   the penalties' geometric mean, so that γ is of the size of β.
    """

    scores: Floats
    turn: Floats
    stretch: Floats
    level: float

    @classmethod
    def of(cls, Z: Floats, penalty: Floats) -> RowSpace | None:
        """From columns and their penalties (p,); None where it saves nothing or a column bears no penalty."""
        n, p = Z.shape
        if p <= n or not np.all(penalty > 0):
            return None
        level = float(np.exp(np.mean(np.log(penalty))))
        stretch = np.sqrt(penalty / level)
        left, size, turn = np.linalg.svd(Z / stretch, full_matrices=False)
        return cls(left * size, turn, stretch, level)

    def into(self, coef: Floats) -> Floats:
        """(p,) → (n,): what of these coefficients the rows can see."""
        return np.asarray(self.turn @ (coef * self.stretch))

    def back(self, turned: Floats) -> Floats:
        """(n,) → (p,) coefficients."""
        return np.asarray((turned @ self.turn) / self.stretch)

    def inverse(self, turned: NDArray[np.floating]) -> Floats:
        """(n, n) inverse of information plus ridge → (p, p); where the rows see nothing, the ridge alone."""
        whole = self.turn.T @ (turned - np.eye(len(turned)) / self.level) @ self.turn
        whole[np.diag_indices_from(whole)] += 1.0 / self.level
        return np.asarray(whole / np.outer(self.stretch, self.stretch))
