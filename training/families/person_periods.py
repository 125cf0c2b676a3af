"""Person-periods without writing them out: hazards of patients × intervals, their likelihood and its maximum.

In an interval cause k has the chance h_k = e^{η_k} / (1 + Σ e^η): a multinomial logistic model. Within it the force of
any cause is even by the cohort's clock, λ = log(1 + Σ e^η), so that a patient seen in a part u of it adds
log(λ h_k / h) − uλ where cause k came and −uλ where none did. (Counting an event as one of a whole interval and a
censored patient as a part of one, as is usual, takes the hazard of an interval with much censoring too low.)

A patient's rows differ in the interval alone, so the information matrix needs three weighted cross-products of the n
patients (weights summed over intervals, times position, times position squared), not one of n × intervals rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.baseline_hazard import BaselineHazard, efron_baseline
from training.row_space import RowSpace

Floats = NDArray[np.float64]
_EVENTS_PER_INTERVAL = 5
_LEVEL_RIDGE = 0.1  # holds the level of an interval without an event of a cause to that of the others


def interval_clock(outcome: Outcome, intervals: int, weights: Floats | None) -> tuple[BaselineHazard, Floats]:
    """(clock, edges): intervals end at `edges` (j,), event times that split the events evenly.

    The clock gains one per interval, spread over its event times as the cohort's hazard of any cause is.
    """
    whole = Outcome.right_censored(outcome.time_days, outcome.event > 0)
    hazard = efron_baseline(np.zeros(outcome.n), whole, 1, weights)
    count = max(1, min(intervals, len(hazard.steps) // _EVENTS_PER_INTERVAL))
    last = np.ceil(np.arange(1, count + 1) * len(hazard.steps) / count).astype(int) - 1
    edges = np.unique(hazard.steps[last])
    cell = np.searchsorted(edges, hazard.steps, side="left")
    within = np.bincount(cell, hazard.increments, len(edges))
    return BaselineHazard(hazard.steps, hazard.increments / within[cell]), edges


@final
@dataclass(frozen=True)
class Pooled:
    """Coefficients of each cause: intercept (causes, j), main and drift (causes, p)."""

    intercept: Floats
    main: Floats
    drift: Floats

    def scores(self, X: Floats, position: Floats) -> Floats:
        """(causes, n, j) log odds."""
        level, drift = self.main @ X.T, self.drift @ X.T
        return np.asarray(self.intercept[:, None, :] + level[:, :, None] + drift[:, :, None] * position)


@final
@dataclass(frozen=True)
class PersonPeriods:
    """Who lived through which interval, and what happened in it.

    exposure  (n, j) case weight × part of the interval, by the clock, that the patient was at risk in. Of tied events
              each is at risk in Efron's share of their time, so that without predictors this is his baseline.
    event     (causes, n, j) case weight where the cause happened.
    position  (j,) place of each interval, with mean 0 and variance 1 over the events.
    """

    exposure: Floats
    event: Floats
    position: Floats

    @classmethod
    def of(cls, outcome: Outcome, clock: BaselineHazard, edges: Floats, weights: Floats | None) -> PersonPeriods:
        """From follow-up and the intervals' edges."""
        time, n = outcome.time_days, outcome.n
        w = np.ones(n) if weights is None else np.asarray(weights, float)
        own, number = np.searchsorted(edges, time, side="left"), np.arange(len(edges))
        exposure = (number < own[:, None]).astype(float)
        inside = np.flatnonzero(own < len(edges))
        passed = np.where(outcome.event > 0, _at_risk_until(clock, time), clock.cumulative(time))
        exposure[inside, own[inside]] = np.clip(passed[inside] - own[inside], 0.0, 1.0)
        event = np.zeros((len(outcome.causes), n, len(edges)))
        rows = np.flatnonzero(outcome.event > 0)
        event[outcome.event[rows] - 1, rows, own[rows]] = w[rows]
        happened = event.sum(axis=(0, 1))
        centred = number - np.average(number, weights=happened)
        spread = np.sqrt(np.average(centred**2, weights=happened))
        return cls(exposure * w[:, None], event, centred / spread if spread > 0 else np.zeros(len(edges)))

    def take(self, rows: NDArray[np.intp]) -> PersonPeriods:
        """Those of these patients."""
        return PersonPeriods(self.exposure[rows], self.event[:, rows], self.position)

    def range_of(self, scores: Floats) -> tuple[Floats, Floats]:
        """(causes, j) least and greatest score among those at risk in each interval."""
        at_risk = self.exposure > 0
        low = np.where(at_risk, scores, np.inf).min(axis=1)
        return low, np.where(at_risk, scores, -np.inf).max(axis=1)


