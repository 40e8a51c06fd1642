"""Draws faces that nobody has, in the layout of Kaggle's FER-2013: `python make_faces.py FACES.csv [ROWS]`.

For those who do not have FER-2013, and for tests: seven expressions as a child draws them, each a little different.
"""

import sys

import cv2
import numpy as np
from numpy.typing import NDArray

# Of each of FER-2013's labels: corners of the mouth up, mouth open, eyes open, inner ends of the brows up.
EXPRESSIONS = {
    "angry": (-0.4, 0.0, 0.7, -1.0),
    "disgust": (-1.0, 0.3, 0.3, -0.6),
    "fear": (-0.3, 0.7, 1.6, 0.9),
    "happy": (1.0, 0.3, 0.8, 0.0),
    "sad": (-1.0, 0.0, 0.6, 1.0),
    "surprise": (0.0, 1.4, 1.6, 0.4),
    "neutral": (0.0, 0.0, 1.0, 0.0),
}


def draw(expression: str, random: np.random.Generator) -> NDArray[np.uint8]:
    """A face of `(48, 48)` grey values."""
    curve, opening, eyes, brows = random.normal(EXPRESSIONS[expression], 0.12)
    skin, ground = random.uniform(130, 220), random.uniform(20, 230)
    dark = skin - random.uniform(70, 110)
    face = np.full((96, 96), ground, np.float32)
    x, y = (48 + random.uniform(-5, 5, 2)).round().astype(int)
    cv2.ellipse(face, (x, y), (38, 46), 0, 0, 360, skin, -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = (x + side * 15, y - 10)
        cv2.ellipse(face, eye, (7, max(1, round(4 * eyes))), 0, 0, 360, 245, -1, cv2.LINE_AA)
        cv2.circle(face, eye, max(1, round(2.5 * min(eyes, 1))), dark, -1, cv2.LINE_AA)
        inner, outer = (x + side * 7, y - 21 - round(6 * brows)), (x + side * 24, y - 21 + round(2 * brows))
        cv2.line(face, inner, outer, dark, 2, cv2.LINE_AA)
    cv2.line(face, (x, y - 4), (x - 3, y + 8), dark, 1, cv2.LINE_AA)
    across = np.linspace(-1, 1, 21)
    bend = 8 * curve * across**2
    upper = np.stack([x + 15 * across, y + 23 - bend], axis=1)
    lower = np.stack([x + 15 * across, y + 24 - bend + 11 * max(0.0, opening) * (1 - across**2)], axis=1)
    lips = np.concatenate([upper, lower[::-1]]).round().astype(np.int32)
    cv2.fillPoly(face, [lips], dark, cv2.LINE_AA)
    cv2.polylines(face, [lips], True, dark, 2, cv2.LINE_AA)
    small = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
    light = cv2.resize(random.normal(1, 0.2, (4, 4)), (48, 48), interpolation=cv2.INTER_CUBIC)
    return (small * light.clip(0.3, 1.7) + random.normal(0, 6, (48, 48))).clip(0, 255).astype(np.uint8)


def main(path: str, rows: str = "560") -> None:
    """Write so many rows, seven in ten for training."""
    random = np.random.default_rng(0)
    names = list(EXPRESSIONS)
    with open(path, "w", encoding="utf-8") as file:
        file.write("emotion,pixels,Usage\n")
        for row in range(int(rows)):
            label = row % len(names)
            usage = "Training" if row // len(names) % 10 < 7 else "PublicTest"
            pixels = draw(names[label], random).ravel()
            file.write(f"{label},{' '.join(map(str, pixels))},{usage}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
