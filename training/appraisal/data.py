"""What the data can carry: enough events, values known, follow-up long enough, no patient on both sides."""

from __future__ import annotations

from typing import Any, Final

from training.appraisal.finding import Answer, Check, answer, listed, not_applicable
from training.appraisal.reading import CHOSEN, Reading, by, said
from training.disclosure import LEAST

LEAST_PER_PARAMETER: Final = 10
LEAST_PER_CANDIDATE: Final = 25
MOST_MISSING: Final = 0.40
MOST_PER_DAY: Final = 5.0
MOST_WHOLE_MONTHS: Final = 0.30
MOST_CENSORING_C: Final = 0.70
MOST_OUTSIDE: Final = 0.10


def _events_per_parameter(reading: Reading) -> Answer:
    rows = [row for row in _development(reading) if row["recipe"] == reading.fact("chosen")]
    events = (reading.fact("events") or {}).get(reading.cause)
    if not rows or events is None:
        return not_applicable("the parameters of the chosen recipe were not counted")
    parameters = int(rows[0]["parameters"])
    each = events / max(parameters, 1)
    return answer(
        each < LEAST_PER_PARAMETER, f"{events} events for {parameters} candidate parameters: {each:.1f} events each."
    )


def _development_size(reading: Reading) -> Answer:
    rows = [row for row in _development(reading) if row["recipe"] == reading.fact("chosen")]
    if not rows:
        return not_applicable("no criterion of sample size was reckoned for the chosen recipe")
    missed = [row for row in rows if not row["met"]]
    if missed:
        worst = max(missed, key=lambda row: row["needed_n"] or 0)
        return answer(
            True, f"{worst['needed_n']} patients are needed ({worst['target']}), {worst['available']} are there."
        )
    most = max(row["needed_n"] for row in rows)
    return answer(False, f"{len(rows)} criteria are met: {most} patients are needed, {rows[0]['available']} are there.")


def _evaluation_size(reading: Reading) -> Answer:
    rows = [row for row in reading.table("sample_size") if row.get("purpose") == "evaluation"]
    rows = [row for row in rows if row["cause"] == reading.cause]
    if not rows:
        return not_applicable("no criterion of precision was reckoned")
    missed = [row for row in rows if not row["met"]]
    if missed:
        worst = max(missed, key=lambda row: row["needed_n"] or 0)
        about = f"{worst['target']} {by(worst['horizon_days'])}"
        return answer(True, f"{worst['needed_n']} patients are needed ({about}), {worst['available']} are there.")
    return answer(False, f"{len(rows)} criteria are met by {rows[0]['available']} patients.")


def _many_candidates(reading: Reading) -> Answer:
    rows = [row for row in _development(reading) if row["parameters"]]
    events = (reading.fact("events") or {}).get(reading.cause)
    tried = len(reading.table("tuning"))
    if not rows or events is None:
        return not_applicable("the candidate parameters were not counted")
    if tried <= 1:
        return not_applicable("nothing was chosen: one recipe with fixed settings")
    widest = max(rows, key=lambda row: row["parameters"])
    each = events / widest["parameters"]
    sentence = (
        f"{widest['parameters']} candidates ({widest['recipe']}) and {tried} settings tried: {each:.1f} events each."
    )
    return answer(each < LEAST_PER_CANDIDATE, sentence)


def _missing(reading: Reading) -> Answer:
    shares = {
        # Of few that are missing, and not told, nine.
        str(row["field"]): (LEAST - 1 if row["missing"] is None else row["missing"]) / row["of"]
        for row in reading.table("table_one")
        if row["site"] == "all" and row["of"]
    }
    if not shares:
        return not_applicable("no table says how much is missing")
    much = sorted((name for name, share in shares.items() if share > MOST_MISSING), key=lambda name: -shares[name])
    worst = max(shares, key=lambda name: shares[name])
    if not much:
        return answer(False, f"most is missing of {worst}: {shares[worst]:.0%}.")
    return answer(True, f"not known: {listed([f'{name} {shares[name]:.0%}' for name in much])} of patients.")


def _complete_cases(reading: Reading) -> Answer:
    lines, off = [], []
    # C over the whole range too: few are complete, and at an early horizon fewer than ten of them may have died.
    asked = (("harrell_c", "C", None), ("harrell_c", "C", reading.horizon_days))
    for metric, word, horizon in (*asked, ("oe_ratio", "observed/expected", reading.horizon_days)):
        everyone = reading.number(metric, horizon)
        complete = reading.number(metric, horizon, population="complete cases")
        if everyone is None or complete is None or everyone.value is None:
            continue
        lines.append(
            f"{word} {by(horizon)} {said(complete)} in {complete.n or 'the'} complete, {everyone.value:.2f} in all"
        )
        if complete.low is not None and complete.high is not None:
            off.append(not complete.low <= everyone.value <= complete.high)
    if not off:
        return not_applicable(reading.reason("harrell_c", None, population="complete cases"))
    return answer(any(off), f"{'; '.join(lines)}.")


