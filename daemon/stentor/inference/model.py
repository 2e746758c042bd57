"""Model: any of the kinds, found by name and loaded."""

from typing import TypeVar

from msgspec import structs

from stentor.core.errors import ModelError
from stentor.inference.card import AnyCard, ClassificationCard, ImageCard, SegmentationCard
from stentor.inference.classification import ClassificationModel
from stentor.inference.found import Found as Found
from stentor.inference.image_to_image import ImageModel
from stentor.inference.repository import ModelFolder, find_model
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.settings import Device, InferenceSettings

Kind = TypeVar("Kind", SegmentationModel, ImageModel, ClassificationModel)
AnyModel = SegmentationModel | ImageModel | ClassificationModel


def load_model(name: str, *, device: Device = "auto", settings: InferenceSettings | None = None) -> AnyModel:
    """Load a model by name ("nuclei", its latest version; "nuclei@3"; or the path of its folder).

    Every kind can be called with an image (Y, X) or (C, Y, X) and returns `Found`.

    Parameters
    ----------
    device
        "auto" takes CUDA where it truly starts, else the CPU; a named one that does not start is an error.
    settings
        Everything else; its `device` yields to a `device` other than "auto".

    Raises
    ------
    ModelError
        If there is no such model, its weights are not those of its card, or the device does not start.
    """
    settings = settings or InferenceSettings()
    if device != "auto":
        settings = structs.replace(settings, device=device)
    return open_model(find_model(name, settings.folders), settings)


def load_as(kind: type[Kind], name: str, settings: InferenceSettings) -> Kind:
    """Load a model that must be of one kind, such as `SegmentationModel`.

    Raises
    ------
    ModelError
        As `load_model`, and if the model is of another kind; the message says which.
    """
    model = load_model(name, settings=settings)
    if not isinstance(model, kind):
        raise ModelError(
            f"{model.identity.name} is a model for {model.card.task}, here one for {kind.TASK} is wanted; "
            "`stentor models list` shows each model's task"
        )
    return model


def open_model(folder: ModelFolder, settings: InferenceSettings) -> AnyModel:
    """Load the model of a folder; raises ModelError as `load_model` does."""
    card: AnyCard = folder.card
    match card:
        case SegmentationCard():
            return SegmentationModel(folder, card, settings)
        case ImageCard():
            return ImageModel(folder, card, settings)
        case ClassificationCard():
            finder = None if card.finds_with is None else load_as(SegmentationModel, card.finds_with, settings)
            return ClassificationModel(folder, card, settings, finder)
