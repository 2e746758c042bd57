"""What every engine promises, held to the same tests on every backend."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import pytest
import useq

from stentor.core.errors import ConfigError, SourceError
from stentor.microscope.arrival import Arrival
from stentor.microscope.metadata import camera_number
from stentor.scope.engine import RunReport
from stentor.scope.plus_engine import PlusEngine
from stentor.scope.pycro_engine import PycroEngine
from stentor.scope.rig import Rig

pytestmark = pytest.mark.timeout(90)


class Recorder:
    """A sink that keeps what the tests ask about, copied as the contract demands."""

    def __init__(self, milestone: int = 10) -> None:
        self.events: list[useq.MDAEvent | None] = []
        self.received_ns: list[int] = []
        self.camera_numbers: list[int | None] = []
        self.shapes: set[tuple[int, ...]] = set()
        self.reached = threading.Event()
        self._milestone = milestone

    def __call__(self, arrival: Arrival) -> None:
        self.events.append(arrival.event)
        self.received_ns.append(arrival.received_ns)
        self.camera_numbers.append(camera_number(arrival.metadata))
        self.shapes.add(arrival.pixels.shape)
        if len(self.events) == self._milestone:
            self.reached.set()

    @property
    def indices(self) -> list[dict[str, int]]:
        return [dict(event.index) for event in self.events if event is not None]


@pytest.fixture
def start() -> Iterator[Callable[[Callable[[], RunReport]], "Future[RunReport]"]]:
    """Start a run on a thread, as the host of an engine does."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit


def channels(rig: Rig) -> list[str]:
    return sorted(rig.core.getAvailableConfigs("Channel"))[:2]


def burst(frames: int) -> useq.MDASequence:
    return useq.MDASequence(time_plan=useq.TIntervalLoops(interval=0, loops=frames), metadata={"burst": True})


def exposed(events: useq.MDASequence, exposure_ms: float = 10.0) -> list[useq.MDAEvent]:
    return [event.model_copy(update={"exposure": exposure_ms}) for event in events]


PLANS: dict[str, Callable[[Rig], useq.MDASequence]] = {
    "time": lambda rig: useq.MDASequence(time_plan={"interval": 0.03, "loops": 4}),
    "z": lambda rig: useq.MDASequence(z_plan={"range": 4, "step": 1}),
    "channel": lambda rig: useq.MDASequence(channels=channels(rig)),
    "position": lambda rig: useq.MDASequence(stage_positions=[(0, 0, 1), (30, -20, 2), (5, 5, 0)]),
    "all of them": lambda rig: useq.MDASequence(
        axis_order="tpcz",
        time_plan={"interval": 0.2, "loops": 2},
        stage_positions=[(0, 0, 0), (10, 10, 1)],
        channels=channels(rig),
        z_plan={"range": 2, "step": 1},
    ),
    "z before channel": lambda rig: useq.MDASequence(
        axis_order="tpzc", channels=channels(rig), z_plan={"range": 2, "step": 1}, stage_positions=[(0, 0, 0)]
    ),
}


@pytest.mark.parametrize("plan", PLANS)
def test_every_image_comes_once_in_order_and_with_its_event(rig: Rig, plan: str) -> None:
    events = exposed(PLANS[plan](rig))
    recorder = Recorder()

    report = rig.engine.run(events, recorder)

    assert (report.reason, report.error, report.received) == ("completed", None, len(events))
    assert recorder.indices == [dict(event.index) for event in events]
    assert [event.channel for event in recorder.events if event] == [event.channel for event in events]


def test_a_sequence_is_run_as_the_list_of_its_events(rig: Rig) -> None:
    sequence = useq.MDASequence(channels=channels(rig), z_plan={"range": 2, "step": 1})
    recorder = Recorder()

    report = rig.engine.run(sequence, recorder)

    assert (report.reason, report.expected) == ("completed", 6)
    assert recorder.indices == [dict(event.index) for event in sequence]


def test_the_tiles_of_a_grid_lie_side_by_side(rig: Rig) -> None:
    width_um = rig.core.getImageWidth() * rig.core.getPixelSizeUm()
    sequence = useq.MDASequence(stage_positions=[(0, 0)], grid_plan={"rows": 1, "columns": 2})
    recorder = Recorder()

    report = rig.engine.run(sequence, recorder)

    assert (report.reason, report.received) == ("completed", 2)
    assert [event.x_pos for event in recorder.events if event] == pytest.approx([-width_um / 2, width_um / 2])


def test_intervals_are_kept_on_average(rig: Rig) -> None:
    events = exposed(useq.MDASequence(time_plan={"interval": 0.1, "loops": 12}))
    recorder = Recorder()

    rig.engine.run(events, recorder)

    span_ms = (recorder.received_ns[-1] - recorder.received_ns[0]) / 1e6
    assert span_ms / 11 == pytest.approx(100, abs=8)


