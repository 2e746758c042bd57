"""Fault campaign: faults at random moments into a running system, and afterwards every frame has its outcome.

STENTOR_FAULTS sets how many; some by default, 200 before a release. docs/explanations/faults.md says what each does.
"""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
import zmq

from stentor.client.commands import ask
from stentor.core.errors import PublishError
from stentor.wire import rendezvous, ring

FAULTS: Final = int(os.environ.get("STENTOR_FAULTS", "24"))
LIVE: Final = """
plan = [{{stage = "told", file = "{told}"}}]
[analysis]
hang_timeout_s = 1.0
quarantine_after = 1000000
[acquisition]
rate_hz = 50.0
exposure_ms = 5.0
stall_timeout_s = 2.0
[rig.simulated]
width = 128
height = 128
"""
REASONS: Final = {
    "dropped(superseded)", "dropped(no-daemon)", "dropped(overwritten)", "dropped(paused)",
    "failed(daemon: daemon-lost)", "failed(told: RuntimeError: boom)", "failed(told: ran over 1 s)",
    "failed(told: promised 'mark' as Score, gave str)",
}  # fmt: skip


class Campaign:
    """A live rig with a record consumer, and the faults that can befall it; a method for each."""

    def __init__(self, rig: Any, moments: random.Random) -> None:
        self.rig = rig
        self.moments = moments
        self.pause = threading.Event()
        self.told = rig.folder / "told"
        self.process = rig.start(LIVE.format(told=self.told))
        self.recorder = rig.recorder(idle_s=120)
        self.received: list[str] = []
        self.context = zmq.Context()
        rig.wait_for(lambda: rig.results_so_far() > 3)

    def wait_for_results(self) -> None:
        before = self.rig.results_so_far()
        self.rig.wait_for(lambda: self.rig.results_so_far() > before + 1, 60)

    def close(self) -> None:
        self.context.destroy(linger=0)

    # --- processes ------------------------------------------------------------------------------------------------

    def daemon_is_killed(self) -> None:
        self._signal("daemon", signal.SIGKILL)

    def scope_is_killed(self) -> None:
        self._signal("scope", signal.SIGKILL)

    def consumer_is_killed(self) -> None:
        self.recorder.kill()
        self.received += self.recorder.communicate()[0].splitlines()
        self.recorder = self.rig.recorder(idle_s=120)

    def daemon_is_stopped_for_a_while(self) -> None:
        self._freeze("daemon", self.moments.uniform(0.1, 1.5))

    def scope_is_stopped_for_a_while(self) -> None:
        self._freeze("scope", self.moments.uniform(0.1, 1.0))

    def camera_stalls_until_the_scope_is_ended(self) -> None:
        self._freeze("scope", 2.5)  # beyond its stall time-out: it finds that out when it wakes

    def consumer_is_stopped_for_a_while(self) -> None:
        self.recorder.send_signal(signal.SIGSTOP)
        self.pause.wait(self.moments.uniform(0.2, 1.5))
        self.recorder.send_signal(signal.SIGCONT)

    # --- stages ---------------------------------------------------------------------------------------------------

    def stage_raises(self) -> None:
        self._tell("raise")

    def stage_hangs(self) -> None:
        self._tell("hang")

    def stage_exits(self) -> None:
        self._tell("exit")

    def stage_crashes(self) -> None:
        self._tell("crash")

    def stage_gives_nonsense(self) -> None:
        self._tell("nonsense")

    # --- the wire -------------------------------------------------------------------------------------------------

    def garbage_comes_from_a_stranger(self) -> None:
        self._pelt(lambda token: self.moments.randbytes(32))

    def garbage_comes_with_the_token(self) -> None:
        self._pelt(lambda token: token)

    def plain_bytes_come_instead_of_zeromq(self) -> None:
        import socket

        for endpoint in self._endpoints():
            host, port = endpoint.removeprefix("tcp://").split(":")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1) as plain:
                plain.sendall(self.moments.randbytes(5000))

    def rendezvous_is_garbage(self) -> None:
        path = rendezvous.path_of(rendezvous.DEFAULT_NAME)
        with contextlib.suppress(OSError):
            path.write_bytes(self.moments.randbytes(200))
        self.pause.wait(0.5)
        self._signal("daemon", signal.SIGKILL)  # only a new daemon writes it again

    def ring_is_deleted(self) -> None:
        for path in self.rig.rings.glob(f"{ring.PREFIX}{self.rig.pid_of('scope')}-*"):
            path.unlink(missing_ok=True)

    def commands_come_in_a_flood(self) -> None:
        for _ in range(100):
            with contextlib.suppress(PublishError):
                ask(self.moments.choice(["pause", "resume"]), timeout_s=0.5)
        self.rig.wait_for(lambda: self._is_done("resume"))

    # --- the disk -------------------------------------------------------------------------------------------------

    def disk_is_full_for_a_while(self) -> None:
        pid = self.rig.pid_of("daemon")
        with contextlib.suppress(ProcessLookupError, OSError):
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
            self.pause.wait(1.0)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

    def ledger_is_locked_by_another_program(self) -> None:
        (path,) = self.rig.state.rglob("ledger.sqlite")
        other = sqlite3.connect(path, timeout=5, isolation_level=None)
        with contextlib.suppress(sqlite3.OperationalError):
            other.execute("BEGIN IMMEDIATE")
            self.pause.wait(1.0)
            other.execute("ROLLBACK")
        other.close()

    # --- means ----------------------------------------------------------------------------------------------------

    def _signal(self, child: str, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.rig.pid_of(child), number)

    def _freeze(self, child: str, seconds: float) -> None:
        pid = self.rig.pid_of(child)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self.pause.wait(seconds)
            os.kill(pid, signal.SIGCONT)

    def _tell(self, what: str) -> None:
        unborn = self.told.with_suffix(".new")
        unborn.write_text(what)
        unborn.rename(self.told)
        self.rig.wait_for(lambda: not self.told.exists())

    def _endpoints(self) -> list[str]:
        found = self.rig.wait_for(lambda: rendezvous.find(rendezvous.DEFAULT_NAME))
        return [found.endpoints.frames, found.endpoints.results, found.endpoints.commands, found.endpoints.broadcast]

    def _pelt(self, first_part: Callable[[bytes], bytes]) -> None:
        found = self.rig.wait_for(lambda: rendezvous.find(rendezvous.DEFAULT_NAME))
        for endpoint in self._endpoints():
            socket = self.context.socket(zmq.DEALER)
            socket.connect(endpoint)
            for _ in range(20):
                parts = [self.moments.randbytes(self.moments.randrange(300)) for _ in range(self.moments.randrange(4))]
                with contextlib.suppress(zmq.Again):
                    socket.send_multipart([first_part(found.token.encode()), *parts], zmq.NOBLOCK)
            self.pause.wait(0.05)
            socket.close(linger=50)

    def _is_done(self, verb: str) -> bool:
        with contextlib.suppress(PublishError):
            return ask(verb, timeout_s=1.0).is_done
        return False


