"""Platforms: everything that differs between Linux and Windows, behind one contract."""

import contextlib
import getpass
import os
import platform
import sys
import tempfile
from pathlib import Path

from stentor.core.clock import SystemClock

RUNTIME_DIR_VARIABLE = "STENTOR_RUNTIME_DIR"
RING_DIR_VARIABLE = "STENTOR_RING_DIR"
NICENESS = 5
AUTOGROUP = Path("/proc/self/autogroup")


def runtime_dir() -> Path:
    """Return the folder of this user's rendezvous files and locks, made with mode 0700 if missing.

    `STENTOR_RUNTIME_DIR` wins; else the platform's runtime folder. Written here and not with platformdirs because
    a tap or a client must run where only numpy, msgspec and pyzmq are installed (docs/decisions/0003).
    """
    chosen = os.environ.get(RUNTIME_DIR_VARIABLE)
    if chosen:
        folder = Path(chosen)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "stentor" / "run"
    elif os.environ.get("XDG_RUNTIME_DIR"):
        folder = Path(os.environ["XDG_RUNTIME_DIR"]) / "stentor"
    else:
        folder = Path(tempfile.gettempdir()) / f"stentor-{getpass.getuser()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def shared_memory_dir() -> Path:
    """Return a folder whose files live in memory where the platform has one, else the temporary folder.

    `STENTOR_RING_DIR` wins: a container's /dev/shm holds 64 MB unless told otherwise, and eight frames of 2048 x 2048
    need that much. It must be the same for the microscope's side and the daemon's.
    """
    if chosen := os.environ.get(RING_DIR_VARIABLE):
        return Path(chosen)
    in_memory = Path("/dev/shm")
    return in_memory if in_memory.is_dir() else Path(tempfile.gettempdir())


def boot_id() -> str:
    """Name this boot of this host: monotonic stamps compare only within it."""
    kernel_id = Path("/proc/sys/kernel/random/boot_id")
    boot = kernel_id.read_text().strip()[:8] if kernel_id.exists() else "boot"
    return f"{platform.node()}:{boot}"


def system_clock() -> SystemClock:
    """Return the machine's clock, with its id."""
    return SystemClock(boot_id())


def process_birth(pid: int) -> int | None:
    """Return a number that two processes with the same id never share; None: there is no such process.

    On Linux the start time in clock ticks since boot (field 22 of /proc/PID/stat); elsewhere 0, so that only the
    existence of the process is known. A zombie counts as gone.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else int(fields[18])
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OSError):
        return None
    return 0


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file without waiting; the system frees it when the holder dies."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def reserve(descriptor: int, nbytes: int) -> None:
    """Give an open file `nbytes` of real space now, so that a full memory disk is an error here and no SIGBUS later.

    Raises
    ------
    OSError
        ENOSPC when there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, nbytes)
    else:
        os.truncate(descriptor, nbytes)


def yield_to_others() -> None:
    """Lower this process's priority for good, so that one which must not wait goes first; harmless to repeat.

    Linux: niceness 5, a third of the processor time of a normal process where both want it; where sessions are
    scheduled as groups (autogroup), for the whole session, because niceness counts within a group only. Windows: below
    normal. A system that refuses is left as it is.
    """
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        if AUTOGROUP.exists():
            with contextlib.suppress(OSError):
                AUTOGROUP.write_text(str(NICENESS))