def test_every_position_has_its_own_clock(rig: Rig) -> None:
    # useq restarts the event timer at each position when time lapses are taken one position after another.
    positions = [(0, 0, 0), (1, 1, 0)]
    events = exposed(
        useq.MDASequence(axis_order="ptc", time_plan={"interval": 0.15, "loops": 3}, stage_positions=positions)
    )
    recorder = Recorder()

    rig.engine.run(events, recorder)

    gaps_ms = [(later - earlier) / 1e6 for earlier, later in pairwise(recorder.received_ns)]
    assert [gap > 100 for gap in gaps_ms] == [True, True, False, True, True]


def test_a_hardware_sequence_of_500_images_is_complete(rig: Rig) -> None:
    rig.core.setExposure(10)
    recorder = Recorder()

    report = rig.engine.run(exposed(burst(500)), recorder)

    assert (report.reason, report.received, report.error) == ("completed", 500, None)
    assert recorder.indices == [{"t": t} for t in range(500)]
    assert recorder.shapes == {(512, 512)}
    # Numbered by the camera: it was one sequence, not 500 snaps.
    assert all(later > earlier for earlier, later in pairwise(recorder.camera_numbers))


def test_live_mode_ends_after_its_frames(rig: Rig) -> None:
    recorder = Recorder()

    report = rig.engine.live(recorder, exposure_ms=10, frames=20)

    assert (report.reason, report.expected, report.received) == ("completed", 20, 20)
    assert recorder.events == [None] * 20
    assert all(later > earlier for earlier, later in pairwise(recorder.camera_numbers))
    assert not rig.core.isSequenceRunning()


def test_live_mode_keeps_a_pace(rig: Rig) -> None:
    recorder = Recorder()

    report = rig.engine.live(recorder, exposure_ms=10, interval_ms=100, frames=8)

    assert (report.reason, report.received) == ("completed", 8)
    assert (recorder.received_ns[-1] - recorder.received_ns[0]) / 7e6 == pytest.approx(100, abs=10)


def test_live_mode_without_limit_ends_at_abort(
    rig: Rig, start: Callable[[Callable[[], RunReport]], "Future[RunReport]"]
) -> None:
    recorder = Recorder(milestone=10)
    run = start(lambda: rig.engine.live(recorder, exposure_ms=10))
    assert recorder.reached.wait(30)

    rig.engine.abort()

    report = run.result(timeout=15)
    assert (report.reason, report.expected, report.error) == ("aborted", None, None)
    assert report.received == len(recorder.events) >= 10


@pytest.mark.parametrize("kind", ["burst", "single images", "iterator"])
def test_a_run_is_aborted_and_the_next_one_is_whole(
    rig: Rig, kind: str, start: Callable[[Callable[[], RunReport]], "Future[RunReport]"]
) -> None:
    many = exposed(
        burst(2000) if kind != "single images" else useq.MDASequence(time_plan={"interval": 0.02, "loops": 400})
    )
    recorder = Recorder(milestone=10)
    run = start(lambda: rig.engine.run(iter(many) if kind == "iterator" else many, recorder))
    assert recorder.reached.wait(30)
    began_s = time.monotonic()

    rig.engine.abort()

    report = run.result(timeout=15)
    assert time.monotonic() - began_s < 5
    assert (report.reason, report.error) == ("aborted", None)
    assert 10 <= report.received < len(many)
    assert recorder.indices == [dict(event.index) for event in many[: report.received]]
    again = rig.engine.run(exposed(burst(20)), following := Recorder())
    assert (again.reason, again.received, len(following.events)) == ("completed", 20, 20)


def test_an_abort_does_not_wait_for_the_next_time_point(
    rig: Rig, start: Callable[[Callable[[], RunReport]], "Future[RunReport]"]
) -> None:
    recorder = Recorder(milestone=1)
    rare = exposed(useq.MDASequence(time_plan={"interval": 600, "loops": 2}))
    run = start(lambda: rig.engine.run(rare, recorder))
    assert recorder.reached.wait(30)

    rig.engine.abort()

    assert run.result(timeout=5).reason == "aborted"
    assert len(recorder.events) == 1


def test_an_abort_of_nothing_does_not_hit_the_next_run(rig: Rig) -> None:
    rig.engine.abort()

    report = rig.engine.run(exposed(burst(5)), Recorder())

    assert (report.reason, report.received) == ("completed", 5)


def test_closing_an_engine_waits_for_its_run(
    rig: Rig, start: Callable[[Callable[[], RunReport]], "Future[RunReport]"]
) -> None:
    engine = PlusEngine(rig.core) if isinstance(rig.engine, PlusEngine) else PycroEngine(rig.core)
    recorder = Recorder(milestone=3)
    run = start(lambda: engine.live(recorder, exposure_ms=10))
    assert recorder.reached.wait(30)

    engine.close()

    assert run.done() or run.result(timeout=1)
    assert run.result().reason == "aborted"
    assert not rig.core.isSequenceRunning()


