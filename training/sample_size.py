"""How many patients a model needs before it is fitted, and before it is judged: the criteria of Riley and colleagues.

Development: Riley 2019 (Stat Med 38:1276), 2020 (BMJ 368:m441). Evaluation: Riley 2022 (Stat Med 41:1280), 2024 (BMJ
384:e074821). They are floors: a family more flexible than a penalised regression needs more. No unit of time: rate,
follow-up and horizon share one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

SHARE_OF_MAXIMUM: Final = 0.15
"""Of the largest possible Cox–Snell R², where nobody has said what to expect. Source: Riley 2020, box on R²."""
_SHRINKAGE: Final = 0.9
_OPTIMISM: Final = 0.05  # of Nagelkerke's R²
_MARGIN: Final = 0.05  # of the overall risk
_Z: Final = 1.96
# Widths of 95 % intervals: the defaults of pmvalsampsize 0.1 (Ensor 2023).
_OE_WIDTH: Final = 0.2
_SLOPE_WIDTH: Final = 0.2
_C_WIDTH: Final = 0.1
_DEVELOPMENT: Final = "Riley 2019, Stat Med 38:1276"
_EVALUATION: Final = "Riley 2022, Stat Med 41:1280"


@final
@dataclass(frozen=True)
class Setting:
    """What is known or expected of the patients.

    rate, other_rate  events of the cause, and of those that compete with it, per patient and unit of time.
    mean_follow_up    per patient. r2: the Cox–Snell R² that is expected of the model.
    """

    rate: float
    mean_follow_up: float
    r2: float
    other_rate: float = 0.0

    def __post_init__(self) -> None:
        if not (self.rate > 0 and self.mean_follow_up > 0 and self.other_rate >= 0):
            raise ValueError("a sample size needs a rate and a follow-up above zero.")
        largest = largest_r2(self.events_per_patient)
        if not 0 < self.r2 < min(largest, _SHRINKAGE):
            raise ValueError(
                f"the Cox–Snell R² must lie between 0 and {min(largest, _SHRINKAGE):.3g}, got {self.r2:g}."
                f" try: {SHARE_OF_MAXIMUM * largest:.3g}, {SHARE_OF_MAXIMUM:.0%} of the largest possible."
            )

    @property
    def events_per_patient(self) -> float:
        """Rounded up to whole events among 10,000 patients, as pmsampsize does."""
        return math.ceil(self.rate * (self.mean_follow_up * 10_000)) / 10_000

    def risk(self, horizon: float, rate: float | None = None) -> float:
        """Incidence of the cause by the horizon under constant rates; `rate` instead of the setting's own."""
        own = self.rate if rate is None else rate
        total = own + self.other_rate
        return own / total * -math.expm1(-total * horizon)


@final
@dataclass(frozen=True)
class Requirement:
    """One criterion: patients needed for the target, beside those that there are.

    purpose  "development" or "evaluation".
    """

    purpose: Literal["development", "evaluation"]
    criterion: str
    target: str
    needed_n: int
    available: int
    source: str

    @property
    def met(self) -> bool:
        """Whether there are enough."""
        return self.available >= self.needed_n


def largest_r2(events_per_patient: float) -> float:
    """The largest Cox–Snell R² that a survival model can reach: 1 − exp(2/n · ln L₀), ln L₀ = E ln(E/n) − E."""
    e = events_per_patient
    return -math.expm1(2 * (e * math.log(e) - e))


def development_criteria(setting: Setting, parameters: int, available: int, horizon: float) -> list[Requirement]:
    """Shrinkage of at least 0.9, optimism of R² of at most 0.05, and the overall risk by the horizon within ±0.05.

    parameters: candidate columns, encoded, whatever a penalty or a selection leaves of them.
    """
    rows = (
        ("shrinkage", f"expected shrinkage at least {_SHRINKAGE:g}", _for_shrinkage(setting, parameters, _SHRINKAGE)),
        (
            "optimism",
            f"optimism of Nagelkerke's R² at most {_OPTIMISM:g}",
            _for_shrinkage(setting, parameters, _shrinkage_for_optimism(setting)),
        ),
        ("overall_risk", f"overall risk by the horizon within ±{_MARGIN:g}", _for_overall_risk(setting, horizon)),
    )
    return [Requirement("development", name, target, n, available, _DEVELOPMENT) for name, target, n in rows]


