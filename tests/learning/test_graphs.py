"""What stands before a network in its graph: the middle of the face, and flat faces lifted."""

import numpy as np
import torch
from torch import nn

from mien.learning.graphs import FaceReader, lift_contrast


def test_the_reader_crops_the_middle() -> None:
    reader = FaceReader(nn.Identity(), view_px=44, view_share=44 / 48)
    face = np.zeros((1, 48, 48), np.uint8)
    face[:, 2:46, 2:46] = 200
    (view,) = reader(torch.from_numpy(face))
    assert view.shape == (1, 1, 44, 44)
    assert bool((view == 200).all())


def noisy_face(contrast: float, *, side: int = 44) -> torch.Tensor:
    """Noise of that standard deviation about a mid grey."""
    noise = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    return 128 + contrast * noise / noise.std()


def middle_contrast(view: torch.Tensor) -> float:
    return float(view[:, :, 8:-8, 8:-8].std(correction=0))


def test_flat_faces_are_lifted_to_the_floor() -> None:
    assert abs(middle_contrast(lift_contrast(noisy_face(10), 30.0)) - 30) < 0.5


def test_other_faces_are_left_alone() -> None:
    strong = noisy_face(40)
    assert torch.allclose(lift_contrast(strong, 30.0), strong.clamp(0, 255), atol=1e-3)


def test_a_bright_background_does_not_hide_a_flat_face() -> None:
    flat = noisy_face(10)
    flat[:, :, :, :6] = 255.0
    assert float(flat.std()) > 30
    assert abs(middle_contrast(lift_contrast(flat, 30.0)) - 30) < 0.5


def test_levels_stay_levels_and_a_constant_face_stays_finite() -> None:
    lifted = lift_contrast(torch.cat([noisy_face(10), torch.full((1, 1, 44, 44), 7.0)]), 120.0)
    assert bool(torch.isfinite(lifted).all())
    assert 0 <= float(lifted.min()) <= float(lifted.max()) <= 255