def test_a_second_run_at_the_same_time_is_refused(
    rig: Rig, start: Callable[[Callable[[], RunReport]], "Future[RunReport]"]
) -> None:
    recorder = Recorder(milestone=1)
    run = start(lambda: rig.engine.live(recorder, exposure_ms=10))
    assert recorder.reached.wait(30)

    with pytest.raises(SourceError, match="already running"):
        rig.engine.run(exposed(burst(5)), Recorder())

    rig.engine.abort()
    assert run.result(timeout=15).reason == "aborted"


def test_a_sink_that_raises_costs_no_image(rig: Rig) -> None:
    recorder = Recorder()

    def sink(arrival: Arrival) -> None:
        recorder(arrival)
        raise RuntimeError("boom")

    report = rig.engine.run(exposed(burst(50)), sink)

    assert (report.reason, report.received, report.sink_failures) == ("completed", 50, 50)
    assert recorder.indices == [{"t": t} for t in range(50)]


def test_a_slow_sink_costs_no_image(rig: Rig) -> None:
    recorder = Recorder()

    def sink(arrival: Arrival) -> None:
        time.sleep(0.05)
        recorder(arrival)

    report = rig.engine.run(exposed(burst(60)), sink)

    assert (report.reason, report.received) == ("completed", 60)
    assert recorder.indices == [{"t": t} for t in range(60)]


def test_an_iterator_is_asked_for_an_event_only_after_the_image_before_it(rig: Rig) -> None:
    recorder = Recorder()
    seen_when_asked: list[int] = []

    def decide() -> Iterator[useq.MDAEvent]:
        for t in range(6):
            seen_when_asked.append(len(recorder.events))
            yield useq.MDAEvent(index={"t": t}, exposure=10)

    report = rig.engine.run(decide(), recorder)

    assert (report.reason, report.expected, report.received) == ("completed", 6, 6)
    assert seen_when_asked == [0, 1, 2, 3, 4, 5]


def test_an_unknown_channel_is_refused_before_the_first_image(rig: Rig) -> None:
    recorder = Recorder()
    events = [useq.MDAEvent(), useq.MDAEvent(channel="Dapy")]

    with pytest.raises(ConfigError, match="did you mean DAPI"):
        rig.engine.run(events, recorder)

    assert recorder.events == []


def test_an_unknown_channel_from_an_iterator_ends_the_run_with_its_name(rig: Rig) -> None:
    recorder = Recorder()

    report = rig.engine.run(iter([useq.MDAEvent(), useq.MDAEvent(channel="Dapy")]), recorder)

    assert (report.reason, len(recorder.events)) == ("failed", 1)
    assert "did you mean DAPI" in (report.error or "")


def test_live_mode_left_on_is_refused_and_not_lost_in(rig: Rig) -> None:
    rig.core.startContinuousSequenceAcquisition(0)
    try:
        with pytest.raises(SourceError, match="live mode is on"):
            rig.engine.run(exposed(burst(5)), Recorder())
    finally:
        rig.core.stopSequenceAcquisition()


def test_a_run_leaves_the_drives_where_its_events_sent_them(rig: Rig) -> None:
    rig.core.setXYPosition(0, 0)

    rig.engine.run([useq.MDAEvent(x_pos=40, y_pos=25, z_pos=3)], Recorder())

    assert rig.core.getXPosition() == pytest.approx(40, abs=0.1)
    assert rig.core.getPosition() == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("form", [list, iter])
def test_an_exposure_changed_by_live_mode_is_set_again_by_the_next_run(
    rig: Rig, form: Callable[[list[useq.MDAEvent]], Iterable[useq.MDAEvent]]
) -> None:
    events = exposed(useq.MDASequence(time_plan={"interval": 0.01, "loops": 2}), 12.0)
    rig.engine.run(events, Recorder())
    rig.engine.live(Recorder(), exposure_ms=30, frames=2)

    rig.engine.run(form(events), Recorder())

    assert rig.core.getExposure() == pytest.approx(12)


def test_a_channel_is_set_again_where_somebody_has_changed_its_light_in_between(rig: Rig) -> None:
    core = rig.core
    wanted, other = channels(rig)
    seen: list[str] = []

    def events() -> Iterator[useq.MDAEvent]:
        event = useq.MDAEvent(channel={"config": wanted, "group": "Channel"}, exposure=5)
        yield event
        changed = core.getConfigData("Channel", other)
        for index in range(changed.size()):
            setting = changed.getSetting(index)
            core.setProperty(setting.getDeviceLabel(), setting.getPropertyName(), setting.getPropertyValue())
        core.waitForSystem()
        yield event

    rig.engine.run(events(), lambda arrival: seen.append(core.getCurrentConfig("Channel")))

    assert seen == [wanted, wanted]
