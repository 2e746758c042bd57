"""All kinds of models run as one plan, each stage timed, on the living specimen."""

import signal
from typing import Any

import stentor

PLAN = """
[[plan]]
stage = "quality"

[[plan]]
stage = "predict"
model = "denoise"

[[plan]]
stage = "normalise"

[[plan]]
stage = "segment"

[[plan]]
stage = "measure"

[[plan]]
stage = "classify"
model = "micronuclei"

[[plan]]
stage = "track"

[acquisition]
rate_hz = 3.0
"""
STAGES = ("quality", "predict", "normalise", "segment", "measure", "classify", "track")


def test_every_kind_of_model_says_its_part_about_a_frame(rig: Any) -> None:
    process = rig.start(PLAN)
    rig.wait_for(rig.status)

    with stentor.Listener(delivery="view", images=("predicted",), max_side_px=128) as viewer:
        result = rig.wait_for(lambda: viewer.receive(1.0))

    assert set(result.header.stage_ms) == set(STAGES)
    assert {"class", "probability", "p_none", "p_micronucleus", "track_id", "area_um2"} <= set(result.objects.columns)
    assert len(result.objects) > 20
    assert set(result.objects["class"].tolist()) <= {-1, 0, 1}
    assert result.header.scores["trusted"].value == 1.0
    restored = result.image("predicted")
    assert restored is not None and restored.shape == (128, 128)
    assert {identity.name.partition("@")[0] for identity in result.header.models.values()} == {
        "nuclei", "denoise", "micronuclei",
    }  # fmt: skip
    process.send_signal(signal.SIGINT)
    assert rig.finish(process, 20)["outcomes"]["failed"] == 0
