"""The bill of materials (SBOM): `python release/bill.py WHEEL [--out dist/]`, CycloneDX 1.6 in JSON.

One for the core, `mien.cdx.json`, and one for each extra, `mien-EXTRA.cdx.json`: an environment is filled as a user's
would be, with the versions of `constraints.txt`, and every package in it is named with its version, licence and purl.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from environments import EXTRAS, ROOT, Environment, check, working_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="as release/wheel.py leaves it in dist/")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the bills; made if absent")
    parser.add_argument("--only", choices=("", *EXTRAS), action="append", help="of these alone; '' is the core")
    parser.add_argument("--pin", action="append", default=[], help="such as torch==2.13.0+cpu; may be repeated")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    held = []
    for extra in args.only or ("", *EXTRAS):
        with working_folder() as folder:
            wanted = f"{args.wheel.resolve()}[{extra}]" if extra else str(args.wheel.resolve())
            env = Environment(folder / "env", [wanted], pins=[str(ROOT / "constraints.txt"), *args.pin])
            out = args.out / f"mien{'-' if extra else ''}{extra}.cdx.json"
            command = [
                "cyclonedx-py",
                "environment",
                "--pyproject",
                str(ROOT / "pyproject.toml"),
                "--mc-type",
                "library",
            ]
            command += ["--spec-version", "1.6", "--output-reproducible", "--output-file", str(out), str(env.python)]
            subprocess.run([Path(sys.executable).with_name(command[0]), *command[1:]], check=True)
            named = {
                part["name"].lower().replace("_", "-") for part in json.loads(out.read_text("utf-8"))["components"]
            }
            there = {line.partition("==")[0].lower().replace("_", "-") for line in env.versions()} - {"mien"}
            held.append(check(f"{out.name}: {len(named)} packages", named == there, but=str(named ^ there)))
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
