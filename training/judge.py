"""One panel of predictions turned into estimates and tables: which number, with which interval, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from training.censoring import Censoring, GivenPredictors, Observing, Undefined, censoring
from training.conditional_censoring import ConditionalCensoring
from training.disclosure import WITHHELD
from training.evidence import Estimate
from training.judging import agreement, use
from training.judging.analytic import at_horizon, of_all_causes, over_range
from training.judging.place import Ledger, Place
from training.metrics.calibration import MIN_EVENTS
from training.metrics.metric import Floats, events_by
from training.metrics.panel import Panel
from training.nonparametric import aalen_johansen, median_follow_up


@final
class Judge:
    """Asks everything of one panel, and keeps what was said."""

    def __init__(
        self,
        panel: Panel,
        drawn: Floats,
        horizons: tuple[float, ...],
        ledger: Ledger,
        *,
        given: ConditionalCensoring | None = None,
        thresholds: Sequence[float] = (),
    ) -> None:
        """drawn: (n, b) multiplicities of the panel's patients; the other arguments as in `evaluate`."""
        self.panel, self.drawn, self.horizons, self.ledger = panel, drawn, horizons, ledger
        self._given, self._thresholds = given, tuple(thresholds)
        self._smoother = "flexible_cox_rcs3" if len(panel.outcome.causes) == 1 else "flexible_fine_gray_rcs3"
        for name in ("calibration_curve", "risk_histogram"):
            ledger.tables.setdefault(name, [])

    @property
    def estimates(self) -> list[Estimate]:
        """All that was said."""
        return self.ledger.estimates

    def all_causes(self) -> None:
        """What judges whole curves, every cause at once; with one cause it stands under that cause's name."""
        place = Place(self.ledger, self.panel, 1 if len(self.panel.outcome.causes) == 1 else 0)
        for one in of_all_causes():
            place.jackknife(one)
        agreement.spread(place)

    def whole_range(self, cause: int) -> None:
        """What has no horizon: C, IBS, slopes, separation."""
        place, last = Place(self.ledger, self.panel, cause), self.horizons[-1]
        given = self._rows_given(self.panel)
        for one in over_range(cause, last):
            note = f"; averaged from time zero to {last:g}" if one.metric == "ibs" else ""
            place.jackknife(one, given=given, headline=self._honest_first, note=note)
        within = [h for h in self.horizons if h <= self.panel.outcome.right_days.max(initial=0.0)]
        agreement.whole_range(place, (within or list(self.horizons[:1]))[-1])

    def at_horizons(self, cause: int, null: Panel | None = None) -> None:
        """What needs a horizon. null: the panel of the null family, for a second IPA."""
        curve = aalen_johansen(self.panel.outcome)
        given = self._rows_given(self.panel)
        first = given if self._honest_first else None
        for horizon in self.horizons:
            place = Place(self.ledger, self.panel, cause, horizon)
            agreement.mean(place, curve, given=first)
            self._at(place, None, given)
            if null is not None:
                agreement.against(place, null)
            agreement.weak(place, given=first)
            agreement.Moderate(place, self.drawn).say(self._smoother)
            use.decision_curve(place, self._thresholds)
            use.distribution(place)

    def population(self, name: str, patients: NDArray[np.intp], cause: int) -> None:
        """Values and analytic intervals among some patients, censoring the whole cohort's; below ten events nothing."""
        panel = self.panel.subset(patients)
        if not panel.outcome.n:
            return
        curve = aalen_johansen(panel.outcome)
        given = self._rows_given(panel) if self._honest_first else None
        for horizon in (None, *self.horizons):
            few = int(events_by(panel.outcome, cause, horizon).sum()) < MIN_EVENTS
            place = Place(self.ledger, panel, cause, horizon, name, few)
            if horizon is None:
                for one in over_range(cause, self.horizons[-1]):
                    place.jackknife(one)
            else:
                agreement.mean(place, curve, given=given)
                self._at(place, self._whole_cohort, given)
                agreement.weak(place, given=given)

    def _at(self, place: Place, g: Observing | None, given: Observing | None) -> None:
        """The analytic numbers at one horizon."""
        horizon, causes = place.day, len(self.panel.outcome.causes)
        told = use.told_thresholds(place.panel, place.risk, self._thresholds) if place.population == "all" else []
        for one in at_horizon(place.cause, horizon, causes, self._thresholds):
            note = "" if one.threshold is None else use.out_of_reach(place, one.threshold)
            why = WITHHELD if one.threshold is not None and one.threshold not in told else ""
            place.jackknife(one, g=g, given=given, headline=self._honest_first, note=note, withheld=why)

    def facts(self) -> dict[str, Any]:
        """Counts and follow-up of the patients scored."""
        outcome = self.panel.outcome
        median, low, high = median_follow_up(outcome, self.ledger.level)
        return {
            "n": outcome.n,
            "events": {cause: int((outcome.event == k).sum()) for k, cause in enumerate(outcome.causes, start=1)},
            "censored": int((outcome.event == 0).sum()),
            "follow_up": {"median": median, "low": low, "high": high, "estimator": "reverse_kaplan_meier"},
            "resamples": int(self.drawn.shape[1]),
        }

    @property
    def _honest_first(self) -> bool:
        return self._given is not None and self._given.headline

    def _rows_given(self, panel: Panel) -> GivenPredictors | None:
        """Censoring given the predictors, for each row of a panel."""
        return None if self._given is None else self._given.given.take(panel.patients[panel.of])

    @property
    def _whole_cohort(self) -> Censoring:
        try:
            return censoring(self.panel.outcome)
        except Undefined:
            return Censoring(np.zeros(0), np.ones(1))  # late entry: every number that needs it says so itself
