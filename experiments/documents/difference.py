"""What changed between two versions of a model: identity, data, study, predictors, numbers, findings, facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, final

from experiments.declared import FACTS, Declared
from experiments.documents.subject import Subject
from experiments.documents.words import count, days, number, plain, said
from training.evidence import Estimate, Evidence

_METRICS: Final = ("oe_ratio", "calibration_slope", "ici", "harrell_c", "auc", "brier", "ipa")
# Parts of a study that say nothing of their own: they are compared as data, predictors or words.
_ELSEWHERE: Final = ("name", "predictors", "endpoint_description", "declared")


@final
@dataclass(frozen=True)
class Edition:
    """One version as its bundle holds it: all that a reader of the card could compare."""

    reference: str
    model_digest: str
    run: str
    study: Mapping[str, Any]
    evidence: Evidence
    decision: Mapping[str, Any]
    declared: Declared

    @property
    def subject(self) -> Subject:
        """What the documents would ask."""
        return Subject(self.evidence, self.study, {}, self.decision, (), self.declared)


@final
@dataclass(frozen=True)
class Change:
    """One thing that is not as it was.

    group     "identity", "data", "study", "predictors", "numbers", "findings" or "declared".
    old, new  in words; "–" where there was, or is, nothing.
    shift     new − old, of a number.
    estimate  id of both estimates, of a number.
    """

    group: str
    what: str
    old: str
    new: str
    shift: float | None = None
    estimate: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def differences(old: Edition, new: Edition) -> tuple[Change, ...]:
    """Everything that changed, in the order in which it is read; empty where nothing did."""
    return (
        *_pairs("identity", _identity(old), _identity(new)),
        *_pairs("data", _data(old), _data(new)),
        *_pairs("study", _study(old), _study(new)),
        *_predictors(old, new),
        *_numbers(old, new),
        *_findings(old, new),
        *_pairs("declared", _declared(old), _declared(new)),
    )


def summary(old: Edition, changes: Sequence[Change]) -> str:
    """The changes in a few lines, for page one."""
    if not changes:
        return f"Nothing against {old.reference}."
    parts = []
    for group in ("data", "study", "predictors", "findings", "declared"):
        own = [one for one in changes if one.group == group]
        if own:
            first = "; ".join(f"{one.what} {one.old} → {one.new}" for one in own[:2])
            parts.append(f"{group}: {first}" + (f" and {len(own) - 2} more" if len(own) > 2 else ""))
    by = days(old.subject.primary)
    moved = [one for one in changes if one.group == "numbers" and one.shift is not None and one.what.endswith(by)]
    if moved:
        parts.append("; ".join(f"{one.what} {one.old} → {one.new}" for one in moved[:3]))
    same = not any(one.what == "model digest" for one in changes)
    told = ". ".join(part.rstrip(".") for part in parts) or "identity alone"
    return f"Against {old.reference}{', the same model' if same else ''}: {told}."


def as_text(old: Edition, new: Edition, changes: Sequence[Change]) -> str:
    """The changes for a terminal: a heading for each group, old → new."""
    lines = [f"{old.reference} → {new.reference}: {len(changes)} changes"]
    for group in dict.fromkeys(one.group for one in changes):
        lines += ["", group]
        for one in (change for change in changes if change.group == group):
            shift = "" if one.shift is None else f"  ({one.shift:+.3f})".replace("-", "\u2212")
            lines.append(f"  {one.what}: {one.old} → {one.new}{shift}")
    if any(one.group == "numbers" for one in changes):
        lines += ["", "Numbers of two runs are of their own patients: a difference between them is not paired."]
    return "\n".join(lines)


def _pairs(group: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, "–"), new.get(name, "–")
        if before != after:
            yield Change(group, plain(name), before, after)


def _identity(edition: Edition) -> dict[str, str]:
    digests = edition.evidence.facts.get("digests") or {}
    return {
        "model digest": edition.model_digest,
        "run": edition.run,
        "chosen recipe": plain(edition.evidence.facts.get("chosen") or "–"),
        "code": str(digests.get("source") or "–"),
        "contract": str(digests.get("contract") or "–"),
        **{
            f"library {name}": str(version) for name, version in (edition.evidence.facts.get("libraries") or {}).items()
        },
        "released by": str(edition.decision.get("by") or "–"),
        "why": str(edition.decision.get("reason") or "–"),
    }


def _data(edition: Edition) -> dict[str, str]:
    subject = edition.subject
    follow = subject.facts("follow_up")
    median = follow.get("median_days") if isinstance(follow, Mapping) else follow
    sites = subject.facts("sites")
    held = {
        "extract": str((subject.facts("digests") or {}).get("data") or "–"),
        "patients": "–" if subject.n is None else count(subject.n),
        **{f"events, {subject.label(cause)}": count(events) for cause, events in subject.events.items()},
        "censored": "–" if subject.facts("censored") is None else count(subject.facts("censored")),
        "median follow-up, days": "–" if median is None else count(round(median)),
        "sites": count(len(sites) if isinstance(sites, Mapping | list | tuple) else sites or 0),
    }
    return held | {f"left: {row['reason']}": count(row["left"]) for row in subject.table("flow")}


def _study(edition: Edition) -> dict[str, str]:
    own = {name: value for name, value in edition.study.items() if name not in _ELSEWHERE}
    return dict(_flat("", own))


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Leaves of nested values by their way, as `--set` writes them."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
        inner = list(enumerate(value))
    if not inner:
        listed = ", ".join(map(str, value)) if isinstance(value, list | tuple) else "–" if value is None else str(value)
        yield path, listed or "–"
    for name, one in inner:
        yield from _flat(f"{path}.{name}" if path else str(name), one)


def _predictors(old: Edition, new: Edition) -> Iterator[Change]:
    before, after = (list(edition.study.get("predictors") or ()) for edition in (old, new))
    for name in before:
        if name not in after:
            yield Change("predictors", plain(name), "read", "not read")
    for name in after:
        if name not in before:
            yield Change("predictors", plain(name), "not read", "read")


def _numbers(old: Edition, new: Edition) -> Iterator[Change]:
    """The headline's numbers by cause and horizon, and what the next hospital should expect."""
    was, now = old.subject, new.subject
    causes = dict.fromkeys([*was.causes, *now.causes])
    horizons: list[float | None] = [*sorted({*was.horizons, *now.horizons}), None]
    if was.design != now.design:
        yield Change("numbers", "judged by", said("design", was.design), said("design", now.design))
    for cause in causes:
        for horizon in horizons:
            key = {"cause": cause, "horizon_days": horizon}
            place = f"{now.label(cause)}, {days(horizon)}"
            for metric in _METRICS:
                words = f"{said('metric', metric)}, {place}"
                yield from _number(words, was.find(metric, **key), now.find(metric, **key))
            ahead = {**key, "population": "next site", "design": "leave_one_site_out"}
            words = f"next hospital, observed : expected, {place}"
            yield from _number(words, was.find("oe_ratio", **ahead), now.find("oe_ratio", **ahead))


