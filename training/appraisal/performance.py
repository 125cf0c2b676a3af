"""How well the model does: anything to predict at all, too good to be true, calibrated, better than what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from training.appraisal.finding import Answer, Check, answer, listed, not_applicable
from training.appraisal.reading import Reading, by, place, said
from training.evidence import Estimate
from training.metrics.metric import GIVEN_PREDICTORS

CEILING: Final = {"harrell_c": 0.85, "auc": 0.90, "ipa": 0.50}
# So that a high value of few events is not taken for a leak.
_SURE_OF: Final = {"harrell_c": 0.80, "auc": 0.85, "ipa": 0.40}
_WORDS: Final = {"harrell_c": "C", "auc": "AUC", "ipa": "IPA"}
_DELTAS: Final = {"delta_c": "C", "delta_ipa": "IPA"}
NEAR_ONE: Final = (0.9, 1.1)
SLOPE_LIMITS: Final = (0.8, 1.2)
OE_LIMITS: Final = (0.8, 1.25)
MOST_ICI: Final = 0.20


def _nothing_to_predict(reading: Reading) -> Answer:
    c = reading.number("harrell_c", None)
    gains = reading.numbers("ipa", cause=reading.cause)
    if c is None or c.low is None or not gains:
        return not_applicable(reading.reason("harrell_c", None))
    # Where there is nothing to predict a cross-validated figure varies √2 times as much as its interval says: each
    # pair of folds is counted twice (experiments.benchmarks null measures it).
    lowest = _value(c) - 2**0.5 * (_value(c) - c.low)
    gaining = [one for one in gains if one.low is not None and one.low > 0]
    parts = [f"IPA {by(one.horizon_days)} {said(one)}" for one in gains]
    return answer(lowest <= 0.5 and not gaining, f"C {said(c)}; {'; '.join(parts)}.")


def _no_better_than_null(reading: Reading) -> Answer:
    one = reading.number("ipa", reading.horizon_days)
    if one is None or one.low is None:
        return not_applicable(reading.reason("ipa", reading.horizon_days))
    return answer(
        one.low <= 0, f"IPA {by(reading.horizon_days)} {said(one)} beside {reading.fact('null') or 'the null'}."
    )


def _too_good(reading: Reading) -> Answer:
    measured = [one for metric in CEILING for one in reading.numbers(metric)]
    if not measured:
        return not_applicable(reading.reason("harrell_c", None))
    above = [one for one in measured if _above_ceiling(one)]
    if not above:
        best = {metric: max(reading.numbers(metric), key=_value, default=None) for metric in CEILING}
        parts = [f"{_WORDS[metric]} {said(one)}" for metric, one in best.items() if one is not None]
        return answer(False, f"at most {', '.join(parts)}.")
    worst = [f"{_WORDS[one.metric]} {said(one)} {place(one, reading.cause)}" for one in above]
    return answer(True, f"better than published models are: {listed(worst)}; some predictor may know the outcome.")


def _above_ceiling(one: Estimate) -> bool:
    sure = one.low is None or one.low > _SURE_OF[one.metric]
    return _value(one) > CEILING[one.metric] and sure


def _slope(reading: Reading) -> Answer:
    return _near_one(reading, "calibration_slope", "slope", SLOPE_LIMITS)


def _mean_calibration(reading: Reading) -> Answer:
    return _near_one(reading, "oe_ratio", "observed/expected", OE_LIMITS)


def _near_one(reading: Reading, metric: str, word: str, limits: tuple[float, float]) -> Answer:
    """The value within limits at the primary horizon, and nowhere an interval wholly beyond 0.9 to 1.1."""
    measured = reading.numbers(metric)
    primary = reading.number(metric, reading.horizon_days)
    if not measured:
        return not_applicable(reading.reason(metric, reading.horizon_days))
    off = [one for one in measured if _clearly_off(one)]
    if primary is not None and not limits[0] <= _value(primary) <= limits[1] and primary not in off:
        off.insert(0, primary)
    shown = off or ([primary] if primary is not None else measured[:1])
    return answer(bool(off), f"{word} {listed([f'{said(one)} {place(one, reading.cause)}' for one in shown])}.")


def _clearly_off(one: Estimate) -> bool:
    return one.low is not None and one.high is not None and (one.high < NEAR_ONE[0] or one.low > NEAR_ONE[1])


def _observed(reading: Reading, one: Estimate) -> float | None:
    """The observed risk of those whom the number is about: of a part of the cohort, O/E times their mean risk."""
    where = {"cause": one.cause, "horizon_days": one.horizon_days, "population": "all"}
    own = {"design": one.design, "model": one.model, **where}
    ratios = reading.evidence.find(metric="oe_ratio", **own)
    ratio = next((each.value for each in ratios if not each.estimator.endswith(GIVEN_PREDICTORS)), None)
    mean = next((each.value for each in reading.evidence.find(metric="mean_risk", **own)), None)
    if ratio is not None and mean is not None:
        return ratio * mean
    data = [reading.evidence.find(metric="observed_risk", design=design, **where) for design in (one.design, "data")]
    return next((each.value for found in data for each in found if each.value), None)


def _curve(reading: Reading) -> Answer:
    shares = []
    for one in reading.numbers("ici"):
        observed = _observed(reading, one)
        if observed:
            shares.append((_value(one) / observed, one, observed))
    if not shares:
        return not_applicable(reading.reason("ici", reading.horizon_days))
    share, worst, observed = max(shares, key=lambda each: each[0])
    sentence = f"ICI {worst.value:.3f} {place(worst, reading.cause)}, {share:.0%} of the observed risk {observed:.3f}."
    return answer(share > MOST_ICI, sentence)


def _comparators(reading: Reading) -> Answer:
    rows = [row for row in reading.table("comparator_differences") if _is_asked(row, reading)]
    if not rows:
        return not_applicable("no published score stands beside the model")
    scores = {row["comparator"] for row in rows}
    as_good = [row for row in rows if row["value"] <= 0]
    if as_good:
        shown = listed([f"{row['comparator']} {_DELTAS[row['metric']]} {_gain(row)}" for row in as_good])
        return answer(True, f"model minus score {by(reading.horizon_days)}: {shown}.")
    nearest = {metric: min((r for r in rows if r["metric"] == metric), key=_gained, default=None) for metric in _DELTAS}
    parts = [
        f"{_DELTAS[metric]} {_gain(row)} ({row['comparator']})" for metric, row in nearest.items() if row is not None
    ]
    return answer(False, f"better than {len(scores)} scores {by(reading.horizon_days)}; nearest: {', '.join(parts)}.")


def _is_asked(row: Mapping[str, Any], reading: Reading) -> bool:
    """A difference at the primary horizon under the design that counts, of the headline's weights."""
    place = (row["design"], row["cause"], row["horizon_days"])
    given = row["estimator"].endswith("_given_predictors")
    weights = row["metric"] == "delta_c" or given == (reading.fact("headline_weights") == "given_predictors")
    there = place == (reading.design, reading.cause, reading.horizon_days) and row["value"] is not None
    return bool(there and row["metric"] in _DELTAS and weights)


