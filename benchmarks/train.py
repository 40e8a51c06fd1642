"""How fast does mien train the seeds' networks beside Keras 3 on TensorFlow, as the seeds ran them?

    python benchmarks/train.py [--rounds 3] [--steps 6] [--networks pesamaa-elu miele-cnn] [--no-peers]
                               [--peer-python PYTHON]

Images per second of whole training steps on two threads, batch 64, with loading and augmentation on both sides: mien by
its own loop and recipes (channels_last, bf16 where the processor has it), Keras by `fit` over an `ImageDataGenerator`
with the same turns, shifts and flips, the same optimiser, float32. Both have the same layers, which is checked by their
parameters. Every system runs in a process of its own; they take turns, round by round, so that a slower or busier
machine is slow for all of them. Keras gets an environment of its own under build/peers/keras, or --peer-python names
one that has it; where it cannot be installed, the table says so and gives our own figures alone. Pixels are random:
time does not depend on them.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PEER_ENV = ROOT / "build" / "peers" / "keras"
PEER_PACKAGES = ["tensorflow-cpu==2.21.0", "keras>=3", "scipy", "numpy"]
THREADS, BATCH, ROWS = 2, 64, 4096
PARAMETERS = {"pesamaa-elu": 7_831_815, "miele-cnn": 2_137_991}
TARGET = 1.6

Steps = Callable[[int], None]


def random_rows() -> tuple[Any, Any]:
    """Grey faces that are none, and labels."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (ROWS, 48, 48)).astype(np.uint8), rng.integers(0, 7, ROWS)


def mien_steps(name: str) -> Steps:
    import torch

    from mien.datasets.faceset import FaceSet
    from mien.learning.devices import native_precision, open_devices
    from mien.learning.loop import TrainingLoop
    from mien.learning.memory import keep_freed_memory
    from mien.learning.networks.registry import count_parameters
    from mien.learning.recipe import Recipe
    from mien.learning.recipe_files import load_recipe
    from mien.taxonomy import FER2013

    torch.set_num_threads(THREADS)
    keep_freed_memory()  # as mien train does
    recipe = load_recipe(name, overrides={"batch": BATCH})
    assert isinstance(recipe, Recipe)
    pixels, labels = random_rows()
    faces = FaceSet(pixels, labels, None, np.array(["Training"] * ROWS), FER2013, "random pixels")
    precision = native_precision(recipe.precision, accelerator="cpu")
    fabric = open_devices(precision, accelerator="cpu")
    loop = TrainingLoop(recipe, faces, faces.select(slice(0, BATCH)), fabric=fabric)
    assert count_parameters(loop.net).total == PARAMETERS[name]

    def take(steps: int) -> None:
        for _ in range(steps):
            loop.take_step()
            if loop.is_epoch_over:
                loop.end_epoch()

    return take


def keras_steps(name: str) -> Steps:
    import keras  # type: ignore[import-not-found]  # lives in the peer's environment
    import tensorflow as tf  # type: ignore[import-not-found]

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    model = keras.Sequential(
        [keras.Input((48, 48, 1)), *(keras_pesamaa if name == "pesamaa-elu" else keras_miele)(keras)]
    )
    assert model.count_params() == PARAMETERS[name]
    optimiser = (keras.optimizers.Nadam if name == "pesamaa-elu" else keras.optimizers.Adam)(1e-3)
    model.compile(optimiser, loss="categorical_crossentropy", metrics=["accuracy"])
    ranges = {"pesamaa-elu": (17, 0.15, 0.0), "miele-cnn": (10, 0.1, 0.1)}[name]
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=ranges[0],
        width_shift_range=ranges[1],
        height_shift_range=ranges[1],
        zoom_range=ranges[2],
        horizontal_flip=True,
    )
    pixels, labels = random_rows()
    flow = generator.flow(pixels[..., None].astype(np.float32), np.eye(7)[labels], batch_size=BATCH)
    return lambda steps: model.fit(flow, steps_per_epoch=steps, epochs=1, verbose=0)


