"""Plugin call: the one place where somebody else's code runs inside the daemon, and whatever it raises is contained."""

from collections.abc import Callable
from typing import TypeVar

from stentor.core.errors import StageError, StentorError

Answer = TypeVar("Answer")


def call_plugin(plugin: str, call: Callable[[], Answer]) -> Answer:
    """Return what the plugin answers.

    Raises
    ------
    StageError
        For anything it raises, naming the plugin; the cause is attached. KeyboardInterrupt and SystemExit pass.
    """
    try:
        return call()
    except StentorError as err:  # it says itself what is wrong
        raise StageError(f"{plugin}: {err}") from err
    except Exception as err:  # the boundary between us and any plugin
        raise StageError(f"{plugin}: {type(err).__name__}: {err}") from err


def traceback_of(err: StageError) -> BaseException | None:
    """Return what to log the traceback of; None: the plugin said in words what is wrong."""
    return None if isinstance(err.__cause__, StentorError) else err.__cause__
