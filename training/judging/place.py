"""`Ledger`: where estimates and rows of tables are written down; `Place`: of whom, of what and by when one speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Final, final

import numpy as np

from features.outcome import Outcome
from training.censoring import Observing, Undefined, require_common_entry, require_follow_up
from training.conditional_censoring import METHOD
from training.evidence import Estimate
from training.judging.analytic import Analytic
from training.metrics import metric_of
from training.metrics.calibration import MIN_EVENTS, Line
from training.metrics.metric import GIVEN_PREDICTORS, Floats, Measured, events_by, risk_for
from training.metrics.panel import Panel, normal_interval

Number = tuple[float, float | None, float | None]

JACKKNIFE: Final = "infinitesimal jackknife over patients"
WITH_WEIGHTS: Final = f"{JACKKNIFE}, estimated censoring weights included"
KNOWN_WEIGHTS: Final = f"{JACKKNIFE}, censoring weights of the whole cohort taken as known"
ROBUST: Final = "robust standard error, a patient's rows together"


@final
@dataclass(frozen=True)
class Ledger:
    """What has been said of one model under one design.

    data  the design of what is said of the data: "data" where everybody of the cohort is judged, else `design` itself.
    """

    design: str
    model: str
    level: float
    data: str = "data"
    estimates: list[Estimate] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class Place:
    """Some patients, one cause, one horizon.

    cause    1-based; 0 for what all causes share.
    horizon  None for the whole range.
    few      whether these patients had too few events for any number.
    """

    ledger: Ledger
    panel: Panel
    cause: int
    horizon: float | None = None
    population: str = "all"
    few: bool = False

    @property
    def rows(self) -> Outcome:
        """(r,) what happened, for each row of predictions."""
        return self.panel.rows

    @cached_property
    def risk(self) -> Floats:
        """(r,) predicted risk by the horizon; over the range the time lost to the cause."""
        return risk_for(self.panel.curves, self.cause, self.horizon)

    @property
    def day(self) -> float:
        """The horizon of what needs one."""
        if self.horizon is None:
            raise Undefined("needs a horizon")
        return self.horizon

    @property
    def observed(self) -> str:
        """What the data's own estimate is called."""
        return "kaplan_meier" if len(self.panel.outcome.causes) == 1 else "aalen_johansen"

    def require(self, *, common_entry: bool = True) -> None:
        """Refuse what nobody was followed long enough for, and late entry where weights are made."""
        if common_entry:
            require_common_entry(self.panel.outcome)
        if self.horizon is not None:
            require_follow_up(self.panel.outcome, self.horizon)

    def say(
        self,
        metric: str,
        estimator: str,
        measure: Callable[[], Number],
        method: str = "",
        *,
        of_data: bool = False,
    ) -> None:
        """One estimate, or why there is none. of_data: it is said of the data, whatever the model."""
        outcome = self.panel.outcome
        key: dict[str, Any] = {
            "metric": metric,
            "estimator": estimator,
            "cause": outcome.causes[self.cause - 1] if self.cause else "",
            "horizon_days": self.horizon,
            "population": self.population,
            "design": self.ledger.data if of_data else self.ledger.design,
            "model": "" if of_data else self.ledger.model,
            "n": outcome.n,
        }
        if self.few:
            reason = f"fewer than {MIN_EVENTS} events: suppressed"
            self.ledger.estimates.append(Estimate(state="not applicable", reason=reason, **key))
            return
        key["events"] = self.events
        try:
            value, low, high = measure()
        except Undefined as error:
            self.ledger.estimates.append(Estimate(state="not applicable", reason=str(error), **key))
            return
        interval: dict[str, Any] = {"level": self.ledger.level, "method": method} if low is not None else {}
        self.ledger.estimates.append(Estimate(value=value, low=low, high=high, **interval, **key))

    def jackknife(
        self,
        one: Analytic,
        *,
        g: Observing | None = None,
        given: Observing | None = None,
        headline: bool = False,
        note: str = "",
        withheld: str = "",
    ) -> None:
        """A number with the interval of its influences; with weights given the predictors once more.

        g         censoring of a larger cohort, taken as known; None for that of these very patients.
        given     censoring given the predictors, for each row; headline: whether it comes first, so that every weighted
                  number is said with it, and not only those that always are. withheld: why nothing is told.
        """
        if self.population != "all" and one.whole:
            return
        if withheld:
            self.say(one.metric, one.estimator, partial(self._refuse, withheld))
            return
        weighted = KNOWN_WEIGHTS if g is not None else WITH_WEIGHTS
        self._analytic(one, one.estimator, g, (weighted if one.weighted else JACKKNIFE) + note)
        if given is not None and one.weighted and (headline or one.always):
            self._analytic(one, one.estimator + GIVEN_PREDICTORS, given, METHOD + note)

    def _analytic(self, one: Analytic, estimator: str, g: Observing | None, method: str) -> None:
        def number() -> Number:
            self.require()
            return self.bounded(one.metric, estimator, one.of(self.panel, g))

        self.say(one.metric, estimator, number, method)

    def _refuse(self, reason: str) -> Number:
        self.require()
        raise Undefined(reason)

    def bounded(self, metric: str, estimator: str, found: Measured) -> Number:
        """A value with the interval of its influences, cut at the metric's possible values."""
        low, high = normal_interval(found.value, self.panel.standard_error(found.total), self.ledger.level)
        least, most = metric_of(metric, estimator).range
        return found.value, max(low, least), min(high, most)

    def line(self, found: Line) -> Number:
        """A slope or an intercept with its own interval."""
        return found.value, *found.interval(self.ledger.level)

    def row(self, table: str, **values: Any) -> None:
        """One row of a table, stamped with design, model, cause and horizon."""
        cause = self.panel.outcome.causes[self.cause - 1]
        stamp = {"design": self.ledger.design, "model": self.ledger.model, "cause": cause, "horizon_days": self.horizon}
        self.ledger.tables.setdefault(table, []).append({**stamp, **values})

    @cached_property
    def events(self) -> int:
        """Events of the cause (0: of any) by the horizon."""
        outcome = self.panel.outcome
        return int(np.sum(events_by(outcome, self.cause, self.horizon) if self.cause else outcome.event > 0))
