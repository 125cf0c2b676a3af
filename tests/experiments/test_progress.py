"""How far a study is, in plain lines."""

from __future__ import annotations

import io

from experiments.clock import Clock
from experiments.progress import PlainProgress


def test_lines_come_at_the_start_now_and_then_and_at_the_end():
    stream = io.StringIO()
    progress = PlainProgress(stream, every=3600)
    progress.start(3, "refits")
    for _ in range(3):
        progress.advance()
    assert stream.getvalue() == "refits: 0 of 3\nrefits: 3 of 3\n"


def test_every_step_is_said_when_nothing_is_held_back():
    stream = io.StringIO()
    progress = PlainProgress(stream, every=0)
    progress.start(2, "refits")
    progress.advance()
    progress.advance()
    assert stream.getvalue().splitlines() == ["refits: 0 of 2", "refits: 1 of 2", "refits: 2 of 2"]


def test_a_clock_names_what_took_how_long_and_on_what():
    clock = Clock.start(2)
    clock.lap("refits")
    read = clock.read()
    assert read["workers"] == 2
    assert 0 <= read["laps"]["refits"] <= read["seconds"] + 0.001
    assert {"machine", "python", "started", "cores"} <= set(read)
