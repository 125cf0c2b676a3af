"""`Reading`: evidence as an appraiser looks at it: the numbers of the chosen model under the design that counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from training.evidence import Estimate, Evidence
from training.metrics import headline_place

CHOSEN: Final = "chosen"
# The designs that judge a model on patients who taught it nothing, the one that counts first.
HONEST: Final = ("nested_cross_validation", "bootstrap", "leave_one_site_out", "temporal", "external")
_WORDS: Final = {
    "harrell_c": "C",
    "ipa": "IPA",
    "mape": "how much predictions move over refits",
    "calibration_slope": "the slope",
    "oe_ratio": "observed/expected",
    "ici": "ICI",
}


@final
@dataclass(frozen=True)
class Reading:
    """Evidence, with the study's primary cause and horizon."""

    evidence: Evidence
    cause: str
    horizon_days: float

    @property
    def design(self) -> str | None:
        """The honest design that counts; None where the model was judged on its own patients alone."""
        there = {one.design for one in self.evidence.estimates if one.model == CHOSEN}
        return next((design for design in HONEST if design in there), None)

    @property
    def horizons(self) -> list[float]:
        """Every horizon that was judged, ascending."""
        return sorted(
            {e.horizon_days for e in self.evidence.estimates if e.model == CHOSEN and e.horizon_days is not None}
        )

    def numbers(
        self,
        metric: str,
        *,
        design: str | None = None,
        model: str = CHOSEN,
        population: str = "all",
        cause: str | None = None,
        measured: bool = True,
    ) -> list[Estimate]:
        """One estimate per cause and horizon: of several estimators the headline's. measured: only those with a value.

        design: the one that counts where not given.
        """
        wanted = design or self.design
        found: dict[tuple[str, float | None], tuple[tuple[bool, int, bool], Estimate]] = {}
        given = self.fact("headline_weights") == "given_predictors"
        for one in self.evidence.estimates:
            if (one.metric, one.design, one.model, one.population) != (metric, wanted, model, population):
                continue
            if (cause and one.cause != cause) or (measured and one.value is None):
                continue
            rank = headline_place(metric, one.estimator, given_predictors=given)
            key = (one.cause, one.horizon_days)
            if key not in found or rank < found[key][0]:
                found[key] = (rank, one)
        return [one for _, one in found.values()]

    def number(self, metric: str, horizon_days: float | None, **where: Any) -> Estimate | None:
        """The primary cause's estimate at a horizon, or over the whole range (None); None where there is none."""
        of = self.numbers(metric, cause=self.cause, **where)
        return next((one for one in of if one.horizon_days == horizon_days), None)

    def reason(self, metric: str, horizon_days: float | None, **where: Any) -> str:
        """Why there is no such number."""
        of = self.numbers(metric, cause=self.cause, measured=False, **where)
        found = next((one for one in of if one.horizon_days == horizon_days), None)
        return found.reason if found is not None and found.reason else f"{_WORDS.get(metric, metric)} was not measured"

    def table(self, name: str) -> Sequence[Mapping[str, Any]]:
        """A table's rows; none where it was not made."""
        return self.evidence.tables.get(name, ())

    def fact(self, name: str) -> Any:
        """A fact, or None."""
        return self.evidence.facts.get(name)

    def populations(self) -> Iterator[str]:
        """Groups of patients that the chosen model was judged in: sites and subgroups."""
        known = (one.population for one in self.evidence.estimates if one.model == CHOSEN and "=" in one.population)
        yield from dict.fromkeys(known)


def said(one: Estimate) -> str:
    """A number with its interval: "0.72 (0.70 to 0.74)"."""
    interval = "" if one.low is None or one.high is None else f" ({one.low:.2f} to {one.high:.2f})"
    return f"{one.value:.2f}{interval}"


def by(horizon_days: float | None) -> str:
    """A horizon in words."""
    return "over the whole range" if horizon_days is None else f"by {horizon_days:g} d"


def place(one: Estimate, primary: str) -> str:
    """Where a number stands, the cause named where it is not the primary one."""
    return by(one.horizon_days) if one.cause in ("", primary) else f"for {one.cause} {by(one.horizon_days)}"
