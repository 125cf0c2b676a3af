"""Do risks come true: in the large, as a line, as a curve, over all of follow-up."""

from __future__ import annotations

from functools import cache, partial
from typing import final

import numpy as np

from training.censoring import Observing, Undefined
from training.conditional_censoring import METHOD
from training.judging.analytic import Analytic
from training.judging.place import ROBUST, Number, Place
from training.metrics.accuracy import ipa
from training.metrics.calibration import (
    Line,
    PseudoCalibration,
    cox_slope,
    ipcw_calibration,
    ipcw_oe,
    oe_ratio,
    pseudo_calibration,
    require_events,
)
from training.metrics.discrimination import royston_d
from training.metrics.hazard_calibration import (
    BINS,
    PoissonCalibration,
    as_far_as,
    d_calibration,
    own_survival,
    poisson_of,
)
from training.metrics.metric import GIVEN_PREDICTORS, Floats, Measured
from training.metrics.panel import Panel, Smooth, distance_interval, smooth
from training.nonparametric import AalenJohansen, pseudo_values

_SMOOTHED = ("ici", "e50", "e90", "emax")


def against(place: Place, null: Panel) -> None:
    """IPA once more, the null's risks those of the null family out of fold."""

    def gain(p: Panel, g: Observing | None) -> Measured:
        if not np.array_equal(null.patients[null.of], p.patients[p.of]):
            raise Undefined("the null model was scored on other patients")
        base = null.risk(place.cause, place.day)
        own = p.risk(place.cause, place.day)
        return ipa(p.rows, own, place.cause, horizon=place.day, weights=p.weights, g=g, null=base)

    place.jackknife(Analytic("ipa", "ipcw_null_out_of_fold", gain, weighted=True))


def mean(place: Place, curve: AalenJohansen, *, given: Observing | None = None) -> None:
    """Observed and mean predicted risk, and their ratio."""
    panel, level = place.panel, place.ledger.level

    def observed() -> Number:
        place.require(common_entry=False)
        low, high = curve.interval(place.day, place.cause, level)
        return float(curve.at(place.day, place.cause)), float(low), float(high)

    def expected() -> float:
        return float(np.average(place.risk, weights=panel.weights))

    def ratio() -> Number:
        place.require(common_entry=False)
        # Weighted so that each patient counts once: the rows' own Aalen–Johansen is the patients'.
        everybody = np.full(panel.outcome.n, expected())
        return oe_ratio(panel.outcome, everybody, place.cause, horizon=place.day, level=level)

    place.say("observed_risk", place.observed, observed, "log(−log) scale, delta method", of_data=True)
    place.say("mean_risk", "mean_prediction", lambda: (expected(), None, None))
    method = "log scale, standard error of the observed risk over it; predictions taken as known"
    place.say("oe_ratio", f"{place.observed}_over_mean_risk", ratio, method)
    if given is not None:

        def weighed() -> Number:
            place.require()
            found = ipcw_oe(place.rows, place.risk, place.cause, horizon=place.day, weights=panel.weights, g=given)
            error = panel.standard_error(found.total) / found.value
            low, high = Line(float(np.log(found.value)), error).interval(level)
            return found.value, float(np.exp(low)), float(np.exp(high))

        place.say("oe_ratio", f"ipcw_over_mean_risk{GIVEN_PREDICTORS}", weighed, f"log scale, {METHOD}")


def weak(place: Place, *, given: Observing | None = None) -> None:
    """Slope and intercept at a horizon, by pseudo-observations; given predictors by weighted likelihood."""
    panel = place.panel

    @cache
    def lines() -> PseudoCalibration:
        _require_slope(place)
        values = pseudo_values(panel.outcome, place.cause, [place.day])[:, 0]
        return pseudo_calibration(
            values[panel.of], place.risk, patients=panel.of, weights=panel.weights, curvature=True
        )

    place.say("calibration_slope", "pseudo_cloglog", lambda: place.line(lines().slope), ROBUST)
    place.say("calibration_intercept", "pseudo_cloglog", lambda: place.line(lines().intercept), ROBUST)
    if given is None:
        return

    @cache
    def weighed() -> tuple[Line, Line]:
        _require_slope(place)
        return ipcw_calibration(
            place.rows,
            place.risk,
            place.cause,
            horizon=place.day,
            weights=panel.weights,
            patients=panel.of,
            g=given,
        )

    name = f"ipcw_binomial_cloglog{GIVEN_PREDICTORS}"
    place.say("calibration_slope", name, lambda: place.line(weighed()[0]), f"{ROBUST}; {METHOD}")
    place.say("calibration_intercept", name, lambda: place.line(weighed()[1]), f"{ROBUST}; {METHOD}")


