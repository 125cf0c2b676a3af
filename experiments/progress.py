"""`PlainProgress`: how far a study is, as a line now and then, for logs and pipes; a terminal's bar is the CLI's."""

from __future__ import annotations

import threading
import time
from typing import TextIO, final


@final
class PlainProgress:
    """One line at the start, one every `every` seconds at most, one at the end."""

    def __init__(self, stream: TextIO, every: float = 30.0) -> None:
        self._stream, self._every, self._lock = stream, every, threading.Lock()
        self._total = self._finished = 0
        self._label = ""
        self._said = 0.0

    def start(self, total: int, label: str) -> None:
        """So many steps follow."""
        with self._lock:
            self._total, self._finished, self._label = total, 0, label
            self._say()

    def advance(self) -> None:
        """One of them is finished."""
        with self._lock:
            self._finished += 1
            if self._finished == self._total or time.monotonic() - self._said >= self._every:
                self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        self._stream.write(f"{self._label}: {self._finished} of {self._total}\n")
        self._stream.flush()


@final
class SilentProgress:
    """Says nothing."""

    def start(self, total: int, label: str) -> None:
        """So many steps follow."""

    def advance(self) -> None:
        """One of them is finished."""
