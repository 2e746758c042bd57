"""Check: everything start-up does except moving hardware and binding ports, with every fault said."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from stentor.control.offer import Offer
from stentor.core.errors import ConfigError, StentorError
from stentor.core.stage import FrameSpec
from stentor.pipeline.plan import build_plan
from stentor.pipeline.runner import Runner
from stentor.scope.diagnosis import check_interface
from stentor.scope.hands.drivers import check_names
from stentor.scope.opening import adapter_folder
from stentor.scope.replay.opening import open_recording, spec_of
from stentor.scope.replay.pace import check_pace
from stentor.scope.rig import open_rig
from stentor.service.agreement import judge_by, offer_of
from stentor.service.configuration import load_settings
from stentor.service.controllers import check_controllers
from stentor.service.foresight import check_images, refused_events
from stentor.service.inventory import Inventory
from stentor.service.settings import Settings
from stentor.wire.platforms import system_clock

FAULTS: Final = re.compile(r"\n(?! )")
"""Between faults; a line that begins with a space belongs to the one before."""


def check(path: Path | None) -> Iterator[tuple[str, str | None]]:
    """Yield what was checked with None when it is well, or with what is wrong and what to do."""
    try:
        settings = load_settings(path)
    except StentorError as err:
        for fault in str(err).splitlines():
            yield "configuration", fault
        return
    yield from _step("configuration", partial(check_images, settings))
    specs: list[FrameSpec] = []
    inventories: list[Inventory] = []
    if settings.rig.kind == "replay":
        yield from _step("recording", partial(_look_at_recording, settings, specs))
    else:
        yield from _step("microscope", partial(_open_and_close, settings, specs, inventories))
    offers: list[Offer] = []
    yield from _step("plan and models", partial(_build_and_warm, settings, specs, offers))
    if settings.controller:
        judge = judge_by(settings, offers[0] if offers else Offer(), inventories[0] if inventories else None)
        yield from _step("controllers", partial(check_controllers, settings.controller, judge))


def _step(name: str, work: Callable[[], None]) -> Iterator[tuple[str, str | None]]:
    try:
        work()
    except StentorError as err:
        for fault in FAULTS.split(str(err)):
            yield name, fault
    else:
        yield name, None


def _open_and_close(settings: Settings, specs: list[FrameSpec], inventories: list[Inventory]) -> None:
    if settings.rig.kind == "tap":
        if settings.rig.adapter_path is not None:
            check_interface(adapter_folder(settings.rig))
        return
    rig = open_rig(settings.rig)
    try:
        specs.append(rig.frame_spec())
        inventories.append(Inventory.of(rig.core))
        check_names(rig.core, settings.guard)
        if faults := list(refused_events(settings, rig.core)):
            raise ConfigError("\n".join(faults))
    finally:
        rig.close()


def _look_at_recording(settings: Settings, specs: list[FrameSpec]) -> None:
    with closing(open_recording(settings.rig.replay)) as recording:
        first = next(recording.fresh(), None)
        if first is not None:
            check_pace(settings.rig.replay, first)
            spec = spec_of(first, settings.rig.replay)
            specs += [] if spec is None else [spec]


def _build_and_warm(settings: Settings, specs: list[FrameSpec], offers: list[Offer]) -> None:
    plan = build_plan(settings.plan)
    offers.append(offer_of(item.stage for item in plan))
    runner = Runner(plan, system_clock())
    try:
        for spec in specs:
            runner.prepare(spec)
    finally:
        runner.close()
