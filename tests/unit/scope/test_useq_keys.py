"""Useq keys: every key that useq-schema reads may be written, and no other."""

from typing import Any

import pytest
import useq

from stentor.core.errors import ConfigError
from stentor.scope.useq_keys import read_as, unknown_keys

EVERYTHING: dict[str, Any] = {
    "axis_order": "tpgcz",
    "metadata": {"whatever": {"exposure_ms": 1}},
    "stage_positions": [
        (0, 0, 1),
        {"x": 1, "y": 2, "name": "there", "row": 1, "sequence": {"z_plan": {"above": 1, "below": 1, "step": 1}}},
    ],
    "grid_plan": {"rows": 1, "columns": 2, "overlap": 5, "mode": "spiral"},
    "channels": ["DAPI", {"config": "FITC", "exposure": 5.0, "do_stack": False}],
    "time_plan": {"phases": [{"interval": 1, "loops": 2}, {"duration": 4, "loops": 2}]},
    "z_plan": {"range": 2, "step": 1, "go_up": False},
    "autofocus_plan": {"autofocus_motor_offset": 1.0, "axes": ("p",)},
    "setup": {"properties": [["Lamp", "Intensity", 5]]},
    "keep_shutter_open_across": "z",
}


def test_a_sequence_with_every_key_is_read() -> None:
    assert list(unknown_keys(EVERYTHING, useq.MDASequence)) == []
    assert read_as(useq.MDASequence, EVERYTHING) == useq.MDASequence.model_validate(EVERYTHING)


def test_what_useq_writes_of_a_sequence_and_its_events_is_read() -> None:
    sequence = useq.MDASequence.model_validate(EVERYTHING)
    event = next(iter(sequence))

    assert list(unknown_keys(sequence.model_dump(), useq.MDASequence)) == []
    assert list(unknown_keys(event.model_dump(), useq.MDAEvent)) == []


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"chanels": ["DAPI"]}, "unknown key `chanels`; did you mean `channels`?"),
        ({"channels": [{"config": "DAPI", "exposure_ms": 5}]}, "did you mean `channels[0].exposure`?"),
        ({"stage_positions": [{"x": 1, "yy": 2}]}, "unknown key `stage_positions[0].yy`"),
        ({"time_plan": {"intervall": 1, "loops": 2}}, "did you mean `time_plan.interval`?"),
        ({"time_plan": [{"interval": 1, "lops": 2}]}, "did you mean `time_plan[0].loops`?"),
        ({"time_plan": {"phases": [{"interval": 1, "lops": 2}]}}, "did you mean `time_plan.phases[0].loops`?"),
        ({"grid_plan": {"rows": 1, "colums": 2}}, "did you mean `grid_plan.columns`?"),
        ({"stage_positions": [{"x": 1, "sequence": {"zplan": 1}}]}, "`stage_positions[0].sequence.z_plan`?"),
        ({"z_plan": {"range": "wide", "step": 1}}, "`z_plan.ZRangeAround.range`: Input should be a valid number"),
    ],
)
def test_what_nothing_reads_is_refused_in_one_line(mapping: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_as(useq.MDASequence, mapping)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
