"""Draws the README's picture from the sample portrait: `python docs/pictures/story.py docs/pictures/story.webp`.

The same face twice, by day and at dusk: what it looks like, and that it cannot be told.
"""

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import mien

PHOTO = "examples/astronaut.jpg"
PART = (60, 0, 420, 270)  # left, top, right, bottom
SIZE_WH, CAPTION_PX, GAP_PX = (640, 480), 56, 16
PANELS = ((1.0, "by day: an answer"), (0.09, "too dark: unsure, and grey"))


def main(path: str) -> None:
    """Write the picture."""
    portrait = Image.open(PHOTO).convert("RGB").resize(SIZE_WH, Image.Resampling.LANCZOS, box=PART)
    analyzer, font = mien.Analyzer(detector="mtcnn"), ImageFont.load_default(26)
    width, height = SIZE_WH
    canvas = Image.new("RGB", (2 * width + GAP_PX, height + CAPTION_PX), "white")
    draw = ImageDraw.Draw(canvas)
    for place, (light, caption) in enumerate(PANELS):
        frame_rgb = (np.asarray(portrait) * light).astype(np.uint8)
        reading = analyzer.read(frame_rgb)
        assert [face.emotions.unsure for face in reading.faces] == [light < 1]
        left = place * (width + GAP_PX)
        canvas.paste(Image.fromarray(mien.draw(frame_rgb, reading)), (left, 0))
        draw.text((left + width / 2, height + CAPTION_PX / 2), caption, fill="#333333", font=font, anchor="mm")
    canvas.save(path, quality=85)


if __name__ == "__main__":
    main(*sys.argv[1:])
