"""Own row: a row of the decision log for what no controller has asked for."""

from stentor.control.limits import Refusal
from stentor.core.action import Acquire, Action, Cause, Receipt, Request
from stentor.core.clock import Clock


def own_row(
    action: Action, clock: Clock, *, who: str, rule: str = "", reason: str, refusal: Refusal | None = None
) -> tuple[Request, Receipt]:
    """Return what was done, or would have been but for a refusal, as a request and its answer."""
    now_ns, cause = clock.monotonic_ns(), Cause(controller=who, rule=rule, reason=reason)
    request = Request(id=f"{who}-{now_ns}", action=action, cause=cause, issued_ns=now_ns, clock_id=clock.clock_id)
    return request, Receipt(
        id=request.id,
        verdict="done" if refusal is None else "refused",
        rule="" if refusal is None else refusal.rule,
        text="" if refusal is None else refusal.text,
        received_ns=now_ns,
        done_ns=clock.monotonic_ns(),
        clock_id=clock.clock_id,
    )


def refused_row(what: str, refusal: Refusal, clock: Clock) -> tuple[Request, Receipt]:
    """Return the row of an event or image of the acquisition itself that the guard refused."""
    return own_row(Acquire(), clock, who="acquisition", reason=what, refusal=refusal)
