"""`tables/README.md`: what each table beside the documents holds, where it is shown, what its columns mean.

An auditor finds from a figure to its numbers and back without asking anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

TABLES: Final[Mapping[str, str]] = {
    "baseline": "The chosen model's baseline hazard and survival.",
    "calibration_curve": "Observed against predicted risk, with its pointwise interval.",
    "case_mix": "Who taught the model beside who was judged later.",
    "coefficients": "The chosen model's effects.",
    "comparator_differences": "The model minus each published score, same patients, same resamples.",
    "comparator_ranges": "A score's results with missing inputs at their lowest, middle and highest points.",
    "comparator_readings": "A score's results as judged, and with one assumption of its mapping read otherwise.",
    "comparators": "The published scores: source, who could be scored, what was assumed.",
    "decision_curve": "Net benefit of treating above each threshold.",
    "estimates": "Every number of the evidence; a document leads here by `id`.",
    "extrapolation": "Patients with a value that no other site had.",
    "findings": "What was asked of the evidence, and what it answered.",
    "flow": "Who left the cohort, and why.",
    "importance": "Each column's share of what the model's trees gained.",
    "members": "Families of the super learner, their weights and out-of-fold losses.",
    "observed_curve": "Incidence in the cohort, without a model.",
    "optimism": "What each number loses on patients who did not teach the model.",
    "proportionality": "Whether hazards stay in proportion over time.",
    "recalibration": "Whether cross-validation asked for a recalibration, and which.",
    "refits": "Each development that judged the model: patients, recipe elected, inner scores.",
    "risk_by_outcome": "Predicted risks of those with and those without the event by the horizon.",
    "risk_histogram": "Patients by predicted risk.",
    "sample_size": "Patients that published criteria ask for, and how many there are.",
    "site_performance": "The model at each site that was left out of its development.",
    "sites": "Patients and outcomes by site.",
    "split_proofs": "That nobody stood on both sides of a split.",
    "stability": "How far refits of a bootstrap move a patient's prediction, by predicted risk.",
    "subgroup_gaps": "A subgroup's result against everybody else's.",
    "table_one": "Who was in the data, by site.",
    "tuning": "Settings tried, and what the inner folds said.",
    "windows": "Who was assessed in each visit's window.",
}
"""What each table of the evidence holds."""

COLUMNS: Final[Mapping[str, str]] = {
    "S0": "baseline survival, probability",
    "against": "whom the level is compared with",
    "apparent": "on the patients who taught the model",
    "applied": "whether it acts",
    "assessed": "patients",
    "assumed": "what the mapping takes for granted",
    "assumptions": "what the mapping takes for granted",
    "at_highest": "with missing inputs at their highest points",
    "at_lowest": "with missing inputs at their lowest points",
    "at_middle": "with missing inputs in the middle",
    "at_risk": "patients still followed and free of events",
    "available": "patients there are",
    "cause": "of the event",
    "censored": "patients",
    "chi_squared": "test statistic",
    "chosen": "recipe elected, or whether this one was",
    "code": "of the question; `spinecast appraise --explain CODE`",
    "column": "encoded predictor",
    "comparator": "published score",
    "complete": "patients with every input of the score",
    "corrected": "apparent less optimism",
    "criterion": "of sample size",
    "cumulative_hazard": "of the baseline, no unit",
    "design": "how the number was obtained",
    "df": "degrees of freedom",
    "died": "patients",
    "died_without_recovery": "patients",
    "difference": "of means or shares, in standard deviations of both sides together",
    "direction": "whether more points mean more or less risk",
    "drift": "change of the log odds per interval's place",
    "error": "standard error",
    "estimate": "log hazard ratio, or log odds, per `per`",
    "estimator": "how the number is computed",
    "events": "of the cause, patients",
    "event": "patients",
    "field": "of the contract",
    "fold": "number",
    "folds": "inner folds that were finished",
    "from": "predicted risk, probability",
    "from_days": "days",
    "gain": "share of the loss, or of all gains",
    "gap": "level minus the rest, on `scale`",
    "group": "field that divides the patients",
    "hazard_ratio": "per `per`",
    "hazard_ratio_first_interval": "in the first interval",
    "hazard_ratio_high": "upper end of its interval",
    "hazard_ratio_last_interval": "in the last interval",
    "hazard_ratio_low": "lower end of its interval",
    "high": "upper end of the interval",
    "horizon_days": "days; empty: the whole range",
    "id": "under which documents name the number",
    "incidence": "probability",
    "interval_width_median_days": "days",
    "judged": "median or share among those judged",
    "kind": "of the field",
    "known_alive_throughout": "patients",
    "label": "in words",
    "left": "patients",
    "level": "of a category or group; of an interval: its confidence; of a recalibration: factor on the hazard",
    "loss": "mean weighted squared error out of fold",
    "low": "lower end of the interval",
    "mean": "predicted risk, probability",
    "mean_absolute_difference": "of refits' risks to the model's, probability",
    "mean_width": "of the range that missing inputs leave, points",
    "member": "family of the super learner",
    "met": "whether it is",
    "method": "of the interval",
    "metric": "what is measured",
    "missing": "patients of whom it is not known",
    "model": "recipe or score judged; `chosen`: the election included",
    "moved": "patients whose points change",
    "multiplicity": "how p is adjusted",
    "n": "patients",
    "n_test": "patients judged",
    "n_train": "patients who taught",
    "needed_n": "patients the criterion asks for",
    "net_benefit": "true positives per patient, less false positives weighed by the odds of `threshold`",
    "not_scored": "patients of whom the score says nothing",
    "observed": "risk, probability",
    "of": "patients the percentage is of",
    "optimism": "mean over refits, on `scale`",
    "outcome": "by the horizon",
    "outside": "patients",
    "overlap": "patients on both sides",
    "p": "of a test",
    "p25": "predicted risk, probability",
    "p2_5": "of the refits' risks, mean over the patients, probability",
    "p5": "predicted risk, probability",
    "p50": "predicted risk, probability",
    "p75": "predicted risk, probability",
    "p95": "predicted risk, probability",
    "p97_5": "of the refits' risks, mean over the patients, probability",
    "p_holm": "p adjusted by Holm's method",
    "parameters": "candidates, encoded columns",
    "patients": "count",
    "per": "step of the predictor, in `unit`",
    "points": "of the score",
    "population": "whom the number is about",
    "power": "on the hazard relative to the cohort's",
    "predicted": "risk, probability",
    "predictor": "field or derived predictor",
    "published": "what the paper prints: risks or an order",
    "purpose": "development or evaluation",
    "r2": "Cox–Snell R² expected",
    "reading": "as judged, or the assumption read otherwise",
    "reason": "of the state, or for leaving",
    "recipe": "of the study",
    "recovered": "patients",
    "recovery_first_seen": "patients",
    "refits": "behind the number",
    "remaining": "patients",
    "repeat": "number",
    "rest": "everybody else's result",
    "scale": "on which differences are taken",
    "score": "inner score, lower is better",
    "sentence": "the answer with its numbers",
    "settings": "of the recipe",
    "share": "of all",
    "site": "hospital",
    "source": "where it is published",
    "standard_error": "of the number",
    "state": "measured, not estimable, suppressed …; of a trial or finding: how it ended",
    "statistic": "median, a quartile, or count",
    "supported": "encoded columns that the patients suffice for",
    "target": "of the criterion",
    "taught": "median or share among those who taught the model",
    "test_digest": "SHA-256 of the ids judged",
    "threshold": "risk from which one treats, probability; of a finding: from when on it counts",
    "time_days": "days",
    "title": "in words",
    "to": "predicted risk, probability",
    "to_days": "days",
    "train_digest": "SHA-256 of the ids who taught",
    "treat_all": "net benefit of treating everybody",
    "treat_none": "net benefit of treating nobody",
    "trial": "number",
    "unit": "UCUM",
    "until_days": "days that the paper's figures reach",
    "value": "the number, in `unit` where the row has one; risks and shares as fractions",
    "visit": "name",
    "weight": "of the site or member",
    "widest": "range that missing inputs leave, points",
    "with_range": "patients with a missing input",
}
"""What each column of the evidence's tables means, with its unit."""

