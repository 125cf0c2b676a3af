"""`Study`: one question, typed, read from TOML, with its digest. What can change a clinical number has no default."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments.suggestions import did_you_mean
from features.cohort import Rule
from features.contract import Contract
from training.designs import DesignSettings
from training.evidence import digest
from training.tuning import TuningSettings

_Scalar = bool | int | float | str
# Kept beside a stored study: the endpoint's own words, and what people declared before that had a file of its own.
BESIDE = ("endpoint_description", "declared")


class StudyError(ValueError):
    """A study that cannot be run as written: every fault at once, each with the next step. Exit code 2."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


@final
class EndpointChoice(_Strict):
    """What counts, by when, and which cause at which horizon the gate reads.

    thresholds  risks at which somebody would act: net benefit is an estimate at each; at 10, 20 and 30 % if none is
                named. The decision curve spans 1 to 50 % and these.
    settings    of the endpoint itself (see its module); laid over the contract's own settings.
    """

    name: str
    horizons_days: tuple[float, ...] = Field(min_length=1)
    primary_horizon_days: float
    primary_cause: str
    thresholds: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    settings: dict[str, _Scalar | list[_Scalar] | dict[str, _Scalar]] = {}


@final
class RecipeChoice(_Strict):
    """A way to learn that stands for election.

    name        in evidence; the family's name unless two recipes share a family.
    predictors  instead of the study's own.
    settings    settings of the family that the study decides; the search moves only the others.
    """

    family: str
    name: str = ""
    predictors: tuple[str, ...] | None = None
    settings: dict[str, _Scalar | list[_Scalar]] = {}

    @property
    def label(self) -> str:
        """Its name in evidence."""
        return self.name or self.family


@final
class UploadedComparator(_Strict):
    """Another tool's risks of the event, that lie in fields of the contract, as a comparator.

    columns  field → the day by which it gives the risk.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,62}$")
    columns: dict[str, float] = Field(min_length=1)


@final
class SubgroupChoice(_Strict):
    """Patients by one field: by its levels, or a number (of a date: its year) cut at `bands`, each of which begins one.

    name  in evidence; the field's name unless said.
    """

    field: str
    bands: tuple[float, ...] = ()
    name: str = ""


@final
class IntervalChoice(_Strict):
    """Intervals resample patients this often, at this level."""

    resamples: int = Field(ge=20)
    level: float = Field(gt=0.5, lt=1)


@final
class Study(_Strict):
    """One question. `name` is also the model's name on the shelf.

    contract       stem of `configs/registries/<contract>.toml`.
    landmark_days  the moment of prediction; 0 is time zero.
    treatment_conditional  whether what the index treatment fixes may be used.
    comparators    published scores by name, and uploaded risks, judged beside the models and never chosen.
    subgroups      fields whose groups are judged by themselves, decided before any result is seen.
    anticipated_r2  Cox–Snell R² expected for the primary cause, for the sample size; 15 % of the largest unless said.
    require_sample_size  whether the study stops where Riley's criteria for development are not met.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,62}$")
    title: str = Field(min_length=1)
    registry: str
    contract: str
    seed: int = Field(ge=0)
    predictors: tuple[str, ...] = Field(min_length=1)
    landmark_days: float = Field(ge=0)
    treatment_conditional: bool
    eligibility: dict[str, Rule]
    endpoint: EndpointChoice
    recipes: tuple[RecipeChoice, ...] = Field(min_length=1)
    tuning: TuningSettings
    designs: tuple[DesignSettings, ...] = Field(min_length=1)
    intervals: IntervalChoice
    comparators: tuple[str | UploadedComparator, ...] = ()
    subgroups: tuple[str | SubgroupChoice, ...] = ()
    anticipated_r2: float | None = Field(default=None, gt=0, lt=1)
    require_sample_size: bool = False

    @classmethod
    def from_toml(cls, path: Path, overrides: Sequence[str] = ()) -> Study:
        """Read a study, with `key=value` laid over it ("tuning.trials=3", "designs.0.folds=3").

        Raises `StudyError` with every fault.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise StudyError(
                f"{path.name}: cannot be read ({error.strerror}). try: spinecast plan configs/studies/<name>.toml"
            ) from error
        try:
            value = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise StudyError(f"{path.name}: no TOML: {error}.") from error
        for override in overrides:
            _lay_over(value, override)
        return cls.from_json(value, source=path.name)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], source: str = "study") -> Study:
        """From plain JSON values. Raises `StudyError` with every fault."""
        try:
            return cls.model_validate_json(json.dumps(value, default=str))
        except ValidationError as error:
            raise StudyError(_sentences(source, error)) from error

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the resolved study."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The resolved study as plain JSON values; `from_json` gives it back."""
        return self.model_dump(mode="json")

    def settings(self, contract: Contract) -> dict[str, Any]:
        """What the endpoint is told: the contract's settings, the study's own laid over them."""
        return {**contract.settings, **self.endpoint.settings}

    def predictors_of(self, recipe: RecipeChoice) -> tuple[str, ...]:
        """What one recipe reads."""
        return self.predictors if recipe.predictors is None else recipe.predictors

    def settings_of(self, recipe: RecipeChoice) -> dict[str, Any]:
        """What its family is told: an effect that varies with no word of when may change at each horizon."""
        when = {"change_days": list(self.endpoint.horizons_days)} if "time_varying" in recipe.settings else {}
        return {**when, **recipe.settings}


def _lay_over(value: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise StudyError(f'--set expects key=value, got "{override}". try: --set tuning.trials=10')
    try:
        new = tomllib.loads(f"new = {text}")["new"]
    except tomllib.TOMLDecodeError:
        new = text.strip()
    place: Any = value
    *way, last = key.strip().split(".")
    for part in way:
        place = _step(place, part, key)
    if isinstance(place, list):
        place[_index(place, last, key)] = new
    else:
        place[last] = new


def _step(place: Any, part: str, key: str) -> Any:
    found = place[_index(place, part, key)] if isinstance(place, list) else place.setdefault(part, {})
    if not isinstance(found, dict | list):
        raise StudyError(f'--set {key}: "{part}" is a value, not a table.')
    return found


def _index(place: list[Any], part: str, key: str) -> int:
    if not part.isdigit() or int(part) >= len(place):
        raise StudyError(f'--set {key}: expected a number from 0 to {len(place) - 1}, got "{part}".')
    return int(part)


def _sentences(source: str, error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(map(str, fault["loc"])) or "study"
        if fault["type"] == "missing":
            lines.append(f"{key}: missing; it can change a number, so the study must say it.")
        elif fault["type"] == "extra_forbidden" and key == "declared":
            lines.append("declared: has a file of its own. try: move it to configs/studies/<name>.facts.toml")
        elif fault["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key.{did_you_mean(str(fault['loc'][-1]), _keys_beside(fault['loc']))}")
        else:
            lines.append(f"{key}: {fault['msg']}.")
    count = f"{len(lines)} fault" + ("s" if len(lines) > 1 else "")
    return "\n  ".join([f"{source}: {count}.", *lines])


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    beside: dict[str, type[BaseModel]] = {
        "endpoint": EndpointChoice,
        "recipes": RecipeChoice,
        "tuning": TuningSettings,
        "designs": DesignSettings,
        "intervals": IntervalChoice,
        "eligibility": Rule,
    }
    model = beside.get(str(loc[0]), Study) if len(loc) > 1 else Study
    return list(model.model_fields)