def _at_risk_until(clock: BaselineHazard, time: Floats) -> Floats:
    """(n,) the clock for who has the event at `time`: sub-step j of d tied ones is passed to 1 − j/d."""
    starts = np.searchsorted(clock.steps, clock.steps, side="left")
    tied = np.searchsorted(clock.steps, clock.steps, side="right") - starts
    share = 1.0 - (np.arange(len(clock.steps)) - starts) / tied
    whole, part = np.cumsum(clock.increments), np.cumsum(clock.increments * share)
    whole, part = np.concatenate([[0.0], whole]), np.concatenate([[0.0], part])
    before = np.searchsorted(clock.steps, time, side="left")
    after = np.searchsorted(clock.steps, time, side="right")
    return np.asarray(whole[before] + part[after] - part[before])


def fit_pooled(X: Floats, periods: PersonPeriods, *, penalty: Floats, drift: float) -> Pooled:
    """The penalised maximum by Fisher scoring with step halving; a cause without events gets −∞ as intercept.

    penalty  (p,) on each column's β: penalty/2 · β²; drift: how many times stronger it is on γ.
    """
    causes = [k for k in range(len(periods.event)) if periods.event[k].any()]
    varies = np.ptp(X, axis=0) > 0 if len(X) else np.zeros(X.shape[1], bool)
    Z = X[:, varies]
    centre = Z.mean(axis=0)
    seen, weight = Z - centre, penalty[varies]
    turned = RowSpace.of(seen, weight)
    if turned is not None:
        seen, weight = turned.scores, np.full(len(Z), turned.level)
    theta = _Problem(seen, periods, causes, weight, drift).scored()
    j, p = len(periods.position), seen.shape[1]
    fitted = Pooled(
        np.full((len(periods.event), j), -np.inf),
        np.zeros((len(periods.event), X.shape[1])),
        np.zeros((len(periods.event), X.shape[1])),
    )
    for row, k in zip(theta.reshape(len(causes), -1), causes, strict=True):
        main, change = row[j : j + p], row[j + p :] if len(row) > j + p else np.zeros(p)
        if turned is not None:
            main, change = turned.back(main), turned.back(change)
        fitted.main[k, varies], fitted.drift[k, varies] = main, change
        fitted.intercept[k] = row[:j] - centre @ main - (centre @ change) * periods.position
    return fitted


