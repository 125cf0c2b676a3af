"""CHAI applied model card v0.2 as XML. The schema accepts empty leaves and any text as number; `chai_faults` does not.

Schema: coalition-for-health-ai/mc-schema, v0.2/schema.xsd, commit 1c77360. Order of elements is the schema's.
"""

from __future__ import annotations

import datetime
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence, Set
from typing import Any, Final

from experiments.documents import anatomy, groups, hospitals
from experiments.documents.profiles.answers import Answer
from experiments.documents.profiles.facts import answer
from experiments.documents.subject import Subject
from experiments.documents.words import days, origin, plain, said
from training.evidence import Estimate

_NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"
_NOT_PROVIDED = "Not provided: "
_UNRELEASED = f"{_NOT_PROVIDED}given at release"
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A leaf is the facts that fill it, in the order in which they are read.
_LEAVES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "UsesAndDirections": {
        "IntendedUseAndWorkflow": ("intended_use", "care_pathway"),
        "PrimaryIntendedUsers": ("users",),
        "HowToUse": ("user_interaction", "unknown_inputs"),
        "TargetedPatientPopulation": ("eligibility",),
        "CautionedOutOfScopeSettings": ("not_for",),
    },
    "Warnings": {
        "KnownRisksAndLimitations": ("limits_found", "limitations"),
        "KnownBiasesOrEthicalConsiderations": ("known_biases", "inequalities"),
        "ClinicalRiskLevel": ("risk_level",),
    },
    "AISystemFacts": {
        "OutcomesAndOutputs": ("outcome", "output"),
        "ModelType": ("building",),
        "FoundationModels": ("third_parties",),
        "InputDataSource": ("source", "data_source"),
        "OutputAndInputDataTypes": ("candidates", "definitions"),
        "DevelopmentDataCharacterization": ("dates", "sites", "flow", "characteristics", "missing_data"),
        "BiasMitigationApproaches": ("bias_management", "fairness", "groups"),
        "OngoingMaintenance": ("monitoring", "updating", "correction"),
        "Transparency": ("code", "computed"),
    },
    "TransparencyInformation": {
        "FundingSource": ("funding",),
        "ThirdPartyInformation": ("third_parties",),
        "StakeholdersConsulted": ("stakeholders",),
    },
    "Resources": {
        "EvaluationReferences": ("external_validation",),
        "PeerReviewedPublications": ("publications",),
        "PatientConsentOrDisclosure": ("consent",),
    },
}
_GOALS: Final[dict[str, str]] = {
    "UsefulnessUsabilityEfficacy": "Predicted risks agree with what happens, and tell patients apart better than the "
    "curve of all patients does.",
    "FairnessEquity": "Agreement and discrimination hold in each prespecified group of patients.",
    "SafetyReliability": "Agreement holds at the worst hospital and at one not yet seen, and a prediction does not "
    "move when the model is developed again.",
}
_BIBLIOGRAPHY = """\
@article{collins2024, author={Collins, G. S. and others}, title={TRIPOD+AI statement}, journal={BMJ}, year={2024}, \
volume={385}, pages={e078378}}
@article{austin2020, author={Austin, P. C. and Harrell, F. E. and van Klaveren, D.}, title={Graphical calibration \
curves and the integrated calibration index (ICI) for survival models}, journal={Statistics in Medicine}, year={2020}, \
doi={10.1002/sim.8570}}
@article{vangeloven2022, author={van Geloven, N. and others}, title={Validation of prediction models in the presence \
of competing risks}, journal={BMJ}, year={2022}, volume={377}, pages={e069249}}"""


def chai_card(subject: Subject) -> bytes:
    """The card as an XML document in UTF-8."""
    ET.register_namespace("", _NAMESPACE)
    card = ET.Element(_name("AppliedModelCard"))
    _basics(card, subject)
    summary = _child(card, "ModelSummary")
    _leaf(summary, "Summary", f"{anatomy.sentence(subject)} The model is {anatomy.mechanism(subject)}.")
    keywords = _child(summary, "Keywords")
    for word in dict.fromkeys(["prognosis", "survival analysis", plain(subject.study.get("name") or "model")]):
        _leaf(keywords, "Keyword", word)
    _group(card, "UsesAndDirections", subject)
    _group(card, "Warnings", subject)
    trust = _child(card, "TrustIngredients")
    _group(trust, "AISystemFacts", subject)
    _group(trust, "TransparencyInformation", subject)
    metrics = _child(card, "KeyMetrics")
    for kind, found in (
        ("UsefulnessUsabilityEfficacy", _useful(subject)),
        ("FairnessEquity", _fair(subject)),
        ("SafetyReliability", _safe(subject)),
    ):
        _metric(_child(metrics, kind), kind, found, subject)
    _group(card, "Resources", subject)
    _leaf(card, "Bibliography", f"{_BIBLIOGRAPHY}\n@misc{{evidence, note={{SHA-256 {subject.evidence_digest}}}}}")
    ET.indent(card)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(card, encoding="unicode").encode("utf-8") + b"\n"


def chai_faults(card: bytes, subject: Subject) -> Iterator[str]:
    """What the schema does not ask: no empty leaf, numbers that are the evidence's, a date, the registered version."""
    root = ET.fromstring(card)  # noqa: S314 - our own document, written a line before
    values = {e.value for e in subject.evidence.estimates if e.value is not None}
    for element in root.iter():
        name, text = element.tag.rpartition("}")[2], element.text or ""
        if len(element) == 0 and not text.strip():
            yield f"chai.xml: {name} is empty"
        elif name == "ValueJson":
            yield from _value_faults(text, values)
        elif name == "ReleaseDate" and not text.startswith(_NOT_PROVIDED):
            yield from _date_faults(text)
        elif name == "ReleaseVersion" and text not in (str(subject.identity.get("version")), _UNRELEASED):
            yield f"chai.xml: version {text} is not that of the model"