def _follow_up(reading: Reading) -> Answer:
    median = (reading.fact("follow_up") or {}).get("median_days")
    horizons = reading.horizons
    if median is None or not horizons:
        return not_applicable("the median follow-up cannot be told")
    long = [horizon for horizon in horizons if horizon > median]
    sentence = f"median follow-up (reverse Kaplan–Meier) {median:g} d, horizons to {horizons[-1]:g} d"
    if long:
        sentence += f"; longer than it: {listed([f'{one:g} d' for one in long])}"
    return answer(bool(long), f"{sentence}.")


def _tied_times(reading: Reading) -> Answer:
    ties = reading.fact("ties")
    if not ties:
        return not_applicable("ties of the follow-up were not counted")
    crowded, months = ties["events_per_day"], ties["whole_months_share"]
    counted = f"{ties['events']} events on {ties['days']} days ({crowded:.1f} a day)"
    sentence = f"{counted}, {months:.0%} of follow-up in whole months."
    return answer(crowded > MOST_PER_DAY or months > MOST_WHOLE_MONTHS, sentence)


def _censoring(reading: Reading) -> Answer:
    found = [one for one in reading.evidence.estimates if one.metric == "censoring_c"]
    measured = [one for one in found if one.value is not None]
    if not measured:
        return not_applicable(found[0].reason if found else "no model of the censoring time was made")
    one = measured[0]
    weights = "conditional on the predictors" if reading.fact("headline_weights") == "given_predictors" else "marginal"
    sentence = f"the predictors rank the censoring time with C {said(one)}; headline weights are {weights}."
    return answer((one.value or 0) >= MOST_CENSORING_C, sentence)


def _extrapolation(reading: Reading) -> Answer:
    beyond = reading.fact("extrapolation")
    if not beyond:
        return not_applicable("one site, or none named: nobody to compare with")
    share = beyond["outside"] / max(beyond["n"], 1)
    how_many = f"{share:.1%}" if beyond["outside"] else f"fewer than {beyond['least']}"
    sentence = f"{how_many} of {beyond['n']} patients have a value that no other site had seen"
    rows = [row for row in reading.table("extrapolation") if row["outside"] and row["n"]]
    if rows:
        worst = max(rows, key=lambda row: row["outside"] / row["n"])
        sentence += f"; most at {worst['site']}, {worst['outside'] / worst['n']:.0%}"
    return answer(share > MOST_OUTSIDE, f"{sentence}.")


def _without_evidence(reading: Reading) -> Answer:
    populations = list(reading.populations())
    if not populations:
        return not_applicable("no site or subgroup was asked for")
    told = {
        one.population
        for one in reading.evidence.estimates
        if one.model == CHOSEN and one.metric == "harrell_c" and one.value is not None and one.cause == reading.cause
    }
    silent = [name for name in populations if name not in told]
    if not silent:
        return answer(False, f"all {len(populations)} sites and subgroups have events enough to be judged.")
    return answer(True, f"{len(silent)} of {len(populations)} sites and subgroups cannot be judged: {listed(silent)}.")


def _both_sides(reading: Reading) -> Answer:
    # A draw of the bootstrap teaches and judges the same patients on purpose: that is what measures the optimism.
    proofs = [row for row in reading.table("split_proofs") if row["design"] != "bootstrap"]
    if not proofs:
        return not_applicable("no proof of the splits was written")
    shared = [f"{row['design']} {row['label']}" for row in proofs if row["overlap"]]
    if shared:
        return answer(True, f"{len(shared)} of {len(proofs)} splits have patients on both sides: {listed(shared)}.")
    return answer(False, f"{len(proofs)} splits, none with a patient on both sides.")


def _suspicions(reading: Reading) -> Answer:
    screened = reading.fact("screened")
    if not screened:
        return not_applicable("no predictor was screened for what it knows of the outcome")
    rows = reading.table("suspicions")
    if not rows:
        return answer(False, f"{screened} predictors were screened, none looks as if it knew the outcome.")
    return answer(True, " ".join(str(row["sentence"]) for row in rows))


def _development(reading: Reading) -> list[dict[str, Any]]:
    rows = [dict(row) for row in reading.table("sample_size") if row.get("purpose") == "development"]
    return [row for row in rows if row["cause"] == reading.cause and row["needed_n"] is not None]


