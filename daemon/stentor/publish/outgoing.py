"""Outgoing: one result or event, encoded at most once for each kind of consumer and shared among all of them."""

from collections.abc import Callable

from stentor.core.finding import Finding
from stentor.wire import message


class Outgoing:
    """A message with its counter and age; not thread-safe, owned by the hub's thread.

    Parameters
    ----------
    make_header
        Builds the header from scores, parts and withheld names; called once per variant.
    received_ns
        When the frame arrived; None for events, which have no age.
    """

    def __init__(
        self,
        counter: int,
        make_header: Callable[..., message.Header],
        findings: dict[str, Finding],
        received_ns: int | None = None,
    ) -> None:
        self.counter = counter
        self.received_ns = received_ns
        self._make_header = make_header
        self._findings = findings
        self._encoded: dict[bool, list[bytes]] = {}

    def parts(self, *, images: bool) -> list[bytes]:
        """Return the encoded message, with or without image findings."""
        if images not in self._encoded:
            scores, parts, arrays, withheld = message.split_findings(self._findings, with_images=images)
            header = self._make_header(scores=scores, parts=tuple(parts), withheld=tuple(withheld))
            self._encoded[images] = message.encode(header, arrays)
        return self._encoded[images]

    def forget_findings(self, *, images_wanted: bool) -> None:
        """Encode what may still be asked for and let go of the arrays, so that their buffers can be recycled."""
        self.parts(images=False)
        if images_wanted:
            self.parts(images=True)
        self._findings = {}

    @staticmethod
    def event(counter: int, header: message.EventHeader) -> "Outgoing":
        """Wrap an event."""
        outgoing = Outgoing(counter, lambda **ignored: header, {})
        encoded = message.encode(header)
        outgoing._encoded = {False: encoded, True: encoded}
        return outgoing
