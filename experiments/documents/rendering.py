"""`render`: evidence in, documents out. No clock, no network, no chance: the same parts give the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any
from urllib.parse import quote

from experiments.declared import Declared
from experiments.documents.calibration_report import calibration_report
from experiments.documents.card import model_card
from experiments.documents.page import Cell, Figure, Grid, Page, Prose
from experiments.documents.profiles.chai import chai_card
from experiments.documents.profiles.pages import STANDARDS, profile_page
from experiments.documents.self_checks import SelfCheck, check_documents, check_evidence
from experiments.documents.subject import DocumentError, Subject
from experiments.documents.tables import csv_name, csv_tables
from experiments.documents.words import count, days, interval, number, plain, said
from features.contract import Contract, ContractError, Field
from features.predictors import field_of
from training.evidence import Estimate, Evidence

# Bytes of an HTML page. A card is mailed and opened on a ward's computer; a report goes to who wants all of it.
_LARGEST = {"card.html": 1_000_000, "calibration-report.html": 3_000_000}


def render(
    evidence: Evidence,
    study: Mapping[str, Any],
    contract: Contract,
    identity: Mapping[str, Any],
    decision: Mapping[str, Any],
    declared: Declared | None = None,
) -> dict[str, bytes]:
    """Model card, calibration report and reporting profiles, with the tables behind their figures.

    study     the resolved study, with "endpoint_description".
    identity  name, version, status, run, model_digest; further: released_by, reason, change.
              What is absent is printed as MISSING.
    decision  verdict, reasons, by, reason, date; empty where nothing was decided.
    declared  what people said in the study's facts file; None is a file that says nothing.

    Keys: card.html, card.md, card.json, calibration-report.html, calibration-report.json, profiles/<standard>.html, .md
    and .json, profiles/chai.xml, declared.json, tables/<name>.csv.
    Raises `DocumentError` where the evidence contradicts itself (what an auditor tries first) or a page is too large.
    """
    declared = declared or Declared()
    subject = subject_of(evidence, study, contract, identity, decision, declared)
    checks = check_evidence(subject)
    card, report = model_card(subject), calibration_report(subject)
    # The digest is looked for in what was rendered; whether there is one to look for is known before.
    digest_known = "passed" if identity.get("model_digest") else "not applicable: the bundle is not yet written"
    checks = (SelfCheck("the digest in the document is the model's", digest_known), *checks)
    documents = {
        "card.html": _html(card, subject, checks),
        "card.md": _markdown(card, subject, checks),
        "card.json": _json(card, subject, checks),
        "calibration-report.html": _html(report, subject, checks),
        "calibration-report.json": _json(report, subject, checks),
    }
    profiles = {name: profile_page(name, subject) for name in STANDARDS}
    for name, page in profiles.items():
        documents |= {
            f"profiles/{name}.html": _html(page, subject, checks),
            f"profiles/{name}.md": _markdown(page, subject, checks),
            f"profiles/{name}.json": _json(page, subject, checks),
        }
    documents["profiles/chai.xml"] = chai_card(subject)
    check_documents(subject, documents)
    for name, most in _LARGEST.items():
        if len(documents[name]) >= most:
            got = f"got {len(documents[name])}. try: fewer subgroups, sites, recipes or horizons in the study"
            raise DocumentError(f"{name}: expected less than {most} bytes, {got}")
    tables = csv_tables(evidence, (card, report, *profiles.values()))
    return {**documents, "declared.json": declared_json(declared), **tables}


def subject_of(
    evidence: Evidence,
    study: Mapping[str, Any],
    contract: Contract,
    identity: Mapping[str, Any],
    decision: Mapping[str, Any],
    declared: Declared,
) -> Subject:
    """What the documents read, from the same parts as `render`."""
    return Subject(evidence, study, identity, decision, _predictors(study, contract, evidence), declared)


def declared_json(declared: Declared) -> bytes:
    """What people said, as the file of the bundle: sorted, so that the same facts are the same bytes."""
    return (json.dumps(declared.to_json(), ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode("utf-8")


def _predictors(study: Mapping[str, Any], contract: Contract, evidence: Evidence) -> tuple[Field, ...]:
    """Fields behind the model: the chosen recipe's where it has its own, else the study's."""
    chosen = evidence.facts.get("chosen")
    own = [r.get("predictors") for r in study.get("recipes") or () if chosen in (r.get("name"), r.get("family"))]
    names: Sequence[str] = next((names for names in own if names), ()) or study.get("predictors") or contract.names
    return tuple(_field(contract, name) for name in names)


def _field(contract: Contract, name: str) -> Field:
    try:
        return field_of(contract, name)
    except ContractError as error:
        raise DocumentError(f"a predictor of the study has no description. {error}") from error


@cache
def _environment(*, html: bool) -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("experiments.documents"),
        autoescape=html,  # noqa: S701 - Markdown has its own escape, `md`, on every word
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["anchor"] = _anchor
    environment.filters["csv_name"] = csv_name
    environment.tests["prose"] = lambda block: isinstance(block, Prose)
    environment.tests["grid"] = lambda block: isinstance(block, Grid)
    environment.tests["figure"] = lambda block: isinstance(block, Figure)
    environment.filters["md"] = _md
    return environment


def _anchor(key: str) -> str:
    """An id that HTML and a fragment spell alike."""
    return quote(key, safe="/=._-")


def _html(page: Page, subject: Subject, checks: Sequence[SelfCheck]) -> bytes:
    template = _environment(html=True).get_template("page.html")
    text = str(template.render(page=page, subject=subject, checks=checks, origins=_origins(page, subject)))
    return text.replace(" %", "\u00a0%").encode("utf-8")  # a number and its unit stay on one line


def _markdown(page: Page, subject: Subject, checks: Sequence[SelfCheck]) -> bytes:
    template = _environment(html=False).get_template("page.md")
    text = str(template.render(page=page, subject=subject, checks=checks, origins=_origins(page, subject)))
    return re.sub(r"\n{3,}", "\n\n", text).encode("utf-8")


def _json(page: Page, subject: Subject, checks: Sequence[SelfCheck]) -> bytes:
    cited = set(page.cited())
    value = {
        **page.to_json(),
        "format": 1,
        "identity": dict(subject.identity),
        "decision": dict(subject.decision),
        "evidence_digest": subject.evidence_digest,
        "estimates": [{"id": e.id, **asdict(e)} for e in subject.evidence.estimates if e.id in cited],
        "self_checks": [asdict(check) for check in checks],
    }
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("utf-8")


def _origins(page: Page, subject: Subject) -> list[tuple[Estimate, tuple[Cell, ...]]]:
    """The line behind each number of the page: what it is, with n, events, horizon, estimator and interval."""
    by_id = {e.id: e for e in subject.evidence.estimates}
    unknown = [key for key in page.cited() if key not in by_id]
    if unknown:
        raise DocumentError(f"{len(unknown)} numbers of the {page.kind} are in no estimate; the first is {unknown[0]}.")
    return [(by_id[key], _origin(by_id[key], subject)) for key in page.cited()]


def _origin(e: Estimate, subject: Subject) -> tuple[Cell, ...]:
    shown = number(e)
    return (
        Cell(said("metric", e.metric)),
        Cell(shown.full, value=e.value, numeric=e.value is not None, state=shown.state),
        Cell("–" if e.n is None else count(e.n)),
        Cell("–" if e.events is None else count(e.events)),
        Cell(days(e.horizon_days)),
        Cell(subject.label(e.cause) if e.cause else "–"),
        Cell(e.population),
        Cell(said("design", e.design)),
        Cell(plain(e.model) or "–"),
        Cell(said("estimator", e.estimator)),
        Cell(interval(e)),
    )


def _md(text: object) -> str:
    """Text that Markdown shows as it stands: nothing in it makes a link, a tag, a table column or a heading."""
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", flat)
    return re.sub(r"^([-+=])", r"\\\1", flat)
