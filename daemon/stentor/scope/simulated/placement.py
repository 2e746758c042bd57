"""Placement: where each visible nucleus falls on the sensor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stentor.scope.simulated.settings import SimulatedSettings
from stentor.scope.simulated.specimen import Specimen
from stentor.scope.simulated.sprites import RADIUS_PX

FloatColumn = NDArray[np.float64]
IntColumn = NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """Where the objective looks: true stage position and true height of the focal plane, micrometres."""

    x_um: float
    y_um: float
    z_um: float


@dataclass(frozen=True)
class Placement:
    """V visible nuclei, later ones lying over earlier ones.

    rows: (V,) into the population. sprite: (V,). turn: (V, 2, 2) from sprite pixels to sensor pixels.
    centre_px: (V, 2) column and row. defocus_um: (V,) distance of each nucleus from the focal plane.
    um_per_sprite_px: (V,).
    """

    rows: IntColumn
    sprite: IntColumn
    turn: FloatColumn
    centre_px: FloatColumn
    defocus_um: FloatColumn
    um_per_sprite_px: FloatColumn


def pixel_to_stage(settings: SimulatedSettings) -> FloatColumn:
    """Give the 2x2 part of the camera's affine, in micrometres per pixel.

    The specimen under pixel p = (column, row) lies at stage coordinate `stage + A @ (p - centre)`, the centre
    being `((width - 1) / 2, (height - 1) / 2)`: moving the stage there brings that specimen to the centre.
    """
    angle = np.deg2rad(settings.camera_rotation_deg)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mirror = np.diag([-1.0 if settings.camera_mirrored else 1.0, 1.0])
    affine: FloatColumn = settings.pixel_size_um * rotation @ mirror
    return affine


def place(specimen: Specimen, view: View, settings: SimulatedSettings, *, margin_um: float = 30.0) -> Placement:
    """Find the nuclei within, or within `margin_um` of, the field of view."""
    crowd = specimen.population
    to_pixel = np.linalg.inv(pixel_to_stage(settings))
    size_px = np.array([settings.width, settings.height])
    centre_px = (crowd.position_um - np.array([view.x_um, view.y_um])) @ to_pixel.T + (size_px - 1) / 2
    margin_px = margin_um / settings.pixel_size_um
    rows = np.flatnonzero(np.all((centre_px > -margin_px) & (centre_px < size_px + margin_px), axis=1))
    size, _ = crowd.size_and_gain()
    um_per_sprite_px = size[rows] * settings.radius_um / RADIUS_PX
    cos, sin = np.cos(crowd.angle[rows]), np.sin(crowd.angle[rows])
    flip = crowd.flip[rows]
    turn = np.stack([np.stack([cos, -sin * flip], -1), np.stack([sin, cos * flip], -1)], 1)
    return Placement(
        rows=rows,
        sprite=specimen.catalogue.index(crowd)[rows],
        turn=to_pixel @ (turn * um_per_sprite_px[:, None, None]),
        centre_px=centre_px[rows],
        defocus_um=view.z_um - settings.defocus_um - crowd.depth_um[rows],
        um_per_sprite_px=um_per_sprite_px,
    )
