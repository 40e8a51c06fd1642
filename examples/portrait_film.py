"""Film the portrait as a camera would: `python examples/portrait_film.py FILM`.

For machines without a camera. `mien live --source film.mp4` watches the film; a `.mjpeg` is what Chromium takes for
its camera (`--use-fake-device-for-media-stream --use-file-for-fake-video-capture=film.mjpeg`). The camera sways gently
over the portrait and ends where it began, so that the film can be shown in a loop.
"""

import argparse
import io
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

PORTRAIT = Path(__file__).with_name("astronaut.jpg")
FRAMES_PER_S = 30
SWAY_PX = 15  # of the portrait
HEAD_XY = (225, 128)
SHOWN_HEIGHT_PX = 230


def main() -> None:
    """Write the film."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path, help=".mjpeg, or a video such as .mp4")
    parser.add_argument("--people", type=int, choices=(0, 1, 2), default=1)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--size", default="640x480", help="width x height, such as 1280x720")
    parser.add_argument("--dusk", action="store_true", help="let it get dark for a while in the middle")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    pictures = film(options.people, (width, height), options.seconds, dusk=options.dusk)
    if options.film.suffix == ".mjpeg":
        options.film.write_bytes(b"".join(map(chromium_jpeg, pictures)))
    else:
        write_video(options.film, pictures, (width, height))


def film(people: int, size_wh: tuple[int, int], seconds: float, *, dusk: bool) -> Iterator[Image.Image]:
    """The pictures of one round."""
    portrait = Image.open(PORTRAIT).convert("RGB")
    count = round(seconds * FRAMES_PER_S)
    for index in range(count):
        picture = scene(portrait, people, size_wh, turn=index / count)
        yield ImageEnhance.Brightness(picture).enhance(daylight(index / count)) if dusk else picture


def scene(portrait: Image.Image, people: int, size_wh: tuple[int, int], *, turn: float) -> Image.Image:
    """What the camera sees at `turn` of its round, 0 to 1."""
    width, height = size_wh
    if people == 0:
        return portrait.filter(ImageFilter.GaussianBlur(60)).resize(size_wh)
    if people == 1:
        return view(portrait, size_wh, turn)
    picture = Image.new("RGB", size_wh)
    picture.paste(view(portrait, (width // 2, height), turn), (0, 0))
    other = ImageOps.mirror(view(portrait, (width - width // 2, height), (turn + 0.37) % 1))
    picture.paste(other, (width // 2, 0))
    return picture


def view(portrait: Image.Image, size_wh: tuple[int, int], turn: float) -> Image.Image:
    """The head, and around it as much as fits."""
    angle = 2 * math.pi * turn
    high = SHOWN_HEIGHT_PX * (1 + 0.03 * math.sin(2 * angle))
    wide = min(high * size_wh[0] / size_wh[1], portrait.width)
    left = HEAD_XY[0] + SWAY_PX * math.sin(angle) - wide / 2
    top = HEAD_XY[1] + SWAY_PX / 2 * math.cos(angle) - high / 2
    left, top = max(0.0, min(left, portrait.width - wide)), max(0.0, top)
    return portrait.resize(size_wh, Image.Resampling.BICUBIC, box=(left, top, left + wide, top + high))


def daylight(turn: float) -> float:
    """1 by day; down to 0.09 around the middle."""
    return 1 - 0.91 * max(0.0, min(1.0, 2.5 - 12 * abs(turn - 0.5)))


def write_video(path: Path, pictures: Iterator[Image.Image], size_wh: tuple[int, int]) -> None:
    """The pictures as H.264."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FRAMES_PER_S, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height = size_wh
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_S)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def chromium_jpeg(picture: Image.Image) -> bytes:
    """A picture for Chromium's fake camera, which takes 16 for black and 235 for white, as television does."""
    file = io.BytesIO()
    picture.point([16 + round(value * 219 / 255) for value in range(256)] * 3).save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    main()
