"""How far a long verb is: a bar on a terminal, plain lines now and then everywhere else; always on stderr."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, final

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from training.validation import Progress


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Progress that suits where stderr goes; a bar is gone when the work is."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield PlainProgress(sys.stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    # rich heeds NO_COLOR by itself.
    words, numbers = TextColumn("{task.description}"), MofNCompleteColumn()
    columns = (words, BarColumn(), numbers, TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _BarProgress(bar)


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


@final
class _BarProgress:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def start(self, total: int, label: str) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(label, total=total)

    def advance(self) -> None:
        if self._task is not None:
            self._bar.advance(self._task)
