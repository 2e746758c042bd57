"""useq events in pycromanager's form."""

import pytest
import useq

from stentor.core.errors import ConfigError
from stentor.scope.pycro_events import batches, check_translatable, translate


def sizes(*events: useq.MDAEvent) -> list[int]:
    return [len(batch) for batch in batches(events)]


def test_an_event_is_written_with_everything_it_asks_for() -> None:
    event = useq.MDAEvent(
        index={"t": 1}, channel="DAPI", exposure=5, x_pos=1, y_pos=2, z_pos=3, min_start_time=7,
        properties=[("Camera", "Gain", "3")],
    )  # fmt: skip

    assert translate(event, 42) == {
        "axes": {"event": 42},
        "config_group": ["Channel", "DAPI"],
        "exposure": 5,
        "x": 1,
        "y": 2,
        "z": 3,
        "properties": [["Camera", "Gain", "3"]],
    }


def test_an_empty_event_asks_for_nothing_but_an_image() -> None:
    assert translate(useq.MDAEvent(), 0) == {"axes": {"event": 0}}


def test_a_burst_is_one_batch() -> None:
    assert sizes(*useq.MDASequence(time_plan={"interval": 0, "loops": 9}, z_plan={"range": 2, "step": 1})) == [27]


@pytest.mark.parametrize(
    "other",
    [
        {"min_start_time": 1},
        {"channel": "FITC"},
        {"exposure": 6},
        {"x_pos": 9, "y_pos": 2},
        {"properties": [("Camera", "Gain", "3")]},
        {"reset_event_timer": True},
    ],
)
def test_what_pycromanager_merges_wrongly_is_kept_apart(other: dict[str, object]) -> None:
    usual = {"channel": "DAPI", "exposure": 5, "x_pos": 1, "y_pos": 2}
    event, different = useq.MDAEvent(**usual), useq.MDAEvent(**{**usual, **other})

    assert sizes(event, event, different) == [2, 1]


def test_no_start_time_is_the_start_of_the_run() -> None:
    assert sizes(useq.MDAEvent(), useq.MDAEvent(min_start_time=0)) == [2]


@pytest.mark.parametrize(
    ("event", "wish"),
    [
        (useq.MDAEvent(action=useq.HardwareAutofocus(autofocus_motor_offset=1)), "action"),
        (useq.MDAEvent(x_pos=1), "x without y"),
        (useq.MDAEvent(roi=(0, 0, 4, 4)), "region of interest"),
        (useq.MDAEvent(slm_image=[[0]]), "SLM"),
    ],
)
def test_what_pycromanager_cannot_do_is_refused_with_the_engine_that_can(event: useq.MDAEvent, wish: str) -> None:
    with pytest.raises(ConfigError, match=f'{wish}.*engine = "pymmcore-plus"'):
        check_translatable(event)
