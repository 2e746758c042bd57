"""bioimage.io steps: the pre- and post-processing of a description as ours, or refused by name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from stentor.core.errors import ModelError

NOTHING_TO_DO: Final = frozenset({"ensure_dtype"})
UNTOLD_DIAMETER_PX: Final = 30.0
"""Descriptions do not say how large the objects are: the import says so, and a completed template overrides it."""


def preparation(path: Path, image: Any, channels: int) -> dict[str, Any]:
    """Return the normalisation, and `standardise` where the network wants each plane so."""
    found: dict[str, Any] = {}
    for step in image.preprocessing:
        kind, options = str(step.id), step.kwargs
        if kind in NOTHING_TO_DO:
            continue
        if found:
            raise ModelError(f"{path}: pre-processing {kind!r} after another step cannot be imported")
        if kind == "scale_range":
            low, high = float(options.min_percentile), float(options.max_percentile)
            found["normalisation"] = {"name": "percentile", "low_percent": low, "high_percent": high}
        elif kind == "zero_mean_unit_variance" and _is_by_plane(options.axes):
            # The percentiles cancel out: they only scale what is standardised in the network.
            found["normalisation"] = {"name": "percentile"}
            found["standardise"] = True
        elif kind in ("fixed_zero_mean_unit_variance", "scale_linear") and hasattr(options, "axis") is False:
            low, span = _range(kind, options)
            found["normalisation"] = {"name": "fixed", "low": [low] * channels, "high": [low + span] * channels}
        else:
            raise ModelError(f"{path}: pre-processing {kind!r}, as it is asked for here, cannot be imported")
    return found or {"normalisation": {"name": "fixed", "low": [0.0] * channels, "high": [1.0] * channels}}


def _is_by_plane(axes: Sequence[Any] | None) -> bool:
    return axes is not None and {"y", "x"} <= {str(axis) for axis in axes} <= {"batch", "y", "x", "channel"}


def _range(kind: str, options: Any) -> tuple[float, float]:
    """Return (low, span) such that (counts - low) / span is what the step makes."""
    if kind == "scale_linear":
        return -float(options.offset) / float(options.gain), 1.0 / float(options.gain)
    return float(options.mean), float(options.std)


def finish(path: Path, answers: Sequence[Any], notes: list[str]) -> dict[str, Any]:
    """Return task, post-processing, and what the graph needs for it."""
    found: dict[str, Any] = {"task": "image-to-image", "unit": "a.u."}
    for step in (step for answer in answers for step in answer.postprocessing):
        kind, options = str(step.id), step.kwargs
        if kind in NOTHING_TO_DO:
            continue
        if kind == "sigmoid" and found["task"] == "image-to-image":
            found["sigmoid"] = True
        elif kind == "binarize" and hasattr(options, "threshold") and not hasattr(options, "axis"):
            found |= _segmentation("threshold-components", {"foreground": float(options.threshold)})
        elif kind == "stardist_postprocessing" and hasattr(options, "b") and len(options.grid) == 2:
            found |= _stardist(path, options)
        elif kind == "cellpose_flow_dynamics" and not options.do_3D:
            found |= _segmentation(
                "cellpose-flows",
                {"probability": float(options.cellprob_threshold), "least_area_px": float(options.min_size)},
            )
            if options.flow_threshold > 0:
                notes.append(
                    f"flow_threshold = {options.flow_threshold:g} is left out: objects are not judged by their flow"
                )
        else:
            raise ModelError(f"{path}: post-processing {kind!r}, as it is asked for here, cannot be imported")
    if found["task"] == "image-to-image" and _channels(answers) != 1:
        raise ModelError(
            f"{path}: answers with {_channels(answers)} channels and does not say how they become objects; write a "
            "template (--template) that names a post-processor"
        )
    return {key: value for key, value in found.items() if key != "unit" or found["task"] == "image-to-image"}


def _segmentation(name: str, parameters: dict[str, float]) -> dict[str, Any]:
    return {
        "task": "instance-segmentation",
        "classes": ["object"],
        "object_diameter_px": UNTOLD_DIAMETER_PX,
        "post_processing": {"name": name, "parameters": parameters},
    }


def _stardist(path: Path, options: Any) -> dict[str, Any]:
    """Return polygons with the network's grid, which the graph spreads out."""
    grid, border = options.grid, options.b
    if grid[0] != grid[1] or not isinstance(border, int):
        raise ModelError(f"{path}: stardist_postprocessing with grid {grid} and b {border} cannot be imported")
    parameters = {
        "probability": float(options.prob_threshold),
        "overlap": float(options.nms_threshold),
        "border_px": float(border * grid[0]),
    }
    return {**_segmentation("stardist-polygons", parameters), "grid": int(grid[0])}


def _channels(answers: Sequence[Any]) -> int:
    return sum(len(axis.channel_names) if axis.type == "channel" else 0 for answer in answers for axis in answer.axes)
