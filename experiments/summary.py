"""The few numbers of a run that fit a terminal, each with its interval and counts, straight from `Evidence`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, final

from training.evidence import Estimate, Evidence

_DESIGN, _MODEL = "nested_cross_validation", "chosen"
_IPA = "ipcw_null_of_scored_data"
_SHOWN: Final = {
    "harrell_c": "C (Harrell)",
    "ipa": "IPA",  # against the null of the very patients scored; the other null's is in the report
    "oe_ratio": "observed/expected",
    "calibration_slope": "calibration slope",
    "ici": "ICI",
}


@final
@dataclass(frozen=True)
class Line:
    """One estimate as a line."""

    estimate: Estimate

    @property
    def sentence(self) -> str:
        """Metric, cause, horizon, value with interval, counts; or why there is no value."""
        e = self.estimate
        horizon = "" if e.horizon_days is None else f" at {e.horizon_days:g} d"
        name = f"  {_SHOWN[e.metric]:<18} {e.cause}{horizon}"
        if e.value is None:
            return f"{name:<52} {e.state}: {e.reason}"
        interval = "" if e.low is None or e.high is None else f" ({e.low:.3f} to {e.high:.3f})"
        return f"{name:<52} {e.value:6.3f}{interval}  n {e.n}, {e.events} events"

    def to_json(self) -> dict[str, Any]:
        """The whole estimate."""
        return asdict(self.estimate)


def headline(evidence: Evidence, cause: str, design: str = _DESIGN) -> list[Line]:
    """What the chosen model does for one cause, out of sample, on all patients; published scores are in the report."""
    found = evidence.find(design=design, model=_MODEL, population="all", cause=cause)
    shown = [one for one in found if one.metric != "ipa" or one.estimator == _IPA]
    # Of the slopes over the whole range Cox's: two lines of one name would not say which is which.
    shown = [one for one in shown if one.estimator != "poisson_glm"]
    return [Line(one) for metric in _SHOWN for one in shown if one.metric == metric]