KINDS: Final = [
    name for name in vars(Campaign) if not name.startswith("_") and name not in {"wait_for_results", "close"}
]


@pytest.mark.slow
@pytest.mark.timeout(120 + 15 * FAULTS)
def test_faults_at_random_moments_leave_no_frame_unaccounted(rig: Any) -> None:
    moments = random.Random(20261123)
    order = [kind for _ in range(-(-FAULTS // len(KINDS))) for kind in moments.sample(KINDS, len(KINDS))][:FAULTS]
    campaign = Campaign(rig, moments)

    for kind in order:
        campaign.pause.wait(moments.uniform(0.0, 0.5))
        print(kind, flush=True)
        getattr(campaign, kind)()
        campaign.wait_for_results()
    campaign.process.send_signal(signal.SIGINT)
    summary = rig.finish(campaign.process, 30)
    campaign.recorder.terminate()
    received = campaign.received + campaign.recorder.communicate(timeout=10)[0].splitlines()
    campaign.close()

    outcomes = summary["outcomes"]
    assert outcomes["seen"] == sum(outcomes[n] for n in ("result", "late", "dropped", "failed", "unused")), summary
    assert set(summary["reasons"]) <= REASONS
    assert_every_sequence_has_one_outcome(rig)
    assert len(received) == len(set(received))
    assert rig.leftovers() == []
    print(f"{len(order)} faults, {outcomes}")


def assert_every_sequence_has_one_outcome(rig: Any) -> None:
    """Sequences count from 0 without holes and stand once in the ledger, whatever happened."""
    (path,) = rig.state.rglob("ledger.sqlite")
    database = sqlite3.connect(path)
    for (run,) in database.execute("SELECT id FROM runs").fetchall():
        known = [n for (n,) in database.execute("SELECT sequence FROM frames WHERE run_id=?", (run,))]
        for first, last in database.execute("SELECT first, last FROM ranges WHERE run_id=?", (run,)):
            known += range(first, last + 1)
        assert sorted(known) == list(range(len(known)))
    assert database.execute("SELECT COUNT(*) FROM frames WHERE outcome IS NULL").fetchone() == (0,)


LONG: Final = "time_plan: {interval: 0, loops: 1500}\nchannels: [{config: DAPI, exposure: 10}]\n"
DAEMON_SIDE: Final = [
    kind for kind in KINDS
    if not kind.startswith(("scope", "camera", "ring_is", "disk", "ledger", "consumer", "commands"))
]  # fmt: skip


@pytest.mark.timeout(120)
def test_a_sequence_stays_whole_whatever_befalls_the_analysis(rig: Any, demo: Callable[..., str]) -> None:
    sequence = rig.write("long.yaml", LONG)
    moments = random.Random(7)
    told = rig.folder / "told"
    plan = f'[[plan]]\nstage = "told"\nfile = "{told}"\n[analysis]\nhang_timeout_s = 1.0\nquarantine_after = 1000000\n'
    campaign = object.__new__(Campaign)
    campaign.rig, campaign.moments, campaign.told = rig, moments, told
    campaign.pause, campaign.context = threading.Event(), zmq.Context()
    campaign.process = rig.start(demo(str(sequence), plan=plan))
    rig.wait_for(lambda: rig.results_so_far() > 3)

    faults, until = 0, time.monotonic() + 14  # the sequence takes 15 s; then a daemon must come to take the account
    while campaign.process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(AssertionError):  # the sequence may end in the middle of a fault
            getattr(campaign, moments.choice(DAEMON_SIDE))()
            faults += 1
        campaign.pause.wait(0.5)
    summary = rig.finish(campaign.process, 30)
    campaign.close()

    (run,) = summary["runs"]
    assert faults > 3
    assert (run["seen"], run["expected"], run["missing_camera_frames"], run["ended"]) == (1500, 1500, 0, "completed")
    assert_every_sequence_has_one_outcome(rig)
