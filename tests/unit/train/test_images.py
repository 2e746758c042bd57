"""An image-to-image training goes the whole way, its camera is one, and its measures measure."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stentor.inference.card import ImageCard
from stentor.inference.repository import find_model
from stentor.inference.verify import verify_model
from stentor.train.image_to_image import denoise, virtual_dna
from stentor.train.image_to_image.camera import exposed
from stentor.train.image_to_image.clean_planes import noise_sd
from stentor.train.image_to_image.recipes import RECIPES
from stentor.train.image_to_image.settings import ImageSettings
from stentor.train.image_to_image.similarity import pearson_r, psnr_db, ssim
from stentor.train.split import Part
from stentor.train.synthetic import draw_field


def planes() -> denoise.Planes:
    """Two drawn fields on each side of the split."""
    made: denoise.Planes = {}
    for number, part in enumerate(Part):
        fields = [draw_field((192, 208), 8, seed=10 * number + n).image_yx.astype(np.float32) for n in range(2)]
        made[part] = [np.clip((f - f.min()) / np.ptp(f), 0, 1).astype(np.float32) for f in fields]
    return made


def cells() -> virtual_dna.Cells:
    """Cells whose DNA is where their brightfield is dark."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40] - 19.5
    inside = np.hypot(y, x) < 8
    images = np.stack(
        [
            np.stack([677 - 100 * s * inside, 39 + 600 * s * inside, 27 + 20 * inside]) + rng.normal(0, 2, (3, 40, 40))
            for s in rng.uniform(0.5, 1.0, 30)
        ]
    ).astype(np.uint16)
    return {part: images[number::3] for number, part in enumerate(Part)}


def settings(tmp_path: Path, name: str) -> ImageSettings:
    return ImageSettings(
        data="", out=str(tmp_path / name / "2"), scratch=str(tmp_path / "scratch"), steps=2, batch=2, warmup_steps=1,
        threads=1,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "load"), [("denoise", planes), ("virtual-dna", cells)])
def test_a_training_goes_the_whole_way_to_a_folder_that_verifies(
    name: str, load: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train.image_to_image import report
    from stentor.train.image_to_image.training import train_image_model

    monkeypatch.setattr(report, "TIMED_RUNS", 1)
    recipe = replace(RECIPES[name], load=lambda data: load(), widths=(8, 8, 8))  # type: ignore[operator]

    out = train_image_model(recipe, settings(tmp_path, name))

    card = find_model(str(out)).card
    assert isinstance(card, ImageCard)
    assert card.unfit_for and card.size_multiple == 8
    assert verify_model(str(out), "cpu").is_well
    assert {row.part for row in card.accuracy} == {"validation", "test"}
    text = (out / "REPORT.md").read_text()
    assert all(name in text for name in card.accuracy[0].measures)
    assert (out / "images.jpg").stat().st_size < 200_000


def test_no_pixel_beyond_the_halo_changes_an_answer() -> None:
    torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train.image_to_image.network import HALO_PX, ImageNetwork

    network = ImageNetwork(1, passes=True).eval()
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)  # nothing cancels, and no ReLU is dead
    image = torch.rand(1, 1, 256, 256, requires_grad=True)

    network(image)[0, 0, 120:136, 120:136].sum().backward()

    rows, columns = np.nonzero(image.grad[0, 0].numpy())
    assert HALO_PX - 16 < 120 - min(rows.min(), columns.min()) <= HALO_PX


def test_the_camera_has_the_variance_of_shot_and_read_noise() -> None:
    photons = np.full((400, 400), 20.0, np.float32)

    counts = exposed(photons, np.random.default_rng(0), read_noise_e=3.0, gain=2.0, offset=100.0)

    assert counts.mean() == pytest.approx(140.0, abs=0.2)
    assert counts.var() == pytest.approx(4 * (20 + 9), rel=0.03)


def test_an_example_is_normalised_as_in_the_daemon_and_its_truth_with_it() -> None:
    rng = np.random.default_rng(3)

    drawn = [denoise.example(planes(), rng, Part.TRAIN) for _ in range(40)]

    ends = np.median([np.percentile(plane, (1, 99.8)) for (plane,), _, _ in drawn], axis=0)
    assert ends == pytest.approx((0, 1), abs=0.1)
    assert all(gain > 0.3 for _, _, gain in drawn)
    assert all(abs(float((plane - truth).mean())) < 0.1 for (plane,), truth, _ in drawn)


def test_filters_help_and_the_measures_agree() -> None:
    clean, counts = denoise.low_light(planes()[Part.TEST][0], 0)
    noisy = denoise._electrons(counts)
    smooth = denoise.gaussian(noisy, 1.6)

    assert psnr_db(smooth, clean, 10) > psnr_db(noisy, clean, 10) + 5
    assert ssim(smooth, clean, 10) > ssim(noisy, clean, 10) + 0.1
    assert pearson_r(smooth, clean) > pearson_r(noisy, clean)


def test_similarity_agrees_with_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is a test requirement: pip install '.[test]'")
    rng = np.random.default_rng(0)
    truth = planes()[Part.TEST][0]
    found = (truth + rng.normal(0, 0.1, truth.shape)).astype(np.float32)

    theirs = metrics.structural_similarity(
        truth, found, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )

    assert ssim(found, truth, 1.0) == pytest.approx(theirs, abs=5e-3)
    assert psnr_db(found, truth, 1.0) == pytest.approx(metrics.peak_signal_noise_ratio(truth, found, data_range=1.0))


def test_the_noise_of_a_plane_is_estimated_from_its_detail() -> None:
    plane = planes()[Part.TEST][0]
    noisy = plane + np.random.default_rng(0).normal(0, 0.08, plane.shape).astype(np.float32)

    assert noise_sd(noisy) == pytest.approx(0.08, rel=0.25)
    assert noise_sd(plane) < 0.04


def test_structure_is_ssim_where_the_means_are_equal() -> None:
    torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train.image_to_image.structure import structure

    rng = np.random.default_rng(0)
    truth = (10 + rng.normal(0, 0.1, (48, 48))).astype(np.float32)
    found = (truth + rng.normal(0, 0.05, truth.shape)).astype(np.float32)

    trained_on = structure(torch.from_numpy(found)[None], torch.from_numpy(truth)[None]).item()

    assert trained_on == pytest.approx(ssim(found, truth, 1.0), abs=2e-3)
    assert trained_on < 0.95


def test_rare_nuclei_are_normalised_as_in_a_whole_plane() -> None:
    plane = np.zeros((512, 512), np.float32)
    plane[250:262, 250:262] = 1.0
    of_one_plane: denoise.Planes = {part: [plane] for part in Part}
    rng = np.random.default_rng(0)

    drawn = [denoise.example(of_one_plane, rng, Part.TRAIN) for _ in range(200)]

    # A crop with the nucleus in it: by its own percentiles the nucleus would lie at 1.
    brightest = max(float(wanted.max()) for _, wanted, _ in drawn)
    assert brightest > 5
