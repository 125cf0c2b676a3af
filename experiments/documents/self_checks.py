"""What an auditor tries first, tried at every rendering: a document that contradicts itself is not written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from experiments.documents.groups import subgroups_of
from experiments.documents.profiles.chai import chai_faults
from experiments.documents.subject import DocumentError, Subject
from training.evidence import Estimate

_RATIOS = {"oe_ratio"}
_KNOWN = "to be known: "  # a fact that a reader must weigh, no contradiction
_SHARES = {"harrell_c", "uno_c", "auc", "brier", "ibs", "ici", "e50", "e90", "emax", "observed_risk", "mean_risk"}


@final
@dataclass(frozen=True)
class SelfCheck:
    """One question to the document. `outcome`: "passed", what must be known, or "not applicable" with the reason.

    A contradiction raises and is no outcome.
    """

    name: str
    outcome: str


def check_evidence(subject: Subject) -> tuple[SelfCheck, ...]:
    """Ask all that can be asked before rendering. Raises `DocumentError` with every contradiction at once."""
    asked: tuple[tuple[str, Callable[[Subject], Iterator[str] | str]], ...] = (
        ("n and events add up across tables", _counts_add_up),
        ("observed = O/E × expected, and covers the stated events", _observed_covers_events),
        ("intervals lie on the right scale", _intervals_on_their_scale),
        ("sites sum to the whole", _sites_sum),
        ("subgroups sum to no more than the whole", _groups_sum),
        ("no outside site is also a training site", _no_outside_site),
    )
    checks, faults = [], []
    for name, ask in asked:
        answer = ask(subject)
        if isinstance(answer, str):
            checks.append(SelfCheck(name, answer if answer.startswith(_KNOWN) else f"not applicable: {answer}"))
            continue
        found = list(answer)
        faults += [f"{name}: {fault}" for fault in found]
        checks.append(SelfCheck(name, "passed"))
    if faults:
        raise DocumentError(
            "\n  ".join(
                [f"the evidence contradicts itself in {len(faults)} places; no document is written.", *faults[:20]]
            )
        )
    return tuple(checks)


def check_documents(subject: Subject, rendered: dict[str, bytes]) -> None:
    """What can be asked only of what was written: each document names the digests of its model and evidence, and the
    CHAI card is whole. Raises `DocumentError` with every fault.
    """
    digest = subject.identity.get("model_digest")
    wanted = [*([str(digest)] if digest else []), subject.evidence_digest]
    faults = []
    for key, content in rendered.items():
        text = content.decode("utf-8")
        absent = [entry for entry in wanted if entry not in text]
        if absent:
            faults.append(f"{key}: {len(absent)} of {len(wanted)} digests of the model and its evidence are not in it")
    faults += chai_faults(rendered["profiles/chai.xml"], subject)
    if faults:
        raise DocumentError("\n  ".join([f"{len(faults)} faults of rendering; no document is written.", *faults[:20]]))


def _counts_add_up(subject: Subject) -> Iterator[str] | str:
    if subject.n is None:
        return "the evidence does not state n"
    return _count_faults(subject, subject.n)


def _count_faults(subject: Subject, n: int) -> Iterator[str]:
    censored = subject.facts("censored")
    if isinstance(censored, int) and subject.events and sum(subject.events.values()) + censored != n:
        yield f"{sum(subject.events.values())} events and {censored} censored are not {n} patients"
    flow = subject.table("flow")
    if flow and int(flow[-1]["remaining"]) != n:
        yield f"the flow ends with {flow[-1]['remaining']} patients, the evidence with {n}"
    for before, after in pairwise(flow):
        told = (before["remaining"], after["left"], after["remaining"])
        if None not in told and int(told[0]) - int(told[1]) != int(told[2]):
            yield f'the flow does not add up at "{after["reason"]}"'
    rows = subject.table("table_one")
    wrong = [
        row
        for row in rows
        if row.get("n") is not None
        and row.get("of") is not None
        and int(row["n"]) + int(row.get("missing") or 0) > int(row["of"])
    ]
    if wrong:
        yield f"{len(wrong)} of {len(rows)} rows of Table 1 know more values than there are patients"
    whole = max((int(row["of"]) for row in rows if row.get("site") == "all" and row.get("of") is not None), default=n)
    if whole > n:
        yield f"Table 1 counts {whole} patients, the evidence {n}"
    yield from _site_counts(subject, n)
    more = [
        e for e in subject.evidence.estimates if (e.n or 0) > n or (e.events or 0) > (e.n if e.n is not None else n)
    ]
    if more:
        yield f"{len(more)} estimates count more patients or events than there are, the first is {more[0].id}"


def _site_counts(subject: Subject, n: int) -> Iterator[str]:
    """Sites partition the cohort: their patients, and the values known of each field, sum to the whole."""
    sites = subject.table("sites")
    held = sum(int(row["n"] or 0) for row in sites)
    if sites and (held > n or (held != n and all(row["n"] is not None for row in sites))):
        yield f"the sites hold {held} patients, the evidence {n}"
    known: dict[str, dict[str, int | None]] = {}
    for row in subject.table("table_one"):
        known.setdefault(str(row["field"]), {})[str(row["site"])] = row.get("n")
    told = {field: [n for n in by.values() if n is not None] for field, by in known.items() if None not in by.values()}
    wrong = [field for field, own in told.items() if len(own) > 1 and sum(own) != 2 * (known[field].get("all") or 0)]
    if wrong:
        yield f"{len(wrong)} fields of Table 1 do not sum over sites, the first is {wrong[0]}"


def _observed_covers_events(subject: Subject) -> Iterator[str] | str:
    found = [e for e in subject.evidence.estimates if e.metric == "observed_risk" and e.value is not None]
    return _observed_faults(subject, found) if found else "no observed risk is in the evidence"


def _observed_faults(subject: Subject, found: list[Estimate]) -> Iterator[str]:
    risks = {(risk.cause, risk.horizon_days, risk.population, risk.n, risk.events): risk for risk in found}
    for risk in found:
        # Censoring can only raise the product-limit estimate above the plain share of events.
        if (risk.value or 0.0) * (risk.n or 0) < (risk.events or 0) - 0.5:
            yield f"{risk.id} × n is below the {risk.events} events it states"
    means = {e.key[2:]: e for e in subject.evidence.estimates if e.metric == "mean_risk"}
    for ratio in subject.evidence.estimates:
        seen = risks.get((ratio.cause, ratio.horizon_days, ratio.population, ratio.n, ratio.events))
        mean = means.get(ratio.key[2:])
        if ratio.metric != "oe_ratio" or ratio.value is None or mean is None or mean.value is None or seen is None:
            continue
        if not math.isclose(ratio.value * mean.value, seen.value or 0.0, rel_tol=1e-6, abs_tol=1e-9):
            yield f"{ratio.id} × mean risk is not the observed risk"


def _intervals_on_their_scale(subject: Subject) -> Iterator[str]:
    for e in subject.evidence.estimates:
        low, high = e.low, e.high
        if low is None or high is None or e.value is None:
            continue
        if low > high:
            yield f"{e.id}: the interval is upside down"
        elif e.metric in _SHARES and (low < -1e-12 or high > 1 + 1e-12):
            yield f"{e.id}: the interval leaves [0, 1]"
        elif e.metric in _RATIOS and low < 0:
            yield f"{e.id}: the interval of a ratio goes below zero"
        elif e.metric in _RATIOS and high - low > 0.1 and math.isclose(high - e.value, e.value - low, rel_tol=1e-6):
            yield f"{e.id}: the interval of a ratio is symmetric around it; it belongs on the log scale"


def _sites_sum(subject: Subject) -> Iterator[str] | str:
    design = "leave_one_site_out"
    names = subject.populations(design)
    if not names:
        return "sites were not judged"
    return _site_faults(subject, design, names)


def _site_faults(subject: Subject, design: str, names: tuple[str, ...]) -> Iterator[str]:
    for cause in subject.causes:
        for horizon in subject.horizons:
            key = {"cause": cause, "horizon_days": horizon, "design": design}
            whole = subject.find("oe_ratio", **key)
            parts = [subject.find("oe_ratio", population=name, **key) for name in names]
            if whole is None or any(part is None or part.n is None or part.events is None for part in parts):
                continue
            n, events = sum(p.n or 0 for p in parts if p), sum(p.events or 0 for p in parts if p)
            if whole.n is not None and n != whole.n:
                yield f"sites hold {n} patients, together {whole.n} ({cause} by {horizon:g} days)"
            if whole.events is not None and events != whole.events:
                yield f"sites hold {events} events, together {whole.events} ({cause} by {horizon:g} days)"


def _groups_sum(subject: Subject) -> Iterator[str] | str:
    named = subgroups_of(subject)
    if not named:
        return "no subgroup was judged"
    return _group_faults(subject, named)


def _group_faults(subject: Subject, named: tuple[str, ...]) -> Iterator[str]:
    """Levels of a group partition those of whom it is known; what is suppressed can only make the sum smaller."""
    groups: dict[str, list[str]] = {}
    for name in named:
        groups.setdefault(name.partition("=")[0], []).append(name)
    known = {str(row["field"]): int(row["n"]) for row in subject.table("table_one", site="all") if row.get("n")}
    for cause, horizon in ((cause, horizon) for cause in subject.causes for horizon in subject.horizons):
        key = {"cause": cause, "horizon_days": horizon}
        whole = subject.find("oe_ratio", **key)
        for group, names in groups.items():
            found = [e for name in names if (e := subject.find("oe_ratio", population=name, **key)) is not None]
            for counted in ("n", "events"):
                total = sum(getattr(e, counted) or 0 for e in found)
                most = None if whole is None else getattr(whole, counted)
                if most is not None and total > most:
                    where = f"({cause} by {horizon:g} days)"
                    yield f"{group}: its groups hold {total} {counted}, all patients {most} {where}"
            told = [e.n for e in found if not e.population.endswith("=not known")]
            if group in known and None not in told and sum(n or 0 for n in told) > known[group]:
                yield f"{group}: its groups hold {sum(n or 0 for n in told)} patients, Table 1 knows {known[group]}"


def _no_outside_site(subject: Subject) -> Iterator[str] | str:
    external = subject.facts("external")
    if not isinstance(external, Mapping):
        return "no external cohort was judged"
    taught = set(external.get("taught_by_sites") or ())
    both = sorted(taught & {str(row["site"]) for row in subject.table("sites")})
    if not taught:
        return "the sites that taught the model have no names"
    if both:
        # Registries count their hospitals alike: a name that stands on both sides need not be one hospital.
        return f"{_KNOWN}{len(both)} site names also stand among those that taught the model ({', '.join(both[:5])})"
    return iter(())