_SCORES: Final = "score_"
Shown = tuple[str, str]


def meaning(column: str) -> str | None:
    """What a column of the evidence means; None where nobody has said."""
    if column.startswith(_SCORES):
        return f"inner score of `{column.removeprefix(_SCORES)}`, lower is better"
    return COLUMNS.get(column)


def guide(evidence: Mapping[str, Sequence[str]], shown: Sequence[str], places: Mapping[str, Sequence[Shown]]) -> bytes:
    """The page.

    evidence  name → columns of the evidence's tables; shown: names of those that only the pages have.
    places    name → (document, section) where it is shown.
    """
    lines = [
        "# The tables beside the documents",
        "",
        "Comma-separated, UTF-8, numbers exactly as in the evidence, empty where there is none. Text that a",
        "spreadsheet would compute has an apostrophe in front. Risks are fractions: 0.12 is 12 %. Times are days.",
        "",
    ]
    for name, columns in evidence.items():
        lines += [f"## {name}.csv", "", TABLES.get(name, "A table of the evidence.")]
        lines += [f"Shown in: {_where(places[name])}.", ""] if name in places else [""]
        lines += [f"- `{column}`: {meaning(column) or 'see its name'}" for column in columns]
        lines += [""]
    lines += ["## Tables of the pages", "", "As printed there, with heads in words and exact numbers.", ""]
    lines += [f"- {name}.csv: {_where(places[name])}" for name in shown]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _where(places: Sequence[Shown]) -> str:
    return "; ".join(dict.fromkeys(f"{page}, “{section}”" for page, section in places))
