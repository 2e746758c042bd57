"""Produced run: one acquisition as its producer sees it, and what the daemon has to know of it."""

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from stentor.core.frame import FrameId
from stentor.core.ranges import SequenceRanges
from stentor.wire import link

MAX_RANGES: Final = 4096
NEVER_HANDED_OVER: Final = "the image was named but never handed over; the log of its producer says why"


class ProducedRun:
    """Guarded by the producer's lock.

    Attributes
    ----------
    account
        The run's facts; `current_account` has its numbers too.
    is_news
        The daemon has not been told of the run's beginning or end.
    settled
        Frames that the daemon is done with, as it said last; told to lossless producers only.
    """

    def __init__(self, account: link.RunAccount) -> None:
        self.account = account
        self.next_sequence = 0
        self.in_hand: set[int] = set()
        self.is_news = True
        self.settled = 0
        self._unsent = SequenceRanges()
        self._untold = SequenceRanges()

    @property
    def unsettled(self) -> int:
        """Frames named that the daemon is not done with."""
        return self.next_sequence - self.settled

    def name_next(self) -> int:
        """Return the next sequence; it is in hand until it is queued."""
        sequence = self.next_sequence
        self.next_sequence += 1
        self.in_hand.add(sequence)
        return sequence

    def refuse_in_hand(self) -> list[link.Refusal]:
        """Return refusals of the frames that were named and never queued; the run is over."""
        account = self.account
        return [link.Refusal(FrameId(account.stream, account.run, n), NEVER_HANDED_OVER) for n in sorted(self.in_hand)]

    def lose(self, sequence: int) -> None:
        """Note a frame that found no daemon."""
        self._unsent.add(sequence)
        self._untold.add(sequence)

    @property
    def untold(self) -> tuple[tuple[int, int], ...]:
        """Inclusive ranges that found no daemon, of which none has been told yet."""
        return tuple(self._untold.pairs())

    def has_told(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Note that the daemon knows these ranges now."""
        told = set(ranges)
        self._untold = SequenceRanges(pair for pair in self._untold.pairs() if pair not in told)

    def end(self, ended: str) -> None:
        """Note how the run ended."""
        self.account = structs.replace(self.account, ended=ended)
        self.is_news = True

    def current_account(self, queued: Iterable[int]) -> link.RunAccount:
        """Return the account as of now; `queued` are the sequences that wait to be sent."""
        sent_below = min([*queued, *self.in_hand, self.next_sequence])
        return structs.replace(self.account, sent_below=sent_below, unsent=tuple(self._unsent.pairs()[-MAX_RANGES:]))
