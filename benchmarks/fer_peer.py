"""The `fer` package in an environment of its own (TensorFlow and torch, about 2 GB), for benchmarks that time it.

`fer`'s MTCNN mode needs facenet-pytorch, which pins a torch older than the one here and a torchvision that has no
build for it: it is installed without its pins, and the two torchvision functions it calls (`to_tensor`, which that
path does not reach, and `batched_nms`) are stood in for, the latter by OpenCV's compiled NMS.
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "build" / "peers" / "fer"

PACKAGES = [
    *["torch==2.13.0", "tensorflow-cpu==2.21.0", "opencv-contrib-python-headless==4.14.0.94", "setuptools<81"],
    *["pandas", "requests", "tqdm", "moviepy<2", "ffmpeg-python", "matplotlib", "pillow"],
]
UNPINNED = ["fer==25.10.3", "facenet-pytorch==2.6.0"]
STAND_IN = {
    "__init__.py": "",
    "transforms/__init__.py": "",
    "transforms/functional.py": "",
    "ops/__init__.py": "",
    "ops/boxes.py": '''
import cv2
import numpy as np
import torch


def batched_nms(boxes, scores, idxs, iou_threshold):
    """Indices kept, best first; boxes of different idxs do not suppress each other."""
    if boxes.numel() == 0:
        return torch.empty(0, dtype=torch.int64)
    xyxy = boxes.detach().numpy().astype(np.float64)
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(xywh, scores.detach().numpy(), idxs.numpy().astype(np.int32), -1e9, iou_threshold)
    return torch.as_tensor(np.asarray(kept, np.int64))
''',
}


def fer_python(folder: Path = FOLDER) -> Path | None:
    """The peer's interpreter, installed now if need be; None where that fails."""
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"installing fer into {folder} ...", file=sys.stderr)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            pip = [str(python), "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, *PACKAGES], check=True)
            subprocess.run([*pip, "--no-deps", *UNPINNED], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"fer could not be installed: {error}", file=sys.stderr)
            return None
        library = next((folder / "lib").glob("python3*")) / "site-packages" / "torchvision"
        for name, text in STAND_IN.items():
            (library / name).parent.mkdir(parents=True, exist_ok=True)
            (library / name).write_text(text, "utf-8")
        (folder / "installed").touch()
    return python