def keras_pesamaa(keras: Any) -> list[Any]:
    layers: list[Any] = []
    for pair in ((512, 256), (128, 128), (256, 512)):
        for width in pair:
            layers.append(
                keras.layers.Conv2D(width, 3, padding="same", activation="elu", kernel_initializer="he_normal")
            )
            layers.append(keras.layers.BatchNormalization())
        layers += [keras.layers.MaxPooling2D(), keras.layers.Dropout(0.22)]
    dense = keras.layers.Dense(256, activation="elu", kernel_initializer="he_normal")
    layers += [keras.layers.Flatten(), dense, keras.layers.BatchNormalization(), keras.layers.Dropout(0.23)]
    return [*layers, keras.layers.Dense(7, activation="softmax")]


def keras_miele(keras: Any) -> list[Any]:
    layers: list[Any] = []
    for width in (256, 128, 64):
        for place in range(2):
            padding = "valid" if not layers and place == 0 else "same"
            layers.append(keras.layers.Conv2D(width, 3, padding=padding, activation="relu"))
            layers.append(keras.layers.BatchNormalization())
        layers.append(keras.layers.MaxPooling2D())
    layers.append(keras.layers.Flatten())
    for width in (512, 256, 128):
        layers += [keras.layers.Dense(width, activation="relu"), keras.layers.BatchNormalization()]
    return [*layers, keras.layers.Dense(7, activation="softmax")]


def work(system: str, network: str) -> None:
    """Inside a worker: answer every line on standard input, a number of steps, with images per second."""
    take = (mien_steps if system == "mien" else keras_steps)(network)
    take(2)  # compiles, allocates
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        start_s = time.perf_counter()
        take(int(line))
        print(json.dumps(int(line) * BATCH / (time.perf_counter() - start_s)), flush=True)


def peer_python() -> Path | None:
    """The peer's interpreter, installed now if need be; None where that fails."""
    python = PEER_ENV / "bin" / "python"
    if not (PEER_ENV / "installed").exists():
        print(f"installing Keras and TensorFlow into {PEER_ENV} ...", file=sys.stderr)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(PEER_ENV)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER_PACKAGES], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"Keras and TensorFlow could not be installed: {error}", file=sys.stderr)
            return None
        (PEER_ENV / "installed").touch()
    return python


class Worker:
    """A process that trains one network with one system when asked."""

    def __init__(self, system: str, network: str, python: Path) -> None:
        self.rates: list[float] = []
        command = [str(python), "-W", "ignore", __file__, "--worker", system, network]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def answer(self) -> Any:
        """The next JSON line; None when the process is gone. Lines that are not JSON are its library's chatter."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        return None

    def round(self, steps: int) -> None:
        """Let it train so many steps."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.rates.append(self.answer())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(network: str, python: Path | None, *, rounds: int, steps: int) -> dict[str, float]:
    """One network's line of the table: images a second by system."""
    workers: dict[str, Worker] = {}
    for system, interpreter in (("mien", Path(sys.executable)), ("keras", python)):
        if interpreter is None:
            continue
        worker = Worker(system, network, interpreter)
        if worker.answer() is None:
            print(f"{network}: {system} could not be run here")
        else:
            workers[system] = worker
    for _ in range(rounds):
        for worker in workers.values():
            worker.round(steps)
    medians = {system: statistics.median(worker.rates) for system, worker in workers.items()}
    for system, worker in workers.items():
        spread = f"({min(worker.rates):.1f} to {max(worker.rates):.1f})"
        print(f"{network:12} {system:6} {medians[system]:7.1f} images/s  {spread}")
        worker.close()
    if len(medians) == 2:
        ratio = medians["mien"] / medians["keras"]
        verdict = "reached" if ratio >= TARGET else "missed"
        print(f"{network:12} mien / keras {ratio:.2f} ({TARGET} {verdict})")
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="turns of every system")
    parser.add_argument("--steps", type=int, default=6, help=f"training steps of {BATCH} images per turn")
    parser.add_argument("--networks", nargs="+", choices=PARAMETERS, default=list(PARAMETERS))
    parser.add_argument("--no-peers", action="store_true", help="our own figures alone")
    parser.add_argument("--peer-python", type=Path, metavar="PYTHON", help="an interpreter with Keras and TensorFlow")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(*args.worker)
    else:
        python = None if args.no_peers else args.peer_python or peer_python()
        print(f"{platform.machine()}, {THREADS} threads, batch {BATCH}, medians of {args.rounds} x {args.steps} steps")
        rates = {name: compare(name, python, rounds=args.rounds, steps=args.steps) for name in args.networks}
        if args.json:
            args.json.write_text(json.dumps({"images_per_s": rates}), "utf-8")


if __name__ == "__main__":
    main()
