"""Grids of positions."""

import pytest
import useq

from stentor.core.errors import ConfigError
from stentor.scope.tiles import with_field_of_view


class FakeCore:
    """A camera of 200 x 100 pixels."""

    def __init__(self, pixel_size_um: float = 0.5) -> None:
        self._pixel_size_um = pixel_size_um

    def getPixelSizeUm(self) -> float:  # noqa: N802
        return self._pixel_size_um

    def getImageWidth(self) -> int:  # noqa: N802
        return 200

    def getImageHeight(self) -> int:  # noqa: N802
        return 100


GRID = useq.GridRowsColumns(rows=2, columns=2)


def places(sequence: useq.MDASequence, core: FakeCore | None = None) -> list[tuple[float | None, float | None]]:
    tiled = with_field_of_view(sequence, core or FakeCore())  # type: ignore[arg-type]
    return [(event.x_pos, event.y_pos) for event in tiled]


def test_tiles_of_a_grid_lie_side_by_side() -> None:
    sequence = useq.MDASequence(stage_positions=[(0, 0)], grid_plan=GRID)
    list(sequence)  # so that useq has its own idea already

    assert places(sequence) == [(-50, 25), (50, 25), (50, -25), (-50, -25)]


def test_tiles_of_one_position_lie_side_by_side() -> None:
    tiled = useq.Position(x=100, y=0, sequence=useq.MDASequence(grid_plan=GRID))
    sequence = useq.MDASequence(stage_positions=[(0, 0), tiled], time_plan={"interval": 0, "loops": 1})

    assert places(sequence) == [(0, 0), (50, 25), (150, 25), (150, -25), (50, -25)]


def test_a_field_of_view_that_is_named_stays() -> None:
    grid = useq.GridRowsColumns(rows=1, columns=2, fov_width=10, fov_height=10)

    assert places(useq.MDASequence(stage_positions=[(0, 0)], grid_plan=grid)) == [(-5, 0), (5, 0)]


def test_a_grid_without_pixel_size_is_refused_and_everything_else_is_left_alone() -> None:
    uncalibrated = FakeCore(pixel_size_um=0.0)

    with pytest.raises(ConfigError, match="pixel size"):
        places(useq.MDASequence(stage_positions=[(0, 0)], grid_plan=GRID), uncalibrated)
    assert places(useq.MDASequence(stage_positions=[(1, 2)]), uncalibrated) == [(1, 2)]
