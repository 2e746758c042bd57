"""Overheard: what a backend tells its log and nobody else, so that a run can be judged by it."""

import logging
from types import TracebackType


class Overheard(logging.Handler):
    """Listens to a logger while inside `with`, and keeps the first complaint of interest.

    Parameters
    ----------
    logger_name
        Whose warnings to hear.
    beginnings
        How a complaint begins that tells how a run went.
    """

    def __init__(self, logger_name: str, beginnings: tuple[str, ...]) -> None:
        super().__init__(logging.WARNING)
        self._logger = logging.getLogger(logger_name)
        self._beginnings = beginnings
        self.complaint: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; called by logging, on any thread."""
        said = record.getMessage()
        if self.complaint is None and said.startswith(self._beginnings):
            self.complaint = f"{self._logger.name}: {said}"

    def __enter__(self) -> "Overheard":
        self._logger.addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._logger.removeHandler(self)
