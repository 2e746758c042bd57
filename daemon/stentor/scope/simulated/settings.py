"""Settings of the simulated microscope: what lives on the slide, how it is lit, how slowly it moves."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Difficulty = Literal["easy", "middle", "hard"]


class SimulatedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated microscope; the defaults are `difficulty = "middle"`.

    Lengths are micrometres on the specimen; times of the specimen (`cycle_h`, speeds) are in the specimen's own
    time, which runs `time_scale` times faster than the microscope's clock; 60 shows a division about every minute.
    A specimen that nobody looked at lives on at the next frame, which then waits for it: about 0.2 s for each hour of
    its time in a world of 900 nuclei (measured 2026-11-23). Signals are electrons on the sensor.
    """

    seed: int = 1
    width: Annotated[int, Meta(ge=32, le=8192)] = 512
    height: Annotated[int, Meta(ge=32, le=8192)] = 512
    pixel_size_um: Positive = 0.65
    camera_rotation_deg: float = 0.0
    camera_mirrored: bool = False

    # Specimen. `nuclei_per_mm2`: U2OS plates of BBBC039 hold 180 to 1000 in a square millimetre.
    specimen: str = "procedural"
    world_fields: Annotated[float, Meta(ge=1, le=20)] = 3.0
    nuclei_per_mm2: Positive = 850.0
    clustering: Fraction = 0.15
    radius_um: Positive = 9.6
    brightness_sd: NotNegative = 0.27
    depth_sd_um: NotNegative = 0.6
    cycle_h: Positive = 20.0
    deaths_per_cycle: NotNegative = 0.35
    speed_um_per_min: NotNegative = 0.3
    toxic_dose_s: Positive = 600.0
    bleach_dose_s: Positive = 400.0
    time_scale: NotNegative = 1.0

    # Optics and camera; the signal is the mean of a nucleus at 100 ms and full light.
    signal_e: Positive = 1250.0
    background_e: NotNegative = 110.0
    phase_e: Positive = 4000.0
    haze: Fraction = 0.10
    defocus_um: float = 0.0
    offset_counts: NotNegative = 100.0
    counts_per_e: Positive = 0.4
    read_noise_e: NotNegative = 2.0
    hot_pixels: Annotated[int, Meta(ge=0)] = 20
    bit_depth: Annotated[int, Meta(ge=8, le=16)] = 16
    readout_ms: NotNegative = 5.0

    # Mechanics. Slow on purpose: a loop that believes in instant moves must fail here.
    stage_speed_um_per_s: Positive = 2000.0
    focus_speed_um_per_s: Positive = 100.0
    stage_backlash_um: NotNegative = 2.0
    focus_backlash_um: NotNegative = 0.4
    settle_ms: NotNegative = 60.0
    filter_ms: NotNegative = 80.0

    buffer_mb: Annotated[int, Meta(ge=1)] = 64
    truth_folder: str | None = None
    """Where the ground truth of every frame is written; None: it is written nowhere."""

    @property
    def world_um(self) -> tuple[float, float]:
        """Width and height of the populated area, centred on the stage's origin."""
        side = self.world_fields * self.pixel_size_um
        return side * self.width, side * self.height


_PRESETS: dict[Difficulty, dict[str, float]] = {
    "easy": {
        "nuclei_per_mm2": 500.0,
        "clustering": 0.35,
        "signal_e": 2500.0,
        "haze": 0.04,
        "depth_sd_um": 0.2,
    },
    "middle": {},
    "hard": {
        "nuclei_per_mm2": 1500.0,
        "clustering": 0.3,
        "signal_e": 120.0,
        "background_e": 60.0,
        "haze": 0.25,
        "defocus_um": 2.5,
        "depth_sd_um": 1.5,
    },
}


def preset(difficulty: Difficulty, *, seed: int = 1) -> SimulatedSettings:
    """Make the settings of a named difficulty; vary them further with `msgspec.structs.replace`."""
    return msgspec.convert({"seed": seed, **_PRESETS[difficulty]}, SimulatedSettings)
