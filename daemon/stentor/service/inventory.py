"""Inventory: what a microscope has of devices, properties and presets, for actions to be held against."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stentor.core.action import Acquire, Action, ProjectMask, SetChannel, SetProperty
from stentor.scope.hands.asked_events import UNNAMED_GROUP
from stentor.scope.readiness import nearest

if TYPE_CHECKING:
    import pymmcore


@dataclass(frozen=True, slots=True)
class Inventory:
    """Taken of an open core; the core may be closed then.

    Attributes
    ----------
    presets
        By configuration group.
    channel_group, slm
        The core's own; empty: it has none.
    properties
        By device.
    """

    presets: Mapping[str, tuple[str, ...]]
    channel_group: str
    properties: Mapping[str, tuple[str, ...]]
    slm: str

    @classmethod
    def of(cls, core: "pymmcore.CMMCore") -> "Inventory":
        """Ask a core for what it has."""
        return cls(
            presets={group: tuple(core.getAvailableConfigs(group)) for group in core.getAvailableConfigGroups()},
            channel_group=str(core.getChannelGroup()),
            properties={label: tuple(core.getDevicePropertyNames(label)) for label in core.getLoadedDevices()},
            slm=str(core.getSLMDevice()),
        )

    def missing(self, action: Action) -> Iterator[str]:
        """Yield a sentence for each preset, device or property that an action names and that is not there."""
        match action:
            case SetChannel(preset=preset, group=group) | ProjectMask(preset=str(preset), group=group):
                yield from self._missing_preset(group or self.channel_group, preset)
            case SetProperty(device=device, property=name):
                if device not in self.properties:
                    yield f"no device {device!r}; {nearest(device, self.properties)}"
                elif name not in self.properties[device]:
                    yield f"{device} has no property {name!r}; {nearest(name, self.properties[device])}"
            case Acquire(events=events, sequence=sequence):
                channels = [event.get("channel") for event in events]
                more = (sequence or {}).get("channels")
                for channel in [*channels, *(more if isinstance(more, list | tuple) else ())]:
                    match channel:
                        case str():
                            yield from self._missing_preset(UNNAMED_GROUP, channel)
                        case {"config": str(preset), **rest}:
                            yield from self._missing_preset(str(rest.get("group", UNNAMED_GROUP)), preset)

    def _missing_preset(self, group: str, preset: str) -> Iterator[str]:
        if group == UNNAMED_GROUP and group not in self.presets:
            group = self.channel_group
        if group not in self.presets:
            yield f"no group of presets {group!r}; {nearest(group, self.presets)}"
        elif preset not in self.presets[group]:
            yield f"no preset {preset!r} in group {group!r}; {nearest(preset, self.presets[group])}"
