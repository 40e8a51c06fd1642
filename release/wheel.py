"""Is the wheel what we say? Run `python release/wheel.py [--out dist/]`.

Builds the last commit's source archive and wheel twice, in two folders, and compares their hashes; looks into the
wheel; installs it into an empty environment with the versions of `constraints.txt` and reads a photo there without a
network, where the system lets a program be cut off from it. What was built is left in `--out`, with its hashes.
"""

import argparse
import hashlib
import json
import shutil
import sys
import zipfile
from pathlib import Path

from environments import PHOTO, ROOT, Environment, build, can_cut_network, check, tree_of_head, working_folder

LARGEST_BYTES = 15_000_000


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_contents(wheel: Path) -> list[bool]:
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        sums = file.read("mien/assets/SHA256SUMS").decode().split()
        models = {name: hashlib.sha256(file.read(f"mien/assets/{name}")).hexdigest() for name in sums[1::2]}
    strangers = [name for name in names if not name.startswith(("mien/", "mien-"))]
    needed = {"mien/py.typed", "mien/assets/mien-l.onnx", "mien/server/static/index.html"}
    return [
        check(
            f"smaller than {LARGEST_BYTES / 1e6:.0f} MB: {wheel.stat().st_size / 1e6:.1f}",
            wheel.stat().st_size < LARGEST_BYTES,
        ),
        check("holds mien and nothing else", not strangers, but=", ".join(strangers)),
        check(
            "holds the types, the models, the pages and the licence",
            needed <= set(names) and any("LICENSE" in name for name in names),
        ),
        check("the models are those of SHA256SUMS", list(models.values()) == sums[::2]),
    ]


def check_reading(wheel: Path, folder: Path) -> list[bool]:
    env = Environment(folder, [str(wheel)], pins=[str(ROOT / "constraints.txt")])
    cut = can_cut_network()
    done = env.run("mien", "analyze", PHOTO, "--json", offline=cut)
    how = "without a network" if cut else "(this system cannot cut a program off from the network)"
    held = [check(f"an empty environment reads a photo {how}", done.returncode == 0, but=done.stderr)]
    if held[0]:
        expected = json.loads((ROOT / "tests" / "stored" / "astronaut.json").read_text("utf-8"))
        (face,) = json.loads(done.stdout)["photos"][0]["reading"]["faces"]
        nearly = all(
            abs(share - face["emotions"]["probabilities"][label]) < 0.01
            for label, share in expected["probabilities"]["ferplus"].items()
        )
        held.append(check("and answers as it should", nearly, but=str(face["emotions"])))
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the files; made if absent")
    out = parser.parse_args().out
    with working_folder() as folder:
        first = build(tree_of_head(folder / "here"), folder / "one")
        second = build(tree_of_head(folder / "elsewhere"), folder / "two")
        hashes = [tuple(map(sha256, files)) for files in (first, second)]
        held = [check("built twice, the same bytes", hashes[0] == hashes[1], but=str(hashes))]
        held += check_contents(first[1]) + check_reading(first[1], folder / "env")
        if all(held):
            out.mkdir(parents=True, exist_ok=True)
            for path in first:
                shutil.copy(path, out)
            (out / "SHA256SUMS").write_text("".join(f"{sha256(path)}  {path.name}\n" for path in first), "ascii")
            print((out / "SHA256SUMS").read_text("ascii"), end="")
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
