"""`screen`: columns that may know what comes after time zero, by what the data say and by what names and levels say.

Sentences hold counts and shares, never a value of a patient; a day that only one patient reached is a value too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import KNOWN_AT, UNDECLARED, Contract, ContractError, Field
from features.leakage.lifetimes import Lifetimes, concordance
from features.outcome import Outcome
from features.registries.table import outcomes_of, predictors_of

Flags = NDArray[np.bool_]

# A level, or a gap, in fewer patients than this is no evidence of anything.
_ENOUGH: Final = 20
# What chance may do in a whole table, before a correction for the number of groups looked at.
_ALPHA: Final = 1e-4
# A column that alone ranks survival better than any registry's best model (0.72 to 0.81) by far.
_IMPLAUSIBLE_C: Final = 0.87
_FEW_VALUES: Final = 12
# A day counts if at least so many of all patients lie beyond it (or before it).
_SUBSTANTIAL: Final = 0.15
_NAME_WORDS: Final = re.compile(
    r"^(surv(?!ey)\w*|death\w*|dead|die[ds]?|deceased|mort(al\w*)?|fatal\w*|dnr\w*|disch\w*|follow\w*|fu|fup|futime|lastfu|after|post"
    r"|postop\w*|relap\w*|recur\w*|progression|outcome|censor\w*|alive|autopsy|hospice|los|readmi\w*|cod)$"
)
_NAME_PAIRS: Final = re.compile(
    r"(n|num|number|count|total|last|final)_?(of_)?(visit|visits|contact|contacts|assessment|assessments)\b"
    r"|vital_?stat|last_?(seen|known|visit|contact)|end_?of_?(study|treatment|follow)|cause_?of_?death|length_?of_?stay"
)
# Words that put the others before time zero: a death in the family, an earlier recurrence.
_EARLIER: Final = re.compile(
    r"^(prior|previous|prev|history|hist|hx|family|fam|before|baseline|pre|preop|parent\w*|sib\w*)$"
)
_LEVEL_WORDS: Final = re.compile(
    r"\b(died|dead|death|deceased|expired|follow-?\s?up|after|discharged?|hospice|lost to|alive|survived)\b"
)


@final
@dataclass(frozen=True)
class Suspicion:
    """A column that may know the future: by what gives it away, and a sentence with counts only."""

    field: str
    by: Literal["data", "name"]
    sentence: str


def screen(frame: pd.DataFrame, outcome: Outcome, contract: Contract | None = None) -> tuple[Suspicion, ...]:
    """Columns of `frame` (n rows in the order of `outcome`) that may hold what came later; a column is named once.

    frame     numbers as numbers with NaN, everything else as text with None; any further columns may be there too.
    contract  where given, what it declares as later than the treatment is left out (no baseline model may use it),
              and a name alone is no longer suspicious once a person has written the field's `source`.
    By data: a level, or a value being recorded or not, in which nobody lives past a day that many outlive, or nobody
    dies before a day that many do not reach, beyond what a proportional effect and chance explain, corrected for the
    number of groups; a number that never exceeds (or never falls short of) the follow-up; a column that alone ranks
    survival implausibly well. By name: words such as surv…, death, follow-up, after, discharge, in names or levels.
    """
    if len(frame) != outcome.n:
        raise ContractError(
            f"{len(frame)} rows of predictors, {outcome.n} of follow-up: they must be the same patients."
        )
    fields = {} if contract is None else {field.name: field for field in contract.fields}
    names = [name for name in map(str, frame.columns) if not _declared_late(fields.get(name))]
    views = _views(outcome)
    groups = {name: list(_groups(frame[name])) for name in names}
    threshold = float(np.log(max(1, sum(map(len, groups.values())) * len(views)) / _ALPHA))
    by_data: dict[str, str] = {}
    for name in names:
        sentence = _by_data(frame[name], groups[name], views, threshold)
        if sentence is not None:
            by_data[name] = sentence
    by_data |= _flags_of_times(frame, names, by_data, views)
    found = [Suspicion(name, "data", f"{name}: {by_data[name]}") for name in names if name in by_data]
    for name in names:
        field = fields.get(name)
        explained = field is not None and field.known_at != UNDECLARED and bool(field.source)
        if name not in by_data and not explained and (sentence := _by_name(name, frame[name])) is not None:
            found.append(Suspicion(name, "name", f"{name}: {sentence}"))
    order = {name: place for place, name in enumerate(names)}
    return tuple(sorted(found, key=lambda suspicion: order[suspicion.field]))


def screen_table(frame: pd.DataFrame, contract: Contract) -> tuple[Suspicion, ...]:
    """`screen` for the typed table of a flat-table contract: against its outcome, and against the competing pair alone.

    The competing event's own follow-up goes on after the study's own event, and shows dates that the shorter one hides.
    """
    columns = frame[[name for name in predictors_of(contract) if name in frame]]
    found: dict[str, Suspicion] = {}
    for rows, outcome in outcomes_of(frame, contract):
        for suspicion in screen(columns.iloc[rows].reset_index(drop=True), outcome, contract):
            if suspicion.field not in found or found[suspicion.field].by == "name":
                found[suspicion.field] = suspicion
    return tuple(found[name] for name in columns if name in found)


def _declared_late(field: Field | None) -> bool:
    if field is None or field.known_at == UNDECLARED:
        return False
    return not field.ask or KNOWN_AT.index(field.known_at) > KNOWN_AT.index("TX")


def _views(outcome: Outcome) -> list[Lifetimes]:
    """Any event; and where causes compete, each of them with the others censored."""
    time, event = outcome.time_days, outcome.event
    views = [Lifetimes.of(time, event > 0)]
    if len(outcome.causes) > 1:
        views += [Lifetimes.of(time, event == cause) for cause in range(1, len(outcome.causes) + 1)]
    return views


def _groups(column: pd.Series) -> Iterator[tuple[str, Flags]]:
    """Levels with enough rows, and being recorded or not."""
    known = column.notna().to_numpy()
    n = len(column)
    if _ENOUGH <= known.sum() <= n - _ENOUGH:
        yield "recorded", known
        yield "missing", ~known
    codes, values = pd.factorize(column)
    few = not pd.api.types.is_numeric_dtype(column) or len(values) <= _FEW_VALUES
    if few and 2 <= len(values) <= n // 4:
        for code in range(len(values)):
            rows = codes == code
            if _ENOUGH <= rows.sum() <= n - _ENOUGH:
                yield "level", rows


def _by_data(
    column: pd.Series, groups: list[tuple[str, Flags]], views: list[Lifetimes], threshold: float
) -> str | None:
    evidence: list[tuple[float, str]] = []
    for lives in views:
        for kind, rows in groups:
            evidence += _of_group(lives, _who(kind, rows), rows)
        if pd.api.types.is_numeric_dtype(column):
            evidence += _of_number(lives, column.to_numpy(dtype=float))
    surprise, sentence = max(evidence, default=(0.0, ""))
    return sentence if surprise > threshold else None


def _of_group(lives: Lifetimes, who: str, rows: Flags) -> Iterator[tuple[float, str]]:
    """What a small part of all patients could show is left aside: a predictor that strong does not hang on it."""
    if lives.tells_the_event(rows):
        yield np.inf, f"{who} and in the others, it says of every patient whether the event was seen."
    if (end := lives.ceiling(rows)) is not None and end.others >= _SUBSTANTIAL:
        yield end.surprise, f"{who} nobody remains past a day that {end.others:.0%} of all patients outlast."
    if (start := lives.floor(rows)) is not None and start.others >= _SUBSTANTIAL:
        yield (
            start.surprise,
            f"{who} nothing happens before a day by which {start.others:.0%} of all the events have happened.",
        )


def _of_number(lives: Lifetimes, value: NDArray[np.float64]) -> Iterator[tuple[float, str]]:
    n = int(np.isfinite(value).sum())
    if (inside := lives.bounded_by_follow_up(value)) is not None:
        yield (
            inside.surprise,
            f"in {n} patients it hardly ever exceeds the time of follow-up, as only a time or a count within it does.",
        )
    if (outside := lives.bounds_follow_up(value)) is not None:
        yield (
            outside.surprise,
            f"in {n} patients it hardly ever falls short of the time of follow-up, as only a longer follow-up does.",
        )
    estimate = concordance(lives, value)
    if estimate is not None and estimate.low > _IMPLAUSIBLE_C:
        yield np.inf, f"alone it ranks survival with C = {estimate.c:.2f}, better than any whole model is known to."


def _who(kind: str, rows: Flags) -> str:
    n = int(rows.sum())
    return {
        "recorded": f"where it is recorded ({n} patients),",
        "missing": f"where it is missing ({n} patients),",
        "level": f"in one of its levels ({n} patients),",
    }[kind]


def _flags_of_times(
    frame: pd.DataFrame, names: Sequence[str], times: dict[str, str], views: list[Lifetimes]
) -> dict[str, str]:
    """Flags that say which rows of a suspected time column end with the follow-up: its own event indicator."""
    flags: dict[str, str] = {}
    for time in times:
        if not pd.api.types.is_numeric_dtype(frame[time]):
            continue
        equal = frame[time].to_numpy(dtype=float) == views[0].time
        if not _ENOUGH <= equal.sum() <= len(equal) - _ENOUGH:
            continue
        for name in names:
            codes, values = pd.factorize(frame[name])
            if (
                name not in times
                and len(values) == 2
                and (np.array_equal(codes == 0, equal) or np.array_equal(codes == 1, equal))
            ):
                flags[name] = f"it says in every row whether {time}, itself suspected, ends with the follow-up."
    return flags


def _by_name(name: str, column: pd.Series) -> str | None:
    words = [word for word in re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()) if word]
    if not any(_EARLIER.match(word) for word in words):
        if any(_NAME_WORDS.match(word) for word in words) or _NAME_PAIRS.search("_".join(words)):
            return "its name speaks of what comes after time zero."
        if pd.api.types.is_numeric_dtype(column):
            return None
        counts = column.value_counts()
        speaking = [level for level in counts[counts >= _ENOUGH].index if _LEVEL_WORDS.search(str(level).lower())]
        if speaking and len(counts) <= len(column) // 4:
            return f"{len(speaking)} of its {len(counts)} levels speak of what comes after time zero."
    return None
