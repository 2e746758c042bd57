"""Rendezvous: the living are found, the dead are not, and a rig has one daemon."""

import os
import stat
from pathlib import Path

import pytest

from stentor.core.errors import ConfigError
from stentor.wire import platforms, rendezvous
from stentor.wire.rendezvous import Endpoints, Rendezvous, RigLock


@pytest.fixture(autouse=True)
def own_runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(tmp_path))
    return tmp_path


def mine(**changes: object) -> Rendezvous:
    facts: dict[str, object] = {
        "name": "scope1",
        "pid": os.getpid(),
        "birth": platforms.process_birth(os.getpid()),
        "started_wall_ns": 0,
        "token": rendezvous.new_token(),
        "endpoints": Endpoints("tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "tcp://127.0.0.1:3", "tcp://127.0.0.1:4"),
    }
    return Rendezvous(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_living_daemon_is_found() -> None:
    announced = mine()
    rendezvous.announce(announced)

    assert rendezvous.find("scope1") == announced


def test_the_file_is_readable_by_its_user_only() -> None:
    path = rendezvous.announce(mine())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_process_id_that_was_used_again_is_not_the_daemon() -> None:
    rendezvous.announce(mine(birth=1))

    assert rendezvous.find("scope1") is None


def test_a_dead_daemon_is_not_found() -> None:
    rendezvous.announce(mine(pid=2**22 - 1))

    assert rendezvous.find("scope1") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": "scope1"}', b"\xff\xfe"])
def test_a_damaged_file_is_as_none(own_runtime_dir: Path, content: bytes) -> None:
    (own_runtime_dir / "scope1.json").write_bytes(content)

    assert rendezvous.find("scope1") is None


def test_only_the_owner_withdraws() -> None:
    path = rendezvous.announce(mine())

    rendezvous.withdraw("scope1", os.getpid() + 1)
    assert path.exists()
    rendezvous.withdraw("scope1", os.getpid())
    assert not path.exists()


@pytest.mark.parametrize("name", ["", "../evil", "a/b", "x" * 65, ".hidden"])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="rig's name"):
        rendezvous.path_of(name)


def test_a_second_daemon_on_a_rig_is_refused_by_name() -> None:
    first = RigLock("scope1")

    with pytest.raises(ConfigError, match=rf"'scope1' already has a daemon \(process {os.getpid()}\)"):
        RigLock("scope1")
    first.release()
    first.release()
    RigLock("scope1").release()


def test_a_lock_that_a_killed_daemon_left_is_swept(own_runtime_dir: Path) -> None:
    (own_runtime_dir / "scope1.lock").write_text("1234\n")

    rendezvous.sweep_lock("scope1")

    assert not list(own_runtime_dir.iterdir())


def test_a_lock_that_is_held_is_not_swept(own_runtime_dir: Path) -> None:
    lock = RigLock("scope1")

    rendezvous.sweep_lock("scope1")

    assert (own_runtime_dir / "scope1.lock").exists()
    lock.release()


def test_a_name_is_free_until_its_daemon_is_announced() -> None:
    rendezvous.check_free("scope1")
    rendezvous.announce(mine())

    with pytest.raises(ConfigError, match=rf"'scope1' already has a daemon \(process {os.getpid()}\).*stentor stop"):
        rendezvous.check_free("scope1")
