"""Facts that a run knows about its model: how it was made and judged, what came out, how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from experiments.documents import anatomy, groups, hospitals
from experiments.documents.profiles.answers import Answer
from experiments.documents.profiles.of_data import designs_run
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, decimal, number, plain, said
from training.evidence import Estimate

_SITES = "leave_one_site_out"


def _candidates(subject: Subject) -> Answer:
    names = "; ".join(field.label for field in subject.predictors)
    chosen = f"{len(subject.predictors)} predictors: {names}." if names else ""
    if not chosen:
        return Answer.missing("the study names no predictors")
    return Answer.measured(f"{chosen} None was selected by its p-value.", "Predictors and units")


def _definitions(subject: Subject) -> Answer:
    if not subject.predictors:
        return Answer.missing("the contract holds no predictor")
    moments = ", ".join(sorted({str(field.known_at) for field in subject.predictors}))
    return Answer.measured(
        f"Kind, unit, range or levels and moment of knowing ({moments}) of each predictor.", "Predictors and units"
    )


def _sample_size(subject: Subject) -> Answer:
    rows = subject.table("sample_size")
    if not rows:
        return Answer.missing("sample size: not in the evidence of this run")
    short = [str(row["criterion"]) for row in rows if row.get("met") is False]
    verdict = f"not met: {', '.join(map(plain, short))}" if short else "all met"
    return Answer.measured(f"{len(rows)} criteria computed before any fit; {verdict}.", "Sample size")


def _partition(subject: Subject) -> Answer:
    proofs = subject.table("split_proofs")
    if proofs:
        both = sum(int(row.get("overlap") or 0) for row in proofs if row["design"] != "bootstrap")
        return Answer.measured(
            f"{len(proofs)} splits, each with digests of its training and test rows; {both} patients on both sides "
            "(but for bootstraps, which judge their own teachers by design).",
            "Provenance",
        )
    refits = subject.table("refits")
    if not refits:
        return Answer.missing("neither split proofs nor refits are in the evidence of this run")
    return Answer.measured(f"{len(refits)} splits with their sizes; no digests of their rows.", "Tuning")


def _form(subject: Subject) -> Answer:
    columns = {str(row.get("column")) for name in ("coefficients", "importance") for row in subject.table(name)}
    if not columns:
        return Answer.missing("neither coefficients nor importance of the fitted columns are in the evidence")
    return Answer.measured(
        f"{len(columns)} encoded columns of {len(subject.predictors)} predictors.", "What the model is"
    )


def _building(subject: Subject) -> Answer:
    trials = len(subject.table("tuning"))
    if not subject.facts("chosen"):
        return Answer.missing("the chosen recipe is not in the evidence of this run")
    made = ", ".join(said("design", name) for name in designs_run(subject))
    return Answer.measured(
        f"{anatomy.mechanism(subject)}; {count(trials)} settings tried in the final fit. Every step is refitted in "
        f"every resample of: {made}.",
        "Tuning",
    )


def _site_parameters(subject: Subject) -> Answer:
    spread = [e for e in subject.evidence.find(metric="tau", design=_SITES, model=subject.model) if e.value is not None]
    if spread:
        listed = "; ".join(f"{said('estimator', e.estimator)} {number(e).full}" for e in _primary(subject, spread))
        return Answer.measured(f"Spread between sites, τ: {listed}.", "Sites")
    if subject.populations(_SITES):
        return Answer.measured("Each site judged by a model that never saw it; they are not pooled.", "Sites")
    return _not_by_site(subject)


def _measures(subject: Subject) -> Answer:
    used = {(e.metric, e.estimator) for e in subject.evidence.estimates if e.model == subject.model}
    if not used:
        return Answer.missing("no estimate of the model is in the evidence of this run")
    names = ", ".join(sorted({said("metric", metric) for metric, _ in used}))
    return Answer.measured(f"{names}; each with its estimator. Recipes compared on the same resamples.", "Calibration")


def _computed(subject: Subject) -> Answer:
    digest = subject.identity.get("model_digest")
    if not digest:
        return Answer.missing("the bundle is not yet written")
    return Answer.measured(f"By the model of digest {digest}, code and libraries as stated.", "Provenance")


def _imbalance(subject: Subject) -> Answer:
    return Answer.measured(
        "No class was re-weighted, over- or under-sampled, so nothing had to be recalibrated.", "Tuning"
    )


def _groups(subject: Subject) -> Answer:
    judged = groups.subgroups_of(subject)
    if not judged:
        return Answer.missing('subgroups: not judged in this run. try: subgroups = ["sex", …] in the study')
    gaps = subject.table("subgroup_gaps")
    widest = groups.widest_gap(subject)
    said_gap = f" Widest gap: {widest}." if widest else ""
    return Answer.measured(
        f"{len(judged)} subgroups with n and events, small ones suppressed; {len(gaps)} gaps.{said_gap}", "Subgroups"
    )


def _output(subject: Subject) -> Answer:
    causes = ", ".join(subject.label(cause) for cause in subject.causes)
    by = ", ".join(days(h) for h in subject.horizons)
    return Answer.measured(
        f"Probability (0 to 1) of: {causes}; by {by}, and the curve between. No threshold is applied, no class given.",
        "In one sentence",
    )


def _code(subject: Subject) -> Answer:
    source = (subject.facts("digests") or {}).get("source")
    if not source:
        return Answer.missing("the digest of the code is not in the evidence")
    libraries: Mapping[str, Any] = subject.facts("libraries") or {}
    versions = ", ".join(f"{name} {version}" for name, version in libraries.items())
    return Answer.measured(f"spinecast, GPL-3.0-or-later, source SHA-256 {source}; {versions}.", "Provenance")


def _whole_model(subject: Subject) -> Answer:
    digest = subject.identity.get("model_digest")
    bundle = f" The bundle (digest {digest}) predicts for others." if digest else ""
    if subject.table("coefficients") and subject.table("baseline"):
        return Answer.measured(f"Coefficients and baseline in full.{bundle}", "What the model is")
    if digest:
        return Answer.measured(f"The chosen family has no equation.{bundle}", "What the model is")
    return Answer.missing("neither coefficients nor a bundle")


def _performance(subject: Subject) -> Answer:
    parts = performance_words(subject, subject.design)
    if not parts:
        return Answer.missing("no performance of the model is in the evidence of this run")
    return Answer.measured(
        f"{subject.label(subject.causes[0])} by {days(subject.primary)}, {said('design', subject.design)}: {parts}.",
        "Calibration",
    )


def _performance_by_site(subject: Subject) -> Answer:
    if not subject.populations(_SITES):
        return _not_by_site(subject)
    cause, worst = subject.causes[0], hospitals.worst_site(subject, subject.causes[0], subject.primary)
    words = [f"{len(subject.populations(_SITES))} sites, each left out once"]
    if worst is not None:
        words.append(f"worst site: observed : expected {number(worst).full} ({worst.population.removeprefix('site=')})")
    ahead = hospitals.next_site(subject, "oe_ratio", cause, subject.primary)
    words.append(
        f"next hospital: observed : expected {number(ahead).full}"
        if ahead is not None and ahead.value is not None
        else "no interval for the next hospital"
    )
    return Answer.measured("; ".join(words) + ".", "Sites")


def _limits_found(subject: Subject) -> Answer:
    findings = subject.table("findings")
    if not findings:
        return Answer.missing("findings: not in the evidence of this run")
    found = [f"{row['code']} {row['title']}" for row in findings if row.get("state") == "found"]
    return Answer.measured(
        f"{len(findings)} checks, {len(found)} findings{': ' if found else ''}{'; '.join(found)}.", "Findings"
    )


def _unknown_inputs(subject: Subject) -> Answer:
    unknown = sum(1 for field in subject.predictors if field.unknown_allowed)
    return Answer.measured(
        f"{unknown} of {len(subject.predictors)} inputs may be unknown: the answer is averaged over what they could "
        "be, and names them. A value outside the contract's range, unit or levels is refused, never cut.",
        "Missing data",
    )


def _external(subject: Subject) -> Answer:
    found = subject.evidence.find(design="external", model=subject.model)
    if not found:
        return Answer.missing(
            "no external cohort was judged. try: spinecast external, with a cohort that taught nothing"
        )
    return Answer.measured(f"External cohort: {performance_words(subject, 'external')}.", "Calibration")


def _external_groups(subject: Subject) -> Answer:
    found = subject.evidence.find(design="external", model=subject.model)
    judged = {e.population for e in found if "=" in e.population and not e.population.startswith("site=")}
    if not judged:
        return Answer.missing("no subgroup of an external cohort was judged")
    return Answer.measured(f"{len(judged)} subgroups of the external cohort.", "Subgroups")


def _c_statistic(subject: Subject) -> Answer:
    found = subject.find("harrell_c", cause=subject.causes[0])
    if found is None:
        return Answer.missing("no C-statistic is in the evidence of this run")
    pooled = subject.evidence.find(metric="harrell_c", design=_SITES, estimator="reml_hartung_knapp")
    within = "; within sites, pooled by random effects, under Sites" if pooled else ""
    return Answer.measured(f"Headline: {said('estimator', found.estimator)}, all patients{within}.", "Sites")


def performance_words(subject: Subject, design: str) -> str:
    """The headline metrics of a design at the primary horizon, in words; "" where none is measured."""
    parts = []
    for metric in ("oe_ratio", "calibration_slope", "auc", "ipa"):
        found = subject.find(metric, cause=subject.causes[0], horizon_days=subject.primary, design=design)
        if found is not None and found.value is not None:
            parts.append(f"{said('metric', metric)} {number(found).full}")
    return "; ".join(parts)


def _primary(subject: Subject, found: list[Estimate]) -> list[Estimate]:
    here = [e for e in found if e.cause in ("", subject.causes[0]) and e.horizon_days in (None, subject.primary)]
    return here or found[:3]


def _not_by_site(subject: Subject) -> Answer:
    if not subject.facts("sites"):
        return Answer.void("the registry names no sites")
    return Answer.missing("sites were not judged: leave-one-site-out was not run")


def _always(words: str) -> Callable[[Subject], Answer]:
    return lambda subject: Answer.void(words)


def _stability(subject: Subject) -> Answer:
    mape = subject.find("mape", cause=subject.causes[0], horizon_days=subject.primary, design="bootstrap")
    if mape is None or mape.value is None:
        return Answer.missing("refits to see how far one patient's prediction moves: not in the evidence of this run")
    return Answer.measured(
        f"Mean absolute prediction error over refits: {decimal(100 * mape.value, 1)} percentage points.", "Stability"
    )


MODEL_FACTS: Final[Mapping[str, Callable[[Subject], Answer]]] = {
    "candidates": _candidates,
    "definitions": _definitions,
    "sample_size": _sample_size,
    "partition": _partition,
    "form": _form,
    "building": _building,
    "site_parameters": _site_parameters,
    "measures": _measures,
    "computed": _computed,
    "imbalance": _imbalance,
    "groups": _groups,
    "output": _output,
    "code": _code,
    "whole_model": _whole_model,
    "performance": _performance,
    "performance_by_site": _performance_by_site,
    "limits_found": _limits_found,
    "unknown_inputs": _unknown_inputs,
    "external": _external,
    "external_groups": _external_groups,
    "c_statistic": _c_statistic,
    "stability": _stability,
    "no_update": _always("no model was updated after an evaluation in this run; a new version is a new run"),
    "no_local_data": _always("a release holds no outcome of patients treated after it; they need local monitoring"),
}
"""Name → the fact, read from a subject."""
