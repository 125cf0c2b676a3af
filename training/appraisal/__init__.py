"""Findings: coded questions (`PM001 …`) that evidence is asked; each passed, found, or not applicable with the reason.

In: `Evidence`, and which cause and horizon the study is about. Out: one `Finding` per code. Nothing is computed here
that is not already an estimate, a table or a fact. Read `finding.py` for what one is; the other files hold them by
subject: what the data can carry, how the model was learned, how well it does, how far it travels.
"""

from __future__ import annotations

from typing import Final

from training.appraisal.data import DATA
from training.appraisal.finding import Check, Finding
from training.appraisal.learning import LEARNING
from training.appraisal.performance import PERFORMANCE
from training.appraisal.reading import Reading
from training.appraisal.transport import TRANSPORT
from training.evidence import Evidence

__all__ = ["CHECKS", "Check", "Finding", "appraise"]

_ASKED = sorted((*DATA, *LEARNING, *PERFORMANCE, *TRANSPORT), key=lambda check: check.code)
CHECKS: Final[dict[str, Check]] = {check.code: check for check in _ASKED}


def appraise(evidence: Evidence, *, cause: str, horizon_days: float) -> tuple[Finding, ...]:
    """Every question asked, in the order of the codes. cause, horizon_days: the study's primary ones."""
    reading = Reading(evidence, cause, horizon_days)
    return tuple(check.finding(reading) for check in CHECKS.values())
