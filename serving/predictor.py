"""From checked patients to answers: risks at the study's horizons, the curve behind, quantiles instead of a median.

Pure: the same patient and version give the same answer, alone, in a batch, offline and over HTTP, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.endpoints.endpoint import Population
from serving.schemas import Form, Patient
from training.bundle import Bundle
from training.curves import Curves

Floats = NDArray[np.float64]

_MOST_POINTS = 100  # of a curve in an answer; it is read at these, not smoothed
_SUM_SLACK = 1e-9


@final
@dataclass(frozen=True)
class Served:
    """An opened bundle and what is said about it.

    status  "champion", "challenger", …, as the shelf had it at the start.
    """

    bundle: Bundle
    status: str
    form: Form

    @classmethod
    def of(cls, bundle: Bundle, status: str) -> Served:
        """A bundle with the form that its contract asks for."""
        described = bundle.study["endpoint_description"]["population"]
        population = described and Population(described["field"], tuple(described["levels"]), described["otherwise"])
        reference = f"{bundle.manifest.name}@{bundle.manifest.version}"
        return cls(bundle, status, Form.of(reference, bundle.contract, population or None))

    @property
    def reference(self) -> str:
        """`name@version`."""
        return self.form.model

    @property
    def horizons(self) -> tuple[float, ...]:
        """The study's horizons, in days."""
        return tuple(float(days) for days in self.bundle.study["endpoint"]["horizons_days"])

    @property
    def endpoint(self) -> Mapping[str, Any]:
        """The endpoint's description: name, title, time_zero, causes, free_state, labels, population, reading."""
        described: Mapping[str, Any] = self.bundle.study["endpoint_description"]
        return described

    @property
    def states(self) -> tuple[str, ...]:
        """Where a patient may be: the first cause, free of all causes, the other causes."""
        causes = tuple(self.bundle.model.causes)
        return (causes[0], str(self.endpoint["free_state"]), *causes[1:])

    @property
    def synthetic(self) -> bool:
        """Whether the patients behind the model were drawn, not met: its answers are for looking at."""
        return bool(self.bundle.evidence.facts.get("synthetic"))

    def identity(self) -> dict[str, Any]:
        """Name, version, digest, status, who it was developed on, and where its card is."""
        name, version = self.bundle.manifest.name, self.bundle.manifest.version
        return {
            "name": name,
            "version": version,
            "digest": f"sha-256:{self.bundle.model_digest}",
            "status": self.status,
            "developed_on": _developed_on(self.bundle.evidence.facts),
            "card": f"/v1/models/{name}/versions/{version}/card",
        }


def curves_of(served: Served, patients: Sequence[Patient]) -> list[Curves]:
    """The mean curves of each patient on the model's own times: one call, in which each row stands for itself."""
    if not patients:
        return []
    columns = {
        name: pd.Series(
            [patient.cells[name] for patient in patients], dtype=object if question.field.levels else np.float64
        )
        for name, question in served.form.questions.items()
    }
    mean = served.bundle.model.predict(pd.DataFrame(columns)).mean
    return [mean.take([i]) for i in range(len(patients))]


@final
@dataclass(frozen=True)
class Result:
    """One model's answer for one patient, in the shape of the API, and the curves behind it where there are any."""

    body: dict[str, Any]
    curves: Curves | None


def answer(served: Served, patients: Sequence[Patient]) -> list[Result]:
    """One result per patient; a patient outside the population gets "not_applicable" with the reason."""
    reasons = [served.form.outside(patient) for patient in patients]
    inside = [patient for patient, reason in zip(patients, reasons, strict=True) if reason is None]
    curves = iter(curves_of(served, inside))
    head = {
        "model": served.identity(),
        "endpoint": served.endpoint["name"],
        "time_zero": served.endpoint["time_zero"],
    }
    results = []
    for patient, reason in zip(patients, reasons, strict=True):
        if reason is not None:
            results.append(Result({**head, "not_applicable": reason}, None))
        else:
            own = next(curves)
            results.append(Result({**head, **_result(served, own, patient)}, own))
    return results


def at_horizons(served: Served, curves: Curves) -> dict[float, dict[str, float]]:
    """Horizon in days → state → probability; they sum to one."""
    read = curves.at(served.horizons)
    found = {}
    for h, days in enumerate(served.horizons):
        incidence = {cause: float(read.incidence[0, k, h]) for k, cause in enumerate(read.causes)}
        free = max(0.0, 1.0 - math.fsum(incidence.values()))
        found[days] = {state: incidence.get(state, free) for state in served.states}
    return found


