"""Unblocked stderr: lines arrive in order, and a reader who sleeps halts nobody."""

import logging
import os

from stentor.service.unblocked_stderr import WAITING, UnblockedStderr


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("stentor", logging.INFO, "", 0, text, (), None)


def test_lines_arrive_in_order() -> None:
    reader, writer = os.pipe()
    handler = UnblockedStderr(writer)

    for number in range(10):
        handler.emit(record(f"line {number}"))
    handler.flush()

    assert os.read(reader, 10_000).decode().splitlines() == [f"line {number}" for number in range(10)]
    os.close(reader)


def test_a_pipe_that_nobody_reads_halts_nobody_and_the_loss_is_said() -> None:
    reader, writer = os.pipe()
    handler = UnblockedStderr(writer)

    for _ in range(3 * WAITING):  # 300 kB into a pipe of 64
        handler.emit(record("x" * 100))
    said = b""
    while b"log lines were lost" not in said:
        said += os.read(reader, 65_536)
        handler.emit(record("there is room again"))

    assert said.count(b"x" * 100) >= WAITING // 2
    os.close(reader)


def test_a_reader_that_is_gone_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    handler = UnblockedStderr(writer)

    handler.emit(record("nobody hears this"))
    handler.flush()

    assert handler._lines.empty()
