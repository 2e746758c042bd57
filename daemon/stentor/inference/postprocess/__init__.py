"""Post-processors: named functions from network maps to label images. They know no model, session or file."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.inference.postprocess.cellpose_flows import CellposeFlows
from stentor.inference.postprocess.centre_offset_voting import CentreOffsetVoting
from stentor.inference.postprocess.distance_watershed import DistanceWatershed
from stentor.inference.postprocess.stardist_polygons import StardistPolygons
from stentor.inference.postprocess.threshold_components import ThresholdComponents


class PostProcessor(Protocol):
    """Frozen parameters that can be called."""

    def __call__(self, maps_cyx: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return labels 1..n, shape (Y, X), of maps (C, Y, X)."""
        ...


POST_PROCESSORS: Final[Mapping[str, type[Any]]] = {
    "cellpose-flows": CellposeFlows,
    "centre-offset-voting": CentreOffsetVoting,
    "distance-watershed": DistanceWatershed,
    "stardist-polygons": StardistPolygons,
    "threshold-components": ThresholdComponents,
}


def post_processor(name: str, parameters: Mapping[str, float]) -> PostProcessor:
    """Build a post-processor by its name in a model card.

    Raises
    ------
    ModelError
        If the name or a parameter is unknown.
    """
    if name not in POST_PROCESSORS:
        raise ModelError(f"no post-processor {name!r}; choose one of: {', '.join(POST_PROCESSORS)}")
    try:
        built: PostProcessor = msgspec.convert(dict(parameters), POST_PROCESSORS[name])
    except msgspec.ValidationError as err:
        known = ", ".join(POST_PROCESSORS[name].__struct_fields__)
        raise ModelError(f"post-processor {name!r}: {err}; its parameters are: {known}") from err
    return built
