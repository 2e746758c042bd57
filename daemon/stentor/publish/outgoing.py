"""Outgoing: one result or event, encoded at most once for each wish of a consumer and shared among all with it."""

from collections.abc import Callable

from stentor.core.finding import Finding, Image, Labels
from stentor.core.frame import FrameHeader
from stentor.publish.thinning import thinned
from stentor.wire import message
from stentor.wire.consumer import NO_IMAGES, Wish


class Outgoing:
    """A message with its counter and age; not thread-safe, owned by the hub's thread.

    Parameters
    ----------
    make_header
        Builds the header from scores, parts and withheld names; called once per wish.
    findings
        What the plan gave, and the camera's own image as `message.FRAME`.
    received_ns
        When the frame arrived; None for events, which have no age.
    frame
        The frame's header; None for events.
    """

    def __init__(
        self,
        counter: int,
        make_header: Callable[..., message.Header],
        findings: dict[str, Finding],
        received_ns: int | None = None,
        frame: FrameHeader | None = None,
    ) -> None:
        self.counter = counter
        self.frame = frame
        self.received_ns = received_ns
        self._make_header = make_header
        self._findings = findings
        self._encoded: dict[Wish, list[bytes]] = {}

    def parts(self, wish: Wish) -> list[bytes]:
        """Return the encoded message; a wish heard for the first time after `forget_findings` gets no images."""
        if wish not in self._encoded and not self._findings:
            wish = NO_IMAGES
        if wish not in self._encoded:
            self._encoded[wish] = self._encode(wish)
        return self._encoded[wish]

    def has(self, wish: Wish) -> bool:
        """Tell whether the message can still be had as wished."""
        return wish in self._encoded or bool(self._findings)

    def forget_findings(self) -> None:
        """Let go of the arrays, so that their buffers can be recycled; what was encoded stays."""
        self.parts(NO_IMAGES)
        self._findings = {}

    @staticmethod
    def event(counter: int, header: message.EventHeader) -> "Outgoing":
        """Wrap an event."""
        outgoing = Outgoing(counter, lambda **ignored: header, {})
        outgoing._encoded = {NO_IMAGES: message.encode(header)}
        return outgoing

    def _encode(self, wish: Wish) -> list[bytes]:
        images = {name for name, finding in self._findings.items() if isinstance(finding, Labels | Image)}
        withheld = {name for name in images if not wish.includes(name)}
        kept = {name: finding for name, finding in self._findings.items() if name not in withheld}
        steps: dict[str, int] = {}
        if wish.max_side_px is not None:
            for name in images - withheld:
                kept[name], steps[name] = thinned(kept[name], wish.max_side_px)
        scores, parts, arrays = message.split_findings(kept, steps)
        named = tuple(sorted(withheld - {message.FRAME}))
        return message.encode(self._make_header(scores=scores, parts=tuple(parts), withheld=named), arrays)
