"""What may be behind a cell that breaks its rule: (rule, likely cause), worded without the cell's text."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.contract import Field

_WORDS: Final = {"yes", "no", "y", "n", "true", "false", "t", "f", "ja", "nein"}
_KARNOFSKY: Final = {str(points) for points in range(10, 101, 10)}
# Fewer numbers that would fit at a tenth are no habit of a laboratory.
_ENOUGH: Final = 3
_PERFORMANCE: Final = ("0", "1", "2", "3", "4")


def number_rule(text: str, *, whole: bool) -> tuple[str, str]:
    """Why a text is no number."""
    if re.fullmatch(r"\s*[+-]?\d{1,3}(\.\d{3})*,\d+\s*|[+-]?\d+,\d+", text):
        return "with a decimal comma", "write a decimal point"
    if re.fullmatch(r"[<>≤≥]=?\s*\d+([.,]\d+)?", text):
        return "beyond a limit of detection, written with < or >", "give a number, and say how in the contract's source"
    if whole and re.fullmatch(r"[+-]?\d+\.\d+", text):
        return "not a whole number", "was the column stored with decimals?"
    if text != text.strip():
        return "not a number", "take away the blanks around it"
    if re.fullmatch(r"[+-]?\d+(\.\d+)?\s*[A-Za-zµ%/][^_]*", text):
        return "not a number", "take the unit out of the cell"
    return "not a whole number" if whole else "not a number", ""


def date_guess(field: Field, text: str, present: frozenset[str]) -> tuple[str, str]:
    """Why a text is no date."""
    if re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}", text):
        return "not a date as YYYY-MM-DD", "is the day or the month written first?"
    if re.fullmatch(r"\d{4}-\d{2}", text):
        return "not a date as YYYY-MM-DD", "give a day, and say that only the month is known"
    if re.fullmatch(r"\d{5}(\.0)?", text):
        return "not a date as YYYY-MM-DD", "are they day numbers of a spreadsheet?"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ].*", text):
        return "not a date as YYYY-MM-DD", "leave the time of day out"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return "not a day of the calendar between 1900 and 2100", ""
    return "not a date as YYYY-MM-DD", ""


def boolean_guess(field: Field, text: str, present: frozenset[str]) -> tuple[str, str]:
    """Why a text is neither 0 nor 1."""
    rule = "neither 0 nor 1"
    if text == "2" and "0" not in present:
        return rule, "are they coded 1/2? expected 0 (no) and 1 (yes): recode"
    if text.strip().lower() in _WORDS:
        return rule, "write yes as 1 and no as 0"
    if text in ("0.0", "1.0"):
        return rule, "was the column stored with decimals?"
    return rule, ""


def level_guess(field: Field, text: str, present: frozenset[str]) -> tuple[str, str]:
    """Why a text is no level of a category or an ordinal."""
    rule = "with an unknown level"
    expected = f"expected {', '.join(field.levels)}" if len(field.levels) <= 12 else "see the levels in the contract"
    if field.levels == _PERFORMANCE and text in _KARNOFSKY:
        return rule, f"were they recorded as Karnofsky (10 to 100)? {expected}"
    if {"1a", "1b", "1c"} <= set(field.levels) and re.fullmatch(r"[0-3](\.0)?", text):
        return rule, f"was the Bilsky grade kept as a number? {expected}"
    if _coded_one_two(field, text, present):
        return rule, f"are they coded 1/2? {expected}"
    if text.strip().lower() in {level.lower() for level in field.levels}:
        return rule, f"is it a matter of capitals or blanks? {expected}"
    if re.fullmatch(r"\d+\.0", text) and text[:-2] in field.levels:
        return rule, f"was the column stored with decimals? {expected}"
    return rule, expected


def range_guess(field: Field, outside: NDArray[np.float64]) -> str:
    """What numbers outside the range may be: an end before time zero, or ten times too large in a field without unit.

    A field that names its units is asked about those instead (`accepted_units`).
    """
    if field.known_at == "END" and field.minimum == 0 and bool((outside < 0).all()) and len(outside):
        return "an end before time zero? follow-up starts at 0"
    if field.unit or len(outside) < _ENOUGH or field.minimum is None or field.maximum is None:
        return ""
    tenth = outside / 10
    if bool(((outside > field.maximum) & (tenth >= field.minimum) & (tenth <= field.maximum)).all()):
        return "all would fit at a tenth: were they recorded in another unit, as g/L for g/dL?"
    return ""


def _coded_one_two(field: Field, text: str, present: frozenset[str]) -> bool:
    """Two answers written as 1 and 2 where 0 and 1, or two words, were promised."""
    codes_are_0_1 = set(field.levels) == {"0", "1"} and text == "2" and "0" not in present
    words = (
        len(field.levels) == 2
        and not set(field.levels) & {"0", "1", "2"}
        and text in ("1", "2")
        and present <= {"1", "2"}
    )
    return codes_are_0_1 or words
