"""Small videos made for tests; the grey of a frame tells its number."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
UNIT_S = Fraction(1, 12800)


def grey_frame(index: int, width: int = 64, height: int = 48) -> Pixels:
    """A frame with a bright upper left corner and a ground that is lighter the later the frame is."""
    pixels = np.full((height, width, 3), 4 * index + 16, np.uint8)
    pixels[: height // 3, : width // 4] = 255
    return pixels


def index_of(pixels: Pixels) -> int:
    """Which `grey_frame` this is; colour conversion may have taken a little of its grey."""
    return round((float(np.median(pixels)) - 15) / 4)


def noisy_frame(index: int, width: int = 64, height: int = 48) -> Pixels:
    """A `grey_frame` that takes more room in a file."""
    noise = np.random.default_rng(index).integers(-14, 15, (height, width, 3))
    return np.clip(grey_frame(index, width, height).astype(int) + noise, 0, 255).astype(np.uint8)


def write_video(
    path: Path,
    times_s: Sequence[Fraction],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size_wh: tuple[int, int] = (64, 48),
    rotation: int = 0,
    options: dict[str, str] | None = None,
    audio_codec: str | None = None,
    frame: Callable[[int, int, int], Pixels] = grey_frame,
    unit_s: Fraction = UNIT_S,
) -> None:
    """A video with a frame at each time, and with a tone of the same length if `audio_codec` is given."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height = size_wh
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = unit_s
        stream.time_base = unit_s
        if rotation:
            stream.set_display_rotation(rotation)
        sound: Any = container.add_stream(audio_codec, rate=48000) if audio_codec else None
        for index, time_s in enumerate(times_s):
            picture = av.VideoFrame.from_ndarray(frame(index, *size_wh), "rgb24")
            picture.pts, picture.time_base = round(time_s / unit_s), unit_s
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if sound is not None:
            _write_tone(container, sound, float(times_s[-1]) + 0.2)


def _write_tone(container: Any, stream: Any, length_s: float) -> None:
    samples = (np.sin(np.arange(int(48000 * length_s)) * 2 * np.pi * 440 / 48000) * 8000).astype(np.int16)
    for start in range(0, len(samples) - 1023, 1024):
        block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], "s16", "mono")
        block.sample_rate, block.pts, block.time_base = 48000, start, Fraction(1, 48000)
        container.mux(stream.encode(block))
    container.mux(stream.encode(None))


def evenly(count: int, fps: int = 25) -> list[Fraction]:
    """Times of `count` frames at an even rate."""
    return [Fraction(index, fps) for index in range(count)]
