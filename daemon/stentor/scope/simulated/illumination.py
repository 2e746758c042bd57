"""Illumination: lamp, shutter and filter wheel, as devices of the core."""

from pymmcore_plus.experimental.unicore import GenericDevice, ShutterDevice, StateDevice

from stentor.scope.simulated.light import CHANNEL_LABELS, Channel
from stentor.scope.simulated.microscope import Microscope

INTENSITY = "Intensity"


class SimulatedLamp(GenericDevice):
    """The lamp; its property `Intensity` is in percent."""

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self.register_property(
            INTENSITY, getter=_get_intensity, setter=_set_intensity, limits=(0.0, 100.0), property_type=float
        )

    @property
    def intensity_percent(self) -> float:
        """The light, 100 being full."""
        return 100 * self._microscope.light.intensity

    @intensity_percent.setter
    def intensity_percent(self, percent: float) -> None:
        self._microscope.set_light(intensity=float(percent) / 100)


def _get_intensity(lamp: SimulatedLamp) -> float:
    return lamp.intensity_percent


def _set_intensity(lamp: SimulatedLamp, percent: float) -> None:
    lamp.intensity_percent = percent


class SimulatedShutter(ShutterDevice):
    """The shutter; left open it bleaches the specimen, as a real one does."""

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope

    def get_open(self) -> bool:
        """Tell whether light passes."""
        return self._microscope.light.is_open

    def set_open(self, open: bool) -> None:
        """Open or close, at once."""
        self._microscope.set_light(is_open=bool(open))


class SimulatedFilterWheel(StateDevice):
    """The filter wheel, which chooses the channel; dark and busy while it turns."""

    def __init__(self, microscope: Microscope) -> None:
        super().__init__({int(channel): label for channel, label in CHANNEL_LABELS.items()})
        self._microscope = microscope

    def get_state(self) -> int:
        """Tell the position it stands at or turns to."""
        return int(self._microscope.light.channel)

    def set_state(self, position: int) -> None:
        """Start turning."""
        self._microscope.set_light(channel=Channel(int(position)))

    def busy(self) -> bool:
        """Tell whether it turns."""
        return self._microscope.light.is_busy(self._microscope.clock.monotonic_ns())
