"""Exit code: what a process of ours says when it ends; documented in the README."""

from enum import IntEnum

from stentor.core.errors import ConfigError, ModelError, PublishError, RecordError, SourceError, StentorError


class ExitCode(IntEnum):
    """0 to 7 may leave the launcher; the others pass between it and its children."""

    DONE = 0
    """Ended as asked, by itself or by Ctrl-C or SIGTERM."""
    FAULT = 1
    """A fault in Stentor; the log has the traceback."""
    USAGE = 2
    """The command line is wrong."""
    CONFIG = 3
    """The configuration is wrong, or the rig has a daemon already."""
    SOURCE = 4
    """The microscope could not be opened."""
    MODEL = 5
    """A model is missing, damaged or cannot run as asked."""
    PUBLISH = 6
    """A port could not be bound, or no daemon answered."""
    RECORD = 7
    """The ledger could not be opened."""
    HUNG = 70
    """A stage ran over its time and the daemon ended itself."""
    STALLED = 71
    """No image came for too long and the scope ended itself."""
    FORCED = 130
    """A second Ctrl-C."""


_BY_ERROR: tuple[tuple[type[StentorError], ExitCode], ...] = (
    (ConfigError, ExitCode.CONFIG),
    (SourceError, ExitCode.SOURCE),
    (ModelError, ExitCode.MODEL),
    (PublishError, ExitCode.PUBLISH),
    (RecordError, ExitCode.RECORD),
)


def code_for(err: StentorError) -> ExitCode:
    """Return the code that tells who must act."""
    return next((code for kind, code in _BY_ERROR if isinstance(err, kind)), ExitCode.FAULT)
