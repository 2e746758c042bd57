"""Events: what happened to tracks in a frame, in words for people and in numbers for programs."""

from typing import Literal

import msgspec

TrackEventKind = Literal["birth", "division", "loss", "reappearance", "merge", "split"]


class TrackEvent(msgspec.Struct, frozen=True):
    """Something happened to a track, now or, as is found out now, some frames ago.

    Attributes
    ----------
    kind
        "birth": a track that was not there before. "division": `track_id` ended and `others` are its daughters.
        "loss": not seen for longer than it is remembered. "reappearance": seen again after `frames_ago` frames without
        it. "merge": lost inside the object of `others[0]`. "split": seen again beside it.
    track_id
        Whom it happened to.
    others
        Who else took part.
    frames_ago
        0: in this frame. A division that is found out late took place so many frames ago: from then on what was
        published as `track_id` was `others[0]`. For a loss the frames since it was last seen.
    """

    kind: TrackEventKind
    track_id: int
    others: tuple[int, ...] = ()
    frames_ago: int = 0

    @property
    def text(self) -> str:
        """The event in words."""
        others = " and ".join(map(str, self.others))
        ago = f" {self.frames_ago} frames ago" if self.frames_ago else ""
        return {
            "birth": f"track {self.track_id} began",
            "division": f"track {self.track_id} divided into {others}{ago}",
            "loss": f"track {self.track_id} was last seen{ago}",
            "reappearance": f"track {self.track_id} is back after {self.frames_ago} frames without it",
            "merge": f"track {self.track_id} is hidden by track {others}",
            "split": f"track {self.track_id} parted from track {others}",
        }[self.kind]
