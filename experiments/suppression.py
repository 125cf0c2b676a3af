"""The law that all evidence passes: no count of one to nine patients, told or to be had by subtraction.

Groups of patients overlap, and their counts add up: levels of a subgroup and sites to everybody, events and the rest to
a group, the scored and the not scored to those asked. `Told` knows all of these sums and decides once which counts are
told; `closed` takes the others out of estimates and tables, with the reason in their place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from features.cohort import Cohort
from features.outcome import Outcome
from training.comparator_evidence import scope
from training.comparators import Comparator
from training.disclosure import WITHHELD, Cell, Sum, withheld
from training.evidence import Estimate, Evidence
from training.metrics.metric import events_by
from training.subgroups import Subgroup

Rows = NDArray[np.intp]
COMPLETE: Final = "complete cases"
ALL: Final = "all"
SITE: Final = "site"

_FREE: Final = "censored"
# A horizon's numbers from which its events follow, alone or one with another: IPA and Brier give the null's Brier.
_TELLING: Final = ("observed_risk", "mean_risk", "oe_ratio", "brier", "net_benefit", "calibration_intercept")
_NOTHING: Final[dict[str, Any]] = {
    **dict.fromkeys(("value", "low", "high", "level")),
    "method": "",
    "state": "not applicable",
    "reason": WITHHELD,
}


@dataclass
class _Groups:
    """Groups of patients, and how they add up. Two groups of the same patients are one.

    people  key → the patients · printed keys of which something is told, those with `free` their censored too.
    """

    outcome: Outcome
    horizons: tuple[float | None, ...]
    people: dict[bytes, Rows] = field(default_factory=dict)
    printed: set[bytes] = field(default_factory=set)
    free: set[bytes] = field(default_factory=set)
    sums: dict[Sum, None] = field(default_factory=dict)

    def group(self, rows: Rows, *, printed: bool = True, free: bool = False) -> bytes:
        """A group's key."""
        patients = np.unique(rows)
        key = patients.tobytes()
        self.people[key] = patients
        self.printed |= {key} if printed else set()
        self.free |= {key} if free else set()
        return key

    def add_up(self, whole: bytes, *parts: bytes) -> None:
        """The parts share no patient and are everybody of the whole."""
        if parts != (whole,):
            self.sums[Sum(whole, parts)] = None

    def part_of(self, rows: Rows, own: Rows) -> bytes:
        """The key of a part, the others of the whole being printed nowhere."""
        key, others = self.group(own), np.setdiff1d(rows, own)
        if len(others) and len(own):
            self.add_up(self.group(rows, printed=False), key, self.group(others, printed=False))
        return key

    def hidden(self, whole: bytes) -> frozenset[Cell]:
        """Cells (group, "n") and (group, cause or "censored", horizon) that are not told.

        How many there were in the whole, and what became of them, is what a study has to say first.
        """
        sizes = {key: len(rows) for key, rows in self.people.items()}
        few = withheld(sizes, list(self.sums), silent=set(sizes) - self.printed, fixed=[whole])
        found: set[Cell] = {(key, "n") for key in few}
        for day in self.horizons:
            found |= self._by(day, whole, few)
        return frozenset(found)

    def _by(self, day: float | None, whole: bytes, few: Collection[Cell]) -> set[Cell]:
        names, counts = (_FREE, *self.outcome.causes), dict[Cell, int]()
        every = (*names, "n")
        sums = [Sum((one.total, name), tuple((p, name) for p in one.parts)) for one in self.sums for name in every]
        for key, rows in self.people.items():
            own = self.outcome.take(rows)
            events = [int(events_by(own, k, day).sum()) for k in range(1, len(names))]
            found = dict(zip(names, (own.n - sum(events), *events), strict=True))
            counts |= {(key, name): count for name, count in found.items()} | {(key, "n"): own.n}
            sums.append(Sum((key, "n"), tuple((key, name) for name in names)))
        silent = {(key, name) for key in self.people for name in names if key not in self.printed}
        silent |= {(key, _FREE) for key in self.people if day is not None or key not in self.free}
        silent |= {(key, "n") for key in few}
        fixed = {(key, "n") for key in self.people if key not in few}
        if day is None:
            fixed |= {(whole, name) for name in names}
        hidden = withheld(counts, sums, silent=silent - fixed, fixed=fixed)
        return {(key, name, day) for key, name in hidden if name != "n"}


