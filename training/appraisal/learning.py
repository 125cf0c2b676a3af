"""How the model was learned: optimism, instability, choices that another deal of the folds would not make."""

from __future__ import annotations

from typing import Final

from training.appraisal.finding import Answer, Check, answer, listed, not_applicable
from training.appraisal.reading import Reading, by
from training.evidence import Estimate
from training.metrics.metric import CORRECTED, GIVEN_PREDICTORS

MOST_OPTIMISM: Final = 0.05
MOST_INSTABILITY: Final = 0.05
LEAST_AGREEING: Final = 0.50
ALPHA: Final = 0.05


def _optimism(reading: Reading) -> Answer:
    if reading.design is None:
        return not_applicable("the model was judged on its own patients alone")
    parts, most = [], []
    for metric, word, horizon in (("harrell_c", "C", None), ("ipa", "IPA", reading.horizon_days)):
        apparent, honest = reading.number(metric, horizon, design="apparent"), reading.number(metric, horizon)
        if apparent is None or honest is None or apparent.value is None or honest.value is None:
            continue
        own = _weighted_alike(reading, apparent, honest)
        if own is None:
            continue
        most.append(own - honest.value)
        parts.append(f"{word} {by(horizon)} {own:.3f} on its own patients, {honest.value:.3f} on others")
    if not most:
        return not_applicable(reading.reason("harrell_c", None, design="apparent"))
    return answer(max(most) > MOST_OPTIMISM, f"{'; '.join(parts)}.")


def _weighted_alike(reading: Reading, apparent: Estimate, honest: Estimate) -> float | None:
    """The apparent number with the weights of the honest one, where that has not the headline's."""
    plain = honest.estimator.removesuffix(CORRECTED)
    if apparent.estimator.endswith(GIVEN_PREDICTORS) == plain.endswith(GIVEN_PREDICTORS):
        return apparent.value
    where = {"metric": apparent.metric, "cause": apparent.cause, "horizon_days": apparent.horizon_days}
    same = reading.evidence.find(design="apparent", model=apparent.model, estimator=plain, population="all", **where)
    return next((one.value for one in same), None)


def _instability(reading: Reading) -> Answer:
    one = reading.number("mape", reading.horizon_days, design="bootstrap")
    if one is None or one.value is None:
        return not_applicable(reading.reason("mape", reading.horizon_days, design="bootstrap"))
    where = {"cause": reading.cause, "horizon_days": reading.horizon_days, "design": "bootstrap"}
    most = reading.evidence.find(metric="mape_p95", **where)
    sentence = (
        f"a prediction {by(reading.horizon_days)} moves by {one.value:.3f} on average when the model is made again"
    )
    sentence += "".join(f", by less than {each.value:.3f} for 95 of 100 patients" for each in most)
    return answer(one.value > MOST_INSTABILITY, f"{sentence}.")


def _unsteady_choice(reading: Reading) -> Answer:
    refits, chosen = reading.table("refits"), reading.fact("chosen")
    if len(reading.fact("recipes") or ()) < 2 or not refits:
        return not_applicable("there was one recipe, so none was chosen")
    same = sum(row["chosen"] == chosen for row in refits)
    return answer(same < LEAST_AGREEING * len(refits), f"{chosen} was chosen in {same} of {len(refits)} refits.")


def _one_deal(reading: Reading) -> Answer:
    repeats = {row["repeat"] for row in reading.table("refits") if row["design"] == "nested_cross_validation"}
    if not repeats:
        return not_applicable("no cross-validation was made")
    times = "once" if len(repeats) == 1 else f"{len(repeats)} times"
    return answer(len(repeats) < 2, f"the folds were dealt {times}, from the study's seed.")


def _time_trends(reading: Reading) -> Answer:
    rows = [row for row in reading.table("proportionality") if row["cause"] == reading.cause]
    own = [row for row in rows if row["p_holm"] is not None]
    if not own:
        return not_applicable("the time trends of effects were not tested: too few events, or late entry")
    whole = next((row for row in rows if row["p_holm"] is None), None)
    trending = sorted((row for row in own if row["p_holm"] < ALPHA), key=lambda row: float(row["p_holm"]))
    overall = "" if whole is None else f"; all together p = {whole['p']:.2g}"
    if not trending:
        least = min(own, key=lambda row: float(row["p_holm"]))
        return answer(False, f"least p after Holm {least['p_holm']:.2g} ({least['predictor']}){overall}.")
    names = listed([f"{row['predictor']} (p = {row['p_holm']:.2g} after Holm)" for row in trending])
    return answer(True, f"effects change with time: {names}{overall}.")


LEARNING: Final = (
    Check(
        "PM013",
        "Apparent far above corrected",
        f"C or IPA on the model's own patients more than {MOST_OPTIMISM:g} above that on others",
        "Riley et al. 2019, Stat Med 38:1276 (criterion ii: apparent against adjusted R²)",
        "The model has learned these patients rather than the disease.",
        "More penalty, fewer predictors, fewer settings tried; never quote the apparent figure.",
        _optimism,
    ),
    Check(
        "PM014",
        "Unstable predictions",
        f"mean absolute prediction error over bootstrap refits above {MOST_INSTABILITY:g} at the primary horizon",
        "Riley & Collins 2023, Biom J 65:2200302 (the measure); house limit",
        "Another sample of the same patients would have given this patient another answer.",
        "Show the answer's uncertainty; a simpler recipe, or more patients.",
        _instability,
    ),
    Check(
        "PM015",
        "The choice of recipe is not steady",
        f"the released recipe chosen in fewer than {LEAST_AGREEING:.0%} of the refits",
        "house limit",
        "The recipes are equally good here; which one is released is chance.",
        "Fix one recipe in the study, or blend them (super_learner).",
        _unsteady_choice,
    ),
    Check(
        "PM016",
        "One deal of the folds",
        "cross-validation not repeated",
        "Steyerberg 2019, Clinical Prediction Models, ch. 17; house limit",
        "How much a figure owes to the deal of the folds, that is to the seed, is not known.",
        'Set repeats = 2 or more in the design "nested_cross_validation".',
        _one_deal,
    ),
    Check(
        "PM017",
        "Non-proportional hazards",
        f"p below {ALPHA:g} after Holm's correction for any predictor (score test of x·g(t), g = 1 − Kaplan–Meier)",
        "Grambsch & Therneau 1994, Biometrika 81:515; Holm 1979, Scand J Stat 6:65",
        "A Cox model then averages an effect over time; early and late horizons are predicted too alike.",
        "Let a cox with time_varying, or pooled_logistic, stand for election; look at calibration at each horizon.",
        _time_trends,
    ),
)
