"""Published bedside scores, each a points table that can be read beside its paper.

Comes in: raw fields as in `Cohort.frame`. Goes out: the lowest and highest points that each patient can have, and the
published survival of the group. Nothing is learned here. Read first: `score.py`, then `katagiri.py`.
"""

from __future__ import annotations

from typing import Final

from features.scores.bauer import BAUER, NESMS
from features.scores.katagiri import KATAGIRI
from features.scores.rades import RADES
from features.scores.score import Score
from features.scores.sins import SINS
from features.scores.tokuhashi import TOKUHASHI
from features.scores.tomita import TOMITA
from features.scores.van_der_linden import VAN_DER_LINDEN

__all__ = ["SCORES"]

SCORES: Final[dict[str, Score]] = {
    score.name: score for score in (KATAGIRI, TOKUHASHI, TOMITA, BAUER, VAN_DER_LINDEN, NESMS, SINS, RADES)
}
