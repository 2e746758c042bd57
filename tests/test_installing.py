"""Installing Stentor leaves a user's pymmcore alone; what was tried with pip stands in docs/decisions/0009."""

from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from stentor.scope.diagnosis import PYMMCORE_BY_INTERFACE

OLDEST_INTERFACE = 74
OURS = ("pycromanager", "mmpycorex", "pymmcore-plus")


def wanted(package: str) -> list[Requirement]:
    """What a package asks of pymmcore, extras left out."""
    asked = [Requirement(text) for text in requires(package) or []]
    return [r for r in asked if r.name == "pymmcore" and (r.marker is None or r.marker.evaluate({"extra": ""}))]


def test_stentor_asks_for_no_version_of_pymmcore() -> None:
    (asked,) = wanted("stentor")

    assert str(asked.specifier) == ""


@pytest.mark.parametrize("package", OURS)
@pytest.mark.parametrize("interface", [i for i in PYMMCORE_BY_INTERFACE if int(i) >= OLDEST_INTERFACE])
def test_nothing_that_stentor_brings_moves_a_pymmcore_of_these_interfaces(package: str, interface: str) -> None:
    assert all(r.specifier.contains(PYMMCORE_BY_INTERFACE[interface]) for r in wanted(package))


def test_the_page_about_taps_names_the_oldest_interface_that_is_left_alone() -> None:
    older = PYMMCORE_BY_INTERFACE[str(OLDEST_INTERFACE - 1)]

    assert not all(r.specifier.contains(older) for package in OURS for r in wanted(package))