@final
class _Problem:
    """The likelihood of one set of columns; parameters per cause: levels (j), main (p), drift (p, where it is free)."""

    def __init__(self, Z: Floats, periods: PersonPeriods, causes: list[int], penalty: Floats, drift: float) -> None:
        self.Z, self.s = Z, periods.position
        self.exposure, self.event = periods.exposure, periods.event[causes]
        self.drifts = bool(periods.position.any())
        n, p, j = len(Z), Z.shape[1], len(self.s)
        ridge = np.concatenate([np.zeros(j), penalty, *([drift * penalty] if self.drifts else [])])
        self.penalty = np.tile(ridge, len(causes))
        self.width, self.n, self.p, self.j = len(ridge), n, p, j
        rates = self.event.sum(axis=(1, 2)) / self.exposure.sum()
        odds = np.log(rates / rates.sum() * np.expm1(rates.sum()))
        self.start = np.concatenate([np.concatenate([np.full(j, o), np.zeros(self.width - j)]) for o in odds])
        # The levels are drawn to their common mean, which itself is free.
        self.level = _LEVEL_RIDGE * (np.eye(j) - 1.0 / j)

    def _scores(self, theta: Floats) -> Floats:
        rows = theta.reshape(-1, self.width)
        scores = np.empty((len(rows), self.n, self.j))
        for k, row in enumerate(rows):
            main = self.Z @ row[self.j : self.j + self.p]
            scores[k] = row[: self.j] + main[:, None]
            if self.drifts:
                scores[k] += np.multiply.outer(self.Z @ row[self.j + self.p :], self.s)
        return scores

    def _penalised(self, theta: Floats) -> Floats:
        """Gradient of the penalty."""
        pull = self.penalty * theta
        for k in range(len(self.event)):
            own = slice(k * self.width, k * self.width + self.j)
            pull[own] += self.level @ theta[own]
        return pull

    def value(self, theta: Floats, scores: Floats) -> float:
        """Penalised log-likelihood."""
        every = np.logaddexp.reduce(scores, axis=0)
        force = np.logaddexp(0.0, every)
        likelihood = (self.event * (np.log(force) + scores - every)).sum() - (self.exposure * force).sum()
        return float(likelihood) - 0.5 * float(theta @ self._penalised(theta))

    def _derivatives(self, theta: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Gradient, and the information expected over the exposure."""
        every = np.logaddexp.reduce(scores, axis=0)
        force = np.logaddexp(0.0, every)
        share, chance = np.exp(scores - every), np.exp(scores - force)
        any_event = self.event.sum(axis=0)
        residual = self.event + any_event * (chance / force - share) - self.exposure * chance
        gradient = np.concatenate([self._gathered(one) for one in residual])
        information = np.zeros((len(theta), len(theta)))
        for k in range(len(chance)):
            for m in range(k, len(chance)):
                apart = (1.0 if k == m else 0.0) - share[m]
                block = self._crossed(self.exposure * (chance[k] * chance[m] / force + force * share[k] * apart))
                rows, columns = slice(k * self.width, (k + 1) * self.width), slice(m * self.width, (m + 1) * self.width)
                information[rows, columns], information[columns, rows] = block, block.T
        return gradient - self._penalised(theta), information

    def _gathered(self, residual: Floats) -> Floats:
        parts = [residual.sum(axis=0), self.Z.T @ residual.sum(axis=1)]
        return np.concatenate([*parts, self.Z.T @ (residual @ self.s)] if self.drifts else parts)

    def _crossed(self, v: Floats) -> Floats:
        """Information of one pair of causes from its weights (n, j)."""
        j, p, Z = self.j, self.p, self.Z
        block = np.zeros((self.width, self.width))
        block[np.arange(j), np.arange(j)] = v.sum(axis=0)
        mixed = v.T @ Z
        block[:j, j : j + p] = mixed
        block[j : j + p, j : j + p] = (Z * v.sum(axis=1)[:, None]).T @ Z
        if self.drifts:
            block[:j, j + p :] = mixed * self.s[:, None]
            block[j : j + p, j + p :] = (Z * (v @ self.s)[:, None]).T @ Z
            block[j + p :, j + p :] = (Z * (v @ self.s**2)[:, None]).T @ Z
        upper = np.triu(block)
        return upper + np.triu(block, 1).T

    def scored(self) -> Floats:
        """The maximum."""
        theta = self.start
        scores = self._scores(theta)
        value = self.value(theta, scores)
        added = np.diag(self.penalty)
        for k in range(len(self.event)):
            own = slice(k * self.width, k * self.width + self.j)
            added[own, own] += self.level
        for _ in range(50):
            gradient, information = self._derivatives(theta, scores)
            step = np.linalg.solve(information + added + 1e-9 * np.eye(len(theta)), gradient)
            gain = float(step @ gradient)
            if gain <= 1e-11 * (1.0 + 1e-3 * abs(value)):
                break
            step *= min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-300))
            for _halving in range(30):
                scores = self._scores(theta + step)
                after = self.value(theta + step, scores)
                if after >= value - 1e-12 * abs(value):
                    break
                step = step / 2
            theta, value = theta + step, after
        return theta
