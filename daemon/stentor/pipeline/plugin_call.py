"""Plugin call: a plugin's answer, or a StageError that names it."""

from collections.abc import Callable
from typing import TypeVar

from stentor.core.errors import StageError, StentorError
from stentor.core.stranger import strangers_code

Answer = TypeVar("Answer")


def call_plugin(plugin: str, call: Callable[[], Answer]) -> Answer:
    """Return what the plugin answers.

    Raises
    ------
    StageError
        For anything it raises, naming the plugin; the cause is attached. KeyboardInterrupt and SystemExit pass.
    """

    def named(err: Exception) -> StageError:
        says_itself = isinstance(err, StentorError)
        return StageError(f"{plugin}: {err}" if says_itself else f"{plugin}: {type(err).__name__}: {err}")

    with strangers_code(named):
        return call()


def traceback_of(err: StageError) -> BaseException | None:
    """Return what to log the traceback of; None: the plugin said in words what is wrong."""
    return None if isinstance(err.__cause__, StentorError) else err.__cause__
