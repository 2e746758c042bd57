"""Panel: the controllers of a configuration, one after the other in one thread."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from stentor.client.result import Result
from stentor.core.clock import Clock
from stentor.core.controller import Controller
from stentor.core.errors import StageError
from stentor.core.microscope import Ask, Microscope
from stentor.pipeline.plugin_call import call_plugin, traceback_of
from stentor.service.controllers import build_controller, controller_names

logger = logging.getLogger(__name__)


class Panel:
    """`show` every result, at last `close`.

    Parameters
    ----------
    ask
        Answers the requests of all of them.

    Attributes
    ----------
    failures
        By controller, how often it raised; the log has the first.
    """

    def __init__(self, tables: Sequence[Mapping[str, Any]], ask: Ask, clock: Clock) -> None:
        self._seats: list[tuple[str, Controller, Microscope]] = []
        for index, (name, table) in enumerate(zip(controller_names(tables), tables, strict=True)):
            self._seats.append((name, build_controller(index, table), Microscope(ask, clock, controller=name)))
        self.failures: dict[str, int] = {}

    def show(self, result: Result) -> None:
        """Let each decide on a result."""
        for name, controller, microscope in self._seats:
            try:
                call_plugin(name, partial(controller.on_result, result, microscope))
            except StageError as err:
                self.failures[name] = self.failures.get(name, 0) + 1
                if self.failures[name] == 1:
                    logger.warning("controller %s could not decide: %s", name, err, exc_info=traceback_of(err))

    def close(self) -> None:
        """Let the controllers go; may be called twice."""
        for name, controller, _ in self._seats:
            try:
                call_plugin(name, controller.close)
            except StageError as err:
                logger.warning("controller %s did not close: %s", name, err)
        self._seats = []
