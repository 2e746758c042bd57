"""Drives: the xy stage and the focus, as devices of the core."""

from pymmcore_plus.experimental.unicore import StageDevice, XYStageDevice

from stentor.scope.simulated.microscope import Microscope


class SimulatedXYStage(XYStageDevice):
    """The slide's drive: reports its motors, which the slide follows through backlash; busy until settled."""

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self._origin_um = (0.0, 0.0)

    def set_position_um(self, x: float, y: float) -> None:
        """Start a move; returns at once."""
        self._microscope.move_xy(x + self._origin_um[0], y + self._origin_um[1])
        self.core.events.XYStagePositionChanged.emit(self.get_label(), x, y)

    def get_position_um(self) -> tuple[float, float]:
        """Read the motors, in the middle of a move too."""
        now = self._microscope.clock.monotonic_ns()
        return (
            self._microscope.x.reported_um(now) - self._origin_um[0],
            self._microscope.y.reported_um(now) - self._origin_um[1],
        )

    def busy(self) -> bool:
        """Tell whether either motor moves or settles."""
        now = self._microscope.clock.monotonic_ns()
        return self._microscope.x.is_busy(now) or self._microscope.y.is_busy(now)

    def home(self) -> None:
        """Go to the middle of the slide."""
        self._microscope.move_xy(0.0, 0.0)

    def stop(self) -> None:
        """Stop both motors where they are."""
        x, y = self.get_position_um()
        self._microscope.move_xy(x + self._origin_um[0], y + self._origin_um[1])

    def set_origin_x(self) -> None:
        """Call the present x zero."""
        now = self._microscope.clock.monotonic_ns()
        self._origin_um = (self._microscope.x.reported_um(now), self._origin_um[1])

    def set_origin_y(self) -> None:
        """Call the present y zero."""
        now = self._microscope.clock.monotonic_ns()
        self._origin_um = (self._origin_um[0], self._microscope.y.reported_um(now))


class SimulatedFocus(StageDevice):
    """The focus drive: the specimen is sharp where the drive's true position meets `defocus_um`."""

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self._origin_um = 0.0

    def set_position_um(self, val: float) -> None:
        """Start a move; returns at once."""
        self._microscope.move_z(val + self._origin_um)
        self.core.events.stagePositionChanged.emit(self.get_label(), val)

    def get_position_um(self) -> float:
        """Read the motor."""
        return self._microscope.z.reported_um(self._microscope.clock.monotonic_ns()) - self._origin_um

    def busy(self) -> bool:
        """Tell whether the motor moves or settles."""
        return self._microscope.z.is_busy(self._microscope.clock.monotonic_ns())

    def home(self) -> None:
        """Go to zero."""
        self._microscope.move_z(0.0)

    def stop(self) -> None:
        """Stop where the motor is."""
        self._microscope.move_z(self._microscope.z.reported_um(self._microscope.clock.monotonic_ns()))

    def set_origin(self) -> None:
        """Call the present position zero."""
        self._origin_um = self._microscope.z.reported_um(self._microscope.clock.monotonic_ns())
