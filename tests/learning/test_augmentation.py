"""Views: what is not asked for does not happen, and what is asked for stays in its range."""

import pytest
import torch

from mien.learning.augmentation import centre_view, random_views, spoiled_views
from mien.learning.recipe import Augmentation


def faces(n: int = 8) -> torch.Tensor:
    return torch.randint(0, 256, (n, 48, 48), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def views(options: Augmentation, *, seed: int = 0, share: float = 1.0, side_px: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    seen = random_views(faces(), side_px=side_px, share=share, options=options, generator=generator)
    return spoiled_views(seen, options=options, generator=generator)


def test_without_augmentation_a_view_is_the_face() -> None:
    torch.testing.assert_close(views(Augmentation()), faces()[:, None].float(), atol=0.02, rtol=0)
    cropped = views(Augmentation(), share=44 / 48, side_px=44)
    torch.testing.assert_close(cropped, centre_view(faces()), atol=0.02, rtol=0)


def test_the_centre_is_cut_and_only_resampled_if_it_must_be() -> None:
    assert torch.equal(centre_view(faces(), side_px=44, share=44 / 48), faces()[:, None, 2:46, 2:46].float())
    enlarged = centre_view(faces(), side_px=64, share=1.0)
    assert enlarged.shape == (8, 1, 64, 64)
    assert enlarged.mean().item() == pytest.approx(faces().float().mean().item(), abs=0.5)


def test_the_same_generator_gives_the_same_views() -> None:
    options = Augmentation(rotation_deg=15, shift=0.1, flip=True, noise=0.1, contrast=0.3, erase_probability=0.5)
    assert torch.equal(views(options), views(options))
    assert not torch.equal(views(options), views(options, seed=1))


def test_half_of_the_views_are_mirrored() -> None:
    mirrored = views(Augmentation(flip=True))
    plain, flipped = faces()[:, None].float(), faces()[:, None].float().flip(3)
    is_plain = (mirrored - plain).abs().amax(dim=(1, 2, 3)) < 0.1
    is_flipped = (mirrored - flipped).abs().amax(dim=(1, 2, 3)) < 0.1
    assert (is_plain ^ is_flipped).all()
    assert 0 < int(is_flipped.sum()) < len(mirrored)


def test_noise_has_at_most_the_strength_asked_for() -> None:
    grey = torch.full((64, 1, 48, 48), 128.0)
    generator = torch.Generator().manual_seed(0)
    noisy = spoiled_views(grey, options=Augmentation(noise=0.1), generator=generator)
    spread = noisy.std(dim=(1, 2, 3))
    assert 20 < spread.max().item() < 27  # 25.5 grey levels at most
    assert spread.min().item() < 5


def test_light_stays_in_the_grey_range_and_moves_every_view() -> None:
    lit = views(Augmentation(brightness=0.5, contrast=0.5))
    assert (lit.min().item(), lit.max().item()) == (0, 255)
    assert ((lit - faces()[:, None].float()).abs().amax(dim=(1, 2, 3)) > 1).all()


def test_erased_rectangles_cover_what_is_asked_for() -> None:
    white = torch.full((200, 48, 48), 255, dtype=torch.uint8)
    options = Augmentation(erase_probability=0.5, erase_area=(0.1, 0.2))
    generator = torch.Generator().manual_seed(0)
    erased = random_views(white, side_px=48, share=1.0, options=options, generator=generator) < 254
    covered = erased.float().mean(dim=(1, 2, 3))
    share = covered[covered > 0]
    assert 0.4 < (covered > 0).float().mean() < 0.6
    assert 0.07 < share.min() < share.max() < 0.23


@pytest.mark.parametrize("degrees", [10.0, 20.0])
def test_turns_stay_within_the_angle(degrees: float) -> None:
    line = torch.zeros((100, 48, 48), dtype=torch.uint8)
    line[:, 23:25, :] = 255
    generator = torch.Generator().manual_seed(0)
    turned = random_views(line, side_px=48, share=1.0, options=Augmentation(rotation_deg=degrees), generator=generator)[
        :, 0
    ]
    rows = torch.arange(48.0)[:, None]
    heights = (turned * rows).sum(dim=1) / turned.sum(dim=1)  # of the line in every column
    slope = (heights[:, 40] - heights[:, 7]) / 33
    angle = torch.rad2deg(torch.atan(slope)).abs()
    assert angle.max().item() < degrees + 1
    assert angle.max().item() > 0.8 * degrees
