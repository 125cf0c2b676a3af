"""The twenty points a methodologist looks for in a calibration report, and what was not checked; read from evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from experiments.documents import groups, hospitals, rivals
from experiments.documents.page import Cell, Grid
from experiments.documents.subject import Subject


@final
@dataclass(frozen=True)
class _Check:
    """What may not have been done: whether it was, why not or how to have it done."""

    name: str
    done: Callable[[Subject], bool]
    otherwise: str


def _table(name: str) -> Callable[[Subject], bool]:
    return lambda subject: bool(subject.table(name))


def _design(name: str) -> Callable[[Subject], bool]:
    return lambda subject: bool(subject.evidence.find(design=name, model=subject.model))


def _population(name: str) -> Callable[[Subject], bool]:
    return lambda subject: bool(subject.evidence.find(population=name, model=subject.model))


def _measured(metric: str) -> Callable[[Subject], bool]:
    return lambda subject: any(subject.find(metric, cause=c, horizon_days=subject.primary) for c in subject.causes)


def _never(_: Subject) -> bool:
    return False


_REPEATS = 'try: [[designs]] design = "bootstrap", replicates = 200'
_ABSENT = "not in the evidence of this run"
_CHECKS: Final[tuple[_Check, ...]] = (
    _Check("Counts of patients and events", lambda subject: subject.n is not None, _ABSENT),
    _Check("Observed and expected", _measured("oe_ratio"), _ABSENT),
    _Check("Calibration slope", _measured("calibration_slope"), _ABSENT),
    _Check("Calibration curve", _table("calibration_curve"), _ABSENT),
    _Check("ICI", _measured("ici"), _ABSENT),
    _Check("Discrimination", _measured("auc"), _ABSENT),
    _Check("Brier score and IPA", _measured("ipa"), _ABSENT),
    _Check("External cohort", _design("external"), "no cohort from outside the registry was given to this run"),
    _Check("Temporal validation", _design("temporal"), 'not asked. try: [[designs]] design = "temporal"'),
    _Check(
        "Optimism-corrected values", _table("optimism"), f"not asked; every other design refits each step. {_REPEATS}"
    ),
    _Check(
        "Sites",
        lambda subject: bool(subject.populations("leave_one_site_out")) or subject.facts("sites") == 0,
        'not asked. try: [[designs]] design = "leave_one_site_out"',
    ),
    _Check(
        "Prediction interval for the next hospital",
        lambda subject: any(e.value is not None for e in subject.evidence.find(population=hospitals.NEXT)),
        "sites were not judged, or fewer than three have a number with an interval",
    ),
    _Check(
        "Subgroups",
        lambda subject: bool(groups.subgroups_of(subject)),
        'none named. try: subgroups = ["sex", …] in the study',
    ),
    _Check(
        "Calendar periods",
        lambda subject: bool(groups.periods_of(subject)),
        'none named. try: subgroups = [{ field = "…_date", bands = [2018, 2020], name = "period" }]',
    ),
    _Check("Stability of each patient's prediction", _table("stability"), f"not asked. {_REPEATS}"),
    _Check("Decision curve and net benefit", _table("decision_curve"), _ABSENT),
    _Check(
        "Comparator scores in the same patients",
        lambda subject: bool(rivals.comparators_of(subject)) or len(subject.causes) > 1,
        'none named. try: comparators = ["katagiri_revised", …] in the study',
    ),
    _Check("Sample size before fitting", _table("sample_size"), _ABSENT),
    _Check(
        "Complete-case contrast",
        _population("complete cases"),
        "every predictor is known of everybody, or it was not run",
    ),
    _Check(
        "Sensitivity to the censoring assumption",
        lambda subject: bool(subject.evidence.find(metric="censoring_c")),
        "not in the evidence of this run",
    ),
    _Check("Split proofs", _table("split_proofs"), _ABSENT),
    _Check("Findings against limits set before", _table("findings"), _ABSENT),
    _Check("Performance after release", _never, "a release holds no outcome of patients treated after it"),
)


def not_checked(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Name and reason of what this run did not look at."""
    return tuple((check.name, check.otherwise) for check in _CHECKS if not check.done(subject))


def unchecked(subject: Subject) -> Grid:
    """What was not checked, each with its reason. A check that did not run is not a check that passed."""
    rows = tuple((Cell(name), Cell(reason)) for name, reason in not_checked(subject))
    return Grid("Not checked", ("what", "why not"), rows)


# Number, what is looked for, the check behind it ("" is in every report), what must be declared for it.
_POINTS: Final[tuple[tuple[str, str, str], ...]] = (
    ("Model and data digests, n, events, censored, follow-up", "Counts of patients and events", ""),
    ("Horizons and why", "", "horizons"),
    ("Observed : expected with interval per horizon", "Observed and expected", ""),
    ("Intercept and slope with estimator", "Calibration slope", ""),
    ("Flexible curve with band and histogram, whole and in the range in use", "Calibration curve", ""),
    ("ICI, E50, E90 with interval", "ICI", ""),
    ("C and AUC", "Discrimination", ""),
    ("Brier score, IPA with its null", "Brier score and IPA", ""),
    ("Decision curve on declared thresholds", "Decision curve and net benefit", "thresholds"),
    ("Per site with prediction interval, per subgroup", "Prediction interval for the next hospital|Subgroups", ""),
    ("By calendar period", "Calendar periods", ""),
    ("Missing data and complete-case contrast", "Complete-case contrast", ""),
    ("Optimism-corrected values, and what was refitted", "Optimism-corrected values", ""),
    ("Stability", "Stability of each patient's prediction", ""),
    ("Sensitivity to the censoring assumption", "Sensitivity to the censoring assumption", ""),
    ("Comparator scores in the same patients", "Comparator scores in the same patients", ""),
    ("Conventions", "", ""),
    ("Verdict against limits set before, and who set them", "Findings against limits set before", "limits"),
    ("What was not checked", "", ""),
    ("Date and signer", "", ""),
)


_WHOLE: Final = (
    1,
    10,
    12,
    18,
)  # hold more than their checks: digests, the table of sites, the unknown values, the gate's verdict


def twenty_points(subject: Subject) -> Grid:
    """Where each point stands, and what of it was not done or not declared."""
    gaps = dict(not_checked(subject))
    rows = []
    for number, (words, checks, declared) in enumerate(_POINTS, 1):
        asked = [name for name in checks.split("|") if name]
        lacking = [f"{name}: {gaps[name]}" for name in asked if name in gaps]
        nothing = bool(asked) and len(lacking) == len(asked) and number not in _WHOLE
        if declared and subject.declared(declared).state == "missing":
            lacking.append(subject.declared(declared).text)
        state = "not done" if nothing else "in part" if lacking else "done"
        rows.append(
            (
                Cell(str(number)),
                Cell(words),
                Cell(state, state="" if state == "done" else "missing"),
                Cell("; ".join([f"section {number}", *lacking])),
            )
        )
    return Grid(
        "Twenty points", ("", "point", "state", "where, and what is lacking"), tuple(rows), name="twenty_points"
    )
