"""Make a model file one of those that come with mien: measure it, write that on its card, bring the pages up to date.

    python benchmarks/embed.py mien-m.onnx --data fer2013.csv --votes fer2013new.csv --out measured/

On PublicTest, each label set, full and clean, with robustness on all rows: about five minutes on two idle cores. Writes
`src/mien/assets/NAME.onnx`, its line in `SHA256SUMS` there, and the page of its card; for the default model also the
tables of `docs/doubt.md` and the stored probabilities that `tests/test_embedded_model.py` compares with. What `--out`
holds is not measured again.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import mien
from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.writing import replacing

ROOT = Path(__file__).resolve().parents[1]


def call(*arguments: object) -> str:
    """Run a mien command; what it prints."""
    command = [sys.executable, "-m", "mien", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(benchmark: str, *arguments: object) -> None:
    """Run another benchmark; it prints as it goes."""
    subprocess.run([sys.executable, str(ROOT / "benchmarks" / f"{benchmark}.py"), *map(str, arguments)], check=True)


def is_measured(folder: Path, sha256: str) -> bool:
    """Whether this folder holds a finished evaluation of this file, robustness and all."""
    files = (folder / "metrics.json", folder / "robustness.json")
    if not all(file.is_file() for file in files):
        return False
    return all(json.loads(file.read_text("utf-8"))["model"]["sha256"] == sha256 for file in files)


def stored_astronaut() -> str:
    """What the default model reads in the example photo."""
    photo = mien.load_photo(ROOT / "examples" / "astronaut.jpg")
    readings = {
        labels: mien.Analyzer(detector="mtcnn", labels=labels).read(photo)
        for labels in ("ferplus", "fer2013")  # the astronaut's face is the only one
    }
    first = readings["ferplus"]
    values = {
        "model_sha256": first.model_sha256,
        "box_xyxy": list(first.faces[0].box_xyxy),
        "probabilities": {labels: one.faces[0].emotions.probabilities for labels, one in readings.items()},
    }
    return json.dumps(values, indent=1) + "\n"


def sums(folder: Path) -> str:
    """The SHA-256 of every model file in a folder, as `sha256sum` writes them."""
    files = sorted(folder.glob("*.onnx"))
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def write(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, "utf-8")
    print(path.relative_to(ROOT), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a file that mien export wrote")
    parser.add_argument("--data", type=Path, required=True, help="FER-2013's CSV")
    parser.add_argument("--votes", type=Path, required=True, help="FER+'s votes")
    parser.add_argument("--out", type=Path, required=True, help="folder for the evaluations; made if absent")
    parser.add_argument("--media", type=Path, help="labelled photos for benchmarks/media.py and docs/endtoend.md")
    arguments = parser.parse_args()
    classifier = EmotionClassifier(arguments.model)
    name = classifier.card.name
    arguments.out.mkdir(parents=True, exist_ok=True)
    drop = arguments.out / "drop.csv"
    if not drop.is_file():
        call("data", "leaks", arguments.data, "--drop", drop)
    reports = []
    for head in classifier.card.heads:
        folder = arguments.out / name / head.taxonomy
        if not is_measured(folder, classifier.sha256):
            data = ("--data", arguments.data, "--votes", arguments.votes, "--drop", drop)
            how = ("--labels", head.taxonomy, "--robustness", "--robustness-faces", 100_000)
            print(call("evaluate", arguments.model, *data, *how, "--out", folder), flush=True)
        reports.append(folder)
    embedded = ROOT / "src" / "mien" / "assets" / f"{name}.onnx"
    print(call("models", "record", arguments.model, *reports, "--out", embedded), end="", flush=True)
    write(embedded.with_name("SHA256SUMS"), sums(embedded.parent))
    page = "model-card.md" if name == DEFAULT_MODEL else f"model-card-{name}.md"
    write(ROOT / "docs" / page, call("models", "card", name))
    if name == DEFAULT_MODEL:
        write(ROOT / "tests" / "stored" / "astronaut.json", stored_astronaut())
        measure("doubt", "--data", arguments.data, "--votes", arguments.votes, "--into", ROOT / "docs" / "doubt.md")
        if arguments.media:
            measure("media", arguments.media, "--into", ROOT / "docs" / "endtoend.md")


if __name__ == "__main__":
    main()
