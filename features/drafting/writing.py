"""The two files as text: TOML with the remarks that a person needs beside each promise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from features.contract import Contract, Field
from features.drafting.columns import Column

_CONTRACT_HEAD = """\
# Drafted by `spinecast init` from {source} ({rows} rows). Read it before you trust it:
#   1. known_at: "T0" means known at time zero. Change to "AFTER" what is not. Fields marked "undeclared" are suspected
#      to be known too late; no study may use one until you say when it is known, and in `source` how you know.
#   2. minimum, maximum: the range seen here with some slack, not a medical range. Correct them; outside is refused.
#   3. unit: none was drafted. Write it ("g/dL"), and label, so that cards and forms can be read.
"""
_STUDY_HEAD = """\
# Drafted by `spinecast init`. Before you run it:
#   1. horizons_days: drafted from when events happened here. Choose those that matter to patients.
#   2. predictors: all columns that are not suspected to be known too late. Fewer and chosen beats many.
#   3. spinecast plan {name} says how many patients and events there are, and about how long it will take.
"""
_RECIPES = """\
[[recipes]]
family = "cox"

[[recipes]]
family = "coxnet"

# hazards that need not be proportional
[[recipes]]
family = "pooled_logistic"

[[recipes]]
family = "boosted_cox"
"""


def contract_text(contract: Contract, columns: Sequence[Column], suspicions: Mapping[str, str], source: str) -> str:
    """The contract in TOML, one line per column, what is suspected or left out said above it."""
    lines = [_CONTRACT_HEAD.format(source=_comment(source), rows=suspicions.get("", "0"))]
    lines += [f"{key} = {_toml(getattr(contract, key))}" for key in ("name", "version", "registry", "missing")]
    (table,) = contract.tables
    lines += ["", f"tables = [{{ name = {_toml(table.name)}, key = {_toml(table.key)} }}]", "", "fields = ["]
    for column in columns:
        name = column.field.name
        if name in suspicions:
            lines.append(f"  # suspected: {_comment(suspicions[name])}")
        if column.left_out:
            lines.append(f"  # left out of the study: {column.left_out}")
        lines += [f"  # {_comment(remark)}" for remark in column.remarks]
        lines.append(f"  {_field(contract.field(name))},")
    lines += ["]", "", "[settings]"]
    lines += [f"{_toml_key(key)} = {_toml(value)}" for key, value in contract.settings.items()]
    return "\n".join(lines) + "\n"


def study_text(
    contract: Contract,
    *,
    title: str,
    predictors: Sequence[str],
    horizons: Sequence[float],
    cause: str,
    folds: int,
    by_site: bool,
    by_date: bool,
) -> str:
    """The study in TOML: every choice that can change a clinical number is written out."""
    listed = "\n".join(f"  {_toml(name)}," for name in predictors)
    more = '\n[[designs]]\ndesign = "leave_one_site_out"\n' if by_site else ""
    # review: the earlier seven of ten patients teach, the later ones are judged
    more += '\n[[designs]]\ndesign = "temporal"\nshare = 0.7\n' if by_date else ""
    return f"""\
{_STUDY_HEAD.format(name=contract.name)}
name = {_toml(contract.name)}
title = {_toml(title)}
registry = "table"
contract = {_toml(contract.name)}
seed = 20261124
landmark_days = 0
treatment_conditional = false
predictors = [
{listed}
]

[eligibility]

[endpoint]
name = "time_to_event"
# review: rounded quartiles of the times of the events seen here
horizons_days = {_toml(list(horizons))}
primary_horizon_days = {_toml(horizons[len(horizons) // 2])}
primary_cause = {_toml(cause)}

{_RECIPES}
[tuning]
trials = 6
folds = 3

[[designs]]
design = "nested_cross_validation"
folds = {folds}
repeats = 1
{more}
[intervals]
resamples = 200
level = 0.95
"""


def _field(field: Field) -> str:
    order = ("name", "table", "kind", "label", "known_at", "minimum", "maximum", "levels", "missing")
    values = {key: getattr(field, key) for key in order}
    shown = {key: value for key, value in values.items() if value is not None and value != ()}
    return "{ " + ", ".join(f"{key} = {_toml(value)}" for key, value in shown.items()) + " }"


def _toml(value: Any) -> str:
    """A value of TOML. Its strings are JSON's, save the one character that JSON leaves bare and TOML refuses."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    return "[" + ", ".join(_toml(item) for item in value) + "]"


def _toml_key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else _toml(key)


def _comment(text: str) -> str:
    """One line, without control characters: a column's name may hold anything."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
