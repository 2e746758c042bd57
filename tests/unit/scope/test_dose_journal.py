"""Dose journal: what was spent stays spent."""

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from stentor.core.errors import RecordError
from stentor.scope.hands.dose_journal import DoseJournal


def test_an_account_is_found_again_under_its_specimen_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "light.sqlite"
    first = DoseJournal(path, "dish 1", 50.0)
    first.write({(0, 0): 5.0, (-1, 3): 2.5})
    first.write({(0, 0): 7.0})
    first.close()

    assert DoseJournal(path, "dish 1", 50.0).read() == {(0, 0): 7.0, (-1, 3): 2.5}
    assert DoseJournal(path, "dish 2", 50.0).read() == {}


def test_what_was_written_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "light.sqlite"
    code = (
        "import os, signal, sys, pathlib\n"
        "from stentor.scope.hands.dose_journal import DoseJournal\n"
        "journal = DoseJournal(pathlib.Path(sys.argv[1]), 'dish', 50.0)\n"
        "journal.write({(1, 2): 3.0})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    ended = subprocess.run([sys.executable, "-c", code, str(path)], timeout=60, check=False)

    assert ended.returncode == -9
    assert DoseJournal(path, "dish", 50.0).read() == {(1, 2): 3.0}


def test_a_file_that_is_none_of_ours_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "light.sqlite"
    path.write_text("no database, but long enough to be taken for one " * 40)

    with pytest.raises(RecordError, match=r"light\.sqlite.*record\.folder"):
        DoseJournal(path, "dish", 50.0)


def test_a_second_scope_on_one_account_makes_nothing_less(tmp_path: Path) -> None:
    first, second = (DoseJournal(tmp_path / "light", "cells", 50.0) for _ in range(2))

    first.write({(0, 0): 90.0})
    second.write({(0, 0): 5.0, (1, 0): 5.0})

    assert first.read() == {(0, 0): 90.0, (1, 0): 5.0}
    first.close()
    second.close()


def test_other_squares_are_no_new_budget(tmp_path: Path) -> None:
    journal = DoseJournal(tmp_path / "light", "cells", 50.0)
    journal.write({(0, 0): 90.0})
    journal.close()
    finer = DoseJournal(tmp_path / "light", "cells", 25.0)

    with pytest.raises(RecordError, match=r"tile_um = 50\.0, or name another specimen"):
        finer.read()
    finer.close()


def test_a_write_that_failed_leaves_nothing_behind_and_the_next_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "light.sqlite"
    journal = DoseJournal(path, "cells", 50.0)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordError, match="locked"):
            journal.write({(0, 0): 5.0})

    journal.write({(1, 0): 7.0})

    assert journal.read() == {(1, 0): 7.0}
    journal.close()
