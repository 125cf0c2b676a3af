"""Pages as a browser lays them out: nothing leaves a telephone's screen, and a long list scrolls in its own box."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PAGES = ("card.html", "calibration-report.html", "profiles/tripod-ai.html")

# A window of Chromium is never narrower than 500 pixels; a frame inside it is.
MEASURE = """<!doctype html><body>
<iframe id="page" style="border:0;width:{width}px;height:800px" srcdoc="{page}"></iframe><pre id="found"></pre>
<script>onload = () => {{
  const inside = document.getElementById("page").contentDocument;
  const width = inside.documentElement.clientWidth;
  const held = e => {{
    for (let p = e.parentElement; p; p = p.parentElement)
      if (inside.defaultView.getComputedStyle(p).overflowX !== "visible") return true;
    return false;
  }};
  const beyond = [...inside.body.querySelectorAll("*")].filter(
    e => e.getBoundingClientRect().width > 0 && e.getBoundingClientRect().right > width + 1 && !held(e));
  const box = inside.querySelector(".origins-box");
  document.getElementById("found").textContent = JSON.stringify({{
    width, scroll: inside.documentElement.scrollWidth, beyond: beyond.map(e => e.tagName + "." + e.className),
    box: box && box.getBoundingClientRect().height, held: box && box.scrollHeight}});
}}</script>"""


def laid_out(page: bytes, folder: Path, width: int) -> dict[str, Any]:
    """What Chromium makes of a page in a frame of so many CSS pixels."""
    file = folder / "frame.html"
    file.write_text(MEASURE.format(width=width, page=html.escape(page.decode(), quote=True)), encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}",
            "--virtual-time-budget=8000",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert found is not None, done.stderr[-500:]
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_a_telephone(either: Any, tmp_path: Path, name: str) -> None:
    found = laid_out(either.rendered()[name], tmp_path, 400)
    assert (found["width"], found["scroll"], found["beyond"]) == (400, 400, [])


def test_the_lines_behind_the_numbers_scroll_in_a_box(survival: Any, tmp_path: Path) -> None:
    found = laid_out(survival.rendered()["calibration-report.html"], tmp_path, 400)
    assert found["box"] < 700 < found["held"]


def test_a_page_that_is_too_wide_is_found(tmp_path: Path) -> None:
    wide = b"<!doctype html><meta charset=utf-8><body style='margin:0'><table><td>" + b"x" * 300
    found = laid_out(wide, tmp_path, 400)
    assert found["scroll"] > 400
    assert found["beyond"]
