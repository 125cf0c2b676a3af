"""Leakage: predictors that know what comes after the moment of prediction.

Two doors. `refuse_late` compares what a contract declares with a study's moment. `screen` looks for what nobody
declared; what it names stays `undeclared` until a person decides. Read `screening.py`, then `lifetimes.py`.
"""

from __future__ import annotations

from features.leakage.lateness import refuse_late
from features.leakage.screening import Suspicion, screen, screen_table

__all__ = ["Suspicion", "refuse_late", "screen", "screen_table"]
