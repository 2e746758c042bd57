"""Flow and camera numbers: what ingest tells those who wait, and what it counts between frames."""

from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import FrameSpec
from stentor.ingest.camera_numbers import CameraNumbers
from stentor.ingest.flow import Flow
from stentor.wire import link


def attach(stream: str, *, is_lossless: bool) -> link.Attach:
    spec = FrameSpec((8, 8))
    return link.Attach(stream=stream, pid=1, source="test", spec=spec, protocol=1, is_lossless=is_lossless)


def account(run: str, stream: str = "tiff") -> link.RunAccount:
    return link.RunAccount(stream=stream, run=run, started_wall_ns=0, clock_id="c")


class Told:
    """Collects what is sent; a deaf one takes nothing."""

    def __init__(self) -> None:
        self.levels: list[tuple[bytes, str, int]] = []
        self.is_deaf = False

    def __call__(self, identity: bytes, level: link.RunLevel) -> bool:
        if not self.is_deaf:
            self.levels.append((identity, level.run, level.settled))
        return not self.is_deaf


def test_a_level_is_told_when_it_changes_and_again_when_it_could_not_be() -> None:
    settled, told = {"r": 0}, Told()
    flow = Flow(lambda run: settled[run])
    flow.attach(attach("tiff", is_lossless=True))
    flow.begin(b"p", account("r"))

    flow.tell(told)
    flow.tell(told)
    told.is_deaf, settled["r"] = True, 2
    flow.tell(told)
    told.is_deaf = False
    flow.tell(told)

    assert told.levels == [(b"p", "r", 0), (b"p", "r", 2)]


def test_a_producer_that_attached_again_is_told_anew() -> None:
    told = Told()
    flow = Flow(lambda run: 5)
    flow.attach(attach("tiff", is_lossless=True))
    for identity in (b"old", b"new"):
        flow.begin(identity, account("r"))
        flow.tell(told)

    assert told.levels == [(b"old", "r", 5), (b"new", "r", 5)]


def test_only_lossless_producers_are_told_and_only_until_the_run_is_closed() -> None:
    told = Told()
    flow = Flow(lambda run: 5)
    flow.attach(attach("camera", is_lossless=False))
    flow.attach(attach("tiff", is_lossless=True))
    flow.begin(b"c", account("live", "camera"))
    assert not flow.is_owed
    flow.begin(b"p", account("r"))
    assert flow.is_owed and flow.is_lossless("tiff") and not flow.is_lossless("camera")

    flow.end("r")
    flow.tell(told)

    assert told.levels == [] and not flow.is_owed


def test_a_stream_that_comes_back_as_a_camera_is_lossless_no_more() -> None:
    flow = Flow(lambda run: 0)
    flow.attach(attach("camera", is_lossless=True))
    flow.attach(attach("camera", is_lossless=False))

    assert not flow.is_lossless("camera")


def numbered(stream: str, run: str, sequence: int, number: int | None, camera: str | None = None) -> FrameHeader:
    return FrameHeader(
        frame_id=FrameId(stream, run, sequence), shape_yx=(8, 8), dtype="uint8", received_ns=0, clock_id="c",
        camera=camera, camera_number=number,
    )  # fmt: skip


def test_holes_are_counted_within_one_run_of_one_stream() -> None:
    numbers = CameraNumbers()

    def holes(stream: str, run: str, *seen: int | None) -> list[int]:
        return [numbers.hole_before(numbered(stream, run, sequence, n)) for sequence, n in enumerate(seen)]

    assert holes("a", "1", 0, 1, 5, None, 6, 3) == [0, 0, 3, 0, 0, 0]
    assert holes("b", "1", 9) == [0]
    assert holes("a", "2", 9, 11) == [0, 1]


def test_a_frame_lost_on_its_way_to_the_daemon_is_no_hole_of_the_camera() -> None:
    numbers = CameraNumbers()
    seen = [
        (0, 0),
        (1, 1),
        (5, 5),
        (6, 9),
    ]  # 2 to 4 lost by their producer, then a true hole of three

    assert [numbers.hole_before(numbered("a", "1", sequence, number)) for sequence, number in seen] == [0, 0, 0, 3]


def test_frames_of_two_cameras_lost_on_their_way_are_holes_of_neither() -> None:
    numbers = CameraNumbers()
    seen = [(0, 0, "Left"), (1, 0, "Right"), (6, 3, "Left"), (7, 3, "Right")]

    assert [numbers.hole_before(numbered("a", "1", s, n, camera)) for s, n, camera in seen] == [0, 0, 0, 0]