def _number(what: str, old: Estimate | None, new: Estimate | None) -> Iterator[Change]:
    if old is None and new is None:
        return
    before, after = ("–" if one is None else number(one).full for one in (old, new))
    values = [None if one is None else one.value for one in (old, new)]
    if before == after:  # what differs in digits that nobody reads is told by the digests
        return
    shift = values[1] - values[0] if values[0] is not None and values[1] is not None else None
    yield Change("numbers", what, before, after, shift, (new or old or Estimate("", "", value=0.0)).id)


def _findings(old: Edition, new: Edition) -> Iterator[Change]:
    was, now = (
        {str(row["code"]): row for row in edition.evidence.tables.get("findings") or ()} for edition in (old, new)
    )
    for code in sorted({*was, *now}):
        before, after = (str(found[code]["state"]) if code in found else "–" for found in (was, now))
        if before != after:
            yield Change("findings", f"{code} {(now.get(code) or was[code])['title']}", before, after)


def _declared(edition: Edition) -> dict[str, str]:
    facts = edition.declared
    review = {"reviewed by": facts.reviewed_by or "–", "reviewed on": facts.reviewed_on or "–"}
    reasons = {name: f"not applicable: {text}" for name, text in facts.not_applicable.items()}
    return review | {name: facts.said.get(name) or reasons.get(name) or "missing" for name in FACTS}
