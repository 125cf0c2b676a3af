from __future__ import annotations

import json

import pytest

from experiments.progress import shown_progress
from experiments.terminal import result, say, table, then


def test_results_go_to_stdout_and_everything_else_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("a message")
    result({"answer": 1}, as_json=True, text="one")
    then("spinecast serve")
    said = capsys.readouterr()
    assert json.loads(said.out) == {"answer": 1}
    assert said.err == "a message\nnext: spinecast serve\n"


def test_without_json_people_read_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    result({"answer": 1}, as_json=False, text="one")
    assert capsys.readouterr().out == "one\n"


def test_a_table_aligns_words_left_and_numbers_right() -> None:
    assert table(("run", "n"), [("a", 5), ("long", 12)]) == "run    n\na      5\nlong  12"


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("run", "n"), []) == "run  n"


def test_away_from_a_terminal_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress() as progress:
        progress.start(2, "refits")
        progress.advance()
        progress.advance()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1] == "refits: 2 of 2"
    assert "\x1b" not in said.err
