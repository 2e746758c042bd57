"""The living specimen: one seed, one story; every cell has a past."""

import msgspec
import numpy as np
import pytest

from stentor.scope.simulated.contact import displacements
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.population import Look
from stentor.scope.simulated.settings import Difficulty, SimulatedSettings, preset
from stentor.scope.simulated.specimen import STEP_S, Specimen
from stentor.scope.simulated.truth_measures import touching_fraction

SMALL = SimulatedSettings(seed=5, width=256, height=256, world_fields=2.0)
HOUR_S = 3600.0


def test_one_seed_tells_one_story_however_often_it_is_looked_at() -> None:
    often, once = Specimen(SMALL), Specimen(SMALL)

    for minute in range(120):
        often.advance_to(minute * 60.0)
    once.advance_to(119 * 60.0)

    np.testing.assert_array_equal(often.population.position_um, once.population.position_um)
    np.testing.assert_array_equal(often.population.id, once.population.id)
    assert often.divisions == once.divisions


def test_another_seed_tells_another_story() -> None:
    first, second = Specimen(SMALL), Specimen(msgspec.structs.replace(SMALL, seed=6))

    assert not np.allclose(first.population.position_um, second.population.position_um)


def test_time_does_not_pass_in_less_than_a_step_or_backwards() -> None:
    specimen = Specimen(SMALL)
    specimen.advance_to(10 * STEP_S)
    before = specimen.population.position_um.copy()

    specimen.advance_to(10.9 * STEP_S)
    specimen.advance_to(0.0)

    np.testing.assert_array_equal(specimen.population.position_um, before)


def test_population_stays_about_constant_while_cells_divide_and_die() -> None:
    specimen = Specimen(SMALL)
    founders = len(specimen.population)

    specimen.advance_to(24 * HOUR_S)

    assert 0.7 * founders < len(specimen.population) < 1.5 * founders
    assert len(specimen.divisions) > 0.1 * founders


def test_every_daughter_names_a_mother_that_is_gone_and_no_id_comes_twice() -> None:
    specimen = Specimen(SMALL)
    founders = set(specimen.population.id.tolist())

    specimen.advance_to(12 * HOUR_S)

    daughters = [child for division in specimen.divisions for child in division.daughters]
    mothers = {division.parent for division in specimen.divisions}
    assert len(set(daughters)) == len(daughters)
    assert not founders & set(daughters)
    assert not mothers & set(specimen.population.id.tolist())
    parent_of = {child: division.parent for division in specimen.divisions for child in division.daughters}
    for number, parent in zip(specimen.population.id.tolist(), specimen.population.parent.tolist(), strict=True):
        assert parent_of.get(number, 0) == parent


def test_sisters_are_born_side_by_side_as_condensed_halves() -> None:
    specimen = Specimen(SMALL)
    while not specimen.divisions:
        specimen.advance_to(specimen.time_s + STEP_S)

    rows = np.flatnonzero(np.isin(specimen.population.id, specimen.divisions[-1].daughters))
    first, second = specimen.population.position_um[rows]

    assert 2.0 < np.hypot(*(first - second)) < 8.0
    assert (specimen.population.looks()[rows] == Look.PLATE).all()


def test_nuclei_move_less_when_told_to_stand_still() -> None:
    calm = Specimen(msgspec.structs.replace(SMALL, speed_um_per_min=0.0, deaths_per_cycle=0.0, cycle_h=1e6))
    lively = Specimen(msgspec.structs.replace(SMALL, speed_um_per_min=1.0, deaths_per_cycle=0.0, cycle_h=1e6))
    starts = calm.population.position_um.copy(), lively.population.position_um.copy()

    calm.advance_to(HOUR_S)
    lively.advance_to(HOUR_S)

    calm_way = np.hypot(*(calm.population.position_um - starts[0]).T)
    lively_way = np.hypot(*(lively.population.position_um - starts[1]).T)
    assert np.median(calm_way) < 1.0
    assert np.median(lively_way) > 5.0


def test_overlapping_ellipses_push_each_other_apart_along_the_line_between_them() -> None:
    positions = np.array([[0.0, 0.0], [10.0, 0.0]])
    axes = np.array([[8.0, 4.0], [8.0, 4.0]])

    lengthwise = displacements(positions, axes, np.zeros(2), adhesion=0.0)
    crosswise = displacements(positions, axes, np.full(2, np.pi / 2), adhesion=0.0)

    np.testing.assert_allclose(lengthwise, [[-3.0, 0.0], [3.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(crosswise, 0.0, atol=1e-9)


@pytest.mark.parametrize("difficulty", ["easy", "middle", "hard"])
def test_at_least_a_fifth_of_the_nuclei_touch(difficulty: Difficulty) -> None:
    clock = HandClock()
    microscope = Microscope(preset(difficulty, seed=2), clock)
    fractions = []
    for frame, hours in enumerate((0, 2, 4)):
        clock.advance(hours * HOUR_S)
        taken = microscope.expose(frame, clock.monotonic_ns(), 100.0, auto_shutter=True)
        fractions.append(touching_fraction(taken.truth.labels()))

    assert np.mean(fractions) >= 0.2


def test_touching_is_counted_over_edges_and_corners() -> None:
    labels = np.zeros((8, 12), np.int32)
    labels[0:2, 0:2] = 1
    labels[2:4, 2:4] = 2
    labels[6:8, 10:12] = 3
    labels[0:2, 6:8] = 4

    assert touching_fraction(labels) == 0.5
    assert touching_fraction(np.zeros((4, 4), np.int32)) == 0.0


def test_light_kills_more_than_darkness() -> None:
    settings = msgspec.structs.replace(SMALL, toxic_dose_s=1.0)
    dark, lit = Specimen(settings), Specimen(settings)
    lit.shine((0.0, 0.0), (1e6, 1e6), 20.0)

    dark.advance_to(HOUR_S)
    lit.advance_to(HOUR_S)

    assert (lit.population.dying_s >= 0).sum() > 3 * (dark.population.dying_s >= 0).sum()
