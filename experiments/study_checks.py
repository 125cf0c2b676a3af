"""What a study claims, held against the contract and the house's registers, before any fit."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.comparators import comparator_faults
from experiments.study import RecipeChoice, Study, StudyError
from experiments.subgroups import subgroup_faults
from experiments.suggestions import did_you_mean
from features.contract import Contract, ContractError
from features.endpoints import ENDPOINTS
from features.leakage import refuse_late
from features.predictors import DERIVED, field_of
from features.registries import REGISTRIES
from training.develop import NULL_FAMILIES
from training.families import FAMILIES
from training.families.family import FamilyError


def require_study(study: Study, contract: Contract) -> None:
    """Raise `StudyError` with every fault, each with the next step."""
    faults = list(study_faults(study, contract))
    if faults:
        count = f"{len(faults)} fault" + ("s" if len(faults) > 1 else "")
        raise StudyError("\n  ".join([f"study {study.name}: {count}.", *faults]))


def study_faults(study: Study, contract: Contract) -> Iterator[str]:
    """Every fault as a sentence."""
    yield from _registers(study, contract)
    yield from _predictors(study, contract)
    yield from _horizons(study)
    yield from _recipes(study)
    yield from comparator_faults(study, contract)
    yield from subgroup_faults(study, contract)


def _registers(study: Study, contract: Contract) -> Iterator[str]:
    if study.registry not in REGISTRIES:
        yield f'registry: unknown registry "{study.registry}".{did_you_mean(study.registry, REGISTRIES)}'
    elif study.registry != contract.registry:
        yield f'registry: the study says "{study.registry}", its contract "{contract.registry}".'
    if study.endpoint.name not in ENDPOINTS:
        yield f'endpoint.name: unknown endpoint "{study.endpoint.name}".{did_you_mean(study.endpoint.name, ENDPOINTS)}'
        return
    causes = ENDPOINTS[study.endpoint.name].description(study.settings(contract)).causes
    if study.endpoint.primary_cause not in causes:
        wrong = study.endpoint.primary_cause
        yield f'endpoint.primary_cause: unknown cause "{wrong}".{did_you_mean(wrong, causes)}'
    if len({one.design for one in study.designs}) < len(study.designs):
        yield "designs: each design stands once. try: more folds or repeats in one."


def _predictors(study: Study, contract: Contract) -> Iterator[str]:
    known = {*contract.names, *DERIVED}
    named = dict.fromkeys([*study.predictors, *(name for one in study.recipes for name in one.predictors or ())])
    for name in [one for one in named if one not in known]:
        yield f'predictors: the contract "{contract.name}" has no field "{name}".{did_you_mean(name, known)}'
    present = []
    for name in [one for one in named if one in known]:
        try:
            field = field_of(contract, name)
        except ContractError as error:
            yield f"predictors: {error}"
            continue
        if not field.ask:
            yield f"predictors: {name} is a {field.kind}; a model reads values. try: an interval to time zero."
        else:
            present.append(name)
    for sentence in refuse_late(contract, present, study.landmark_days, study.treatment_conditional):
        yield f"predictors: {sentence}"
    for name in [one for one in study.eligibility if one not in contract.names]:
        yield f'eligibility: the contract "{contract.name}" has no field "{name}".{did_you_mean(name, contract.names)}'
    if len(set(study.predictors)) < len(study.predictors):
        yield "predictors: each stands once."


def _horizons(study: Study) -> Iterator[str]:
    days = study.endpoint.horizons_days
    if list(days) != sorted(set(days)) or days[0] <= 0:
        yield f"endpoint.horizons_days: must ascend from above zero, got {', '.join(f'{one:g}' for one in days)}."
    if study.endpoint.primary_horizon_days not in days:
        wrong = study.endpoint.primary_horizon_days
        yield f"endpoint.primary_horizon_days: must be one of the horizons, got {wrong:g}."


def _recipes(study: Study) -> Iterator[str]:
    labels = [one.label for one in study.recipes]
    for label in sorted({one for one in labels if labels.count(one) > 1}):
        yield f'recipes: "{label}" stands twice. try: name = "{label}_2" in one of them.'
    for recipe in study.recipes:
        if recipe.family in NULL_FAMILIES:
            yield f'recipes: "{recipe.family}" is always there to be beaten. try: leave it out.'
        elif recipe.family not in FAMILIES:
            yield f'recipes: unknown family "{recipe.family}".{did_you_mean(recipe.family, FAMILIES)}'
        elif recipe.label in (*NULL_FAMILIES, "chosen"):
            yield f'recipes: the name "{recipe.label}" is taken. try: another name.'
        else:
            yield from _settings(study, recipe)


def _settings(study: Study, recipe: RecipeChoice) -> Iterator[str]:
    family = FAMILIES[recipe.family]
    known = getattr(family, "__dataclass_fields__", {})
    unknown = [one for one in recipe.settings if one not in known]
    for name in unknown:
        yield f'recipes: {recipe.family} has no setting "{name}".{did_you_mean(name, known)}'
    if unknown:
        return
    try:
        family().with_settings(study.settings_of(recipe))
    except (FamilyError, TypeError) as error:
        sentence = str(error) if isinstance(error, FamilyError) else f"{recipe.family}: a setting is of the wrong kind."
        yield f"recipes: {sentence}"
        return
    varying, read = recipe.settings.get("time_varying"), study.predictors_of(recipe)
    for one in varying if isinstance(varying, list) else ():
        if (name := str(one)) not in read:
            yield f'recipes: {recipe.label}: time_varying names "{name}", no predictor.{did_you_mean(name, read)}'
