"""Spinal Instability Neoplastic Score. Fisher and others: Spine 2010;35:E1221. 0 to 18.

It measures instability. Of survival it says nothing, and so it stands among comparators as a negative control.
"""

from __future__ import annotations

from typing import Final

from features.scores.condition import one_of
from features.scores.score import Item, RiskGroup, Row, Score


def _item(label: str, field: str, *rows: tuple[int, str]) -> Item:
    """The registry's code of each component is its points."""
    return Item(label, tuple(Row(points, words, one_of(field, str(points))) for points, words in rows))


SINS: Final = Score(
    name="sins",
    title="SINS (negative control)",
    source="Fisher 2010, Spine 35:E1221",
    higher_is_worse=True,
    lowest=0,
    highest=18,
    items=(
        _item("Location", "sins_location", (3, "junctional"), (2, "mobile"), (1, "semirigid"), (0, "rigid")),
        _item("Pain", "sins_pain", (3, "mechanical"), (1, "occasional, not mechanical"), (0, "none")),
        _item("Bone lesion", "sins_lesion", (2, "lytic"), (1, "mixed"), (0, "blastic")),
        _item(
            "Alignment",
            "sins_alignment",
            (4, "subluxation or translation"),
            (2, "new kyphosis or scoliosis"),
            (0, "normal"),
        ),
        _item(
            "Vertebral collapse",
            "sins_collapse",
            (3, "more than half"),
            (2, "less than half"),
            (1, "none, more than half of the body involved"),
            (0, "none"),
        ),
        _item("Posterolateral elements", "sins_posterolateral", (3, "both sides"), (1, "one side"), (0, "none")),
    ),
    groups=(RiskGroup("stable", 0), RiskGroup("potentially unstable", 7), RiskGroup("unstable", 13)),
    published="no survival: it measures instability",
)