def per_100(probabilities: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers that sum to 100: largest remainders first, ties to the larger probability, then to the first."""
    total = math.fsum(probabilities.values())
    shares = {state: 100.0 * p / total for state, p in probabilities.items()}
    whole = {state: math.floor(share) for state, share in shares.items()}
    order = sorted(shares, key=lambda state: (whole[state] - shares[state], -shares[state]))
    for state in order[: 100 - sum(whole.values())]:
        whole[state] += 1
    return whole


def crossed(results: Sequence[Result]) -> list[str]:
    """Horizons by which one model gives dying without recovery a higher probability than another gives dying at all."""
    overall = [r for r in results if r.curves is not None and r.curves.causes == ("died",)]
    competing = [r for r in results if r.curves is not None and "died_without_recovery" in r.curves.causes]
    found = []
    for deaths in overall:
        for recovery in competing:
            if deaths.curves is None or recovery.body["time_zero"] != deaths.body["time_zero"]:
                continue
            for horizon in recovery.body["horizons"]:
                least = horizon["probability"]["died_without_recovery"]
                if least > float(deaths.curves.risk_at(horizon["days"])[0]) + _SUM_SLACK:
                    found.append(horizon["label"])
    return list(dict.fromkeys(found))


def label_of(days: float) -> str:
    """A horizon in the words that clinicians use: "6 weeks", "90 days", "1 year"."""
    if days % 365 == 0:
        return "1 year" if days == 365 else f"{days / 365:g} years"
    if days % 7 == 0 and days <= 364:
        return "1 week" if days == 7 else f"{days / 7:g} weeks"
    return f"{days:g} days"


def _result(served: Served, curves: Curves, patient: Patient) -> dict[str, Any]:
    horizons = []
    for days, probabilities in at_horizons(served, curves).items():
        shown: dict[str, Any] = {"days": _plain(days), "label": label_of(days)}
        if len(curves.causes) == 1:
            shown["risk"] = probabilities[curves.causes[0]]
        else:
            shown["probability"] = probabilities
        horizons.append({**shown, "per_100": per_100(probabilities)})
    result: dict[str, Any] = {"states": list(served.states), "horizons": horizons}
    if len(curves.causes) == 1:
        result["scenarios"] = scenarios(curves, lethal=served.endpoint["free_state"] == "alive")
    result["curve"] = _curve(served, curves)
    result["unknown_inputs"] = [{"field": name, "handled": _handled(served)} for name in patient.unknown]
    return {**result, "reading": served.endpoint["reading"]}


def scenarios(curves: Curves, *, lethal: bool) -> dict[str, Any]:
    """Quantiles of one patient's own curve: worst tenth, middle half, best tenth. A median alone says too much."""
    times, risk = curves.times, curves.incidence[0, 0]
    end = f"beyond {times[-1]:g} days, the end of the data"
    happens, free = ("die_within_days", "live_longer_than_days") if lethal else ("event_within_days", "event_free_days")

    def by(share: float) -> float | int | None:
        reached = np.flatnonzero(risk >= share - _SUM_SLACK)
        return _plain(float(times[reached[0]])) if len(reached) else None

    worst, first, last, best = by(0.10), by(0.25), by(0.75), by(0.90)
    return {
        "worst_10_percent": {happens: worst, **({} if worst is not None else {"note": end})},
        "middle_half": {
            "from_days": first,
            **({} if first is not None else {"from_note": end}),
            "to_days": last,
            **({} if last is not None else {"to_note": end}),
        },
        "best_10_percent": {free: best, **({} if best is not None else {"note": end})},
    }


def _curve(served: Served, curves: Curves) -> dict[str, Any]:
    times = curves.times
    if len(times) > _MOST_POINTS:
        even = np.unique(np.linspace(0, len(times) - 1, _MOST_POINTS).astype(int))
        kept = np.unique(np.concatenate([times[even], [h for h in served.horizons if h <= times[-1]]]))
    else:
        kept = times
    read = curves.at(kept)
    shown = [0, *(_plain(float(t)) for t in kept)]
    survival = [1.0, *map(float, read.survival[0])]
    if len(curves.causes) == 1:
        return {"times_days": shown, "survival": survival}
    by_cause = {cause: [0.0, *map(float, read.incidence[0, k])] for k, cause in enumerate(read.causes)}
    free = str(served.endpoint["free_state"])
    return {"times_days": shown, "probability": {s: survival if s == free else by_cause[s] for s in served.states}}


def _handled(served: Served) -> str:
    if served.bundle.model.family.road == "native":
        return "the model has learned from patients in whom it was not known"
    return "averaged over what is plausible for this patient"


def _developed_on(facts: Mapping[str, Any]) -> str:
    n, sites = facts.get("n"), facts.get("sites")
    count = len(sites) if isinstance(sites, Sequence | Mapping) and not isinstance(sites, str) else sites
    where = f" at {count} hospitals" if isinstance(count, int) and count > 1 else ""
    return f"{n} {'synthetic ' if facts.get('synthetic') else ''}patients{where}"


def _plain(days: float) -> float | int:
    return int(days) if float(days).is_integer() else days
