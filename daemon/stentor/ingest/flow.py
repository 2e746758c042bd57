"""Flow: tells lossless producers how far the daemon has got, so that they wait instead of losing frames."""

from collections.abc import Callable
from typing import Final

from stentor.wire import link

TELL_EVERY_S: Final = 0.005


class Flow:
    """Used by ingest's thread.

    Parameters
    ----------
    settled
        How many frames of a run need no more room: they are closed, or kept in a group that is not yet whole.
    """

    def __init__(self, settled: Callable[[str], int]) -> None:
        self._settled = settled
        self._streams: set[str] = set()
        self._told: dict[str, tuple[bytes, int]] = {}

    @property
    def is_owed(self) -> bool:
        """Whether some producer waits for what `tell` tells."""
        return bool(self._told)

    def attach(self, attach: link.Attach) -> None:
        """Know whether a producer is lossless."""
        (self._streams.add if attach.is_lossless else self._streams.discard)(attach.stream)

    def is_lossless(self, stream: str) -> bool:
        """Tell whether the frames of a stream must all be analysed."""
        return stream in self._streams

    def begin(self, identity: bytes, account: link.RunAccount) -> None:
        """Follow a run from now on, for the producer that has this identity on the socket; tell it anew."""
        if self.is_lossless(account.stream):
            self._told[account.run] = (identity, -1)

    def end(self, run: str) -> None:
        """Follow a run no longer."""
        self._told.pop(run, None)

    def tell(self, send: Callable[[bytes, link.RunLevel], bool]) -> None:
        """Send every level that has changed; what cannot be sent now is told again."""
        for run, (identity, told) in self._told.items():
            settled = self._settled(run)
            if settled != told and send(identity, link.RunLevel(run, settled)):
                self._told[run] = (identity, settled)
