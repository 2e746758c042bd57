"""Optics: the picture that a specimen throws on the sensor, as fractions of an average nucleus."""

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.scope.simulated.catalogue import PSF_SIGMA_UM
from stentor.scope.simulated.phase import SHRINK
from stentor.scope.simulated.placement import Placement
from stentor.scope.simulated.settings import SimulatedSettings
from stentor.scope.simulated.specimen import Specimen
from stentor.scope.simulated.sprites import CANVAS_PX

FloatImage = NDArray[np.float32]

# Geometric blur: half the tangent of the half angle of a dry NA 0.6 objective.
BLUR_PER_UM = 0.37
_HAZE_SCALE = 8


def blur_sigma_um(defocus_um: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell the Gaussian blur of a point this far from focus, the point spread in focus included."""
    sigma: NDArray[np.float64] = np.hypot(PSF_SIGMA_UM, BLUR_PER_UM * defocus_um)
    return sigma


class Optics:
    """Draws nuclei; owns its canvases, so one thread at a time may call it."""

    def __init__(self, settings: SimulatedSettings) -> None:
        self._settings = settings
        height, width = settings.height, settings.width
        self._canvas: FloatImage = np.zeros((height, width), np.float32)
        self._patch: FloatImage = np.zeros(height * width, np.float32)
        row, column = np.mgrid[0:height, 0:width].astype(np.float32)
        distance2 = (2 * column / (width - 1) - 1) ** 2 + (2 * row / (height - 1) - 1) ** 2
        self._vignette: FloatImage = (1.05 - 0.08 * distance2).astype(np.float32)

    def fluorescence(self, specimen: Specimen, placement: Placement, travel_px: tuple[float, float]) -> FloatImage:
        """Draw the nuclear stain.

        Parameters
        ----------
        specimen, placement
            What is there, and where it falls.
        travel_px
            How far the picture slides over the sensor during the exposure: drawn as motion blur.

        Returns
        -------
        FloatImage
            (Y, X), 1 for the mean of an average nucleus in focus; overwritten by the next call.
        """
        self._canvas.fill(0)
        catalogue = specimen.catalogue
        sigma_px = np.sqrt(np.maximum(blur_sigma_um(placement.defocus_um) ** 2 - catalogue.native_sigma_um**2, 0))
        levels = catalogue.level_of(sigma_px / placement.um_per_sprite_px)
        gains = specimen.gain()[placement.rows]
        for n in range(len(placement.rows)):
            sprites = catalogue.blurred(int(levels[n]))
            half = catalogue.half_extents[levels[n], placement.sprite[n]]
            self._add(
                sprites.images[placement.sprite[n]],
                placement.turn[n],
                placement.centre_px[n],
                half,
                float(gains[n]),
            )
        self._blur_whole(placement, catalogue.largest_sigma_px)
        self._slide(travel_px)
        self._add_haze()
        self._canvas *= self._vignette
        return self._canvas

    def phase(self, specimen: Specimen, placement: Placement, travel_px: tuple[float, float]) -> FloatImage:
        """Draw phase contrast: 1 for the empty field; otherwise as `fluorescence`."""
        self._canvas.fill(0)
        half = np.full(2, (CANVAS_PX - 1) / 2)
        for sprite, turn, centre_px in zip(placement.sprite, placement.turn / SHRINK, placement.centre_px, strict=True):
            self._add(specimen.catalogue.phase[sprite], turn, centre_px, half, 1.0)
        if len(placement.rows):
            blur_um = BLUR_PER_UM * abs(float(np.median(placement.defocus_um)))
            if blur_um > 0.4 * self._settings.pixel_size_um:
                _blur(self._canvas, blur_um / self._settings.pixel_size_um)
        self._slide(travel_px)
        self._canvas += 1
        np.clip(self._canvas, 0.25, 2.2, out=self._canvas)
        self._canvas *= self._vignette
        return self._canvas

    def _add(
        self,
        sprite: FloatImage,
        turn: NDArray[np.float64],
        centre_px: NDArray[np.float64],
        half: NDArray[np.float64],
        gain: float,
    ) -> None:
        """Add one sprite, sampled at its exact place and angle."""
        height, width = self._canvas.shape
        reach = np.abs(turn) @ half
        left, top = max(0, int(centre_px[0] - reach[0])), max(0, int(centre_px[1] - reach[1]))
        right, bottom = (
            min(width, int(centre_px[0] + reach[0]) + 2),
            min(height, int(centre_px[1] + reach[1]) + 2),
        )
        if right <= left or bottom <= top:
            return
        middle = (CANVAS_PX - 1) / 2
        matrix = np.empty((2, 3))
        matrix[:, :2] = turn
        matrix[:, 2] = centre_px - turn @ (middle, middle) - (left, top)
        size = (right - left, bottom - top)
        patch = self._patch[: size[0] * size[1]].reshape(size[1], size[0])
        cv2.warpAffine(sprite, matrix, size, dst=patch, flags=cv2.INTER_LINEAR)
        window = self._canvas[top:bottom, left:right]
        cv2.scaleAdd(patch, gain, window, dst=window)

    def _blur_whole(self, placement: Placement, largest_sigma_px: float) -> None:
        """Blur the canvas by what is too much for a sprite's own margin."""
        if not len(placement.rows):
            return
        typical_um = blur_sigma_um(np.median(placement.defocus_um, keepdims=True))[0]
        drawn_um = largest_sigma_px * float(np.median(placement.um_per_sprite_px))
        if typical_um > drawn_um:
            sigma_px = float(np.sqrt(typical_um**2 - drawn_um**2)) / self._settings.pixel_size_um
            _blur(self._canvas, sigma_px)

    def _slide(self, travel_px: tuple[float, float]) -> None:
        """Smear along the way that the stage went during the exposure, 128 pixels at most."""
        length = min(float(np.hypot(*travel_px)), 128.0)
        if length < 0.5:
            return
        side = 2 * int(np.ceil(length / 2)) + 3
        step = np.array(travel_px) / np.hypot(*travel_px) * length / 2
        middle = np.array([side // 2, side // 2])
        ends = np.rint((np.stack([middle - step, middle + step])) * 16).astype(int)
        kernel = np.zeros((side, side), np.uint8)
        cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 255, 1, cv2.LINE_AA, 4)
        smear = kernel.astype(np.float32) / kernel.sum()
        cv2.filter2D(self._canvas, -1, smear, dst=self._canvas, borderType=cv2.BORDER_REFLECT)

    def _add_haze(self) -> None:
        """Add light from out of focus: a near glow and a wide veil."""
        if not self._settings.haze:
            return
        height, width = self._canvas.shape
        small = cv2.resize(
            self._canvas,
            (max(1, width // _HAZE_SCALE), max(1, height // _HAZE_SCALE)),
            interpolation=cv2.INTER_AREA,
        )
        scale_px = 1 / self._settings.pixel_size_um / _HAZE_SCALE
        glow = cv2.GaussianBlur(small, (0, 0), 5 * scale_px) * 0.5 + cv2.GaussianBlur(small, (0, 0), 40 * scale_px)
        wide = cv2.resize(glow, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.scaleAdd(wide, self._settings.haze, self._canvas, dst=self._canvas)


def _blur(canvas: FloatImage, sigma_px: float) -> None:
    """Blur in place; wide blurs are done on a smaller copy, which looks the same."""
    shrink = 1 if sigma_px < 4 else 2 if sigma_px < 8 else 4
    if shrink == 1:
        cv2.GaussianBlur(canvas, (0, 0), sigma_px, dst=canvas)
        return
    height, width = canvas.shape
    small = cv2.resize(canvas, (-(-width // shrink), -(-height // shrink)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / shrink)
    cv2.resize(small, (width, height), dst=canvas, interpolation=cv2.INTER_LINEAR)
