"""Controllers: built from their tables in the configuration, through the same entry points as a stranger's."""

import importlib.metadata
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stentor.control.admission import OPERATOR
from stentor.core.controller import Controller
from stentor.core.errors import ConfigError, StentorError
from stentor.core.nearest import did_you_mean, explain_table

CONTROLLER_GROUP: Final = "stentor.controllers"
FITTING_NAME: Final = re.compile(r"\w[\w .-]{0,63}")
"""Controllers name files of the session."""

RESERVED: Final = (OPERATOR, "guard", "acquisition", "daemon")
"""Of those who may arm, who act by themselves, and whose silence is another's."""


def controller_names(tables: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the controllers in order: their `name`, or their `kind`."""
    return tuple(str(table.get("name", table.get("kind"))) for table in tables)


@dataclass(frozen=True, slots=True)
class BuiltControllers:
    """Every controller of a configuration that could be built, with its place in it, and what ails the others."""

    controllers: tuple[tuple[str, Controller], ...]
    faults: tuple[str, ...]

    def refuse(self, judge: Callable[[Controller], Iterable[str]] = lambda controller: ()) -> None:
        """Refuse the configuration if anything is wrong with it.

        Parameters
        ----------
        judge
            Says what of a controller that is well by itself does not fit the rest.

        Raises
        ------
        ConfigError
            With every fault found, one a line.
        """
        faults = [*self.faults, *(f"{where}: {fault}" for where, one in self.controllers for fault in judge(one))]
        if faults:
            raise ConfigError("\n".join(faults))


@contextmanager
def built_controllers(tables: Sequence[Mapping[str, Any]]) -> Iterator[BuiltControllers]:
    """Build every controller once, all open together, to be looked at, and let go of them at the end."""
    faults = list(_name_faults(tables))
    with ExitStack() as on_exit:
        controllers = []
        for index, table in enumerate(tables):
            try:
                controller = build_controller(index, table)
            except StentorError as err:
                faults.append(str(err))
                continue
            on_exit.callback(controller.close)
            controllers.append((f"controller[{index}] ({table['kind']})", controller))
        yield BuiltControllers(tuple(controllers), tuple(faults))


def check_controllers(
    tables: Sequence[Mapping[str, Any]], judge: Callable[[Controller], Iterable[str]] = lambda controller: ()
) -> None:
    """Build every controller and let go of it; judges and raises as `BuiltControllers.refuse` does."""
    with built_controllers(tables) as built:
        built.refuse(judge)


def check_controller_names(tables: Sequence[Mapping[str, Any]]) -> None:
    """Refuse names that cannot be a controller's, with ConfigError; imports no plugin, unlike `check_controllers`."""
    if faults := list(_name_faults(tables)):
        raise ConfigError("\n".join(faults))


def _name_faults(tables: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = controller_names(tables)
    for index in range(len(tables)):
        if not FITTING_NAME.fullmatch(names[index]):
            yield f"controller[{index}].name: {names[index]!r}; letters, digits, spaces and . _ - make a name"
        if names[index].casefold() in RESERVED:
            yield f"controller[{index}].name: {names[index]!r} is not a controller's; give it another"
        if names[index] in names[:index]:
            yield f'controller[{index}]: a second one named {names[index]!r}; give it its own `name = "..."`'


def build_controller(index: int, table: Mapping[str, Any]) -> Controller:
    """Build one controller from its table: `kind`, perhaps `name`, and its own settings; raises ConfigError."""
    settings = dict(table)
    kind = settings.pop("kind", None)
    settings.pop("name", None)
    known = {entry.name: entry for entry in importlib.metadata.entry_points(group=CONTROLLER_GROUP)}
    if kind not in known:
        hint = did_you_mean(str(kind), sorted(known), otherwise="installed are")
        raise ConfigError(f"controller[{index}].kind: no controller {kind!r}; {hint}")
    controller_type: type[Controller] = known[kind].load()
    try:
        parsed = msgspec.convert(settings, controller_type.Settings)
    except msgspec.ValidationError as err:
        said = explain_table(err, controller_type.Settings, settings)
        raise ConfigError(f"controller[{index}] ({kind}): {said}") from err
    try:
        return controller_type(parsed)
    except ConfigError as err:
        raise ConfigError(f"controller[{index}] ({kind}): {err}") from err
