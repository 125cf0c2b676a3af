"""`Truth`: what the synthetic registry's patients really face, for tests; no table ever holds it.

Death:     T ~ Weibull with shape 1.05 and a scale by patient (G1), or with an early and a late hazard (G2).
Recovery:  among AIS A–D, a part is susceptible; its time is exponential. Both depend on what is known at time zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from features.registries.synthetic_patients import PRIMARIES, expit

Floats = NDArray[np.float64]
Variant = Literal["G1", "G2"]

_SHAPE: Final = 1.05
_CHANGE_DAY: Final = 91.0
# G2 is centred anew, so that it meets its published check values (poly .80/.10 instead of .30 lowers the mean of b).
_CENTRE = {"G1": 1.127, "G2": 0.993}
_ECOG = np.array([0.0, 0.15, 0.40, 0.75, 1.10])
_PGSGA = {"G1": np.array([0.0, 0.20, 0.70]), "G2": np.array([0.0, 0.15, 0.75])}
_POLY = {"G1": (0.30, 0.30), "G2": (0.80, 0.10)}
_SCALE = {"G1": 1.5, "G2": 1.95}
# Mean of the recovery score over patients with a deficit, measured once on 400,000: z is centred by it.
_RECOVERY_CENTRE: Final = 0.247
_COURSE: Final = ("death_days", "recovery_days", "early", "late", "susceptible", "mean_days")
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_SITE_NODES, _SITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


@final
@dataclass(frozen=True)
class Truth:
    """The real course of every patient, and the law it was drawn from.

    ids              (n,) patients, in the order of the tables.
    deficit          (n,) AIS A–D at time zero: only these can recover.
    death_days       (n,) exact day of death, whatever the registry saw.
    recovery_days    (n,) exact latent day of recovery; inf where it never comes or nothing is to recover.
    early, late      (n,) Weibull rates before and after day 91 (equal in G1), sites apart.
    susceptible, mean_days   (n,) probability of ever recovering, and the mean of its exponential time.
    site_sd, recovery_hazard_ratio   as simulated.
    """

    ids: NDArray[np.str_]
    deficit: NDArray[np.bool_]
    death_days: Floats
    recovery_days: Floats
    early: Floats
    late: Floats
    susceptible: Floats
    mean_days: Floats
    site_sd: float
    recovery_hazard_ratio: float

    def survival(self, ids: ArrayLike, times_days: ArrayLike) -> Floats:
        """(n, t) P(alive at t) given all that is true at time zero, averaged over sites and recovery."""
        rows, times = self._rows(ids), np.asarray(times_days, dtype=float)
        return self._over_sites(lambda frailty: self._alive(rows, times, frailty))

    def recovery(self, ids: ArrayLike, times_days: ArrayLike) -> Floats:
        """(n, t) P(recovered by t, before death); zero where there is no deficit."""
        rows, times = self._rows(ids), np.asarray(times_days, dtype=float)
        return self._over_sites(lambda frailty: self._recovered(rows, times, frailty, hazard_ratio=None))

    def death_without_recovery(self, ids: ArrayLike, times_days: ArrayLike) -> Floats:
        """(n, t) P(dead by t, not having recovered)."""
        rows, times = self._rows(ids), np.asarray(times_days, dtype=float)
        waiting = self._over_sites(
            lambda frailty: (1 - self._recovers_by(rows, times)) * np.exp(-frailty * self._hazard(rows, times))
        )
        return 1.0 - waiting - self.recovery(ids, times_days)

    def marginal(self, times_days: ArrayLike, *, cause: Literal["recovered", "died_without_recovery"]) -> Floats:
        """(t,) incidence among all patients with a deficit, as drawn: the mean of their own incidences."""
        ids = self.ids[self.deficit]
        of = self.recovery if cause == "recovered" else self.death_without_recovery
        return np.asarray(of(ids, times_days).mean(axis=0))

    def take(self, rows: NDArray[np.intp]) -> Truth:
        """The truth about these patients only."""
        return Truth(
            self.ids[rows],
            self.deficit[rows],
            self.death_days[rows],
            self.recovery_days[rows],
            self.early[rows],
            self.late[rows],
            self.susceptible[rows],
            self.mean_days[rows],
            self.site_sd,
            self.recovery_hazard_ratio,
        )

    @classmethod
    def of(
        cls,
        ids: NDArray[np.str_],
        deficit: NDArray[np.bool_],
        course: pd.DataFrame,
        site_sd: float,
        recovery_hazard_ratio: float,
    ) -> Truth:
        """The truth about patients whose exact course is known (columns named as the fields)."""
        return cls(
            ids,
            deficit,
            course["death_days"].to_numpy(),
            course["recovery_days"].to_numpy(),
            course["early"].to_numpy(),
            course["late"].to_numpy(),
            course["susceptible"].to_numpy(),
            course["mean_days"].to_numpy(),
            site_sd,
            recovery_hazard_ratio,
        )

    @classmethod
    def joined(cls, parts: Sequence[Truth]) -> Truth:
        """Several groups of patients of one registry as one."""

        def whole(name: str) -> pd.Series:
            return pd.Series(np.concatenate([getattr(part, name) for part in parts]))

        course = pd.DataFrame({name: whole(name) for name in _COURSE})
        ids = np.concatenate([part.ids for part in parts])
        deficit = np.concatenate([part.deficit for part in parts])
        return cls.of(ids, deficit, course, parts[0].site_sd, parts[0].recovery_hazard_ratio)

    def _rows(self, ids: ArrayLike) -> NDArray[np.intp]:
        rows = pd.Index(self.ids).get_indexer(pd.Index(np.asarray(ids).astype(str)))
        if (rows < 0).any():
            raise KeyError(f"{int((rows < 0).sum())} of {len(rows)} ids are not patients of this simulation.")
        return rows

    def _hazard(self, rows: NDArray[np.intp], times: Floats) -> Floats:
        return cumulative_hazard(self.early[rows][:, None], self.late[rows][:, None], times[None, :])

    def _recovers_by(self, rows: NDArray[np.intp], times: Floats) -> Floats:
        within = -np.expm1(-times[None, :] / self.mean_days[rows][:, None])
        return np.asarray(self.susceptible[rows][:, None] * within)

    def _alive(self, rows: NDArray[np.intp], times: Floats, frailty: float) -> Floats:
        waiting = np.exp(-frailty * self._hazard(rows, times))
        if self.recovery_hazard_ratio == 1.0:
            return np.asarray(waiting)
        recovered = self._recovered(rows, times, frailty, hazard_ratio=self.recovery_hazard_ratio)
        return np.asarray((1 - self._recovers_by(rows, times)) * waiting + recovered)

    def _recovered(
        self, rows: NDArray[np.intp], times: Floats, frailty: float, *, hazard_ratio: float | None
    ) -> Floats:
        """∫₀ᵗ P(alive at r) dF(r), by Gauss–Legendre in F; with a hazard ratio, also alive from r to t."""
        reach = -np.expm1(-times[None, :] / self.mean_days[rows][:, None])
        end = frailty * self._hazard(rows, times)
        total = np.zeros_like(reach)
        for node, weight in zip((_NODES + 1) / 2, _WEIGHTS / 2, strict=True):
            at = -self.mean_days[rows][:, None] * np.log1p(-node * reach)
            before = frailty * cumulative_hazard(self.early[rows][:, None], self.late[rows][:, None], at)
            after = 0.0 if hazard_ratio is None else hazard_ratio * (end - before)
            total += weight * np.exp(-before - after)
        return np.asarray(self.susceptible[rows][:, None] * reach * total)

    def _over_sites(self, of: Callable[[float], Floats]) -> Floats:
        if self.site_sd == 0.0:
            return np.asarray(of(1.0))
        weights = _SITE_WEIGHTS / _SITE_WEIGHTS.sum()
        return np.asarray(
            sum(w * of(float(np.exp(self.site_sd * x))) for x, w in zip(_SITE_NODES, weights, strict=True))
        )


def rates(patients: pd.DataFrame, variant: Variant) -> tuple[Floats, Floats]:
    """Weibull rates before and after day 91: S(t) = exp(−λ tᵏ), λ = ln 2 / (scale · m · 30.44)ᵏ · exp(b − 1.127)."""
    male, age = patients["male"].to_numpy(float), patients["age"].to_numpy()
    b = (
        _ECOG[patients["ecog"]]
        + 0.36 * patients["visceral"].to_numpy(float)
        + 0.30 * patients["brain"].to_numpy(float)
        + _PGSGA[variant][patients["pgsga"]]
        - 0.40 * (patients["albumin"].to_numpy() - 3.8)
        - 0.06 * (patients["hemoglobin"].to_numpy() - 12.3)
        + 0.20 * patients["ldh_high"].to_numpy(float)
        + 0.15 * patients["crp_high"].to_numpy(float)
        + 0.10 * male
        + 0.05 * (age - 58) / 10
        + 0.20 * patients["prior_systemic"].to_numpy(float)
        + 0.30 * (~patients["ambulatory"].to_numpy(bool)).astype(float)
    )
    months = np.array([primary.months for primary in PRIMARIES])[patients["group"]]
    level = np.log(2) / (_SCALE[variant] * months * 30.44) ** _SHAPE * np.exp(b - _CENTRE[variant])
    poly = patients["poly"].to_numpy(float)
    early, late = _POLY[variant]
    return level * np.exp(early * poly), level * np.exp(late * poly)


def acting(patients: pd.DataFrame) -> pd.DataFrame:
    """(n, terms) what acts on the hazard of death, complete and in its true form: `rates` is log-linear in these."""
    terms = {
        "months": np.log([primary.months for primary in PRIMARIES])[patients["group"]],
        "not_ambulatory": ~patients["ambulatory"].to_numpy(bool),
        **{f"ecog={level}": patients["ecog"] == level for level in range(1, len(_ECOG))},
        **{f"pgsga={level}": patients["pgsga"] == level for level in (1, 2)},
    }
    plain = ("visceral", "brain", "albumin", "hemoglobin", "ldh_high", "crp_high", "male", "age", "prior_systemic")
    terms |= {name: patients[name] for name in (*plain, "poly")}
    return pd.DataFrame({name: np.asarray(values, float) for name, values in terms.items()})


def cumulative_hazard(early: Floats, late: Floats, times: Floats) -> Floats:
    """H(t), continuous at day 91; shapes broadcast."""
    first = np.minimum(times, _CHANGE_DAY) ** _SHAPE
    return np.asarray(early * first + late * (np.maximum(times, _CHANGE_DAY) ** _SHAPE - _CHANGE_DAY**_SHAPE))


def recovery_law(patients: pd.DataFrame) -> tuple[Floats, Floats]:
    """Probability of being susceptible (zero without a deficit), and the mean of the exponential time to recovery."""
    z = recovery_score(patients) - _RECOVERY_CENTRE
    return np.where(patients["ais"] < 4, expit(0.95 + 0.8 * z), 0.0), 40.0 * np.exp(-z)


def recovery_score(patients: pd.DataFrame) -> Floats:
    """Z of the reference §7.4, not yet centred."""
    days = patients["deficit_days"].to_numpy()
    return np.asarray(
        0.55 * (days < 2)
        - 0.45 * (days > 14)
        - 0.50 * (patients["bladder"] | patients["bowel"]).to_numpy(float)
        - 0.45 * patients["prior_rt"].to_numpy(float)
        + 0.75 * patients["surgery"].to_numpy(float)
        - 0.35 * (patients["ecog"].to_numpy() >= 3)
    )


def draw_deaths(rng: Generator, early: Floats, late: Floats, recovery_days: Floats, hazard_ratio: float) -> Floats:
    """Exact days of death, the hazard multiplied by `hazard_ratio` from recovery on."""
    due = rng.exponential(size=len(early))
    at_recovery = cumulative_hazard(early, late, np.where(np.isfinite(recovery_days), recovery_days, 0.0))
    later = np.isfinite(recovery_days) & (due > at_recovery)
    due = np.where(later, at_recovery + (due - at_recovery) / hazard_ratio, due)
    change = early * _CHANGE_DAY**_SHAPE
    power = np.where(due <= change, due / early, _CHANGE_DAY**_SHAPE + (due - change) / late)
    return np.asarray(power ** (1 / _SHAPE))
