"""Card file: a model card as it lies in its folder, read, and refused with the key that is wrong."""

import math
from pathlib import Path
from typing import Final

import msgspec

from stentor.core.errors import ModelError
from stentor.inference.card import (
    AnyCard,
    Card,
    ClassificationCard,
    ImageCard,
    Normalisation,
    SegmentationCard,
)

CARD_NAME: Final = "card.toml"


def load_card(folder: Path) -> AnyCard:
    """Read the card of a model folder.

    Raises
    ------
    ModelError
        If the card is missing, is not TOML, lacks a key or has one too many; the message names file and key.
    """
    path = folder / CARD_NAME
    try:
        text = path.read_bytes()
    except OSError as err:
        raise ModelError(f"{path}: cannot be read ({err.strerror}); a model folder holds {CARD_NAME}") from err
    try:
        card: AnyCard = msgspec.toml.decode(text, type=AnyCard)
    except msgspec.MsgspecError as err:
        raise ModelError(f"{path}: {err}; `stentor models list` shows where cards that are right lie") from err
    _check(path, card)
    return card


def _check(path: Path, card: AnyCard) -> None:
    """Refuse values that have the right type and make no sense."""
    wrong = dict(_senseless_common(card))
    match card:
        case SegmentationCard():
            wrong |= _senseless_network(card.size_multiple, card.normalisation)
            if card.normalisation.name == "fixed":
                wrong["normalisation"] = "of a segmentation goes by percentiles"
            if not (math.isfinite(card.object_diameter_px) and card.object_diameter_px > 0):
                wrong["object_diameter_px"] = "must be a positive number of pixels"
        case ImageCard():
            wrong |= _senseless_network(card.size_multiple, card.normalisation)
            if card.normalisation.name == "fixed" and not _is_a_range(card.normalisation, len(card.channels)):
                wrong["normalisation"] = "needs low < high, in counts, for each channel"
            if card.restores is not None and card.restores not in card.channels:
                wrong["restores"] = f"must be one of the channels {', '.join(card.channels)}"
        case ClassificationCard():
            wrong |= _senseless_classes(card)
    for key, reason in wrong.items():
        raise ModelError(f"{path}: `{key}` {reason}")


def _senseless_common(card: Card) -> dict[str, str]:
    wrong: dict[str, str] = {}
    hashes = {"sha256": card.sha256} if card.int8 is None else {"sha256": card.sha256, "int8.sha256": card.int8.sha256}
    for key, value in hashes.items():
        if len(value) != 64:
            wrong[key] = "must be the 64 hexadecimal digits that sha256sum prints"
    if not card.channels or not card.outputs:
        wrong["channels" if not card.channels else "outputs"] = "must name at least one"
    for key, name in (
        ("weights", card.weights),
        *(() if card.int8 is None else (("int8.weights", card.int8.weights),)),
        ("test.input", card.test.input),
        ("test.expected", card.test.expected),
    ):
        if Path(name).name != name:
            wrong[key] = f"must be a file name beside the card, not {name!r}"
    return wrong


def _senseless_network(size_multiple: int, normalisation: Normalisation) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if size_multiple < 1:
        wrong["size_multiple"] = "must be at least 1"
    if not 0 <= normalisation.low_percent < normalisation.high_percent <= 100:
        wrong["normalisation"] = "needs 0 <= low_percent < high_percent <= 100"
    return wrong


def _is_a_range(normalisation: Normalisation, channels: int) -> bool:
    low, high = normalisation.low, normalisation.high
    return len(low) == len(high) == channels and all(a < b for a, b in zip(low, high, strict=True))


def _senseless_classes(card: ClassificationCard) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if card.crop_px < 8:
        wrong["crop_px"] = "must be at least 8"
    if len(card.classes) < 2:
        wrong["classes"] = "must name at least two"
    if tuple(scale.channel for scale in card.scales) != card.channels:
        wrong["scales"] = f"must name the channels {', '.join(card.channels)} in this order"
    if any(isinstance(scale.divisor, float) and not scale.divisor > 0 for scale in card.scales):
        wrong["scales"] = "must have positive divisors"
    return wrong
