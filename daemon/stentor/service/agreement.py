"""Agreement: whether what a controller names and asks for fits the plan, the mode and the limits."""

from collections.abc import Callable, Iterable, Iterator

from stentor.control.expression import Expression
from stentor.control.offer import Offer
from stentor.core.controller import Controller
from stentor.core.errors import ConfigError
from stentor.core.finding import Events, Objects, Score
from stentor.core.stage import Stage
from stentor.service.foresight import refused_wishes
from stentor.service.self_description import said
from stentor.service.settings import Settings

EMPTY: tuple[str, ...] = ()


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


def judge_by(settings: Settings, offer: Offer) -> Callable[[Controller], Iterator[str]]:
    """Return what says, in a sentence for each, what of a controller does not fit the experiment."""

    def judge(controller: Controller) -> Iterator[str]:
        yield from refused_wishes(settings, controller)
        for condition in said(controller, "conditions", Expression) or ():
            try:
                condition.check(offer)
            except ConfigError as err:
                yield str(err)

    return judge
