"""What `mien bench` measures: milliseconds a photo, seconds to the first reading, how many faces are read right."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.benchmark import worker
from mien.benchmark.machine import describe_machine
from mien.benchmark.turns import take_turns
from mien.benchmark.worker import FACE_ALONE
from mien.classifier import EmotionClassifier, embedded_models
from mien.datasets.droplist import read_drop_list
from mien.datasets.reading import read
from mien.evaluation.judge import Exam, default_split, set_exam
from mien.evaluation.metrics import wilson_interval
from mien.media.photos import load_photo
from mien.taxonomy import FER2013, FERPLUS, TAXONOMIES
from mien.weights import WEIGHTS, is_present

__all__ = ["PEERS", "Accuracy", "Benchmark", "Speed", "exams_on", "peers_in", "run_benchmark"]

PEERS = {"fer": ("haar", "mtcnn"), "deepface": ("opencv", "yunet")}
"""Other tools, and the detectors that they are timed with."""

_BATCH = 64

Say = Callable[[str], object]


@dataclass(frozen=True)
class Speed:
    """How fast one system reads.

    Args:
        system: The tool, and how: its detector, or `FACE_ALONE`.
        ms: Milliseconds a photo (or face), the median of the rounds.
        range_ms: The fastest and the slowest round.
        start_s: Seconds from nothing to its first reading.
    """

    system: str
    ms: float
    range_ms: tuple[float, float]
    start_s: float


@dataclass(frozen=True)
class Accuracy:
    """How many cut-out faces one network reads right.

    Args:
        system: The model or tool.
        labels: Name of the label set.
        protocol: What counts as right.
        rows: Faces scored.
        accuracy: Share of right ones.
        interval: Of 95 % (Wilson).
        clean_rows: Faces that are not on the drop list; None without one.
        clean_accuracy: Share of right ones among these.
    """

    system: str
    labels: str
    protocol: str
    rows: int
    accuracy: float
    interval: tuple[float, float]
    clean_rows: int | None
    clean_accuracy: float | None


@dataclass(frozen=True)
class Benchmark:
    """All that one run measured.

    Args:
        machine: As `describe_machine` has it.
        photo: Name and size of the photo; None where faces alone were timed.
        model_mb: Size of each embedded model's file.
        speeds: Of every system that could be run.
        accuracies: Of every network, per label set.
    """

    machine: dict[str, Any]
    photo: str | None
    model_mb: dict[str, float]
    speeds: tuple[Speed, ...]
    accuracies: tuple[Accuracy, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return asdict(self)


def run_benchmark(
    *,
    photo: Path | None = None,
    exams: Sequence[Exam] = (),
    peer_pythons: Sequence[Path] = (),
    rounds: int = 9,
    say: Say = print,
) -> Benchmark:
    """Measure on this machine.

    Args:
        photo: A photo with a face, for the speed of finding and reading; None times faces alone.
        exams: Labelled faces to be read, as `exams_on` sets them.
        peer_pythons: Interpreters in which other tools may be installed.
        rounds: Turns of every system, each the median of a few readings.
        say: Told what could not be measured.

    Raises:
        MediaError: the photo cannot be read.
    """
    if photo is not None:
        height, width = load_photo(photo).shape[:2]
    peers = {tool: python for python in peer_pythons for tool in peers_in(python)}
    return Benchmark(
        machine=describe_machine(),
        photo=None if photo is None else f"{photo.name}, {width}x{height}",
        model_mb={name: path.stat().st_size / 1e6 for name, path in embedded_models().items()},
        speeds=_speeds(photo, peers, rounds=rounds, say=say),
        accuracies=tuple(accuracy for exam in exams for accuracy in _accuracies(exam, peers, say=say)),
    )


def exams_on(data: Path, *, votes: Path | None = None, drop: Path | None = None) -> list[Exam]:
    """PublicTest of FER-2013 in its seven labels and, where there are votes, in FER+'s eight.

    Args:
        data: Labelled faces, in any layout that `mien data` knows.
        votes: FER+ votes for the same rows.
        drop: Rows that the clean figures leave out, as `mien data leaks --drop` writes them.

    Raises:
        DataError: the data cannot be read, or have no PublicTest.
    """
    faces = read(data, votes=votes)
    names = [FERPLUS.name] * (faces.votes is not None) + [FER2013.name]
    dropped = None if drop is None else read_drop_list(drop)
    return [set_exam(faces, split=default_split(faces), taxonomy=TAXONOMIES[name], drop=dropped) for name in names]


def peers_in(python: Path) -> list[str]:
    """The other tools that an interpreter has."""
    code = f"import importlib.util as u, json; print(json.dumps([n for n in {list(PEERS)!r} if u.find_spec(n)]))"
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    found: list[str] = json.loads(done.stdout)
    return found


def _speeds(photo: Path | None, peers: Mapping[str, Path], *, rounds: int, say: Say) -> tuple[Speed, ...]:
    """Every system's speed; all take turns."""
    own = Path(sys.executable)
    systems = {f"{name}, {FACE_ALONE}": own for name in embedded_models()}
    if photo is not None:
        systems |= {f"mien, {name}": own for name in ("yunet", "mtcnn") if name not in WEIGHTS or is_present(name)}
        systems |= {f"{tool}, {how}": python for tool, python in peers.items() for how in PEERS[tool]}
    workers = take_turns(systems, worker.__file__, str(photo), rounds=rounds, say=say)
    return tuple(
        Speed(name, one.median, (min(one.measured), max(one.measured)), one.start_s) for name, one in workers.items()
    )


def _accuracies(exam: Exam, peers: Mapping[str, Path], *, say: Say) -> Iterator[Accuracy]:
    """Every network's answers to an exam, each face cut out as it is stored."""
    pixels, taxonomy = exam.faces.pixels, exam.truth.taxonomy
    for name in embedded_models():
        classifier = EmotionClassifier.load(name)
        batches = [list(pixels[start : start + _BATCH]) for start in range(0, len(pixels), _BATCH)]
        tops = [answer.top for batch in batches for answer in classifier.classify(batch, labels=taxonomy.name)]
        yield _accuracy(name, exam, tops)
    if taxonomy != FER2013:
        return  # the labels of the other tools
    for tool, python in peers.items():
        tops = _answers(tool, python, pixels)
        if tops:
            yield _accuracy(tool, exam, tops)
        else:
            say(f"{tool}: its network could not be run here")


def _answers(tool: str, python: Path, pixels: NDArray[np.uint8]) -> list[str]:
    """What another tool reads in faces; nothing if it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faces.npy"
        np.save(path, pixels)
        command = [str(python), "-W", "ignore", worker.__file__, "--faces", tool, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return []
    answers: list[str] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _accuracy(system: str, exam: Exam, tops: Sequence[str]) -> Accuracy:
    labels = exam.truth.taxonomy.labels
    right = np.array([labels[label] for label in exam.truth.labels]) == np.array(tops)
    return Accuracy(
        system=system,
        labels=exam.truth.taxonomy.name,
        protocol=exam.truth.title,
        rows=len(right),
        accuracy=float(right.mean()),
        interval=wilson_interval(int(right.sum()), len(right)),
        clean_rows=None if exam.clean is None else int(exam.clean.sum()),
        clean_accuracy=None if exam.clean is None else float(right[exam.clean].mean()),
    )
