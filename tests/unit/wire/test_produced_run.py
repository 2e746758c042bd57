"""Produced run and ring rack: what a producer remembers of a run, and where it keeps its pixels."""

from pathlib import Path

import numpy as np
import pytest

from stentor.wire import link, platforms
from stentor.wire.produced_run import ProducedRun
from stentor.wire.ring import RingReader
from stentor.wire.ring_rack import RingRack


@pytest.fixture
def run() -> ProducedRun:
    return ProducedRun(link.RunAccount(stream="camera", run="run", started_wall_ns=1, clock_id="c", expected=9))


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platforms, "shared_memory_dir", lambda: tmp_path)
    return tmp_path


def test_everything_is_sent_below_what_is_queued_or_in_hand(run: ProducedRun) -> None:
    for _ in range(6):
        run.name_next()
    assert run.current_account([]).sent_below == 0

    run.in_hand -= {0, 1, 2, 3}
    assert run.current_account([]).sent_below == 4
    assert run.current_account([2, 3]).sent_below == 2
    run.in_hand.clear()
    assert run.current_account([]).sent_below == 6


def test_lost_frames_stay_in_the_account_and_are_told_once_in_descriptors(run: ProducedRun) -> None:
    run.lose(3)
    run.lose(4)
    told = run.untold
    run.lose(8)

    run.has_told(told)

    assert told == ((3, 4),) and run.untold == ((8, 8),)
    assert run.current_account([]).unsent == ((3, 4), (8, 8))


def test_unsettled_is_what_was_named_and_the_daemon_is_not_done_with(run: ProducedRun) -> None:
    for _ in range(5):
        run.name_next()

    run.settled = 3

    assert run.unsettled == 2


def test_an_ended_run_is_news(run: ProducedRun) -> None:
    run.is_news = False

    run.end("completed")

    assert run.is_news and run.current_account([]).ended == "completed"


def test_a_rack_takes_a_larger_ring_when_frames_grow_and_keeps_two(memory: Path) -> None:
    rack, reader = RingRack(4), RingReader(memory)

    references = [rack.put(np.full((side, side), side, np.uint16)) for side in (32, 16, 64, 128)]

    assert references[0].ring == references[1].ring
    assert len({reference.ring for reference in references}) == 3
    assert rack.fits(128 * 128 * 2) and not rack.fits(129 * 129 * 2)
    pixels = np.zeros((64, 64), np.uint16)
    assert reader.copy(references[2], pixels) and (pixels == 64).all()
    assert not reader.copy(references[0], np.zeros((32, 32), np.uint16))
    reader.close()
    rack.close()
    assert list(memory.iterdir()) == []
