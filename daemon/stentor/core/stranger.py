"""Stranger: somebody else's code, and the one place where whatever it raises is contained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def strangers_code(translate: Callable[[Exception], Exception]) -> Iterator[None]:
    """Raise, for whatever somebody else's code raises, what `translate` makes of it; the cause is attached.

    An error that `translate` gives back as it is, is passed on. KeyboardInterrupt and SystemExit pass, too.

    >>> with strangers_code(lambda err: RuntimeError(f"a stranger said {err}")):
    ...     raise ValueError("what?")
    Traceback (most recent call last):
    RuntimeError: a stranger said what?
    """
    try:
        yield
    except Exception as err:  # the boundary between us and any plugin or device
        translated = translate(err)
        if translated is err:
            raise
        raise translated from err
