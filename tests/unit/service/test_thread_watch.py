"""Thread watch: a thread that hangs is named, a process that slept is not."""

from stentor.service.thread_watch import LOOKS, STILL_S, ThreadWatch


def test_a_thread_that_stands_still_is_named_after_some_looks() -> None:
    watch = ThreadWatch({"door": lambda: 0.0, "publisher": lambda: STILL_S + 1})

    assert [watch.hung() for _ in range(LOOKS)] == [None] * (LOOKS - 1) + ["publisher"]


def test_a_process_that_slept_as_a_whole_is_well_when_its_threads_go_round_again() -> None:
    silence = [100.0] * (LOOKS - 1) + [0.01] + [100.0] * (LOOKS - 1)
    watch = ThreadWatch({"publisher": lambda: silence.pop(0)})

    assert [watch.hung() for _ in range(2 * LOOKS - 1)] == [None] * (2 * LOOKS - 1)
