"""Makes a clip of `astronaut.jpg`: the camera comes to her face, stays, and leaves: `python make_clip.py OUT.mp4`."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

PHOTO = Path(__file__).with_name("astronaut.jpg")
FPS = 25
SIZE_WH = (320, 240)
WINDOW_WH = (256, 192)
CORNERS = ((0.0, 250, 310), (0.8, 96, 24), (2.4, 96, 24), (3.0, 250, 310))  # time, left, top of the window


def main(path: str) -> None:
    """Write the clip to `path`."""
    photo = Image.open(PHOTO).convert("RGB")
    times_s, lefts, tops = zip(*CORNERS, strict=True)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "26", "preset": "slow"})
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = "yuv420p"
        for index in range(round(times_s[-1] * FPS)):
            left, top = (np.interp(index / FPS, times_s, places) for places in (lefts, tops))
            window = (left, top, left + WINDOW_WH[0], top + WINDOW_WH[1])
            picture = av.VideoFrame.from_image(photo.resize(SIZE_WH, Image.Resampling.BICUBIC, box=window))
            picture.pts, picture.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main(*sys.argv[1:])