def supported_parameters(setting: Setting, available: int) -> int:
    """How many candidate columns so many patients carry under the first two criteria."""
    both = (_SHRINKAGE, _shrinkage_for_optimism(setting))
    return int(available * min((s - 1) * math.log(1 - setting.r2 / s) for s in both) + 1e-9)


def evaluation_criteria(setting: Setting, available: int, risk: float) -> list[Requirement]:
    """Precision of O/E and C at a horizon.

    risk: the incidence of the cause by the horizon, 0 < risk < 1. O/E: Riley's closed form for complete follow-up. C:
    Newcombe 2006, method 4, at the C that this R² means. Censoring before the horizon makes both a floor.
    """
    c = _concordance(_information(setting) / setting.events_per_patient)
    oe_error = math.asinh(_OE_WIDTH / 2) / _Z  # of ln(O/E) at O/E 1: the interval is 2 sinh(z · SE) wide
    return [
        _precise(
            "oe_ratio",
            f"95 % interval of O/E no wider than {_OE_WIDTH:g}",
            (1 - risk) / (risk * oe_error**2),
            available,
        ),
        _precise(
            "harrell_c",
            f"95 % interval of C no wider than {_C_WIDTH:g}, at C {c:.2f}",
            _smallest(lambda n: _error_of_c(c, n, risk) <= _C_WIDTH / (2 * _Z)),
            available,
        ),
    ]


def slope_criterion(setting: Setting, available: int) -> Requirement:
    """Precision of the calibration slope over the whole follow-up: 1/√information, where Riley simulates."""
    error = _SLOPE_WIDTH / (2 * _Z)
    needed = 1 / (_information(setting) * error**2)
    target = f"95 % interval of the slope no wider than {_SLOPE_WIDTH:g}"
    return _precise("calibration_slope", target, needed, available)


def _precise(criterion: str, target: str, needed: float, available: int) -> Requirement:
    return Requirement("evaluation", criterion, target, math.ceil(needed), available, _EVALUATION)


def _information(setting: Setting) -> float:
    """Of the slope, per patient: events per patient × variance of the linear predictor, which is −ln(1 − R²)."""
    return -math.log1p(-setting.r2)


def _for_shrinkage(setting: Setting, parameters: int, shrinkage: float) -> int:
    return math.ceil(parameters / ((shrinkage - 1) * math.log(1 - setting.r2 / shrinkage)))


def _shrinkage_for_optimism(setting: Setting) -> float:
    largest = largest_r2(setting.events_per_patient)
    return setting.r2 / (setting.r2 + _OPTIMISM * largest)


def _for_overall_risk(setting: Setting, horizon: float) -> int:
    """The upper limit is the farther one; the rate has its Poisson interval, those that compete are taken as known."""

    def near(n: int) -> bool:
        error = math.sqrt(setting.rate / (n * setting.mean_follow_up))
        return setting.risk(horizon, setting.rate + _Z * error) - setting.risk(horizon) <= _MARGIN

    return _smallest(near)


def _error_of_c(c: float, n: int, risk: float) -> float:
    half = n / 2 - 1
    spread = 1 + half * (1 - c) / (2 - c) + half * c / (1 + c)
    return math.sqrt(c * (1 - c) * spread / (n**2 * risk * (1 - risk)))


def _concordance(variance: float) -> float:
    """C of proportional hazards with a normal linear predictor of this variance.

    E[1/(1 + exp(−|Δ|))], Δ ~ N(0, 2 variance). Source: Gönen & Heller 2005.
    """
    at, weight = np.polynomial.hermite_e.hermegauss(201)
    difference = np.abs(at) * math.sqrt(2 * variance)
    return float(np.sum(weight / (1 + np.exp(-difference))) / np.sum(weight))


def _smallest(enough: Callable[[int], bool]) -> int:
    """The smallest n from 2 on for which a target that more patients make easier is reached."""
    high = 2
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
