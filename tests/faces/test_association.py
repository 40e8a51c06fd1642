"""Association: overlap against numbers worked out by hand, and pairs that are each used once."""

import numpy as np
import pytest

from mien.faces.association import assign, closeness, overlaps, travel


def test_overlaps_of_boxes_worked_out_by_hand() -> None:
    table = overlaps([(0, 0, 2, 2), (1, 1, 3, 3)], [(0, 0, 2, 2), (2, 0, 4, 2), (0, 0, 0, 0)])
    assert table == pytest.approx(np.array([[1, 0, 0], [1 / 7, 1 / 7, 0]]))


def test_nothing_overlaps_nothing() -> None:
    assert overlaps([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert closeness([(0, 0, 1, 1)], [], reach=1).shape == (1, 0)
    assert assign(np.zeros((0, 3)), least=0.1) == []


def test_a_face_of_twice_the_size_is_another_face() -> None:
    assert closeness([(0, 0, 10, 10)], [(-5, -5, 15, 15)], reach=3) == 0
    assert closeness([(0, 0, 10, 10)], [(-4, -4, 14, 14)], reach=3) == 1


def test_each_row_and_column_is_used_once_best_first() -> None:
    table = np.array([[0.9, 0.8, 0.0], [0.85, 0.2, 0.0], [0.1, 0.1, 0.3]])
    assert assign(table, least=0.15) == [(0, 0), (2, 2), (1, 1)]


def test_a_face_out_of_sight_slows_down() -> None:
    assert travel(0) == 0
    assert travel(0.01) == pytest.approx(0.01, rel=0.02)
    assert travel(1000) == pytest.approx(0.3)