def _basics(card: ET.Element, subject: Subject) -> None:
    basics = _child(card, "BasicInfo")
    _leaf(basics, "ModelName", str(subject.identity.get("name") or subject.study.get("name") or "model"))
    _filled(basics, "ModelDeveloper", ("owner",), subject)
    _filled(basics, "DeveloperContact", ("contact",), subject)
    release, version = _child(card, "ReleaseInfo"), subject.identity.get("version")
    _filled(release, "ReleaseStage", ("release_stage",), subject)
    _leaf(release, "ReleaseDate", str(subject.decision.get("date") or f"{_NOT_PROVIDED}not yet released"))
    _leaf(release, "ReleaseVersion", _UNRELEASED if version is None else str(version))
    _filled(release, "GlobalAvailability", ("availability",), subject)
    _filled(release, "RegulatoryApproval", ("regulatory_status",), subject)


def _group(parent: ET.Element, name: str, subject: Subject) -> None:
    group = _child(parent, name)
    for leaf, facts in _LEAVES[name].items():
        _filled(group, leaf, facts, subject)


def _filled(parent: ET.Element, name: str, facts: Sequence[str], subject: Subject) -> None:
    _leaf(parent, name, "\n".join(_words(answer(subject, fact)) for fact in facts))


def _words(found: Answer) -> str:
    return found.sentence.replace("MISSING: ", _NOT_PROVIDED, 1) if found.state == "missing" else found.sentence


def _metric(element: ET.Element, kind: str, found: Sequence[Estimate], subject: Subject) -> None:
    _leaf(element, "MetricGoal", _GOALS[kind])
    results = _child(element, "Results")
    for estimate in found:
        result = _child(results, "MetricResult")
        _leaf(result, "Label", origin(estimate))
        _leaf(result, "ValueJson", json.dumps(_value(estimate), ensure_ascii=False))
    if not found:
        result = _child(results, "MetricResult")
        why = _NOT_PROVIDED + "not in the evidence of this run"
        _leaf(result, "Label", why)
        _leaf(result, "ValueJson", json.dumps({"kind": "single", "value": why}))
    facts = {
        "UsefulnessUsabilityEfficacy": ("performance",),
        "FairnessEquity": ("groups",),
        "SafetyReliability": ("performance_by_site", "stability"),
    }[kind]
    _filled(element, "Interpretation", (*facts, "interpretation"), subject)
    design = "leave_one_site_out" if kind == "SafetyReliability" else subject.design
    _leaf(element, "TestType", said("design", design))
    _filled(element, "TestingDataDescription", ("source", "flow"), subject)
    _filled(element, "ValidationProcessAndJustification", ("building", "partition"), subject)


def _useful(subject: Subject) -> list[Estimate]:
    cause = subject.causes[0]
    metrics = ("oe_ratio", "calibration_slope", "ici", "auc", "ipa")
    found = [subject.find(m, cause=cause, horizon_days=h) for h in subject.horizons for m in metrics]
    return [e for e in found if e is not None and e.value is not None]


def _fair(subject: Subject) -> list[Estimate]:
    key = {"cause": subject.causes[0], "horizon_days": subject.primary}
    found = [
        subject.find(metric, population=group, **key)
        for group in groups.subgroups_of(subject)
        for metric in ("oe_ratio", "auc")
    ]
    return [e for e in found if e is not None and e.value is not None]


def _safe(subject: Subject) -> list[Estimate]:
    cause, horizon = subject.causes[0], subject.primary
    found = [
        hospitals.worst_site(subject, cause, horizon),
        hospitals.next_site(subject, "oe_ratio", cause, horizon),
        subject.find("mape", cause=cause, horizon_days=horizon, design="bootstrap"),
    ]
    return [e for e in found if e is not None and e.value is not None]


def _value(e: Estimate) -> dict[str, Any]:
    if e.low is None or e.high is None or e.level is None:
        return {"kind": "single", "value": e.value}
    return {
        "kind": "estimate_ci",
        "estimate": e.value,
        "lower": e.low,
        "upper": e.high,
        "level": round(100 * e.level, 6),
        "unit": days(e.horizon_days) if e.metric in ("observed_risk", "mean_risk") else "1",
    }


def _value_faults(text: str, values: Set[Any]) -> Iterator[str]:
    try:
        value = json.loads(text)
    except ValueError:
        yield "chai.xml: a ValueJson is no JSON"
        return
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind not in ("estimate_ci", "single"):
        yield f"chai.xml: a ValueJson of unknown kind {kind}"
        return
    shown = value.get("estimate" if kind == "estimate_ci" else "value")
    if isinstance(shown, str) and shown.startswith(_NOT_PROVIDED):
        return
    if shown not in values:
        yield "chai.xml: a number that is in no estimate"
    edges = (value.get("lower"), shown, value.get("upper"))
    if kind == "estimate_ci" and not (
        all(isinstance(e, float) and math.isfinite(e) for e in edges) and _ordered(edges)
    ):
        yield "chai.xml: an interval that does not hold its estimate"


def _ordered(edges: Sequence[Any]) -> bool:
    return bool(edges[0] <= edges[1] <= edges[2])


def _date_faults(text: str) -> Iterator[str]:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        yield "chai.xml: the release date is no ISO 8601 date"


def _child(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, _name(name))


def _leaf(parent: ET.Element, name: str, text: str) -> None:
    _child(parent, name).text = _ILLEGAL.sub("", text)


def _name(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"
