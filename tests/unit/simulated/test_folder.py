"""A specimen cut from labelled images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from stentor.core.errors import ConfigError
from stentor.scope.simulated.folder import cut_sprites
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import SimulatedSettings
from stentor.scope.simulated.sprites import RADIUS_PX

SHARED = Path(__file__).parents[4] / "shared" / "data" / "nuclei_bbbc039_43"


def write_pair(folder: Path, name: str = "a", *, neighbours: bool = False) -> None:
    labels = np.zeros((120, 160), np.uint8)
    centres = [(40, 60), (64 if neighbours else 110, 60)]
    for number, centre in enumerate(centres, 1):
        cv2.ellipse(labels, centre, (15, 9), 30, 0, 360, number, -1)
    image = (100 + 400 * (labels > 0)).astype(np.uint16)
    cv2.imwrite(str(folder / f"{name}.image.png"), image)
    cv2.imwrite(str(folder / f"{name}.labels.png"), labels)


def test_nuclei_are_cut_to_one_size_one_brightness_and_one_direction(tmp_path: Path) -> None:
    write_pair(tmp_path)

    bank = cut_sprites(tmp_path)

    assert len(bank) == 2
    middle = bank.images.shape[1] // 2
    for image, (long, short) in zip(bank.images, bank.axes, strict=True):
        assert image[middle - 3 : middle + 3, middle - 3 : middle + 3].mean() == pytest.approx(1.0, abs=0.1)
        assert (image > 0.5).sum() == pytest.approx(np.pi * RADIUS_PX**2, rel=0.12)
        assert long / short == pytest.approx(15 / 9, rel=0.1)
        rows, columns = np.nonzero(image > 0.5)
        assert np.ptp(columns) > 1.4 * np.ptp(rows)


def test_nuclei_that_touch_are_not_cut(tmp_path: Path) -> None:
    write_pair(tmp_path, neighbours=True)

    with pytest.raises(ConfigError, match="free of its neighbours"):
        cut_sprites(tmp_path)


def test_a_folder_that_cannot_be_used_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        cut_sprites(tmp_path / "missing")
    with pytest.raises(ConfigError, match=r"NAME\.image\.png"):
        cut_sprites(tmp_path)
    write_pair(tmp_path)
    (tmp_path / "a.labels.png").write_bytes(b"not a picture")
    with pytest.raises(ConfigError, match=r"a\.image\.png"):
        cut_sprites(tmp_path)


def test_a_microscope_shows_the_folders_nuclei(tmp_path: Path) -> None:
    write_pair(tmp_path)
    clock = HandClock()
    settings = SimulatedSettings(width=256, height=256, specimen=str(tmp_path), deaths_per_cycle=0.0)

    taken = Microscope(settings, clock).expose(0, clock.monotonic_ns(), 100.0, auto_shutter=True)
    labels = taken.truth.labels()

    assert len(taken.truth.ids) > 10
    assert taken.pixels[labels > 0].mean() > 2 * taken.pixels[labels == 0].mean()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data set of real nuclei is not on this machine")
def test_real_nuclei_keep_their_shape_and_texture() -> None:
    bank = cut_sprites(SHARED)

    assert len(bank) > 150
    inside = bank.images[:, 45:59, 45:59]
    assert 0.04 < np.median(inside.std(axis=(1, 2))) < 0.15
    assert 1.3 < np.median(bank.axes[:, 0] / bank.axes[:, 1]) < 1.8
