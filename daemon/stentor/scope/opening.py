"""Opening: starts Micro-Manager's core, and turns its faults into errors that name the remedy."""

from pathlib import Path
from typing import TYPE_CHECKING

from stentor.core.errors import ConfigError, SourceError
from stentor.scope.diagnosis import check_configuration, explain_load_failure
from stentor.scope.settings import RigSettings

if TYPE_CHECKING:
    import pymmcore
    from pymmcore_plus import CMMCorePlus


def adapter_folder(settings: RigSettings) -> Path:
    """Find the folder of the device adapters, or raise ConfigError."""
    if settings.adapter_path is None:
        import pymmcore_plus

        found = pymmcore_plus.find_micromanager()
        if not found:
            raise ConfigError("no Micro-Manager found in the usual places; set rig.adapter_path to its folder")
        return Path(found)
    folder = Path(settings.adapter_path).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"rig.adapter_path: no folder {folder}; give the folder that holds Micro-Manager's adapters")
    return folder


def configuration_path(settings: RigSettings, folder: Path) -> Path:
    """Find the `.cfg`, as given or in the adapters' folder, and look it over; ConfigError with the remedy."""
    if settings.config_file is None:
        raise ConfigError("rig.config_file is missing: name the microscope's .cfg file")
    given = Path(settings.config_file).expanduser()
    for path in (given, folder / given):
        if path.is_file():
            check_configuration(path)
            return path.resolve()
    raise ConfigError(f"rig.config_file: no file {given}, neither here nor in {folder}")


def open_plus_core(settings: RigSettings) -> "CMMCorePlus":
    """Load the configuration into a new `CMMCorePlus`; ConfigError or SourceError with the remedy."""
    from pymmcore_plus import CMMCorePlus

    folder = adapter_folder(settings)
    path = configuration_path(settings, folder)
    core = CMMCorePlus(adapter_paths=[str(folder)])
    try:
        core.loadSystemConfiguration(str(path))
    except (RuntimeError, ValueError, OSError) as err:
        raise explain_load_failure(err, path, folder) from err
    core.setCircularBufferMemoryFootprint(settings.buffer_mb)
    return core


_started_pycromanager = False


def start_pycromanager_core(settings: RigSettings) -> "pymmcore.CMMCore":
    """Start pycromanager's in-process core, once in a process; ConfigError or SourceError with the remedy."""
    global _started_pycromanager
    from mmpycorex import Core
    from pycromanager import start_headless

    if _started_pycromanager:
        raise SourceError("pycromanager starts one core in a process and hangs on a second; restart the scope")
    folder = adapter_folder(settings)
    path = configuration_path(settings, folder)
    try:
        start_headless(str(folder), str(path), python_backend=True, buffer_size_mb=settings.buffer_mb)
    except (RuntimeError, ValueError, OSError) as err:
        raise explain_load_failure(err, path, folder) from err
    _started_pycromanager = True
    core: pymmcore.CMMCore = Core()
    return core


def release(core: "pymmcore.CMMCore") -> None:
    """Let go of a core's devices and of its callback; may be called twice."""
    import pymmcore

    # The core delivers its notices on a thread of its own. One that arrives while Python shuts down aborts the
    # process (SIGABRT at exit in a third of the runs, pymmcore 12.5.1, 2026-11-23). CMMCorePlus hides this method.
    pymmcore.CMMCore.registerCallback(core, None)
    core.unloadAllDevices()
