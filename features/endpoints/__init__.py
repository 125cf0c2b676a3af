"""Clinical questions: who is asked, what happened to them, and what competes. `ENDPOINTS[study.endpoint.name]`."""

from __future__ import annotations

from typing import Final

from features.endpoints.ais_improvement import AisImprovement
from features.endpoints.endpoint import Description, Endpoint, Observed, Population
from features.endpoints.overall_survival import OverallSurvival
from features.endpoints.time_to_event import TimeToEvent

__all__ = ["ENDPOINTS", "Description", "Endpoint", "Observed", "Population"]

ENDPOINTS: Final[dict[str, Endpoint]] = {
    "overall_survival": OverallSurvival(),
    "ais_improvement": AisImprovement(),
    "time_to_event": TimeToEvent(),
}
