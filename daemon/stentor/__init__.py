"""Stentor: deep learning on every frame of a running microscope, published as it happens.

`listen` and `Listener` receive results, `connect` also drives the microscope, and `PycromanagerTap` and
`PymmcorePlusTap` show the frames of other programs; these need numpy, msgspec and pyzmq only. `load_model` runs a model
in a script. Each is imported when it is first asked for, so that a listener does not load an inference engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stentor.client.listener import Listener as Listener
    from stentor.client.listener import listen as listen
    from stentor.client.microscope import connect as connect
    from stentor.inference.model import load_model as load_model
    from stentor.tap.pycromanager_tap import PycromanagerTap as PycromanagerTap
    from stentor.tap.pymmcore_plus_tap import PymmcorePlusTap as PymmcorePlusTap

__version__ = "0.1.0"
__all__ = ["Listener", "PycromanagerTap", "PymmcorePlusTap", "__version__", "connect", "listen", "load_model"]

_HOMES = {
    "Listener": "stentor.client.listener",
    "PycromanagerTap": "stentor.tap.pycromanager_tap",
    "PymmcorePlusTap": "stentor.tap.pymmcore_plus_tap",
    "connect": "stentor.client.microscope",
    "listen": "stentor.client.listener",
    "load_model": "stentor.inference.model",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stentor' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