def _gained(row: Mapping[str, Any]) -> float:
    return float(row["value"])


def _gain(row: Mapping[str, Any]) -> str:
    interval = "" if row["low"] is None else f" ({row['low']:+.3f} to {row['high']:+.3f})"
    return f"{row['value']:+.3f}{interval}"


def _value(one: Estimate | None) -> float:
    return float("-inf") if one is None or one.value is None else one.value


PERFORMANCE: Final = (
    Check(
        "PM018",
        "Nothing to predict",
        "the interval of C, widened by √2, reaches 0.5, and at no horizon does that of IPA lie above 0",
        "by definition; Bengio & Grandvalet 2004, JMLR 5:1089 (variance of cross-validation)",
        "The predictors say nothing about this outcome: every answer is the average.",
        "Do not release; ask whether the outcome, the join of the tables or the predictors are what they seem.",
        _nothing_to_predict,
    ),
    Check(
        "PM019",
        "No better than the null",
        "the interval of IPA at the primary horizon reaches 0",
        "Kattan & Gerds 2018, Diagn Progn Res 2:7 (IPA); the gate's rule",
        "The average risk of all patients would serve as well.",
        "The gate refuses such a run; more patients, or better predictors.",
        _no_better_than_null,
    ),
    Check(
        "PM020",
        "Too good to be true",
        "C above 0.85, AUC above 0.90 or IPA above 0.50, with the interval above 0.80, 0.85 or 0.40",
        "house limit; published models of these patients reach AUC 0.79 to 0.85 (Bindels 2025; Fenn 2024)",
        "A predictor is the outcome in disguise, or was written down after it; the model will fail on the ward.",
        "spinecast inspect names suspect columns; look at the largest coefficients and at when each field is known.",
        _too_good,
    ),
    Check(
        "PM021",
        "Calibration slope off",
        "slope outside 0.8 to 1.2 at the primary horizon, or its interval anywhere wholly outside 0.9 to 1.1",
        "Riley et al. 2019, Stat Med 38:1276 (shrinkage of at least 0.9); outer limits of the house",
        "Below one, high risks are too high and low ones too low; above one, the reverse.",
        "More penalty; recalibrate on patients who did not teach the model.",
        _slope,
    ),
    Check(
        "PM022",
        "Observed and expected apart",
        "outside 0.8 to 1.25 at the primary horizon, or its interval anywhere wholly outside 0.9 to 1.1",
        "Van Calster et al. 2019, BMC Med 17:230 (mean calibration); house limits",
        "Every answer is too high, or too low, on average.",
        "Recalibrate in the large; look for a change of treatment or of registration.",
        _mean_calibration,
    ),
    Check(
        "PM023",
        "Calibration curve off",
        f"ICI above {MOST_ICI:.0%} of the observed risk at any horizon",
        "Austin & Steyerberg 2019, Stat Med 38:4051 (the measure); house limit",
        "Risks are wrong by a sizeable share of what they are about.",
        "Look at the calibration curve with its band; a more flexible recipe, or recalibration.",
        _curve,
    ),
    Check(
        "PM024",
        "A published score does as well",
        "C or IPA of the model not above that of a published score, raw or recalibrated, on the same patients",
        "PROBAST+AI; van Calster et al. 2019, BMC Med 17:230",
        "A score that a surgeon can add up at the bedside would serve as well.",
        "Use the score, or say what the model adds: calibration, other horizons, missing inputs.",
        _comparators,
    ),
)
