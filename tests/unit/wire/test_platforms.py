"""Platforms: what differs between systems does here what it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

from stentor.wire import platforms


@pytest.mark.skipif(sys.platform == "win32", reason="niceness is a thing of Unix")
def test_a_process_that_yields_is_nicer_than_before_and_may_yield_again() -> None:
    code = """
import os
from stentor.wire import platforms
platforms.yield_to_others()
platforms.yield_to_others()
group = platforms.AUTOGROUP
print(os.getpriority(os.PRIO_PROCESS, 0), group.read_text().split()[-1] if group.exists() else "10")
"""

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True, start_new_session=True
    )

    assert done.stdout.split() == [str(platforms.NICENESS)] * 2


def test_rings_go_where_they_are_told_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(platforms.RING_DIR_VARIABLE, str(tmp_path))
    told = platforms.shared_memory_dir()
    monkeypatch.delenv(platforms.RING_DIR_VARIABLE)

    assert (told, platforms.shared_memory_dir() != tmp_path) == (tmp_path, True)