@final
@dataclass(frozen=True)
class Told:
    """Which counts of a cohort are told.

    who     (design, population) → key of its patients; a design that is not named judges everybody.
    hidden  cells that are not told.
    causes  of the outcome.
    """

    who: Mapping[tuple[str, str], bytes]
    hidden: frozenset[Cell]
    causes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        outcome: Outcome,
        horizons: Sequence[float],
        *,
        groups: Sequence[Subgroup] = (),
        comparators: Sequence[Comparator] = (),
        complete: Rows | None = None,
        designs: Mapping[str, Rows] | None = None,
    ) -> Told:
        """From everything that is judged: subgroups, sites, complete cases, those scored; designs of fewer patients."""
        everybody = np.arange(cohort.n)
        system = _Groups(outcome, (None, *(float(day) for day in horizons)))
        whole = system.group(everybody, free=True)
        who: dict[tuple[str, str], bytes] = {}
        for group in (*groups, *_sites(cohort)):
            keys = [system.group(rows, free=group.name == SITE) for rows in group.levels.values()]
            who |= {("", group.population(level)): key for level, key in zip(group.levels, keys, strict=True)}
            rest = np.setdiff1d(everybody, np.concatenate(list(group.levels.values())))
            system.add_up(whole, *keys, *([system.group(rest, printed=False)] if len(rest) else []))
        parts = {} if complete is None else {COMPLETE: complete}
        parts |= {scope(one): np.flatnonzero(one.speaks_of(cohort.frame)) for one in comparators}
        for design, scored in {"": everybody, **(designs or {})}.items():
            who[design, ALL] = system.part_of(everybody, scored)
            for name, rows in parts.items():
                who[design, name] = system.part_of(scored, np.intersect1d(rows, scored))
                system.part_of(rows, np.intersect1d(rows, scored))
        return cls(who, system.hidden(whole), outcome.causes)

    def closed(self, evidence: Evidence) -> Evidence:
        """The evidence without what is not told. Again changes nothing."""
        scopes = {
            (e.design, e.model): e.population for e in evidence.estimates if e.population.startswith("scored by ")
        }
        tables: dict[str, list[dict[str, Any]]] = {
            name: [row for one in rows for row in self._row(name, dict(one), scopes)]
            for name, rows in evidence.tables.items()
        }
        return Evidence(tuple(map(self._estimate, evidence.estimates)), tables, evidence.facts)

    def _of(self, design: str, population: str) -> bytes | None:
        return self.who.get((design, population), self.who.get(("", population)))

    def _silent(self, who: bytes | None, cause: str, day: float | None) -> tuple[bool, bool]:
        """Whether these patients' number, and whether their events of a cause ("": of any), are not told."""
        causes = (cause,) if cause else self.causes
        few = who is not None and (who, "n") in self.hidden
        return few, few or (who is not None and any((who, one, day) in self.hidden for one in causes))

    def _estimate(self, e: Estimate) -> Estimate:
        few, silent = self._silent(self._of(e.design, e.population), e.cause, e.horizon_days)
        if not silent:
            return e
        counts: dict[str, Any] = {"n": None if few else e.n, "events": None}
        if e.horizon_days is not None and e.metric in _TELLING and e.value is not None and not self._free(e):
            return replace(e, **_NOTHING, **counts)
        return replace(e, **counts, reason=e.reason or f"counts {WITHHELD}")

    def _free(self, e: Estimate) -> bool:
        """A rate of patients whose number nobody knows gives no count."""
        who = self._of(e.design, e.population)
        return (who, "n") in self.hidden and (who, e.cause, e.horizon_days) not in self.hidden

    def _row(self, table: str, row: dict[str, Any], scopes: Mapping[tuple[str, str], str]) -> Iterator[dict[str, Any]]:
        if table in ("decision_curve", "calibration_curve", "risk_by_outcome", "optimism"):
            population = scopes.get((row["design"], row["model"]), ALL)
            silent = self._silent(self._of(row["design"], population), row["cause"], row["horizon_days"])[1]
            if silent and row["horizon_days"] is not None:
                yield from _closed_row(table, row)
                return
        elif table == "comparator_differences":
            few, silent = self._silent(self._of(row["design"], row["population"]), row["cause"], row["horizon_days"])
            row = _without(row, few, silent, row["horizon_days"] is not None)
        elif table == SITE + "s":
            who = self._of("", f"{SITE}={row['site']}")
            hides = {"n": (who, "n")} | {name: (who, name, None) for name in (_FREE, *self.causes)}
            row = {name: None if hides.get(name) in self.hidden else value for name, value in row.items()}
        elif table in ("refits", "split_proofs") and (self.who.get(("", row["label"])), "n") in self.hidden:
            row |= {"n_train": None, "n_test": None}
        yield row


def _sites(cohort: Cohort) -> Iterator[Subgroup]:
    if cohort.sites is not None:
        yield Subgroup(
            SITE, {str(one): np.flatnonzero(cohort.sites == one) for one in sorted(set(cohort.sites.tolist()))}
        )


def _closed_row(table: str, row: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A row at a horizon whose events are not told; curves from which these follow are left out."""
    if table == "risk_by_outcome":
        return [
            {
                **dict.fromkeys(row),
                **{name: row[name] for name in ("design", "model", "cause", "horizon_days", "outcome")},
            }
        ]
    if table == "optimism":
        return [] if row["metric"] in _TELLING else [row]
    return []


def _without(row: dict[str, Any], few: bool, silent: bool, at_horizon: bool) -> dict[str, Any]:
    if not silent:
        return row
    row = {**row, "n": None if few else row["n"], "events": None}
    if at_horizon and not few and row["metric"].removeprefix("delta_") in _TELLING and row["value"] is not None:
        return {**row, **_NOTHING}
    return row