DATA: Final = (
    Check(
        "PM001",
        "Few events per parameter",
        f"fewer than {LEAST_PER_PARAMETER} events per candidate parameter",
        "Peduzzi et al. 1995, J Clin Epidemiol 48:1503; a floor only, see PM002",
        "Coefficients are too extreme and predictions do not hold in new patients.",
        "Offer fewer predictors or a simpler recipe, or wait for more events.",
        _events_per_parameter,
    ),
    Check(
        "PM002",
        "Too few patients to develop",
        "any of Riley's development criteria not met by the chosen recipe",
        "Riley et al. 2019, Stat Med 38:1276; 2020, BMJ 368:m441",
        "Optimism and an overall risk that is not known well enough are to be expected before any fit.",
        "spinecast plan says how many parameters the patients carry; require_sample_size = true stops such a study.",
        _development_size,
    ),
    Check(
        "PM003",
        "Too few patients to judge",
        "any of Riley's evaluation criteria not met",
        "Riley et al. 2022, Stat Med 41:1280; 2024, BMJ 384:e074821",
        "Calibration cannot be told from miscalibration: the intervals are too wide to reassure anyone.",
        "Read intervals, not values; pool with another registry before relying on calibration.",
        _evaluation_size,
    ),
    Check(
        "PM004",
        "Many candidates for the events",
        f"something was chosen, with fewer than {LEAST_PER_CANDIDATE} events per candidate column of the widest recipe",
        "Heinze, Wallisch & Dunkler 2018, Biom J 60:431 (selection is stable from 25 events per candidate on)",
        "What was chosen would be another thing in another sample.",
        "Fix recipe and predictors from the literature instead of choosing them in these data.",
        _many_candidates,
    ),
    Check(
        "PM005",
        "Much missing",
        f"a predictor not known in more than {MOST_MISSING:.0%} of the patients it applies to",
        "Jakobsen et al. 2017, BMC Med Res Methodol 17:162",
        "The model leans on imputations; who is tested is itself a sign of how ill they are.",
        "Leave the predictor out in a sensitivity study, and ask why it was not measured.",
        _missing,
    ),
    Check(
        "PM006",
        "Complete cases judged otherwise",
        "C or observed/expected of all patients outside the interval of the complete cases",
        "TRIPOD+AI item 11; house limit",
        "Performance hangs on how missing values were handled, or the complete cases are other patients.",
        "Report both; look at who is complete in Table 1.",
        _complete_cases,
    ),
    Check(
        "PM007",
        "Follow-up shorter than a horizon",
        "a horizon beyond the median follow-up (reverse Kaplan–Meier)",
        "Schemper & Smith 1996, Control Clin Trials 17:343; house limit",
        "The risk at that horizon rests on few patients and on the assumption about those lost.",
        "Shorten the horizon, or wait.",
        _follow_up,
    ),
    Check(
        "PM008",
        "Tied or rounded times",
        f"more than {MOST_PER_DAY:g} events a day, or more than {MOST_WHOLE_MONTHS:.0%} of follow-up in whole months",
        "Therneau & Grambsch 2000, §3.3; house limits",
        "Times were rounded before they came here: the order within a month is not known, and horizons blur.",
        "Ask the registry for days; horizons should not lie within the rounding of each other.",
        _tied_times,
    ),
    Check(
        "PM009",
        "Censoring related to predictors",
        f"out-of-sample C of a model for the censoring time of at least {MOST_CENSORING_C:g}",
        "house limit, measured on public tables where the year of entry is a predictor",
        "Marginal censoring weights then pay a model for letting late entrants die.",
        "Read the figures whose weights are conditional on the predictors; leave the date of entry out of them.",
        _censoring,
    ),
    Check(
        "PM010",
        "Extrapolation beyond observed predictors",
        f"more than {MOST_OUTSIDE:.0%} of patients with a value outside all that the other sites had seen",
        "house limit; PROBAST+AI domain 1 (applicability)",
        "A new hospital's patients will be answered by extrapolation.",
        "Compare Table 1 by site; narrow the eligibility or the plausible ranges of the contract.",
        _extrapolation,
    ),
    Check(
        "PM011",
        "A subgroup without evidence",
        "a site or subgroup in which C could not be measured",
        "TRIPOD+AI items 14 and 23a; suppression below ten events",
        "Nobody knows how the model does there.",
        "Say so where it is used; gather more patients of the group.",
        _without_evidence,
    ),
    Check(
        "PM012",
        "Patients on both sides of a split",
        "any patient among those who teach and those who are judged",
        "PROBAST+AI evaluation 4.5",
        "Performance is then partly memory.",
        "Nothing here may be believed until the cause is found: two ids of one person, most often.",
        _both_sides,
    ),
    Check(
        "PM029",
        "A predictor that may know the outcome",
        "a level, a gap or a value that tells who outlives whom beyond chance at 0.0001, or a name that speaks of it",
        "house limits of the leakage screen; Kaufman et al. 2012, ACM TKDD 6:15",
        "What was written down after time zero, or because of the outcome, is not known when the model is asked.",
        "Ask when and why the field was filled in; set known_at in the contract, or leave the field out.",
        _suspicions,
    ),
)
