"""From the words of a study to the published scores and uploaded risks that stand beside its models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from experiments.study import Study, UploadedComparator
from experiments.suggestions import did_you_mean
from features.contract import Contract
from features.endpoints import ENDPOINTS
from features.leakage import refuse_late
from features.scores import SCORES
from training.comparators import RECALIBRATED, Comparator, PublishedScore, UploadedRisk
from training.develop import NULL_FAMILIES
from training.validation import CHOSEN

_ENDPOINT: Final = "overall_survival"


def comparators_of(study: Study) -> tuple[Comparator, ...]:
    """Each source of the study raw, then recalibrated."""
    sources = [
        UploadedRisk(one.name, tuple(sorted(one.columns.items(), key=lambda column: column[1])))
        if isinstance(one, UploadedComparator)
        else PublishedScore(one)
        for one in study.comparators
    ]
    return tuple(Comparator(source, again) for again in (False, True) for source in sources)


def comparator_faults(study: Study, contract: Contract) -> Iterator[str]:
    """What is wrong with the comparators that a study names, as sentences."""
    names = [one if isinstance(one, str) else one.name for one in study.comparators]
    for name in [one for one in study.comparators if isinstance(one, str) and one not in SCORES]:
        yield f'comparators: unknown score "{name}".{did_you_mean(name, SCORES)}'
    taken = {CHOSEN, *NULL_FAMILIES, *(one.label for one in study.recipes)}
    for name in dict.fromkeys(names):
        clash = names.count(name) > 1 or {name, name + RECALIBRATED} & taken
        if clash or (name in SCORES and name not in study.comparators):
            yield f'comparators: the name "{name}" stands twice. try: another name.'
    for one in study.comparators:
        if isinstance(one, str) and one in SCORES:
            lacking = [field for field in SCORES[one].inputs if field not in contract.names]
            if lacking:
                yield f'comparators: {one} reads {", ".join(lacking)}, which the contract "{contract.name}" lacks.'
            elif late := refuse_late(contract, SCORES[one].inputs, study.landmark_days, study.treatment_conditional):
                yield f"comparators: {one} reads {late[0]}"
        elif isinstance(one, UploadedComparator):
            yield from _column_faults(one, study, contract)
    if names and study.endpoint.name in ENDPOINTS:
        yield from _endpoint_faults(study, contract)


def _column_faults(one: UploadedComparator, study: Study, contract: Contract) -> Iterator[str]:
    for name, days in one.columns.items():
        if name not in contract.names:
            yield f'comparators: {one.name} reads "{name}", not a field.{did_you_mean(name, contract.names)}'
            continue
        field = contract.field(name)
        if not field.numeric or field.minimum is None or field.minimum < 0 or (field.maximum or 2.0) > 1:
            yield f"comparators: {name} must be a risk, a number whose contract says minimum = 0 and maximum = 1."
        if days <= 0 or list(one.columns.values()).count(days) > 1:
            yield f"comparators: {name}: each column has its own day above zero, got {days:g}."
        for sentence in refuse_late(contract, [name], study.landmark_days, study.treatment_conditional):
            yield f"comparators: {sentence}"


def _endpoint_faults(study: Study, contract: Contract) -> Iterator[str]:
    causes = ENDPOINTS[study.endpoint.name].description(study.settings(contract)).causes
    if len(causes) > 1:
        yield f"comparators: they give the risk of one event; {study.endpoint.name} has {', '.join(causes)}."
    elif study.endpoint.name != _ENDPOINT and any(isinstance(one, str) for one in study.comparators):
        yield f"comparators: the published scores are about death; {study.endpoint.name} is not {_ENDPOINT}."
