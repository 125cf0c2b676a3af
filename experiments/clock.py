"""`Clock`: when, how long and on what a run was made. Beside the evidence, never in it."""

from __future__ import annotations

import datetime
import os
import platform
import time
from typing import Any, Self, final


@final
class Clock:
    """Started with a run; each lap names what has just ended."""

    def __init__(self, started: str, workers: int) -> None:
        self._started, self._workers = started, workers
        self._first = self._last = time.monotonic()
        self._laps: dict[str, float] = {}

    @classmethod
    def start(cls, workers: int) -> Self:
        """Now."""
        return cls(datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), workers)

    def lap(self, name: str) -> None:
        """Say what has just ended."""
        now = time.monotonic()
        self._laps[name] = round(now - self._last, 3)
        self._last = now

    def read(self) -> dict[str, Any]:
        """Start, seconds altogether and by lap, workers and machine, as plain JSON values."""
        return {
            "started": self._started,
            "seconds": round(time.monotonic() - self._first, 3),
            "laps": dict(self._laps),
            "workers": self._workers,
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        }
