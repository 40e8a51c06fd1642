"""Association: overlap against numbers worked out by hand, and pairs that are each used once."""

import math

import numpy as np
import pytest

from mien.faces.association import assign, closeness, overlaps, travel


def test_overlaps_of_boxes_worked_out_by_hand() -> None:
    table = overlaps([(0, 0, 2, 2), (1, 1, 3, 3)], [(0, 0, 2, 2), (2, 0, 4, 2), (0, 0, 0, 0)])
    assert table == pytest.approx(np.array([[1, 0, 0], [1 / 7, 1 / 7, 0]]))
    assert overlaps([(0, 1, 8, 4)], [(6, 0, 9, 3), (0.25, 1, 0.5, 1.5)]) == pytest.approx(np.array([[4 / 29, 1 / 192]]))
    assert overlaps([(0.25, 1, 0.5, 1.5)], [(0.25, 1, 0.5, 1.25)]) == 0.5


def test_boxes_without_area_overlap_nothing() -> None:
    points = [(at, 3.0, at, 3.0) for at in (1.0, 2.0, 3.0)]
    assert overlaps(points, points).tolist() == np.zeros((3, 3)).tolist()


def test_nothing_overlaps_nothing() -> None:
    assert overlaps([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert closeness([(0, 0, 1, 1)], [], reach=1).shape == (1, 0)
    assert assign(np.zeros((0, 3)), least=0.1) == []


def test_a_face_of_twice_the_size_is_another_face() -> None:
    assert closeness([(0, 0, 10, 10)], [(-5, -5, 15, 15)], reach=3) == 0
    assert closeness([(0, 0, 10, 10)], [(-4, -4, 14, 14)], reach=3) == 1


def test_near_is_told_by_the_distance_of_centres_in_mean_sides() -> None:
    here = [(0, 0, 10, 10), (0, 0, 4, 16)]
    there = [(3, 4, 15, 16), (6, 8, 16, 18), (21, 5, 29, 13), (0, 0, 10, 4.5)]
    sides, other_sides = (10, 8), (12, 10, 8, math.sqrt(45))
    centres, other_centres = ((5, 5), (2, 8)), ((9, 10), (11, 13), (25, 9), (5, 2.25))
    expected = [
        [
            max(1 - math.dist(centre, other) / ((side + other_side) / 2) / 2.5, 0)
            for other, other_side in zip(other_centres, other_sides, strict=True)
        ]
        for centre, side in zip(centres, sides, strict=True)
    ]
    table = closeness(here, there, reach=2.5)
    assert table == pytest.approx(np.array(expected), abs=1e-12)
    assert 0 < table[0, 2] < 0.1


def test_a_box_without_width_is_near_itself_alone() -> None:
    points = [(3.0, 3.0, 3.0, 3.0), (4.0, 3.0, 4.0, 3.0), (2.0, 2.0, 4.0, 4.0)]
    assert closeness(points, points, reach=2).tolist() == np.eye(3).tolist()


def test_equal_likeness_goes_by_rows_and_then_columns() -> None:
    assert assign(np.full((7, 7), 0.5), least=0.5) == [(at, at) for at in range(7)]
    assert all(type(index) is int for pair in assign(np.eye(2), least=1) for index in pair)
    table = np.random.default_rng(0).integers(0, 3, (10, 10)) / 4
    expected: list[tuple[int, int]] = []
    for _, row, column in sorted((-table[at], *at) for at in np.ndindex(10, 10)):
        if all(row != taken and column != other for taken, other in expected):
            expected.append((row, column))
    assert assign(table, least=0) == expected


def test_each_row_and_column_is_used_once_best_first() -> None:
    table = np.array([[0.9, 0.8, 0.0], [0.85, 0.2, 0.0], [0.1, 0.1, 0.3]])
    assert assign(table, least=0.15) == [(0, 0), (2, 2), (1, 1)]


def test_a_face_out_of_sight_slows_down() -> None:
    assert travel(-1) == travel(0) == 0
    assert travel(0.3) == pytest.approx(0.3 * (1 - 1 / math.e))
    assert travel(0.01) == pytest.approx(0.01, rel=0.02)
    assert travel(1000) == pytest.approx(0.3)
