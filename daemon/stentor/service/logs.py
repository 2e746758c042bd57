"""Logs: lines for people, to a file and perhaps to standard error; set up by processes, never at import."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from stentor.service.unblocked_stderr import UnblockedStderr

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_BYTES: Final = 10_000_000


def set_up_logs(path: Path | None, *, to_stderr: bool, level: int = logging.INFO) -> None:
    """Send Stentor's log lines to `path` (None: to no file; 2 x 10 MB at most) and perhaps to standard error."""
    handlers: list[logging.Handler] = []
    if path is not None:
        handlers.append(RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8"))
    if to_stderr:
        handlers.append(UnblockedStderr())
    # A full disk under the log file is no reason to print a traceback to a standard error that nobody may read.
    logging.raiseExceptions = False
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT))
    for name in ("stentor", "stentor_plugins"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(level)
        logger.propagate = False
        for handler in handlers:
            logger.addHandler(handler)
