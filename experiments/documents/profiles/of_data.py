"""Facts that a run knows about its data: where from, when, who, what was seen, what was not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from experiments.documents import cohort
from experiments.documents.profiles.answers import Answer
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, plain, said

_OUTSIDE = ("temporal", "external")
_FAR = 0.1  # of a standard deviation: what Austin 2009 calls a difference worth a look


def designs_run(subject: Subject) -> list[str]:
    """Designs that hold estimates of the model, headline first, without the apparent one."""
    found = dict.fromkeys(e.design for e in subject.evidence.estimates if e.model == subject.model)
    return [name for name in found if name not in ("apparent", "data")]


def _purpose(subject: Subject) -> Answer:
    endpoint = str(subject.description.get("title") or subject.study.get("title") or "an event")
    by = ", ".join(days(h) for h in subject.horizons)
    outside = [said("design", name) for name in designs_run(subject) if name in _OUTSIDE]
    kind = "Development and internal validation" + (f", and {' and '.join(outside)} evaluation" if outside else "")
    return Answer.measured(f"{kind} of a multivariable prediction model: {endpoint} by {by}.", "In one sentence")


def _objectives(subject: Subject) -> Answer:
    made = ", ".join(said("design", name) for name in designs_run(subject))
    if not made:
        return Answer.missing("no design judged the model in this run")
    return Answer.measured(f"Development, and evaluation by: {made}.", "Provenance")


def _source(subject: Subject) -> Answer:
    digest = (subject.facts("digests") or {}).get("data")
    registry = subject.study.get("registry")
    if not digest:
        return Answer.missing("the digest of the data is not in the evidence")
    synthetic = " Synthetic patients." if subject.facts("synthetic") else ""
    return Answer.measured(f"Registry “{registry}”, extract SHA-256 {digest}.{synthetic}", "Provenance")


def _dates(subject: Subject) -> Answer:
    dates = subject.facts("dates")
    if not isinstance(dates, Mapping) or not dates:
        return Answer.missing("the table holds times and no calendar dates")
    first, last, end = (dates.get(name) for name in ("first_time_zero", "last_time_zero", "last_contact"))
    follow = subject.facts("follow_up")
    median = follow.get("median_days") if isinstance(follow, Mapping) else follow
    seen = f" Median follow-up {count(round(median))} days (reverse Kaplan–Meier)." if median is not None else ""
    return Answer.measured(f"Time zero from {first} to {last}; last contact in {end}.{seen}", "Cohort")


def _sites(subject: Subject) -> Answer:
    rows = subject.table("sites")
    if not rows:
        return Answer.void("the registry names no sites") if subject.facts("sites") == 0 else _no("sites")
    listed = "; ".join(f"{row['site']}: {count(row['n'])}" for row in rows)
    return Answer.measured(f"{len(rows)} sites; patients: {listed}.", "Cohort")


def _eligibility(subject: Subject) -> Answer:
    flow = subject.table("flow")
    if not flow:
        return _no("the flow of the cohort")
    steps = "; ".join(f"{row['reason']} ({count(row['left'])} left)" for row in flow[1:])
    return Answer.measured(f"{count(flow[0]['remaining'])} in the extract. {steps}.", "Cohort")


def _treatments(subject: Subject) -> Answer:
    arms = dict.fromkeys(
        e.population for e in subject.evidence.estimates if e.population.startswith("treatment") and e.n is not None
    )
    sizes = {e.population: e.n for e in subject.evidence.estimates if e.population in arms and e.n is not None}
    shares = "; ".join(f"{plain(name)}: {count(n)}" for name, n in sizes.items())
    reads = "may read" if subject.study.get("treatment_conditional") else "does not read"
    return Answer.measured(
        f"The model {reads} what the index treatment fixes.{f' Patients: {shares}.' if shares else ''}", "How it works"
    )


def _preparation(subject: Subject) -> Answer:
    digest = (subject.facts("digests") or {}).get("contract")
    if not digest:
        return Answer.missing("the digest of the contract is not in the evidence")
    return Answer.measured(
        "Every table was held against one contract (kinds, units, ranges, levels, moment of knowing), the same for all "
        f"sites and groups; rows that broke it would have ended the run. Contract SHA-256 {digest}.",
        "Predictors and units",
    )


def _outcome(subject: Subject) -> Answer:
    title, zero = subject.description.get("title"), subject.description.get("time_zero")
    if not title:
        return Answer.missing("the endpoint's description is not with the study")
    seen = subject.description.get("reading") or ""
    by = ", ".join(days(h) for h in subject.horizons)
    return Answer.measured(f"{title}, from {zero}, by {by}. {seen}", "Outcome and how it is seen")


def _missing_data(subject: Subject) -> Answer:
    if not subject.table("table_one"):
        return _no("Table 1")
    worst = "; ".join(f"{label}: {k} of {of}" for label, k, of in cohort.most_missing(subject, most=5))
    return Answer.measured(
        f"Most often unknown: {worst or 'nothing'}. Rules for missing values are learned inside each resample; no row "
        "is dropped for an unknown predictor.",
        "Missing data",
    )


def _flow(subject: Subject) -> Answer:
    if not subject.table("flow") or subject.n is None:
        return _no("the flow of the cohort")
    events = ", ".join(f"{count(k)} {subject.label(cause)}" for cause, k in subject.events.items())
    censored = subject.facts("censored")
    return Answer.measured(f"{count(subject.n)} analysed: {events}, {count(censored)} censored.", "Cohort")


def _characteristics(subject: Subject) -> Answer:
    if not subject.table("table_one"):
        return _no("Table 1")
    fields = len({row["field"] for row in subject.table("table_one")})
    return Answer.measured(
        f"Table 1 of {fields} fields, altogether and by site, with what is unknown of each; small cells not printed.",
        "Cohort",
    )


def _shift(subject: Subject) -> Answer:
    if not [name for name in designs_run(subject) if name in _OUTSIDE]:
        return Answer.void("the model is evaluated on the patients of its own registry; Table 1 describes both")
    rows = subject.table("case_mix")
    if not rows:
        return Answer.missing("a table of the development and evaluation cohorts is not in the evidence")
    far = [row for row in rows if row.get("difference") is not None and abs(float(row["difference"])) > _FAR]
    words = f"{len(rows)} rows of development beside evaluation; {len(far)} lie more than {_FAR:g} deviations apart."
    return Answer.measured(words, "Calibration report, 11")


def _setting_differs(subject: Subject) -> Answer:
    outside = [said("design", name) for name in designs_run(subject) if name in _OUTSIDE]
    if outside:
        return Answer.measured(f"Judged apart by: {', '.join(outside)}; the same contract held for both.", "Provenance")
    return Answer.measured(
        "None in setting, eligibility, outcome or predictors: development and evaluation use one registry, and "
        "leave-one-site-out shows the differences between its hospitals."
        if "leave_one_site_out" in designs_run(subject)
        else "None: development and evaluation use one registry.",
        "Sites",
    )


def _analysed(subject: Subject) -> Answer:
    refits = subject.table("refits")
    if not refits:
        return _no("the table of refits")
    by_design: dict[str, list[Mapping[str, Any]]] = {}
    for row in refits:
        by_design.setdefault(str(row["design"]), []).append(row)
    sizes = "; ".join(
        f"{said('design', name)}: {len(rows)} refits on {_reach(rows, 'n_train')}, judged on {_reach(rows, 'n_test')}"
        for name, rows in by_design.items()
    )
    events = ", ".join(f"{count(k)} {subject.label(cause)}" for cause, k in subject.events.items())
    return Answer.measured(f"Final fit: {count(subject.n)} patients, {events}. {sizes}.", "Tuning")


def _reach(rows: Sequence[Mapping[str, Any]], side: str) -> str:
    told = [row[side] for row in rows if row[side] is not None]
    return f"{count(min(told, default=None))} to {count(max(told, default=None))}"


def _representativeness(subject: Subject) -> Answer:
    groups = dict.fromkeys(
        e.population
        for e in subject.evidence.estimates
        if e.population.startswith(("sex=", "age=", "region=")) and e.n is not None
    )
    demographic = [
        row for row in subject.table("table_one", site="all") if str(row["field"]).startswith(("age", "sex"))
    ]
    if not groups and not demographic:
        return Answer.missing("neither age nor sex is among the fields of Table 1 or the subgroups")
    named = "; ".join(dict.fromkeys(str(row.get("label") or row["field"]) for row in demographic))
    return Answer.measured(
        f"Distribution of {named or 'age and sex'} in Table 1; {len(groups)} demographic subgroups judged.", "Cohort"
    )


def _demographic_inputs(subject: Subject) -> Answer:
    listed = ("age", "sex", "race", "ethnic", "language", "gender", "orientation", "birth", "insurance", "payer")
    used = [field.label for field in subject.predictors if any(part in field.name.lower() for part in listed)]
    words = ", ".join(used) if used else "none"
    return Answer.measured(f"Demographic or social variables among the inputs: {words}.", "Predictors and units")


def _no(what: str) -> Answer:
    return Answer.missing(f"{what}: not in the evidence of this run")


DATA_FACTS: Final[Mapping[str, Callable[[Subject], Answer]]] = {
    "purpose": _purpose,
    "objectives": _objectives,
    "source": _source,
    "dates": _dates,
    "sites": _sites,
    "eligibility": _eligibility,
    "treatments_read": _treatments,
    "preparation": _preparation,
    "outcome": _outcome,
    "missing_data": _missing_data,
    "flow": _flow,
    "characteristics": _characteristics,
    "shift": _shift,
    "setting_differs": _setting_differs,
    "analysed": _analysed,
    "representativeness": _representativeness,
    "demographic_inputs": _demographic_inputs,
}
"""Name → the fact, read from a subject."""
