"""The same parts give the same bytes; nothing in a document runs, calls out or lacks its origin."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pytest

from experiments.declared import Declared
from experiments.documents import DocumentError, render
from features.contract import Field
from training.evidence import Estimate, Evidence

HTML = ("card.html", "calibration-report.html")
HOSTILE = '<script>alert("x")</script>[a](javascript:b)|`c`'


class Reader(HTMLParser):
    """Collects what a browser would load, run or jump to."""

    def __init__(self, html: str) -> None:
        HTMLParser.__init__(self)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]


def test_the_same_parts_give_the_same_bytes(either: Any) -> None:
    assert either.rendered_again() == either.rendered()


def test_a_model_of_synthetic_patients_says_so_above_everything(either: Any) -> None:
    real = either.rendered()["card.html"].decode()
    drawn = either.changed(
        evidence=replace(either.evidence, facts={**either.evidence.facts, "synthetic": True})
    ).rendered()
    assert "Synthetic patients" not in real
    for name in ("card.html", "card.md", "calibration-report.html"):
        text = drawn[name].decode()
        assert 0 <= text.index("Synthetic patients") < text.index("In one sentence" if "card" in name else "In short")


def test_all_documents_are_made(either: Any) -> None:
    made = either.rendered()
    assert {"card.html", "card.md", "card.json", "calibration-report.html", "calibration-report.json"} <= set(made)
    assert {"tables/estimates.csv", "tables/calibration_curve.csv", "tables/table_one.csv", "tables/flow.csv"} <= set(
        made
    )


def test_a_guide_says_what_every_table_beside_the_documents_holds(either: Any) -> None:
    made = either.rendered()
    guide = made["tables/README.md"].decode()
    for name in made:
        if name.endswith(".csv"):
            assert name.removeprefix("tables/") in guide
    assert "Shown in: model card, “" in guide
    assert "- `predicted`: risk, probability" in guide


@pytest.mark.parametrize("name", HTML)
def test_a_page_runs_nothing_and_asks_nobody(either: Any, name: str) -> None:
    page = Reader(either.rendered()[name].decode())
    assert not {"script", "iframe", "object", "embed", "link", "img", "form", "base"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not [key for key in attributes if key.startswith("on") or key in {"src", "srcset", "action", "style"}], (
            tag
        )
        assert (attributes.get("href") or "#").startswith("#")
    text = either.rendered()[name].decode()
    assert not re.search(r"@import|url\(|javascript:", text)
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", HTML)
def test_a_page_is_small_enough_to_mail(either: Any, name: str) -> None:
    assert len(either.rendered()[name]) < 1_000_000


@pytest.mark.parametrize("name", HTML)
def test_every_link_leads_to_one_place_on_the_page(either: Any, name: str) -> None:
    page = Reader(either.rendered()[name].decode())
    assert len(page.ids) == len(set(page.ids))
    targets = [(attributes["href"] or "").removeprefix("#") for tag, attributes in page.tags if tag == "a"]
    assert set(targets) <= set(page.ids)
    assert any("oe_ratio" in target for target in targets)


@pytest.mark.parametrize("name", HTML)
def test_every_figure_has_a_text_alternative_and_its_data(either: Any, name: str) -> None:
    html = either.rendered()[name].decode()
    figures = re.findall(r"<figure.*?</figure>", html, flags=re.DOTALL)
    assert len(figures) >= 4
    for figure in figures:
        assert 'role="img"' in figure
        assert re.search(r"<title id=[^>]+>[^<]{10,}</title>", figure)
        assert re.search(r"<desc id=[^>]+>[^<]{30,}</desc>", figure)
        assert "<table>" in figure
        assert "<figcaption" in figure


def test_an_external_report_says_which_site_names_also_taught(survival: Any) -> None:
    taught = {"external": {"taught_by_sites": ["S01", "S09"]}}
    sites = [{"site": name, "n": n} for name, n in (("S01", 600), ("S02", 400))]
    evidence = survival.evidence
    found = Evidence(evidence.estimates, {**evidence.tables, "sites": sites}, {**evidence.facts, **taught})
    made = survival.changed(evidence=found).rendered()["calibration-report.json"].decode()
    assert "to be known: 1 site names also stand among those that taught the model (S01)" in made


def test_text_of_study_contract_sites_and_decision_is_shown_as_text(survival: Any) -> None:
    tables = {name: [dict(row) for row in rows] for name, rows in survival.evidence.tables.items()}
    tables["flow"][0]["reason"] = HOSTILE
    for row in tables["table_one"]:
        row["label"] = HOSTILE if row["field"] == "age" else row["label"]
        row["site"] = HOSTILE if row["site"] == "S01" else row["site"]
        row["level"] = HOSTILE if row["level"] == "lung" else row["level"]
    tables["coefficients"][0]["label"] = HOSTILE
    estimates = tuple(
        replace(e, population=f"site={HOSTILE}") if e.population == "site=S01" else e
        for e in survival.evidence.estimates
    )
    study = {**survival.study, "title": HOSTILE}
    field = Field(name="age", table="patient", kind="category", label=HOSTILE, known_at="T0", levels=(HOSTILE, "b"))
    contract = survival.contract.model_copy(update={"fields": (field, *survival.contract.fields[1:])})
    hostile = survival.changed(
        evidence=Evidence(estimates, tables, survival.evidence.facts),
        study=study,
        contract=contract,
        decision={"reason": HOSTILE},
        declared=Declared({"intended_use": HOSTILE}, {"funding": HOSTILE}, HOSTILE, "2026-11-20"),
    )
    made = hostile.rendered()
    for name in HTML:
        assert "<script" not in made[name].decode()
        assert HOSTILE in "".join(Reader(made[name].decode()).words)
    markdown = made["card.md"].decode()
    assert "<script" not in markdown
    assert "[a](" not in markdown
    assert "\\|\\`c\\`" in markdown


def test_a_spreadsheet_computes_nothing_of_a_table(survival: Any) -> None:
    tables = {**survival.evidence.tables, "flow": [{"reason": "=HYPERLINK(1)", "left": -0, "remaining": 1000}]}
    made = survival.changed(evidence=Evidence(survival.evidence.estimates, tables, survival.evidence.facts)).rendered()
    assert b"\n'=HYPERLINK(1),0,1000\n" in made["tables/flow.csv"]


def test_negative_numbers_stay_numbers_in_a_table(survival: Any) -> None:
    rows = survival.rendered()["tables/coefficients.csv"].decode().splitlines()
    assert "died,albumin,Albumin,-0.42" in rows[2].replace('"', "").replace("Albumin, per g/dL", "Albumin")


def test_every_number_of_the_evidence_that_is_shown_follows_the_evidence(either: Any) -> None:
    """Each linked number is the value, n or events of the estimate that it links to, and each has its line."""
    base = either.rendered()
    doc = json.loads(base["card.json"])
    cited = {e["id"] for e in doc["estimates"]}
    assert len(cited) > 60
    cells = list(_cells(doc))
    linked = [cell for cell in cells if "estimate" in cell]
    by_id = {e.id: e for e in either.evidence.estimates}
    for cell in linked:
        estimate = by_id[cell["estimate"]]
        assert cell.get("value") in (estimate.value, estimate.n, estimate.events, None)
    page = Reader(base["card.html"].decode())
    rows = {unquote(a["id"] or "") for tag, a in page.tags if tag == "tr" and a.get("id")}
    assert rows == cited


def test_a_changed_number_changes_where_it_is_said(survival: Any) -> None:
    key = {
        "metric": "auc",
        "design": "nested_cross_validation",
        "model": "chosen",
        "population": "all",
        "horizon_days": 90.0,
    }
    old = survival.evidence.one(**key)
    new = replace(old, value=0.98765, low=0.987, high=0.988)
    swapped = Evidence(
        tuple(new if e is old else e for e in survival.evidence.estimates),
        survival.evidence.tables,
        survival.evidence.facts,
    )
    made = survival.changed(evidence=swapped).rendered()
    for name in ("card.html", "card.md", "calibration-report.html"):
        assert re.sub(r"<[^>]+>", "", made[name].decode()).count("0.988 (0.987 to 0.988)") >= 2, name
        assert "0.987 to 0.988" not in survival.rendered()[name].decode()


def test_what_is_missing_is_said_in_words_with_the_reason(survival: Any) -> None:
    bare = Evidence((), {}, {})
    made = render(
        bare,
        {"name": "bare", "endpoint": {"horizons_days": [90], "primary_horizon_days": 90, "primary_cause": "died"}},
        survival.contract,
        {},
        {},
    )
    text = "".join(Reader(made["card.html"].decode()).words)
    for words in (
        "MISSING: nobody has answered “Which decision, for whom and when, may the prediction inform?”",
        "MISSING: the bundle is not yet written",
        "MISSING: nobody has signed",
        "MISSING: Table 1 is not in the evidence of this run",
        "MISSING: sites were not judged",
    ):
        assert words in text, words


def test_not_applicable_carries_its_reason(recovery: Any) -> None:
    assert "not applicable: one cause only" in "".join(
        Reader(recovery.rendered()["calibration-report.html"].decode()).words
    )


def test_the_digest_of_the_model_stands_in_every_document(either: Any) -> None:
    for name, content in either.rendered().items():
        if not name.startswith(("tables/", "declared")):
            assert either.identity["model_digest"] in content.decode()
            assert either.evidence.digest in content.decode()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: _with_fact(p, "censored", 1), "are not 1000 patients"),
        (lambda p: _with_groups(p, 600, 500), "sex: its groups hold 1100 n, all patients 1000"),
        (
            lambda p: _with_groups(p, 500, 500, field="primary"),
            "primary: its groups hold 1000 patients, Table 1 knows 900",
        ),
        (lambda p: _with_fact(p, "n", 999), "the flow ends with 1000 patients"),
        (lambda p: _with_estimate(p, "oe_ratio", value=1.3, low=1.2, high=1.4), "is not the observed risk"),
        (lambda p: _with_estimate(p, "oe_ratio", low=1.3, high=1.2), "upside down"),
        (lambda p: _with_estimate(p, "observed_risk", design="data", model="", events=990), "is below the 990 events"),
        (lambda p: _with_estimate(p, "auc", low=0.6, high=1.2), "leaves [0, 1]"),
        (
            lambda p: _with_estimate(p, "oe_ratio", design="leave_one_site_out", population="site=S02", n=5, events=1),
            "together 1000",
        ),
    ],
)
def test_a_document_that_contradicts_itself_is_not_written(
    survival: Any, damage: Callable[[Any], Any], words: str
) -> None:
    with pytest.raises(DocumentError, match=re.escape(words)):
        damage(survival).rendered()


def _cells(value: Any) -> Any:
    if isinstance(value, dict):
        if "text" in value:
            yield value
        for entry in value.values():
            yield from _cells(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _cells(entry)


def _with_groups(parts: Any, *sizes: int, field: str = "sex") -> Any:
    key = {"design": "nested_cross_validation", "model": "chosen", "cause": "died", "horizon_days": 90.0}
    more = [
        Estimate("oe_ratio", "kaplan_meier_over_mean_risk", population=f"{field}={k}", value=1.0, n=n, events=9, **key)
        for k, n in enumerate(sizes)
    ]
    tables = {name: [dict(row) for row in rows] for name, rows in parts.evidence.tables.items()}
    for row in tables["table_one"]:
        if row["field"] == field:
            row["n"] = row["n"] * 9 // 10
    return parts.changed(evidence=Evidence((*parts.evidence.estimates, *more), tables, parts.evidence.facts))


def _with_fact(parts: Any, name: str, value: Any) -> Any:
    evidence = parts.evidence
    return parts.changed(evidence=replace(evidence, facts={**evidence.facts, name: value}))


def _with_estimate(
    parts: Any,
    metric: str,
    *,
    design: str = "nested_cross_validation",
    population: str = "all",
    model: str = "chosen",
    **changes: Any,
) -> Any:
    old: Estimate = parts.evidence.one(
        metric=metric, design=design, population=population, model=model, horizon_days=90.0
    )
    estimates = tuple(replace(e, **changes) if e is old else e for e in parts.evidence.estimates)
    return parts.changed(evidence=Evidence(estimates, parts.evidence.tables, parts.evidence.facts))
