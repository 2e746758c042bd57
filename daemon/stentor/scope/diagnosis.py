"""Diagnosis: why a core did not load its configuration, and what mends it."""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stentor.core.errors import ConfigError, SourceError, StentorError

if TYPE_CHECKING:
    import pymmcore

_COMMANDS = """
Device Property Label Delay Config ConfigGroup Equipment ImageSynchro ConfigPixelSize PixelSize_um PixelSizeAffine
PixelSizeAngle_dxdz PixelSizeAngle_dydz PixelSizeOptimalZUm PixelSizeOptimalZ_Um Parent FocusDirection
"""
COMMANDS = frozenset(_COMMANDS.split())
"""First words of the lines in a Micro-Manager 2.0 configuration."""

PYMMCORE_BY_INTERFACE = {
    "69": "10.1.1.69.0",
    "70": "10.1.1.70.6",
    "71": "11.2.1.71.0",
    "73": "11.9.0.73.0",
    "74": "11.10.0.74.1",
    "75": "12.5.1.75.0",
}
"""The newest pymmcore of each device interface, its fourth number (package index, 2026-11-23)."""

_INTERFACE = re.compile(r"requires (\d+); device adapter has (\d+)")
_LINE = re.compile(r"^Line (\d+): ")


def check_configuration(path: Path) -> None:
    """Read a `.cfg` before the core does, which skips lines that it does not know without a word.

    Raises
    ------
    ConfigError
        It is no text, it has a line that is none of Micro-Manager's, or it names no device.
    """
    from stentor.scope.readiness import nearest

    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as err:
        raise ConfigError(f"{path}: cannot be read: {err.strerror}") from err
    commands = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        command = line.split(",", 1)[0].strip()
        if command not in COMMANDS:
            hint = nearest(command, COMMANDS) if command.isprintable() else "the file is damaged"
            raise ConfigError(f"{path}, line {number}: {command[:40]!r} is no configuration command; {hint}")
        commands.add(command)
    if "Device" not in commands:
        raise ConfigError(f"{path}: names no device; is this a Micro-Manager configuration, saved in full?")


def explain_load_failure(failure: Exception, path: Path, folder: Path) -> StentorError:
    """Turn what the core said while loading `path` into an error with a remedy.

    A wrong line is the operator's (ConfigError); a device that does not answer is the microscope's (SourceError).
    """
    said = " ".join(str(failure).split())
    if "device interface version" in said:
        return ConfigError(_explain_interface(said, folder))
    where = str(path)
    if line := _LINE.match(said):
        where, said = f"{path}, line {line[1]}", said[line.end() :]
    if "Failed to load device adapter" in said or "Failed to load module" in said:
        return ConfigError(f"{where}: {said}; is {folder} the folder of this microscope's adapters? (rig.adapter_path)")
    if "Initialize,1" in said:
        return SourceError(f"{where}: a device did not start: {said}; is it switched on, connected and free?")
    return ConfigError(f"{where}: {said}; mend this line, or save the configuration anew in Micro-Manager")


def check_interface(folder: Path) -> None:
    """Compare the device interface of the adapters in a folder with that of the pymmcore installed here.

    Adapters are loaded, no device is.

    Raises
    ------
    ConfigError
        They differ, with the command that mends it, or there are no adapters in the folder.
    """
    import pymmcore

    core = pymmcore.CMMCore()
    core.setDeviceAdapterSearchPaths([str(folder)])
    names = core.getDeviceAdapterNames()
    if not names:
        raise ConfigError(f"no device adapters in {folder}; give the folder that holds Micro-Manager's adapters")
    for name in names:  # all of a folder are of one build, but a vendor's library may be missing for some
        said = _said_of_adapter(core, name)
        if "device interface version" in said:
            raise ConfigError(_explain_interface(said, folder))
        if "Failed to load device adapter" not in said:
            return


def _said_of_adapter(core: "pymmcore.CMMCore", name: str) -> str:
    # Only the loading of a configuration says why an adapter did not load (pymmcore 12.5.1, 2026-11-23).
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.cfg"
        path.write_text(f"Device,probe,{name},no such device\n", encoding="utf-8")
        try:
            core.loadSystemConfiguration(str(path))
        except (RuntimeError, OSError) as err:
            return " ".join(str(err).split())
    return ""


def _explain_interface(said: str, folder: Path) -> str:
    import pymmcore

    ours = pymmcore.__version__
    numbers = _INTERFACE.search(said)
    if numbers is None:
        return f"the adapters in {folder} do not fit pymmcore {ours}: {said}"
    interface = numbers[2]
    remedy = PYMMCORE_BY_INTERFACE.get(interface)
    advice = (
        f"mend it with: pip install 'pymmcore=={remedy}'"
        if remedy
        else f"install the pymmcore whose fourth number is {interface}, or a Micro-Manager of interface {numbers[1]}"
    )
    return f"the adapters in {folder} speak device interface {interface}, pymmcore {ours} speaks {numbers[1]}; {advice}"
