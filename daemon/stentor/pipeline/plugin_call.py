"""Plugin call: the one place where somebody else's code runs inside the daemon, and whatever it raises is contained."""

from collections.abc import Callable
from typing import TypeVar

from stentor.core.errors import StageError

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
    except Exception as err:  # the boundary between us and any plugin
        raise StageError(f"{plugin}: {type(err).__name__}: {err}") from err
