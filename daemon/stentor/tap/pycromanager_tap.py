"""Pycromanager tap: sees the images of pycromanager's acquisitions, on its Python backend."""

import functools
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from numpy.typing import NDArray

from stentor.core.callback import guarded_callback
from stentor.core.errors import ConfigError
from stentor.tap.frame_tap import FrameTap
from stentor.wire.rendezvous import DEFAULT_NAME

if TYPE_CHECKING:
    import pymmcore

Image = TypeVar("Image")
Tags = TypeVar("Tags")

JAVA: Final = (
    "no Python core runs in this process, so pycromanager would use its Java backend, which hands images over one by "
    "one through a socket and makes the acquisition wait for it (65 ms and more at 2048 x 2048). Start the core with "
    "start_headless(..., python_backend=True) before the tap is made, or let Stentor drive the microscope itself: "
    '`stentor run` with [rig] kind = "micro-manager"'
)


class PycromanagerTap(FrameTap):
    """Made after `start_headless(..., python_backend=True)`; then one of

    - `Acquisition(image_process_fn=tap.process)`,
    - `Acquisition(image_process_fn=tap.wrap(user_fn))` where the script has a processor already,
    - `Acquisition(image_saved_fn=tap.saved)`, which keeps processors out of the saving path.

    One acquisition is one run. It is told from the next by pycromanager's own threads, which end with it. For the
    parameters and the rest see `FrameTap`.

    Raises
    ------
    ConfigError
        From construction, if pycromanager would use its Java backend, or is not installed.
    SourceError
        From construction, if there is no room for the ring.
    """

    def __init__(
        self,
        rig: str = DEFAULT_NAME,
        *,
        stream: str = "camera",
        images: bool | Sequence[str] = False,
        ring_slots: int = 16,
        chip_wh: tuple[int, int] | None = None,
    ) -> None:
        core = python_core()
        super().__init__(rig, stream=stream, images=images, ring_slots=ring_slots, chip_wh=chip_wh)
        feed = self._open_feed(core, "pycromanager")
        self._take = guarded_callback(feed.take, name="the tap")
        self._fetch = guarded_callback(feed.fetch, name="the tap")

    def process(self, image: Image, metadata: Tags) -> tuple[Image, Tags]:
        """Pycromanager's `image_process_fn`: see the image, and return it untouched."""
        self._take(image, metadata, owner=threading.current_thread())  # type: ignore[arg-type]
        return image, metadata

    def wrap(self, user_fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return an `image_process_fn` that sees each image as it came, and then is `user_fn`.

        It takes as many arguments as `user_fn` does, returns what that returns and raises what that raises.

        Raises
        ------
        ConfigError
            If `user_fn` takes neither two nor three arguments: pycromanager would end the acquisition.
        """
        count = len(inspect.signature(user_fn).parameters)
        if count not in (2, 3):
            raise ConfigError(
                f"{getattr(user_fn, '__name__', user_fn)} takes {count} arguments; pycromanager calls an image "
                "processor as (image, metadata) or (image, metadata, event_queue)"
            )

        # Plain functions with names for each argument: pycromanager counts the parameters.
        def two(image: Any, metadata: Any) -> Any:
            self._take(image, metadata, owner=threading.current_thread())
            return user_fn(image, metadata)

        def three(image: Any, metadata: Any, event_queue: Any) -> Any:
            self._take(image, metadata, owner=threading.current_thread())
            return user_fn(image, metadata, event_queue)

        return functools.wraps(user_fn)(two if count == 2 else three)

    def saved(self, axes: Mapping[str, int | str], dataset: Any) -> None:
        """Pycromanager's `image_saved_fn`: have the image read from the dataset, on the tap's own thread."""
        self._fetch(functools.partial(_read, dataset, dict(axes)), threading.current_thread())


def _read(dataset: Any, axes: dict[str, int | str]) -> tuple[NDArray[Any], Mapping[str, Any]]:
    return dataset.read_image(**axes), {"Axes": axes, **dataset.read_metadata(**axes)}


def python_core() -> "pymmcore.CMMCore":
    """Return the core that pycromanager has started in this process.

    Raises
    ------
    ConfigError
        There is none, and the message says what to do.
    """
    try:
        from mmpycorex import Core, is_pymmcore_active
    except ImportError as err:
        raise ConfigError(
            "the pycromanager here is missing or older than 1.0; pip install 'pycromanager>=1.0.2'"
        ) from err
    if not is_pymmcore_active():
        raise ConfigError(JAVA)
    core: pymmcore.CMMCore = Core()
    return core
