"""Settings of publishing."""

import msgspec


class PublishSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How results leave.

    Attributes
    ----------
    results_port, broadcast_port, commands_port
        Ports on 127.0.0.1; 0: the system chooses, and the rendezvous file tells.
    deadline_ms
        Results older than this when they are published are "late"; None: none is.
    wait_for
        Names of consumers that must have registered before an acquisition of ours starts.
    wait_for_s
        How long to wait for them.
    spool_memory_mb, spool_disk_mb
        Room for messages that record consumers have not acknowledged; whoever is behind when it is used up is cut off.
    """

    results_port: int = 0
    broadcast_port: int = 0
    commands_port: int = 0
    deadline_ms: float | None = None
    wait_for: tuple[str, ...] = ()
    wait_for_s: float = 30.0
    spool_memory_mb: float = 64.0
    spool_disk_mb: float = 1024.0
