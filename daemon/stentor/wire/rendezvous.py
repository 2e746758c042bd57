"""Rendezvous: the small file by which processes of a rig find each other, and the lock that keeps it to one daemon."""

import os
import re
import secrets
from pathlib import Path
from typing import Final

import msgspec

from stentor import __version__
from stentor.core.errors import ConfigError
from stentor.wire import platforms

PROTOCOL_VERSION: Final = 1
DEFAULT_NAME: Final = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Endpoints(msgspec.Struct, frozen=True):
    """ZeroMQ addresses, all on 127.0.0.1.

    `frames`: producers of frames (ROUTER). `results`: registered consumers (ROUTER). `broadcast`: plain
    subscribers, best effort (PUB). `commands`: requests (ROUTER).
    """

    frames: str
    results: str
    broadcast: str
    commands: str


class Rendezvous(msgspec.Struct, frozen=True):
    """Where a running daemon is to be found; `token` must accompany every message to its `frames`, `results` and
    `commands` sockets, `birth` with `pid` tells a living daemon from a stale file, and `version` is that of stentor."""

    name: str
    pid: int
    birth: int
    started_wall_ns: int
    token: str
    endpoints: Endpoints
    protocol: int = PROTOCOL_VERSION
    version: str = __version__


def mismatch(protocol: int, version: str) -> str:
    """Say that a daemon of that protocol and version is not understood here, and what mends it."""
    return (
        f"it speaks protocol {protocol} (stentor {version}), this process {PROTOCOL_VERSION} (stentor {__version__}); "
        f"mend it here with: pip install 'stentor=={version}'"
    )


def path_of(name: str) -> Path:
    """Return the rendezvous file of a rig.

    Raises
    ------
    ConfigError
        If the name could not be a file name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"a rig's name is letters, digits, '_', '-' or '.', at most 64; not {name!r}")
    return platforms.runtime_dir() / f"{name}.json"


def new_token() -> str:
    """Return a fresh secret, 32 hexadecimal digits."""
    return secrets.token_hex(16)


def announce(rendezvous: Rendezvous) -> Path:
    """Replace the rig's rendezvous file atomically, readable by this user only; returns its path."""
    path = path_of(rendezvous.name)
    unborn = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(unborn, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(rendezvous))
    unborn.replace(path)
    return path


def find(name: str) -> Rendezvous | None:
    """Return the living daemon of a rig; None: no file, an unreadable one, or its daemon is dead."""
    try:
        rendezvous = msgspec.json.decode(path_of(name).read_bytes(), type=Rendezvous)
    except (OSError, msgspec.DecodeError):
        return None
    birth = platforms.process_birth(rendezvous.pid)
    return rendezvous if birth is not None and birth == rendezvous.birth else None


def withdraw(name: str, pid: int) -> None:
    """Delete the rig's rendezvous file if it is that of process `pid`; harmless when there is none."""
    path = path_of(name)
    try:
        mine = msgspec.json.decode(path.read_bytes(), type=Rendezvous).pid == pid
    except (OSError, msgspec.DecodeError):
        return
    if mine:
        path.unlink(missing_ok=True)


def sweep_lock(name: str) -> None:
    """Delete a rig's lock file that a killed daemon left, if nobody holds it."""
    path = path_of(name).with_suffix(".lock")
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        if platforms.try_lock(descriptor):
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def check_free(name: str) -> None:
    """Refuse, with ConfigError, the name of a rig whose daemon is at work; one that comes up now `RigLock` refuses."""
    if (found := find(name)) is not None:
        raise _taken(name, str(found.pid))


def _taken(name: str, holder: str) -> ConfigError:
    return ConfigError(
        f"rig {name!r} already has a daemon (process {holder}); stop it with `stentor stop --name {name}`, "
        "or choose another `name` for this one"
    )


class RigLock:
    """Held by the one daemon of a rig; freed by the system when the holder dies.

    Raises
    ------
    ConfigError
        If another daemon holds it; the message names the rig and the process.
    """

    def __init__(self, name: str) -> None:
        self._path = path_of(name).with_suffix(".lock")
        self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        if not platforms.try_lock(self._descriptor):
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise _taken(name, holder)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the rig back and delete the lock file; may be called twice."""
        if self._descriptor < 0:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1
