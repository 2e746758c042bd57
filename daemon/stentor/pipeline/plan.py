"""Plan: the stages that a frame passes, built from settings and type-checked before frame 1."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from stentor.core.errors import ConfigError, StentorError
from stentor.core.finding import Finding
from stentor.core.nearest import did_you_mean, explain_table
from stentor.core.stage import Stage

STAGE_GROUP: Final = "stentor.stages"
RESERVED: Final = frozenset({"frame"})


class PlannedStage(msgspec.Struct, frozen=True):
    """A stage of the plan under its name; two stages of one kind need different names."""

    name: str
    stage: Stage


def known_stages() -> dict[str, importlib.metadata.EntryPoint]:
    """Return the installed stages by name, built in and strangers' alike."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=STAGE_GROUP)}


def build_plan(tables: Sequence[Mapping[str, Any]], *, without: frozenset[str] = frozenset()) -> list[PlannedStage]:
    """Build the stages of `tables`, each with key `stage` (the kind), perhaps `name`, and the stage's own settings.

    Stages named in `without` are in quarantine and left out, and so is every stage that needs what only they give.

    Raises
    ------
    ConfigError, ModelError
        With every fault found, one a line: unknown kinds with the nearest known one, wrong settings, models that
        cannot be loaded, and findings that nobody gives.
    """
    faults: list[str] = []
    planned: list[PlannedStage] = []
    for index, table in enumerate(tables):
        try:
            planned.append(_build_stage(f"plan[{index}]", table))
        except StentorError as err:
            faults.append(str(err))
    if not faults:
        faults += _type_faults(planned)
    if faults:
        for item in planned:
            item.stage.close()
        raise ConfigError("\n".join(faults))
    return _without(planned, without)


def _build_stage(where: str, table: Mapping[str, Any]) -> PlannedStage:
    settings = dict(table)
    kind = settings.pop("stage", None)
    known = known_stages()
    if kind not in known:
        hint = did_you_mean(str(kind), sorted(known), otherwise="installed are")
        raise ConfigError(f"{where}.stage: no stage {kind!r}; {hint}")
    name = str(settings.pop("name", kind))
    stage_type: type[Stage] = known[kind].load()
    try:
        parsed = msgspec.convert(settings, stage_type.Settings)
    except msgspec.ValidationError as err:
        raise ConfigError(f"{where} ({kind}): {explain_table(err, stage_type.Settings, settings)}") from err
    return PlannedStage(name, stage_type(parsed))


def _type_faults(planned: Sequence[PlannedStage]) -> list[str]:
    faults = []
    given: dict[str, type[Finding]] = {}
    names: set[str] = set()
    for index, item in enumerate(planned):
        if item.name in names:
            faults.append(f'plan[{index}]: a second stage named {item.name!r}; give it its own `name = "..."`')
        names.add(item.name)
        for finding, wanted in item.stage.needs.items():
            if finding not in given:
                faults.append(
                    f"plan[{index}] ({item.name}): needs {finding!r} ({wanted.__name__}), which no stage before it "
                    f"gives; before it there is {', '.join(given) or 'nothing'}"
                )
            elif not issubclass(given[finding], wanted):
                faults.append(
                    f"plan[{index}] ({item.name}): needs {finding!r} as {wanted.__name__}, "
                    f"but the plan gives it as {given[finding].__name__}"
                )
        faults += [
            f"plan[{index}] ({item.name}): gives {name!r}, a name that is kept for the camera's own image; rename it"
            for name in RESERVED & item.stage.gives.keys()
        ]
        given.update(item.stage.gives)
    return faults


def _without(planned: Sequence[PlannedStage], quarantined: frozenset[str]) -> list[PlannedStage]:
    kept: list[PlannedStage] = []
    given: set[str] = set()
    for item in planned:
        if item.name not in quarantined and given.issuperset(item.stage.needs):
            kept.append(item)
            given.update(item.stage.gives)
        else:
            item.stage.close()
    return kept
