"""One panel of predictions turned into estimates and tables: which number, with which interval, or why not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from training.censoring import Censoring, Undefined, require_follow_up
from training.evidence import Estimate
from training.metrics.accuracy import brier, integrated_brier, ipa
from training.metrics.calibration import (
    MIN_EVENTS,
    Line,
    PseudoCalibration,
    cox_slope,
    oe_ratio,
    pseudo_calibration,
    require_events,
)
from training.metrics.discrimination import auc, harrell_c, uno_c
from training.metrics.metric import Floats, Measured, events_by, risk_for
from training.metrics.panel import (
    Panel,
    Smooth,
    accuracy,
    censorings,
    distance_interval,
    normal_interval,
    pseudo_at,
    smooth,
)
from training.nonparametric import aalen_johansen, median_follow_up, pseudo_values

Number = tuple[float, float | None, float | None]

JACKKNIFE = "infinitesimal jackknife over patients"
KNOWN_WEIGHTS = f"{JACKKNIFE}, censoring weights taken as known"
ROBUST = "robust standard error, a patient's rows together"
BINS = 20


@final
class Judge:
    """Collects estimates and rows of tables for one panel."""

    def __init__(
        self, panel: Panel, drawn: Floats, horizons: tuple[float, ...], level: float, design: str, model: str
    ) -> None:
        """drawn: (n, b) multiplicities of the panel's patients; the other arguments as in `evaluate`."""
        self.panel, self.drawn, self.horizons = panel, drawn, horizons
        self.level, self.design, self.model = level, design, model
        self.estimates: list[Estimate] = []
        self.tables: dict[str, list[dict[str, Any]]] = {"calibration_curve": [], "risk_histogram": []}
        self._rows = panel.rows
        self._curve = aalen_johansen(panel.outcome)
        self._oe = "kaplan_meier" if len(panel.outcome.causes) == 1 else "aalen_johansen"
        self._smoother = "flexible_cox_rcs3" if len(panel.outcome.causes) == 1 else "pseudo_nearest_neighbours"
        self._late_entry = ""
        try:
            self._g, self._g_drawn = censorings(panel, drawn)
        except Undefined as error:
            self._late_entry = str(error)
            self._g = self._g_drawn = Censoring(np.zeros(0), np.ones(1))

    def whole_range(self, cause: int) -> None:
        """What has no horizon: C, IBS and, for one cause, the Cox slope."""
        panel, last = self.panel, self.horizons[-1]
        say = partial(self._say, cause, None)
        self._rank(cause, None, risk_for(panel.curves, cause, None))

        def integrated() -> Measured:
            require_follow_up(panel.outcome, last)
            return integrated_brier(self._rows, panel.curves, cause, until=last, weights=panel.weights)

        ibs = partial(self._jackknife, panel, integrated, (0.0, np.inf))

        say("ibs", "ipcw", ibs, f"{KNOWN_WEIGHTS}; averaged from time zero to {last:g}")
        if len(panel.outcome.causes) == 1:
            say("calibration_slope", "cox_on_log_hazard", lambda: self._cox(cause), "partial likelihood")

    def at_horizons(self, cause: int, null: Panel | None = None) -> None:
        """What needs a horizon. null: the panel of the null family, for a second IPA."""
        try:
            pseudo, drawn = pseudo_at(self.panel, cause, self.horizons, self.drawn)
        except Undefined:
            n, t = self.panel.outcome.n, len(self.horizons)
            pseudo, drawn = np.zeros((n, t)), np.zeros((n, t, self.drawn.shape[1]))
        for column, horizon in enumerate(self.horizons):
            risk = self.panel.risk(cause, horizon)
            self._mean(self.panel, cause, horizon, "all")
            self._rank(cause, horizon, risk)
            self._squared(cause, horizon, null)
            lines = partial(self._lines, self.panel, cause, horizon, pseudo[:, column])
            self._weak(partial(self._say, cause, horizon), lines)
            self._moderate(cause, horizon, pseudo[:, column], drawn[:, column])
            self._histogram(cause, horizon, risk)

    def population(self, name: str, patients: NDArray[np.intp], cause: int) -> None:
        """Values and analytic intervals among some patients, censoring the whole cohort's; below ten events nothing."""
        panel = self.panel.subset(patients)
        for horizon in (None, *self.horizons):
            few = not panel.outcome.n or int(events_by(panel.outcome, cause, horizon).sum()) < MIN_EVENTS
            say = partial(self._say, cause, horizon, population=name, panel=panel, suppressed=few)
            if horizon is not None:
                self._mean(panel, cause, horizon, name, suppressed=few)
            if not panel.outcome.n:
                continue
            for metric, estimator, measure, bounds in self._analytic(panel, cause, horizon):
                method = JACKKNIFE if metric == "harrell_c" else KNOWN_WEIGHTS
                say(metric, estimator, partial(self._jackknife, panel, measure, bounds), method)
            if horizon is not None:
                self._weak(say, partial(self._lines, panel, cause, horizon))

    def facts(self) -> dict[str, Any]:
        """Counts and follow-up of the patients scored."""
        outcome = self.panel.outcome
        median, low, high = median_follow_up(outcome, self.level)
        return {
            "n": outcome.n,
            "events": {cause: int((outcome.event == k).sum()) for k, cause in enumerate(outcome.causes, start=1)},
            "censored": int((outcome.event == 0).sum()),
            "follow_up": {"median": median, "low": low, "high": high, "estimator": "reverse_kaplan_meier"},
            "resamples": int(self.drawn.shape[1]),
        }

    def _say(
        self,
        cause: int,
        horizon: float | None,
        metric: str,
        estimator: str,
        measure: Callable[[], Number],
        method: str,
        *,
        population: str = "all",
        panel: Panel | None = None,
        suppressed: bool = False,
        of_data: bool = False,
    ) -> None:
        """One estimate, or why there is none."""
        outcome = (panel or self.panel).outcome
        events = int(events_by(outcome, cause, horizon).sum())
        key: dict[str, Any] = {
            "metric": metric,
            "estimator": estimator,
            "cause": outcome.causes[cause - 1],
            "horizon_days": horizon,
            "population": population,
            "design": "data" if of_data else self.design,
            "model": "" if of_data else self.model,
            "n": outcome.n,
        }
        reason = f"fewer than {MIN_EVENTS} events: suppressed" if suppressed else ""
        if not reason:
            try:
                value, low, high = measure()
                interval: dict[str, Any] = {"level": self.level, "method": method} if low is not None else {}
                self.estimates.append(Estimate(value=value, low=low, high=high, events=events, **interval, **key))
            except Undefined as error:
                reason, key["events"] = str(error), events
        if reason:
            self.estimates.append(Estimate(state="not applicable", reason=reason, **key))

    def _jackknife(self, panel: Panel, measure: Callable[[], Measured], bounds: tuple[float, float]) -> Number:
        found = measure()
        error = panel.standard_error(np.zeros(len(panel.of)) if found.influence is None else found.influence)
        low, high = normal_interval(found.value, error, self.level)
        return found.value, max(low, bounds[0]), min(high, bounds[1])

    def _rank(self, cause: int, horizon: float | None, risk: Floats) -> None:
        """C and AUC, pairs within groups."""
        for metric, estimator, measure in self._rankings(self.panel, cause, horizon, risk):
            method = JACKKNIFE if metric == "harrell_c" else KNOWN_WEIGHTS
            self._say(
                cause, horizon, metric, estimator, partial(self._jackknife, self.panel, measure, (0.0, 1.0)), method
            )

    def _rankings(
        self, panel: Panel, cause: int, horizon: float | None, risk: Floats
    ) -> list[tuple[str, str, Callable[[], Measured]]]:
        rows, groups = panel.rows, panel.groups

        def checked(measure: Callable[[], Measured]) -> Measured:
            if self._late_entry:
                raise Undefined(self._late_entry)
            if horizon is not None:
                require_follow_up(panel.outcome, horizon)
            return measure()

        def harrell() -> Measured:
            return checked(lambda: harrell_c(rows, risk, cause, horizon=horizon, groups=groups))

        def uno() -> Measured:
            return checked(lambda: uno_c(rows, risk, cause, horizon=horizon, groups=groups, g=self._g))

        found = [("harrell_c", "within_fold_pairs", harrell), ("uno_c", "ipcw_within_fold_pairs", uno)]
        if horizon is not None:
            day = horizon

            def area() -> Measured:
                return checked(lambda: auc(rows, risk, cause, horizon=day, groups=groups, g=self._g))

            found.append(("auc", "ipcw_cumulative_dynamic", area))
        return found

    def _analytic(
        self, panel: Panel, cause: int, horizon: float | None
    ) -> list[tuple[str, str, Callable[[], Measured], tuple[float, float]]]:
        """What some patients get: metric, estimator, value with its influences, and the values that are possible."""
        risk = risk_for(panel.curves, cause, horizon)
        found = [
            (metric, estimator, measure, (0.0, 1.0))
            for metric, estimator, measure in self._rankings(panel, cause, horizon, risk)
            if metric != "uno_c"
        ]
        if horizon is not None:
            choices: dict[str, Any] = {"horizon": horizon, "weights": panel.weights, "g": self._g}
            found.append(("brier", "ipcw", lambda: brier(panel.rows, risk, cause, **choices), (0.0, np.inf)))
            scaled = "ipcw_null_of_scored_data"
            found.append(("ipa", scaled, lambda: ipa(panel.rows, risk, cause, **choices), (-np.inf, 1.0)))
        return found

    def _mean(self, panel: Panel, cause: int, horizon: float, population: str, *, suppressed: bool = False) -> None:
        """Observed and mean predicted risk, and their ratio."""
        say = partial(self._say, cause, horizon, population=population, panel=panel, suppressed=suppressed)
        curve = self._curve if panel is self.panel or not panel.outcome.n else aalen_johansen(panel.outcome)

        def observed() -> Number:
            require_follow_up(panel.outcome, horizon)
            low, high = curve.interval(horizon, cause, self.level)
            return float(curve.at(horizon, cause)), float(low), float(high)

        def ratio() -> Number:
            require_follow_up(panel.outcome, horizon)
            # Weighted so that each patient counts once: the rows' own Aalen–Johansen is the patients'.
            mean = np.full(panel.outcome.n, np.average(panel.risk(cause, horizon), weights=panel.weights))
            return oe_ratio(panel.outcome, mean, cause, horizon=horizon, level=self.level)

        def mean_risk() -> Number:
            return float(np.average(panel.risk(cause, horizon), weights=panel.weights)), None, None

        say("observed_risk", self._oe, observed, "log(−log) scale, delta method", of_data=True)
        say("mean_risk", "mean_prediction", mean_risk, "")
        method = "log scale, standard error of the observed risk over it; predictions taken as known"
        say("oe_ratio", f"{self._oe}_over_mean_risk", ratio, method)

    def _squared(self, cause: int, horizon: float, null: Panel | None) -> None:
        """Brier and IPA, patients resampled."""
        panel, method = self.panel, f"{self.drawn.shape[1]} resamples of patients, normal"

        def interval(value: float, resampled: Floats) -> Number:
            if len(resampled) < 2:
                return value, None, None
            return value, *normal_interval(value, float(np.std(resampled, ddof=1)), self.level)

        def measured(which: Panel) -> Any:
            if self._late_entry:
                raise Undefined(self._late_entry)
            return accuracy(which, cause, horizon, self.drawn, self._g, self._g_drawn)

        def squared_error() -> Number:
            found = measured(panel)
            value, low, high = interval(found.brier, found.brier_resampled)
            return value, None if low is None else max(low, 0.0), high

        def gain() -> Number:
            found = measured(panel)
            return interval(found.ipa, found.ipa_resampled)

        def against() -> Number:
            if null is None or not np.array_equal(null.patients, panel.patients):
                raise Undefined("the null model was scored on other patients")
            found, other = measured(panel), measured(null)
            if other.brier <= 0:
                raise Undefined("the null model is never wrong")
            return interval(1 - found.brier / other.brier, 1 - found.brier_resampled / other.brier_resampled)

        self._say(cause, horizon, "brier", "ipcw", squared_error, method)
        self._say(cause, horizon, "ipa", "ipcw_null_of_scored_data", gain, method)
        if null is not None:
            self._say(cause, horizon, "ipa", "ipcw_null_out_of_fold", against, method)

    def _cox(self, cause: int) -> Number:
        panel = self.panel
        within = [h for h in self.horizons if h <= panel.outcome.right_days.max()] or list(self.horizons[:1])
        risk = panel.risk(cause, within[-1])
        self._require_slope(panel, cause, None, risk)
        return _line(cox_slope(self._rows, risk, cause, weights=panel.weights), self.level)

    def _weak(self, say: Callable[..., None], lines: Callable[[], PseudoCalibration]) -> None:
        """Slope and intercept by pseudo-observations."""
        say("calibration_slope", "pseudo_cloglog", lambda: _line(lines().slope, self.level), ROBUST)
        say("calibration_intercept", "pseudo_cloglog", lambda: _line(lines().intercept, self.level), ROBUST)

    def _lines(self, panel: Panel, cause: int, horizon: float, pseudo: Floats | None = None) -> PseudoCalibration:
        require_follow_up(panel.outcome, horizon)
        risk = panel.risk(cause, horizon)
        self._require_slope(panel, cause, horizon, risk)
        values = pseudo_values(panel.outcome, cause, [horizon])[:, 0] if pseudo is None else pseudo
        return pseudo_calibration(values[panel.of], risk, patients=panel.of, weights=panel.weights, curvature=True)

    def _require_slope(self, panel: Panel, cause: int, horizon: float | None, risk: Floats) -> None:
        if self._late_entry:
            raise Undefined(self._late_entry)
        if not panel.varies(risk):
            raise Undefined("not estimable: within a fold the prediction is the same for everybody")
        require_events(panel.outcome, cause, horizon)

    def _moderate(self, cause: int, horizon: float, pseudo: Floats, pseudo_drawn: Floats) -> None:
        """The calibration curve and its distances."""
        method = f"{self.drawn.shape[1]} resamples of patients, the whole step repeated, basic bootstrap"
        found: Smooth | None = None
        reason = self._late_entry
        try:
            require_follow_up(self.panel.outcome, horizon)
            if not reason:
                found = smooth(self.panel, cause, horizon, self.drawn, pseudo, pseudo_drawn)
        except Undefined as error:
            reason = str(error)
        for name in ("ici", "e50", "e90", "emax"):
            self._say(cause, horizon, name, self._smoother, partial(self._distance, found, name, reason), method)
        if found is not None:
            self._curve_rows(cause, horizon, found)

    def _distance(self, found: Smooth | None, name: str, reason: str) -> Number:
        if found is None:
            raise Undefined(reason)
        value = float(getattr(found.errors, name))
        if self.drawn.shape[1] < 2:
            return value, None, None
        return value, *distance_interval(value, found.resampled[name], self.level)

    def _curve_rows(self, cause: int, horizon: float, found: Smooth) -> None:
        resampled = found.observed_resampled
        band = [None] * len(found.predicted), [None] * len(found.predicted)
        if len(resampled) >= 2:
            tail = (1 - self.level) / 2
            low, high = np.nanquantile(resampled, [tail, 1 - tail], axis=0)
            band = np.clip(low, 0, 1).tolist(), np.clip(high, 0, 1).tolist()
        for predicted, observed, low, high in zip(found.predicted, found.observed, *band, strict=True):
            row = {"predicted": float(predicted), "observed": float(np.clip(observed, 0, 1)), "low": low, "high": high}
            self.tables["calibration_curve"].append({**self._stamp(cause, horizon), **row})

    def _histogram(self, cause: int, horizon: float, risk: Floats) -> None:
        """Patients by their predicted risk, averaged over repeats."""
        mean = self.panel.per_patient(risk * self.panel.weights)
        counts, edges = np.histogram(np.clip(mean, 0, 1), bins=np.linspace(0, 1, BINS + 1))
        for low, high, patients in zip(edges[:-1], edges[1:], counts, strict=True):
            row = {"from": round(float(low), 6), "to": round(float(high), 6), "patients": int(patients)}
            self.tables["risk_histogram"].append({**self._stamp(cause, horizon), **row})

    def _stamp(self, cause: int, horizon: float) -> dict[str, Any]:
        name = self.panel.outcome.causes[cause - 1]
        return {"design": self.design, "model": self.model, "cause": name, "horizon_days": horizon}


def _line(line: Line, level: float) -> Number:
    return line.value, *line.interval(level)