def whole_range(place: Place, until: float) -> None:
    """Slopes and separation over all of follow-up. until: the day whose risk is the linear predictor."""
    panel, cause, own = place.panel, place.cause, "partial likelihood"
    risk = panel.risk(cause, until)

    def cox() -> Number:
        _require_slope(place, risk)
        return place.line(cox_slope(place.rows, risk, cause, weights=panel.weights))

    @cache
    def poisson() -> PoissonCalibration:
        _require_slope(place, risk)
        return poisson_of(place.rows, panel.curves, cause, until=until, weights=panel.weights)

    def separation() -> Number:
        _require_slope(place, risk)
        d, error, _ = royston_d(place.rows, risk, cause, weights=panel.weights)
        return place.line(Line(d, error))

    if len(panel.outcome.causes) == 1:
        place.say("calibration_slope", "cox_on_log_hazard", cox, own)
    model = "Poisson likelihood; predictions taken as known"
    place.say("calibration_slope", "poisson_glm", lambda: place.line(poisson().slope), model)
    place.say("calibration_intercept", "poisson_glm", lambda: place.line(poisson().ratio), model)
    kind = "cox" if len(panel.outcome.causes) == 1 else "fine_gray"
    place.say("royston_d", f"{kind}_on_normal_scores", separation, own)


def spread(place: Place) -> None:
    """Whether survival of all causes at each patient's own time is spread evenly, and the share in each tenth."""
    panel, rows = place.panel, place.rows

    @cache
    def found() -> tuple[Floats, float]:
        place.require()
        seen = as_far_as(panel.curves, rows)
        survival = own_survival(panel.curves, seen.right_days)
        return d_calibration(survival, seen.event > 0, weights=panel.weights)

    def beyond_chance() -> Number:
        from scipy.stats import chi2

        return float(chi2.sf(found()[1], BINS - 1)), None, None

    place.say("d_calibration", "chi_squared_ten_bins", lambda: (found()[1], None, None))
    place.say("d_calibration_p", "chi_squared_ten_bins", beyond_chance)


@final
class Moderate:
    """The calibration curve of one place, made once for its distances and its rows."""

    def __init__(self, place: Place, drawn: Floats) -> None:
        """`drawn` (n, b): multiplicities."""
        self.place, self.resamples = place, drawn.shape[1]
        self._found: Smooth | None = None
        self._reason = ""
        try:
            place.require()
            self._found = smooth(place.panel, place.cause, place.day, drawn)
        except Undefined as error:
            self._reason = str(error)

    def say(self, smoother: str) -> None:
        """ICI, E50, E90, Emax, and the curve with its band."""
        method = (
            f"as far as the curves of {self.resamples} resamples of patients, each step repeated, are from the curve"
        )
        for name in _SMOOTHED:
            self.place.say(name, smoother, partial(self._distance, name), method)
        if self._found is not None:
            self._rows(self._found)

    def _distance(self, name: str) -> Number:
        if self._found is None:
            raise Undefined(self._reason)
        value = float(getattr(self._found.errors, name))
        if self.resamples < 2:
            return value, None, None
        return value, *distance_interval(value, self._found.noise[name], self.place.ledger.level)

    def _rows(self, found: Smooth) -> None:
        resampled = found.observed_resampled
        band: tuple[list[float | None], list[float | None]]
        band = [None] * len(found.predicted), [None] * len(found.predicted)
        if len(resampled) >= 2:
            tail = (1 - self.place.ledger.level) / 2
            low, high = np.nanquantile(resampled, [tail, 1 - tail], axis=0)
            band = np.clip(low, 0, 1).tolist(), np.clip(high, 0, 1).tolist()
        for predicted, observed, low, high in zip(found.predicted, found.observed, *band, strict=True):
            values = {"predicted": float(predicted), "observed": float(np.clip(observed, 0, 1))}
            self.place.row("calibration_curve", **values, low=low, high=high)


def _require_slope(place: Place, risk: Floats | None = None) -> None:
    place.require()
    if not place.panel.varies(place.risk if risk is None else risk):
        raise Undefined("not estimable: within a fold the prediction is the same for everybody")
    require_events(place.panel.outcome, place.cause, place.horizon)
