"""bioimage.io: descriptions are mapped onto our steps, or refused with the name of what we lack."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import stentor
from stentor.core.errors import ModelError
from stentor.inference.verify import verify_model
from stentor.train.adopt.bioimage_io import read_description
from stentor.train.adopt.command import import_model
from stentor.train.card_file import sha256_of

from .conftest import Maker

pytest.importorskip("bioimageio.spec", reason="an extra: pip install 'stentor[adopt]'")

SPACE = {"type": "space", "unit": "micrometer", "scale": 0.5}
Step = dict[str, Any]
SCALED: Step = {"id": "scale_range", "kwargs": {"axes": ["y", "x"], "min_percentile": 1, "max_percentile": 99}}


def described(
    network: Path,
    *,
    before: list[Step],
    after: list[Step],
    weights: str = "onnx",
    answers: tuple[str, ...] = ("double",),
) -> Path:
    """Write a description of format 0.5 around a network, as a zoo has it; JSON is YAML."""
    folder = network.parent
    image = np.random.default_rng(0).uniform(0, 100, (1, 1, 64, 96)).astype(np.float32)
    low, high = np.percentile(image, (1, 99))
    np.save(folder / "in.npy", image)
    np.save(folder / "out.npy", 2 * (image - low) / (high - low + 1e-6))
    (folder / "doc.md").write_text("# What it is\n")
    source = {"source": network.name, "sha256": sha256_of(network)}
    version = {"opset_version": 15} if weights == "onnx" else {"pytorch_version": "2.0"}
    space = [{**SPACE, "id": name, "size": {"min": 16, "step": 16}} for name in ("y", "x")]
    channel = {"type": "channel", "channel_names": ["phase"]}
    sizes = [{**SPACE, "id": name, "size": {"tensor_id": "raw", "axis_id": name}} for name in ("y", "x")]
    rdf = {
        "format_version": "0.5.3",
        "type": "model",
        "name": "Tiny One",
        "description": "Doubles.",
        "authors": [{"name": "Somebody"}],
        "cite": [{"text": "nowhere", "url": "https://example.org"}],
        "license": "MIT",
        "documentation": "doc.md",
        "git_repo": "https://example.org/tiny",
        "inputs": [
            {
                "id": "raw", "axes": [{"type": "batch"}, channel, *space],
                "test_tensor": {"source": "in.npy", "sha256": sha256_of(folder / "in.npy")}, "preprocessing": before,
            }
        ],
        "outputs": [
            {
                "id": "double", "axes": [{"type": "batch"}, {**channel, "channel_names": ["what"]}, *sizes],
                "test_tensor": {"source": "out.npy", "sha256": sha256_of(folder / "out.npy")}, "postprocessing": after,
            }
        ],
        "weights": {weights: {**source, **version}},
    }  # fmt: skip
    path = folder / "rdf.yaml"
    path.write_bytes(msgspec.json.encode(rdf))
    return path


def test_a_description_becomes_a_model_that_agrees_with_its_own_test(foreign: Maker, tmp_path: Path) -> None:
    path = described(foreign(layout="nchw"), before=[SCALED], after=[])

    said = import_model(path, card=None, out=tmp_path / "tiny" / "1", image=None)

    assert "agrees with the description's own test output" in said[0]
    model = stentor.load_model(str(tmp_path / "tiny" / "1"))
    assert (model.card.name, model.card.licence, model.card.channels) == ("tiny-one", "MIT", ("phase",))
    assert (model.card.size_multiple, model.card.normalisation.low_percent) == (16, 1.0)
    assert verify_model(str(tmp_path / "tiny" / "1")).is_well


def test_a_model_that_answers_otherwise_than_described_is_not_kept(foreign: Maker, tmp_path: Path) -> None:
    path = described(foreign(layout="nchw"), before=[], after=[])

    with pytest.raises(ModelError, match="differently"):
        import_model(path, card=None, out=tmp_path / "tiny" / "1", image=None)
    assert not (tmp_path / "tiny" / "1").exists()


def test_a_threshold_becomes_components(foreign: Maker, tmp_path: Path) -> None:
    path = described(foreign(layout="nchw"), before=[SCALED], after=[{"id": "binarize", "kwargs": {"threshold": 0.7}}])

    said = import_model(path, card=None, out=tmp_path / "tiny" / "1", image=None)

    card = stentor.load_model(str(tmp_path / "tiny" / "1")).card
    assert card.task == "instance-segmentation"
    assert card.post_processing.name == "threshold-components"
    assert card.post_processing.parameters["foreground"] == 0.7
    assert "object_diameter_px" in said[0]


def test_stardist_and_cellpose_become_ours(foreign: Maker) -> None:
    network = foreign(layout="nchw")
    stardist = {"prob_threshold": 0.4, "nms_threshold": 0.3, "n_rays": 32, "grid": [2, 2], "b": 2}
    cellpose = {"cellprob_threshold": 0.0, "flow_threshold": 0.4, "do_3D": False, "min_size": 20}

    first = read_description(
        described(network, before=[SCALED], after=[{"id": "stardist_postprocessing", "kwargs": stardist}])
    )
    second = read_description(
        described(network, before=[SCALED], after=[{"id": "cellpose_flow_dynamics", "kwargs": cellpose}])
    )

    assert first.template.card["post_processing"]["name"] == "stardist-polygons"
    assert first.template.source.grid == 2
    assert second.template.card["post_processing"]["name"] == "cellpose-flows"
    assert any("flow_threshold" in note for note in second.notes)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"id": "scale_linear", "kwargs": {"gain": 0.01, "offset": -1.0}}, (100.0, 200.0)),
        ({"id": "fixed_zero_mean_unit_variance", "kwargs": {"mean": 50.0, "std": 20.0}}, (50.0, 70.0)),
    ],
)
def test_fixed_scales_become_counts(foreign: Maker, step: Step, expected: tuple[float, float]) -> None:
    template = read_description(described(foreign(layout="nchw"), before=[step], after=[])).template

    normalisation = template.card["normalisation"]
    assert (normalisation["low"], normalisation["high"]) == ([expected[0]], [pytest.approx(expected[1])])


def test_standardisation_goes_into_the_network(foreign: Maker) -> None:
    step = {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}}

    assert read_description(described(foreign(layout="nchw"), before=[step], after=[])).template.source.standardise


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ([{"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}], [], "pre-processing 'clip'"),
        ([SCALED, SCALED], [], "pre-processing 'scale_range' after another"),
        ([SCALED], [{"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}], "post-processing 'clip'"),
        ([SCALED], [{"id": "zero_mean_unit_variance"}], "post-processing 'zero_mean_unit_variance'"),
    ],
)
def test_steps_that_we_lack_are_named(foreign: Maker, before: list[Step], after: list[Step], named: str) -> None:
    with pytest.raises(ModelError, match=named):
        read_description(described(foreign(layout="nchw"), before=before, after=after))


def test_other_weights_and_broken_descriptions_are_named(foreign: Maker) -> None:
    network = foreign(layout="nchw")

    with pytest.raises(ModelError, match=r"no ONNX weights, only .*torchscript"):
        read_description(described(network, before=[SCALED], after=[], weights="torchscript"))
    path = described(network, before=[SCALED], after=[])
    whole = path.read_text()
    path.write_text(whole.replace('"name":"Tiny One",', ""))
    with pytest.raises(ModelError, match=r"not a valid description.*name"):
        read_description(path)
    path.write_text(whole.replace('"license":"MIT",', ""))
    with pytest.raises(ModelError, match="states no licence"):
        read_description(path)
