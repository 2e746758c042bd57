"""Agreement: whether what a controller names and asks for fits the plan, the mode and the limits."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Final

from stentor.control.expression import Expression
from stentor.control.offer import Offer
from stentor.core.controller import Controller
from stentor.core.errors import ConfigError, StageError
from stentor.core.finding import Events, Objects, Score
from stentor.core.stage import Stage
from stentor.pipeline.plan import PlannedStage, build_plan
from stentor.pipeline.plugin_call import call_plugin
from stentor.service.controllers import built_controllers
from stentor.service.foresight import refused_wishes
from stentor.service.inventory import Inventory
from stentor.service.self_description import said
from stentor.service.settings import Settings

logger = logging.getLogger(__name__)

EMPTY: Final[tuple[str, ...]] = ()


def build_agreed_plan(settings: Settings, *, without: frozenset[str] = frozenset()) -> list[PlannedStage]:
    """Build the plan of an experiment whose controllers fit it; what they say wrongly by themselves is said first.

    Parameters
    ----------
    without
        See `build_plan`. What a stage in quarantine gave is missed by conditions, and ends nothing.

    Raises
    ------
    ConfigError, ModelError
        With every fault found; no stage is left open.
    """
    with ExitStack() as on_refusal:
        with built_controllers(settings.controller) as controllers:
            controllers.refuse()  # a misspelt key need not wait for models
            plan = build_plan(settings.plan, without=without)
            on_refusal.callback(_close, plan)
            offer = Offer() if without else offer_of(item.stage for item in plan)
            controllers.refuse(judge_by(settings, offer))
        on_refusal.pop_all()  # not before: a controller may refuse to close
    return plan


def _close(plan: Iterable[PlannedStage]) -> None:
    for item in plan:
        try:
            call_plugin(item.name, item.stage.close)
        except StageError as err:
            logger.warning("stage %s did not close: %s", item.name, err)


def offer_of(stages: Iterable[Stage]) -> Offer:
    """Return what the stages of a plan give together."""
    columns: tuple[str, ...] | None = EMPTY
    events: tuple[str, ...] | None = EMPTY
    scores = EMPTY
    for stage in stages:
        kinds = tuple(stage.gives.values())
        if Objects in kinds:
            columns = _more(columns, said(stage, "columns", str))
        if Events in kinds:
            events = _more(events, said(stage, "events", str))
        scores += tuple(name for name, kind in stage.gives.items() if issubclass(kind, Score))
    return Offer(columns, events, scores)


def _more(known: tuple[str, ...] | None, added: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if known is None or added is None else (*known, *added)


def judge_by(
    settings: Settings, offer: Offer, inventory: Inventory | None = None
) -> Callable[[Controller], Iterator[str]]:
    """Return what says, in a sentence for each, what of a controller does not fit the experiment.

    `inventory`: of the microscope; None: it was not looked at.
    """

    def judge(controller: Controller) -> Iterator[str]:
        yield from refused_wishes(settings, controller, inventory)
        for condition in said(controller, "conditions", Expression) or ():
            try:
                condition.check(offer)
            except ConfigError as err:
                yield str(err)

    return judge
