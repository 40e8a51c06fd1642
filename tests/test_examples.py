"""The sample clip is what its script makes of the sample photo."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from mien.media.videos import open_video

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_clip_is_made_of_the_photo_by_its_script(tmp_path: Path) -> None:
    made = tmp_path / "made.mp4"
    subprocess.run([sys.executable, str(EXAMPLES / "make_clip.py"), str(made)], check=True)
    with open_video(made) as one, open_video(EXAMPLES / "astronaut.mp4") as other:
        for new, kept in zip(one, other, strict=True):
            assert new.time_s == kept.time_s
            assert np.abs(new.pixels_rgb.astype(int) - kept.pixels_rgb).mean() < 3
