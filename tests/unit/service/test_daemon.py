"""A daemon that cannot be had leaves nothing behind."""

import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stentor.core.errors import PublishError
from stentor.service.configuration import load_settings
from stentor.service.daemon import Daemon
from stentor.service.session import Session
from stentor.wire.platforms import system_clock
from stentor.wire.sockets import Sockets
from stentor_plugins.quality import Quality


def test_a_daemon_whose_port_is_taken_closes_its_stages_its_ledger_and_its_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    close_sockets = Sockets.close
    monkeypatch.setattr(Quality, "close", lambda self: closed.append("stage"))
    monkeypatch.setattr(Sockets, "close", lambda self: closed.append("sockets") or close_sockets(self))
    pulse: Any = SimpleNamespace(enter_stage=lambda stage: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "experiment.toml").write_text(
            'record = { folder = "runs" }\n'
            f"publish = {{ commands_port = {port} }}\n"
            '[[plan]]\nstage = "quality"\n'
        )  # fmt: skip

        with pytest.raises(PublishError, match=str(port)):
            Daemon(Session.create(load_settings(tmp_path)), pulse, system_clock())

    assert closed == ["sockets", "stage"]
    assert "ledger" not in {thread.name for thread in threading.enumerate()}
