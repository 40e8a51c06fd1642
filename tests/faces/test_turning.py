import numpy as np
import pytest

from mien.faces.candidates import Candidates
from mien.faces.picture import Picture
from mien.faces.turning import best_way_up, look_tilted

PICTURE = np.zeros((60, 100, 3), np.uint8)
PICTURE[10:14, 20:28] = 255  # the face
PICTURE[11, 21] = 128  # its left eye


def find(picture: Picture) -> Candidates:
    """The bright patch, and the grey pixel in it as all five points; scores higher where the patch is upright."""
    rows, columns = np.nonzero(picture.any(axis=2))
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    eye_row, eye_column = np.argwhere(picture[:, :, 0] == 128)[0]
    upright = box[2] - box[0] > box[3] - box[1] and eye_row < rows.mean()
    points = np.tile(np.array([eye_column + 0.5, eye_row + 0.5], np.float32), (1, 5, 1))
    return Candidates(np.array([box], np.float32), np.array([0.9 if upright else 0.5], np.float32), points)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_the_better_way_up_is_given_in_the_pixels_of_the_picture_as_it_is(quarter_turns: int) -> None:
    lying = np.rot90(PICTURE, quarter_turns)
    as_it_lies = find(lying)
    best = best_way_up(as_it_lies, lying, find, sure_score=0.8, min_score=0.6)
    assert best.scores.tolist() == pytest.approx([0.9])
    assert best.boxes_xyxy.tolist() == as_it_lies.boxes_xyxy.tolist()
    assert best.points_xy.tolist() == as_it_lies.points_xy.tolist()


def test_a_sure_find_is_not_looked_at_twice() -> None:
    def look(picture: Picture) -> Candidates:
        raise AssertionError("looked again")

    found = find(PICTURE)
    assert best_way_up(found, PICTURE, look, sure_score=0.9 - 1e-6, min_score=0.6) is found


def test_turned_finds_must_score_enough() -> None:
    lying = np.rot90(PICTURE)
    found = find(lying)
    assert best_way_up(found, lying, find, sure_score=0.8, min_score=0.95) is found
    assert len(best_way_up(Candidates.none(), lying, find, sure_score=0.8, min_score=0.95)) == 0


@pytest.mark.parametrize("side", [-1, 1])
def test_a_face_that_only_the_tilted_picture_shows_is_found_in_its_place(side: int) -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[20:30, 40:60] = 255

    def look(tilted: Picture) -> Candidates:
        rows, columns = np.nonzero(tilted[:, :, 0] > 127)
        if side * (rows[columns > columns.mean()].mean() - rows.mean()) < 1:  # the bar's right end is not that way
            return Candidates.none()
        x, y = columns.mean() + 0.5, rows.mean() + 0.5
        box = [[x - 10, y - 5, x + 10, y + 5]]
        return Candidates(*(np.array(values, np.float32) for values in (box, [0.9], [[[x, y]] * 5])))

    found = look_tilted(picture, look, min_score=0.8)
    assert found.boxes_xyxy[0] == pytest.approx([40, 20, 60, 30], abs=0.5)
    assert found.points_xy[0, 0] == pytest.approx([50, 25], abs=0.5)
    assert len(look_tilted(picture, look, min_score=0.95)) == 0
