"""What the core costs to install: `python benchmarks/install.py`: packages, megabytes, seconds, and a first reading.

A fresh environment in a temporary folder, the versions of `constraints.txt`, nothing but the core.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = {"pip", "setuptools", "wheel"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = Path(folder) / "env"
        subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
        pip = [str(env / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        empty_mb = megabytes(env)
        start_s = time.monotonic()
        subprocess.run([*pip, "install", "--quiet", "--constraint", "constraints.txt", "."], cwd=ROOT, check=True)
        install_s = time.monotonic() - start_s
        listed = json.loads(subprocess.run([*pip, "list", "--format", "json"], capture_output=True, check=True).stdout)
        names = sorted(package["name"] for package in listed if package["name"] not in TOOLS)
        taken_mb = megabytes(env) - empty_mb
        print(f"{len(names)} packages, {taken_mb:.0f} MB, {install_s:.0f} s: {', '.join(names)}")
        photo = ROOT / "examples" / "astronaut.jpg"
        for attempt in ("first (bytecode is compiled)", "second", "third"):
            start_s = time.monotonic()
            subprocess.run([str(env / "bin" / "mien"), "analyze", str(photo)], stdout=subprocess.DEVNULL, check=True)
            result_s = time.monotonic() - start_s
            print(f"mien analyze, {attempt} start to result: {result_s:.2f} s")
        if options.json:
            figures = {"packages": len(names), "mb": taken_mb, "install_s": install_s, "result_s": result_s}
            options.json.write_text(json.dumps(figures), "utf-8")


def megabytes(folder: Path) -> float:
    """Size of all files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


if __name__ == "__main__":
    main()
