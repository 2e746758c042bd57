"""Listener: what it says to the daemon, told by one of which there is nothing but the socket."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stentor.client.listener import Listener
from stentor.wire import consumer, platforms, rendezvous, sockets

RIG = "told"


class Daemon:
    """Answers a consumer with what it is told to."""

    def __init__(self) -> None:
        self._made_by = sockets.Sockets()
        self._socket = self._made_by.serve(depth=64)
        pid = os.getpid()
        rendezvous.announce(
            rendezvous.Rendezvous(
                name=RIG,
                pid=pid,
                birth=platforms.process_birth(pid) or 0,
                started_wall_ns=0,
                token="token",
                endpoints=rendezvous.Endpoints("", self._socket.endpoint, "", ""),
            )
        )

    def answer(self, identity: bytes, said: consumer.ToConsumer) -> None:
        self._socket.send([identity, consumer.encode(said)])

    def hear(self, kind: type[Any], listener: Listener) -> tuple[bytes, Any]:
        """The next message of a kind, while the consumer goes on listening."""
        deadline_s = time.monotonic() + 10.0
        while time.monotonic() < deadline_s:
            listener.receive(0.01)
            while (parts := self._socket.receive()) is not None:
                said = consumer.decode_from_consumer(parts[2])
                if isinstance(said, kind):
                    return parts[0], said
        raise TimeoutError(f"no {kind.__name__}")

    def close(self) -> None:
        rendezvous.withdraw(RIG, os.getpid())
        self._socket.close()
        self._made_by.close()


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(tmp_path))
    daemon = Daemon()
    yield daemon
    daemon.close()


def test_a_daemon_that_forgot_a_consumer_is_told_again_what_it_waits_for(daemon: Daemon) -> None:
    # A script that computed for long was forgotten; introduced again, its frame was dropped on the way to it.
    with Listener(RIG) as listener:
        identity, _ = daemon.hear(consumer.Register, listener)
        daemon.answer(identity, consumer.Registered("epoch", -1))
        until(lambda: listener.is_registered, listener)

        listener.expect({"t": 3}, 60.0)
        daemon.hear(consumer.Await, listener)
        daemon.answer(identity, consumer.Unknown())
        daemon.hear(consumer.Register, listener)
        daemon.answer(identity, consumer.Registered("epoch", -1))
        _, again = daemon.hear(consumer.Await, listener)

    assert again.axes == {"t": 3}
    assert 0 < again.for_s <= 60.0


def until(condition: Callable[[], bool], listener: Listener) -> None:
    deadline_s = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline_s
        listener.receive(0.01)
