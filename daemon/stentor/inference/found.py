"""Found: what a model says about one image in a script, whichever of labels, objects and image it gives."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stentor.core.finding import Objects


class Found:
    """The answer to one call. Asking for what this kind of model does not give is an AttributeError that says so.

    Attributes
    ----------
    labels
        Label image, shape (Y, X) int32, 0 is background: of a segmentation.
    objects
        One row per object; see `stentor.core.finding.OBJECT_COLUMNS`: of a segmentation or a classification.
    image
        Shape (Y, X) float32: of an image-to-image model.
    """

    __slots__ = ("_given",)

    def __init__(
        self,
        *,
        labels: NDArray[np.int32] | None = None,
        objects: Objects | None = None,
        image: NDArray[np.float32] | None = None,
    ) -> None:
        given = {"labels": labels, "objects": objects, "image": image}
        self._given = {name: value for name, value in given.items() if value is not None}

    @property
    def labels(self) -> NDArray[np.int32]:
        return self._get("labels")  # type: ignore[no-any-return]

    @property
    def objects(self) -> Objects:
        return self._get("objects")  # type: ignore[no-any-return]

    @property
    def image(self) -> NDArray[np.float32]:
        return self._get("image")  # type: ignore[no-any-return]

    def _get(self, name: str) -> Any:
        if name not in self._given:
            raise AttributeError(f"this model gives {' and '.join(self._given)}, no {name}")
        return self._given[name]

    def __repr__(self) -> str:
        return f"Found({', '.join(self._given)})"
