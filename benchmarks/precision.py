"""Is bf16 faster to train in than float32 on this processor, and does a network learn as well in it?

    python benchmarks/precision.py [--recipes mini-xception mien-s ...] [--rounds 3] [--steps 6]
    python benchmarks/precision.py --parity fer2013.csv [--epochs 3] [--rows 6000]

The first prints milliseconds per face of whole training steps, augmentation included, in both; they take turns, round
by round, so that a slower or busier machine is slow for both. Pixels are random: time does not depend on them. With
ONEDNN_MAX_CPU_ISA=AVX2 (or AVX512_CORE, AVX512_CORE_BF16) in the environment, a processor shows how one with fewer
instructions would do.

The second trains `miele-cnn` briefly on real faces, once in each, and prints the validation accuracy of every epoch.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.datasets.faceset import FaceSet
from mien.datasets.reading import read
from mien.learning.devices import NativePrecision, native_precision, open_devices
from mien.learning.loop import TrainingLoop
from mien.learning.memory import keep_freed_memory
from mien.learning.recipe import Recipe
from mien.learning.recipe_files import load_recipe
from mien.learning.training import Execution, train
from mien.taxonomy import FER2013

RECIPES = ["mini-xception", "mien-s", "study-cnn", "miele-cnn"]
PRECISIONS: tuple[NativePrecision, NativePrecision] = ("32-true", "bf16-mixed")
ROWS = 2048


def load(name: str, **overrides: Any) -> Recipe:
    """A shipped recipe of a network."""
    recipe = load_recipe(name, overrides=overrides)
    assert isinstance(recipe, Recipe)
    return recipe


def random_faces() -> FaceSet:
    """Grey faces that are none, with labels and votes."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (ROWS, 48, 48)).astype(np.uint8)
    votes = rng.integers(1, 4, (ROWS, 10)).astype(np.uint8)
    return FaceSet(pixels, rng.integers(0, 7, ROWS), votes, np.array(["Training"] * ROWS), FER2013, "random pixels")


def speed(name: str, *, rounds: int, steps: int) -> list[float]:
    """Milliseconds per face and step in each precision: medians of the rounds."""
    faces = random_faces()
    loops: list[TrainingLoop] = []
    for precision in PRECISIONS:
        recipe = load(name, precision=precision, small_share=0)
        fabric = open_devices(precision, accelerator="cpu")
        loops.append(TrainingLoop(recipe, faces, faces.select(slice(0, recipe.batch)), fabric=fabric))
        loops[-1].take_step()  # allocates
    times_ms: list[list[float]] = [[] for _ in loops]
    for _ in range(rounds):
        for loop, times in zip(loops, times_ms, strict=True):
            start_s = time.perf_counter()
            for _ in range(steps):
                loop.step = 0  # the same batch again: an epoch's end would be timed too
                loop.take_step()
            times.append(1000 * (time.perf_counter() - start_s) / (steps * loop.recipe.batch))
    return [statistics.median(times) for times in times_ms]


def parity(data: Path, *, epochs: int, rows: int) -> None:
    """The same short run of miele-cnn in both."""
    training = read(data).of_split("Training")
    some = training.select(np.random.default_rng(0).permutation(len(training))[:rows])
    for precision in PRECISIONS:
        recipe = load("miele-cnn", precision=precision, epochs=epochs)
        with tempfile.TemporaryDirectory() as folder:
            outcome = train(some, recipe, Path(folder) / "run", execution=Execution(accelerator="cpu"))
        accuracies = " ".join(f"{figures['val_accuracy']:.4f}" for figures in outcome.epochs)
        seconds = sum(figures["seconds"] for figures in outcome.epochs)
        print(
            f"miele-cnn {precision:10} {len(some)} rows, validation accuracy per epoch: {accuracies}  ({seconds:.0f} s)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each precision")
    parser.add_argument("--steps", type=int, default=6, help="training steps per turn")
    parser.add_argument("--parity", type=Path, metavar="DATA", help="compare what is learnt of these faces instead")
    parser.add_argument("--epochs", type=int, default=3, help="of --parity")
    parser.add_argument("--rows", type=int, default=6000, help="of --parity")
    args = parser.parse_args()
    if args.parity:
        parity(args.parity, epochs=args.epochs, rows=args.rows)
        return
    keep_freed_memory()  # as mien train does
    print(
        f'{torch.cpu.get_capabilities()["cpu_name"]}, {torch.get_num_threads()} threads: "auto" is '
        f"{native_precision('auto', accelerator='cpu')}"
    )
    for name in args.recipes:
        float32_ms, bf16_ms = speed(name, rounds=args.rounds, steps=args.steps)
        print(f"{name:15} float32 {float32_ms:6.1f} ms a face, bf16 {bf16_ms:6.1f}, ratio {float32_ms / bf16_ms:.2f}")


if __name__ == "__main__":
    main()
