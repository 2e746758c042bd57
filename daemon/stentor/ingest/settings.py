"""Settings of the front door."""

import msgspec


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How frames reach the daemon.

    Attributes
    ----------
    stream
        Name of the camera in every frame's id.
    ring_slots
        Frames that the daemon may lag behind before the oldest is overwritten.
    channels
        Channels that the plan wants, as the acquisition names them; frames of others are `unused`. Empty: all.
    """

    stream: str = "camera"
    ring_slots: int = 16
    channels: tuple[str, ...] = ()
