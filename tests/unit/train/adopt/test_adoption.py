"""Adoption: a completed template and a network become a model that verifies."""

import re
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from typer.testing import CliRunner

import stentor
from stentor.cli import app
from stentor.core.errors import ModelError
from stentor.inference.normalise import normalise
from stentor.inference.repository import find_model
from stentor.inference.verify import verify_model
from stentor.train.adopt.command import import_model, write_template
from stentor.train.synthetic import draw_field

from .conftest import Maker

YEAST = Path(__file__).resolve().parents[5] / "shared" / "models_third_party" / "baby_yeast_unet_1z.onnx"


def completed(template: Path, **changes: str) -> Path:
    """Fill in what a template leaves open; `changes` replace the values of keys."""
    text = template.read_text()
    for key, value in {"licence": '"MIT"', "description": '"For a test."', **changes}.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
    template.write_text(text)
    return template


def test_a_template_names_what_the_file_tells(foreign: Maker, tmp_path: Path) -> None:
    said = write_template(foreign(), tmp_path / "card.toml")

    text = (tmp_path / "card.toml").read_text()
    assert "--card" in said
    assert 'layout = "nhwc"' in text
    assert 'outputs = ["double", "negative"]' in text
    with pytest.raises(ModelError, match="exists"):
        write_template(foreign(), tmp_path / "card.toml")


def test_a_completed_template_gives_a_model_that_verifies(foreign: Maker, tmp_path: Path) -> None:
    network, card = foreign(), tmp_path / "card.toml"
    write_template(network, card)
    completed(card, outputs='["double"]', size_multiple="8")

    said = import_model(network, card=card, out=tmp_path / "mine" / "1", image=None)

    assert "foreign@1" in said[0]
    assert verify_model(str(tmp_path / "mine" / "1")).is_well
    model = stentor.load_model(str(tmp_path / "mine" / "1"))
    field = draw_field((128, 160), 4)
    assert len(model(field.image_yx).objects) == 4


def test_an_image_model_answers_as_the_network_does(foreign: Maker, tmp_path: Path) -> None:
    network, card = foreign(), tmp_path / "card.toml"
    write_template(network, card)
    text = completed(card, outputs='["negative"]', task='"image-to-image"').read_text()
    dropped = ("object_diameter_px", "classes", "[post_processing", 'name = "threshold')
    kept = [line for line in text.splitlines() if not line.startswith(dropped)]
    card.write_text('unit = "a.u."\n' + "\n".join(kept))

    import_model(network, card=card, out=tmp_path / "mine" / "1", image=None)

    image = draw_field((96, 128), 3).image_yx
    answer = stentor.load_model(str(tmp_path / "mine" / "1"))(image).image
    assert np.allclose(answer, -normalise(image, 1.0, 99.8), atol=1e-5)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("licence", '""', "`licence` is empty"),
        ("outputs", '["edge"]', "no output 'edge'"),
        ("classes", "3", "classes"),
        ("layout", '"chw"', "onnx: .*layout"),
        ("layout", '"nchw"', "has sizes"),
    ],
)
def test_what_does_not_fit_is_named_and_leaves_nothing(
    foreign: Maker, tmp_path: Path, key: str, value: str, message: str
) -> None:
    network, card = foreign(), tmp_path / "card.toml"
    write_template(network, card)
    completed(card, **{"outputs": '["double"]', key: value})

    with pytest.raises(ModelError, match=message):
        import_model(network, card=card, out=tmp_path / "mine" / "1", image=None)
    assert not (tmp_path / "mine" / "1").exists()


def test_a_network_alone_does_not_say_what_it_is_for(foreign: Maker) -> None:
    with pytest.raises(ModelError, match="--template"):
        import_model(foreign(), card=None, out=None, image=None)


def test_an_existing_model_is_not_replaced(foreign: Maker, tmp_path: Path) -> None:
    network, card = foreign(), tmp_path / "card.toml"
    write_template(network, card)
    completed(card)
    (tmp_path / "mine" / "1").mkdir(parents=True)

    with pytest.raises(ModelError, match="exists"):
        import_model(network, card=card, out=tmp_path / "mine" / "1", image=None)


def test_the_yeast_network_of_baby_is_imported_by_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not YEAST.is_file():
        pytest.skip("the network is not at ../shared/models_third_party")
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    assert run.invoke(app, ["models", "import", str(YEAST), "--template", "yeast.toml"]).exit_code == 0
    completed(
        Path("yeast.toml"), name='"yeast"', size_multiple="16", outputs='["sml_inte | mid_inte | lge_inte", "bud_neck"]'
    )

    done = run.invoke(app, ["models", "import", str(YEAST), "--card", "yeast.toml", "--out", "yeast/1"])

    assert done.exit_code == 0, done.output
    assert run.invoke(app, ["models", "verify", "yeast/1"]).exit_code == 0
    folder = find_model("yeast/1")
    image = np.random.default_rng(0).uniform(0, 1, (1, 1, 64, 96)).astype(np.float32)
    ours = ort.InferenceSession(str(folder.path / "model.onnx"), providers=["CPUExecutionProvider"])
    theirs = ort.InferenceSession(str(YEAST), providers=["CPUExecutionProvider"])
    sizes = ("sml_inte", "mid_inte", "lge_inte")
    inside = np.max(theirs.run(sizes, {"input": image.transpose(0, 2, 3, 1)}), axis=0)
    assert np.allclose(ours.run(None, {"stentor_image": image})[0][0, 0], inside[0, ..., 0], atol=1e-5)
