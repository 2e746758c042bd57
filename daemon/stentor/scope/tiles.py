"""Tiles: tells a grid how much of the stage one image covers, before its positions are computed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from stentor.core.errors import ConfigError

if TYPE_CHECKING:
    import pymmcore
    import useq


Events: TypeAlias = "Iterable[useq.MDAEvent] | useq.MDASequence"


def with_field_of_view(events: Events, core: "pymmcore.CMMCore") -> Events:
    """Return a sequence with the camera's field of view in every grid that names none, and other events as they are.

    useq takes 1 micrometre for it otherwise: a grid of 100 x 100 micrometres becomes ten thousand images.

    Raises
    ------
    ConfigError
        There is such a grid, and the pixel size is unknown.
    """
    import useq

    if not isinstance(events, useq.MDASequence):
        return events
    changed = _with_grid(events, core)
    positions = []
    for position in changed.stage_positions:
        inner = position.sequence
        if inner is not None and _needs_view(inner):
            position = position.replace(sequence=_with_grid(inner, core))
        positions.append(position)
    if list(changed.stage_positions) == positions:
        return changed
    return changed.replace(stage_positions=positions)


def _with_grid(sequence: "useq.MDASequence", core: "pymmcore.CMMCore") -> "useq.MDASequence":
    grid = sequence.grid_plan
    if grid is None or not _needs_view(sequence):
        return sequence
    pixel_size_um = core.getPixelSizeUm()
    if pixel_size_um <= 0:
        raise ConfigError(
            "a grid of positions needs the pixel size, which the .cfg does not have; calibrate it in Micro-Manager, "
            "or give the grid's fov_width and fov_height"
        )
    # A new plan, not a changed one: useq remembers the positions that it has computed.
    width_um, height_um = core.getImageWidth() * pixel_size_um, core.getImageHeight() * pixel_size_um
    return sequence.replace(
        grid_plan=grid.replace(fov_width=grid.fov_width or width_um, fov_height=grid.fov_height or height_um)
    )


def _needs_view(sequence: "useq.MDASequence") -> bool:
    grid = sequence.grid_plan
    return grid is not None and (grid.fov_width is None or grid.fov_height is None)
