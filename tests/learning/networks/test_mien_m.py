"""mien-m's first step: flat faces get the contrast of the training faces, others stay as they are."""

import torch

from mien.learning.networks.mien_m import MienM, lift_contrast
from mien.learning.networks.two_heads import TwoHeads


def face(contrast: float, *, side: int = 44) -> torch.Tensor:
    """Noise of that standard deviation about a mid grey."""
    noise = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    return 128 + contrast * noise / noise.std()


def middle_contrast(view: torch.Tensor) -> float:
    return float(view[:, :, 8:-8, 8:-8].std(correction=0))


def test_flat_faces_are_lifted_to_the_floor() -> None:
    assert abs(middle_contrast(lift_contrast(face(10), 30.0)) - 30) < 0.5


def test_other_faces_are_left_alone() -> None:
    strong = face(40)
    assert torch.allclose(lift_contrast(strong, 30.0), strong.clamp(0, 255), atol=1e-3)


def test_a_bright_background_does_not_hide_a_flat_face() -> None:
    flat = face(10)
    flat[:, :, :, :6] = 255.0
    assert float(flat.std()) > 30
    assert abs(middle_contrast(lift_contrast(flat, 30.0)) - 30) < 0.5


def test_levels_stay_levels_and_a_constant_face_stays_finite() -> None:
    lifted = lift_contrast(torch.cat([face(10), torch.full((1, 1, 44, 44), 7.0)]), 120.0)
    assert bool(torch.isfinite(lifted).all())
    assert 0 <= float(lifted.min()) <= float(lifted.max()) <= 255


def test_a_dimmer_copy_of_a_flat_face_answers_the_same() -> None:
    torch.manual_seed(0)
    net = MienM(stem=8, stages=((8, 1), (16, 1)), contrast_floor=50.0).eval()
    answers = [net((face(20) - 128) * factor + 128) for factor in (1.0, 0.7)]
    assert all(isinstance(answer, TwoHeads) for answer in answers)
    assert torch.allclose(answers[0].votes, answers[1].votes, atol=1e-3)
