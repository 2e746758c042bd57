"""OME: what the XML of an OME-TIFF says about its images, one by one."""

from typing import Final
from xml.etree import ElementTree

from stentor.core.frame import StagePosition
from stentor.scope.replay.recording import Facts

UM: Final = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6}
SECONDS: Final = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "min": 60.0, "h": 3600.0}

Place = tuple[int, int, int]
"""Time point, channel and z-plane."""


class OmeImage:
    """One `Image` element: as a rule one position."""

    def __init__(self, element: ElementTree.Element) -> None:
        self.name = element.get("Name", "")
        pixels = element.find("{*}Pixels")
        found = pixels if pixels is not None else ElementTree.Element("Pixels")
        self._pixel_size_um = _length_um(found, "PhysicalSizeX")
        self._bit_depth = found.get("SignificantBits", "")
        self._channels = [channel.get("Name") for channel in found.iterfind("{*}Channel")]
        self._planes: dict[Place, ElementTree.Element] = {
            (_index(plane, "TheT"), _index(plane, "TheC"), _index(plane, "TheZ")): plane
            for plane in found.iterfind("{*}Plane")
        }

    def plane(self, place: dict[str, int]) -> tuple[float | None, Facts]:
        """Return when the image at these T, C, Z was taken, in seconds, and what else is said of it."""
        t, c, z = (place.get(letter, 0) for letter in "TCZ")
        plane = self._planes.get((t, c, z), ElementTree.Element("Plane"))
        exposure_s = _number(plane, "ExposureTime", SECONDS, "s")
        x_um, y_um, z_um = (_length_um(plane, f"Position{axis}") for axis in "XYZ")
        is_placed = x_um is not None or y_um is not None or z_um is not None
        return _number(plane, "DeltaT", SECONDS, "s"), Facts(
            channel=self._channels[c] if c < len(self._channels) else None,
            exposure_ms=None if exposure_s is None else 1000 * exposure_s,
            bit_depth=int(self._bit_depth) if self._bit_depth.isdecimal() else None,
            pixel_size_um=self._pixel_size_um or None,
            stage=StagePosition(x_um, y_um, z_um, origin="read-back" if is_placed else None),
        )


def read_ome(xml: str) -> list[OmeImage]:
    """Read the images of a description; none where it is not XML."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return []
    return [OmeImage(element) for element in root.iterfind("{*}Image")]


def _index(plane: ElementTree.Element, key: str) -> int:
    text = plane.get(key, "0")
    return int(text) if text.isdecimal() else 0


def _length_um(element: ElementTree.Element, key: str) -> float | None:
    return _number(element, key, UM, "µm")


def _number(element: ElementTree.Element, key: str, units: dict[str, float], default: str) -> float | None:
    """Return a quantity in base units; None: not said, or in a unit that is none, such as "reference frame"."""
    unit = units.get(element.get(f"{key}Unit", default))
    try:
        return float(element.get(key, "")) * unit if unit is not None else None
    except ValueError:
        return None
