"""What a controller saw is kept, within its space, across kill -9, and never at the cost of the controller."""

import logging
import os
from pathlib import Path

import pytest

from stentor.core.errors import RecordError
from stentor.record.evidence import EvidenceLog, evidence_file, is_cut_off, read_evidence

MESSAGES = [[b"topic", bytes([number]) * 100] for number in range(5)]


def test_messages_come_back_in_order_also_from_a_log_that_was_not_closed(tmp_path: Path) -> None:
    path = evidence_file(tmp_path, "follow")
    log = EvidenceLog(path, most_mb=1.0)

    for message in MESSAGES:
        log.write(message)

    assert list(read_evidence(path)) == MESSAGES


def test_a_full_log_is_said_once_and_keeps_what_it_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = evidence_file(tmp_path, "follow")
    log = EvidenceLog(path, most_mb=60e-6)

    with caplog.at_level(logging.WARNING):
        for message in MESSAGES:
            log.write(message)

    assert 0 < len(list(read_evidence(path))) < 5
    assert caplog.text.count("record.evidence_mb is used up") == 1


def test_a_second_life_has_no_second_space(tmp_path: Path) -> None:
    path = evidence_file(tmp_path, "follow")
    for _ in range(3):
        log = EvidenceLog(path, most_mb=60e-6)
        for message in MESSAGES:
            log.write(message)
        log.close()

    assert len(list(read_evidence(path))) < 5


def test_a_full_log_has_no_hole_after_a_restart(tmp_path: Path) -> None:
    # n0 n1 n2 n6 n7 n8: one large message was refused, and after a restart smaller ones found room behind it.
    path = evidence_file(tmp_path, "follow")
    names = [[b"n%d" % number] for number in range(9)]
    first = EvidenceLog(path, most_mb=0.001)
    for message in (*names[:3], [os.urandom(2000)], *names[3:6]):
        first.write(message)
    first.close()

    second = EvidenceLog(path, most_mb=0.001)
    for message in names[6:]:
        second.write(message)
    second.close()

    assert list(read_evidence(path)) == names[:3]
    assert is_cut_off(path)


def test_what_could_not_be_written_has_no_hole_after_a_restart_either(tmp_path: Path) -> None:
    path = evidence_file(tmp_path, "follow")
    first = EvidenceLog(path, most_mb=1.0)
    first.write(MESSAGES[0])
    assert first._file is not None and not is_cut_off(path)
    first._file.execute("CREATE TEMP TABLE evidence (number)")  # in the way: it has no messages
    first.write(MESSAGES[1])

    second = EvidenceLog(path, most_mb=1.0)
    second.write(MESSAGES[2])
    second.close()

    assert list(read_evidence(path)) == MESSAGES[:1]


def test_nothing_is_kept_where_nothing_should_be(tmp_path: Path) -> None:
    path = evidence_file(tmp_path, "follow")
    EvidenceLog(path, most_mb=0.0).write(MESSAGES[0])

    assert not path.exists()
    with pytest.raises(RecordError, match="evidence_mb is above 0"):
        list(read_evidence(path))


def test_what_is_no_evidence_says_so(tmp_path: Path) -> None:
    path = tmp_path / "evidence-x.sqlite"
    path.write_bytes(b"garbage" * 100)

    with pytest.raises(RecordError, match="cannot be read as evidence"):
        list(read_evidence(path))
    with pytest.raises(RecordError, match="make room"):
        EvidenceLog(path, most_mb=1.0)
