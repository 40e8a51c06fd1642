"""Random views of training faces: one batched affine warp, focus, light, noise and a patch taken out.

mien's own ranges cover what detectors really do to a face's framing: their boxes scatter by about 10 % in size and
place, and faces roll by up to 15 degrees before the aligner turns them upright.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.learning.recipe import Augmentation

__all__ = ["centre_view", "random_views", "spoiled_views"]


def centre_view(faces: Tensor, *, side_px: int = 44, share: float = 44 / 48) -> Tensor:
    """The middle of each face, as validation and the exported model see it.

    Args:
        faces: `(n, side, side)`, grey levels in 0..255.
        side_px: Side of the views; pixels are resampled only where the crop has another side.
        share: Share of the face's side that a view shows.

    Returns:
        `(n, 1, side_px, side_px)` float32.
    """
    side = faces.shape[-1]
    crop = round(side * share)
    start = (side - crop) // 2
    views = faces[:, None, start : start + crop, start : start + crop].float()
    if crop == side_px:
        return views
    return F.interpolate(views, size=(side_px, side_px), mode="bilinear", align_corners=False)


def random_views(
    faces: Tensor, *, side_px: int, share: float, options: Augmentation, generator: torch.Generator
) -> Tensor:
    """One random view of every face, still in focus and without noise (see `spoiled_views`).

    Args:
        faces: `(n, side, side)` uint8.
        side_px: Side of the views.
        share: Share of the face's side that an undisturbed view shows.
        options: How far the views stray.
        generator: Source of all randomness, on the device of `faces`.

    Returns:
        `(n, 1, side_px, side_px)` float32 in 0..255.
    """
    n = len(faces)
    theta = _random_affine(n, share, options, generator)
    grid = F.affine_grid(theta, [n, 1, side_px, side_px], align_corners=False)
    views = F.grid_sample(faces[:, None].float(), grid, padding_mode="border", align_corners=False)
    if options.brightness or options.contrast:
        views = _relight(views, options, generator)
    return _erase(views, options, generator) if options.erase_probability else views


def spoiled_views(views: Tensor, *, options: Augmentation, generator: torch.Generator) -> Tensor:
    """The views as a worse camera would have them: out of focus, or sharpened, and with noise.

    Args:
        views: `(n, 1, side, side)` float32 in 0..255.
        options: How strong focus and noise may be; each view has its own.
        generator: Source of all randomness, on the device of `views`.

    Returns:
        As `views`.
    """
    if options.sharpness:
        views = _refocus(views, options, generator)
    if not options.noise:
        return views
    strength = _uniform((len(views), 1, 1, 1), 0, 255 * options.noise, generator)
    noise = torch.randn(views.shape, generator=generator, device=generator.device)
    return (views + noise * strength).clamp(0, 255)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def _random_affine(n: int, share: float, options: Augmentation, generator: torch.Generator) -> Tensor:
    """`(n, 2, 3)` maps from view to face coordinates."""
    angle = _uniform((n,), -1, 1, generator) * math.radians(options.rotation_deg)
    zoom = share / _uniform((n,), *options.scale, generator)
    shear = _uniform((n,), -1, 1, generator) * options.shear
    shift = _uniform((n, 2), -2, 2, generator) * options.shift  # coordinates span 2
    mirror = torch.ones(n, device=generator.device)
    if options.flip:
        mirror = mirror - 2.0 * (_uniform((n,), 0, 1, generator) < 0.5)
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = [mirror * cos, shear * cos - sin, mirror * sin, shear * sin + cos]
    linear = torch.stack(rows, dim=1).view(n, 2, 2) * zoom[:, None, None]
    return torch.cat([linear, shift[:, :, None]], dim=2)


def _refocus(views: Tensor, options: Augmentation, generator: torch.Generator) -> Tensor:
    """Blend each view with its blurred copy, or away from it, which sharpens."""
    line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=views.device) / 16
    padded = F.pad(views, (2, 2, 2, 2), mode="replicate")
    blurred = F.conv2d(F.conv2d(padded, line.view(1, 1, 1, 5)), line.view(1, 1, 5, 1))
    amount = _uniform((len(views), 1, 1, 1), -1, 1, generator) * options.sharpness
    return (views + amount * (views - blurred)).clamp_(0, 255)


def _relight(views: Tensor, options: Augmentation, generator: torch.Generator) -> Tensor:
    n = len(views)
    contrast = 1 + _uniform((n, 1, 1, 1), -1, 1, generator) * options.contrast
    brightness = _uniform((n, 1, 1, 1), -1, 1, generator) * options.brightness * 127.5
    mean = views.mean(dim=(1, 2, 3), keepdim=True)
    return ((views - mean) * contrast + mean + brightness).clamp_(0, 255)


def _erase(views: Tensor, options: Augmentation, generator: torch.Generator) -> Tensor:
    """Cover a random rectangle of some views with one random grey."""
    n, _, side, _ = views.shape
    area = _uniform((n,), *options.erase_area, generator)
    aspect = torch.exp(_uniform((n,), -1, 1, generator) * math.log(3))
    size = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).clamp_(max=1)  # (n, 2)
    start = _uniform((n, 2), 0, 1, generator) * (1 - size)
    size = size * (_uniform((n, 1), 0, 1, generator) < options.erase_probability)
    grey = _uniform((n, 1, 1, 1), 0, 255, generator)
    place = (torch.arange(side, device=views.device) + 0.5) / side
    inside = (place >= start[:, :, None]) & (place < (start + size)[:, :, None])  # (n, 2, side)
    covered = inside[:, 0, :, None] & inside[:, 1, None, :]
    return torch.where(covered[:, None], grey, views)
