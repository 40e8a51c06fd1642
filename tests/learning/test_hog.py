"""The descriptor against the paper's steps written out, and on edges of known direction."""

import numpy as np
import torch
from numpy.typing import NDArray

from mien.learning.hog import Hog


def descriptor(face: NDArray[np.uint8], cell: int) -> NDArray[np.float64]:
    """The same, one pixel at a time."""
    x = np.pad(face.astype(np.float64) / 255, 1, mode="edge")
    side = len(face)
    cells = np.zeros((9, side // cell, side // cell))
    for row in range(side // cell * cell):
        for column in range(side // cell * cell):
            across = x[row + 1, column + 2] - x[row + 1, column]
            down = x[row + 2, column + 1] - x[row, column + 1]
            position = np.degrees(np.arctan2(down, across)) % 180 / 20 - 0.5
            lower = int(np.floor(position))
            share = position - lower
            for index, part in ((lower % 9, 1 - share), ((lower + 1) % 9, share)):
                cells[index, row // cell, column // cell] += np.hypot(across, down) * part / cell**2
    blocks = np.concatenate([cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]])
    for _ in range(2):
        blocks = blocks / np.sqrt((blocks**2).sum(axis=0, keepdims=True) + 1e-12)
        blocks = np.minimum(blocks, 0.2) if _ == 0 else blocks
    return blocks.ravel()


def test_equals_the_paper_written_out() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (2, 20, 20)).astype(np.uint8)
    answer = Hog(cell_px=6)(torch.from_numpy(faces)).numpy()
    assert answer.shape == (2, 36 * 2 * 2)
    for face, row in zip(faces, answer, strict=True):
        np.testing.assert_allclose(row, descriptor(face, 6), atol=1e-5)


def test_an_edge_speaks_for_its_direction() -> None:
    across = np.zeros((1, 48, 48), np.uint8)
    across[:, :, 24:] = 200  # brightness changes from left to right: an angle of 0, between the first and last bins
    answer = Hog()(torch.from_numpy(across)).reshape(4, 9, 7, 7)
    strength = answer.sum(dim=(0, 2, 3))
    assert strength[[0, 8]].min() > 0
    assert strength[1:8].sum() == 0


def test_a_flat_face_has_no_direction_at_all() -> None:
    assert Hog()(torch.full((1, 48, 48), 90, dtype=torch.uint8)).abs().sum() == 0
