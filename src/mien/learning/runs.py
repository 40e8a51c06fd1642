"""The folder of a training run: what stands in it, when it may be gone on with, and how its model is read back.

- `recipe.toml`: the recipe with every field
- `run.json`: seed, versions, what the data were, what the model answers, how far it is
- `metrics.csv`, `curves.png`: figures per epoch
- `validation.npz`: the rows kept aside, as the model takes them: pixels, labels and, where there are any, votes
- `model.ckpt`: the weights to use, and how many epochs made them
- `last.ckpt`: all that is needed to go on
- `.lock`: held by the process that trains, empty
"""

import hashlib
import json
import os
import platform
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import nn

from mien.datasets.faceset import FaceSet
from mien.errors import RunError
from mien.learning.networks.registry import build_network
from mien.learning.recipe import ClassicalRecipe, Recipe
from mien.learning.recipe_files import recipe_from_values, to_toml
from mien.learning.targets import HeadTargets
from mien.writing import replacing

__all__ = [
    "CHECKPOINT",
    "CURVES",
    "METRICS",
    "MODEL",
    "RECIPE",
    "RECORD",
    "VALIDATION",
    "TrainedNetwork",
    "begin_run",
    "claimed",
    "fingerprint",
    "load_network",
    "read_recipe",
    "read_record",
    "read_validation",
    "save_checkpoint",
    "update_record",
]

RECIPE = "recipe.toml"
RECORD = "run.json"
METRICS = "metrics.csv"
CURVES = "curves.png"
VALIDATION = "validation.npz"
MODEL = "model.ckpt"
CHECKPOINT = "last.ckpt"

_LOCK = ".lock"
_PACKAGES = ("mien", "numpy", "torch", "lightning", "scikit-learn")


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A run's network, ready to answer.

    Args:
        network: In evaluation mode, on the CPU, float32.
        recipe: How it was trained.
        heads: What it answers, in the order of its outputs: name ("votes", "labels") -> (taxonomy, columns).
        epochs_done: Passes that its weights have seen.
    """

    network: nn.Module
    recipe: Recipe
    heads: Mapping[str, tuple[str, tuple[str, ...]]]
    epochs_done: int


def fingerprint(faces: FaceSet) -> str:
    """SHA-256 of pixels, labels, votes and splits, in order: the same rows have the same, whatever file they are in."""
    digest = hashlib.sha256()
    for column in (faces.pixels, faces.labels, faces.votes):
        if column is not None:
            digest.update(f"{column.shape} {column.dtype}".encode())
            digest.update(np.ascontiguousarray(column).data)
    digest.update("\n".join(faces.split.tolist()).encode())
    return digest.hexdigest()


@contextmanager
def claimed(run: Path) -> Iterator[None]:
    """Keep a run's folder, made if absent, to this process; one that is killed gives it up.

    Raises:
        RunError: another process trains in it.
    """
    run.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunError(f"another process is training in {run}: wait until it ends, or choose another folder") from None
    try:
        yield
    finally:
        lock.release()


def begin_run(
    run: Path,
    recipe: Recipe | ClassicalRecipe,
    faces: FaceSet,
    *,
    validation: FaceSet,
    extra: FaceSet | None = None,
    entries: Mapping[str, Any],
    resume: bool,
) -> None:
    """Make the folder of a run, or check that this recipe and these data may go on with it.

    Args:
        run: The folder.
        recipe: What is to be done.
        faces: All data, as they were read.
        validation: The rows kept aside, as the model takes them.
        extra: Further rows that are learnt.
        entries: What else `run.json` is to say.
        resume: The folder may already hold this run.

    Raises:
        RunError: it holds one and `resume` is False, or one of another recipe or other data.
    """
    data: dict[str, Any] = {"source": faces.source, "rows": len(faces), "sha256": fingerprint(faces)}
    if extra is not None:
        data["extra"] = {"source": extra.source, "rows": len(extra), "sha256": fingerprint(extra)}
    if (run / RECIPE).exists():
        if not resume:
            raise RunError(f"{run} already holds a run: add --resume to go on with it, or choose another folder")
        _check_same(run, recipe, data, teachers=entries.get("teachers", []))
        return
    _save_validation(run, validation)
    with replacing(run / RECORD) as unfinished:
        record = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": recipe.seed,
            "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "data": data,
            **entries,
        }
        unfinished.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    with replacing(run / RECIPE) as unfinished:
        unfinished.write_text(to_toml(recipe), "utf-8")  # the last of all: a folder with it is whole


def _check_same(
    run: Path, recipe: Recipe | ClassicalRecipe, data: Mapping[str, Any], *, teachers: list[dict[str, Any]]
) -> None:
    begun, now = (set(to_toml(each).splitlines()) for each in (read_recipe(run), recipe))
    if begun != now:
        raise RunError(
            f"{run} was begun with another recipe ({'; '.join(sorted(begun - now))}; now "
            f"{'; '.join(sorted(now - begun))}): give the same one, or choose another folder"
        )
    record = read_record(run)
    known = record["data"]
    if known["sha256"] != data["sha256"]:
        raise RunError(
            f"{run} was begun with other data ({known['rows']} rows of {known['source']}, now {data['rows']} of "
            f"{data['source']}, and their contents differ): give the same data, or choose another folder"
        )
    if known.get("extra", {}).get("sha256") != data.get("extra", {}).get("sha256"):
        raise RunError(f"{run} was begun with other extra rows: give the same --extra, or choose another folder")
    if record.get("teachers", []) != teachers:
        names = ", ".join(teacher["run"] for teacher in record.get("teachers", [])) or "none"
        raise RunError(f"{run} was begun with other teachers ({names}): give the same ones, or choose another folder")


def read_recipe(run: Path) -> Recipe | ClassicalRecipe:
    """The recipe of a run.

    Raises:
        RunError: the folder holds no run.
    """
    try:
        values = tomllib.loads((run / RECIPE).read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(f"{run} holds no run: expected {RECIPE} in it, as mien train writes it") from None
    return recipe_from_values(values, source=str(run / RECIPE))


def read_record(run: Path) -> dict[str, Any]:
    """What `run.json` says."""
    record: dict[str, Any] = json.loads((run / RECORD).read_text("utf-8"))
    return record


def update_record(run: Path, **entries: Any) -> None:
    """Set entries of `run.json`; the others stay."""
    record = {**read_record(run), **entries}
    with replacing(run / RECORD) as unfinished:
        unfinished.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def describe_heads(heads: tuple[HeadTargets, ...]) -> list[dict[str, Any]]:
    """Heads as `run.json` holds them."""
    return [{"name": head.name, "taxonomy": head.taxonomy.name, "columns": list(head.columns)} for head in heads]


def _save_validation(run: Path, faces: FaceSet) -> None:
    """Keep the rows that the run chooses by, for calibration and for checks of the exported file."""
    columns: dict[str, NDArray[Any]] = {"pixels": faces.pixels, "labels": faces.labels}
    if faces.votes is not None:
        columns["votes"] = faces.votes
    with replacing(run / VALIDATION) as unfinished:
        np.savez_compressed(unfinished, allow_pickle=False, **columns)


def read_validation(run: Path) -> dict[str, NDArray[Any]]:
    """The rows that a run kept aside: pixels `(n, side, side)` uint8, labels `(n,)`, perhaps votes `(n, 10)`."""
    with np.load(run / VALIDATION, allow_pickle=False) as file:
        return dict(file)


def save_checkpoint(path: Path, values: Mapping[str, Any]) -> None:
    """Write a checkpoint of tensors and plain values, whole or not at all."""
    with replacing(path) as unfinished:
        torch.save(dict(values), unfinished)


def load_network(run: Path) -> TrainedNetwork:
    """The network of a run with the weights to use.

    Raises:
        RunError: the folder holds no run of a network, or one that has not saved a model yet.
    """
    recipe = read_recipe(run)
    if not isinstance(recipe, Recipe):
        raise RunError(f"{run} holds a {recipe.classifier}, not a network")
    if not (run / MODEL).exists():
        raise RunError(f"{run} has no {MODEL} yet: its training has not come to the end of a first epoch")
    saved = torch.load(run / MODEL, map_location="cpu", weights_only=True)
    heads = {head["name"]: (head["taxonomy"], tuple(head["columns"])) for head in read_record(run)["heads"]}
    outputs = None if len(heads) == 2 else len(next(iter(heads.values()))[1])
    network = build_network(recipe.network, outputs=outputs, side_px=recipe.view_px, options=recipe.options)
    network.load_state_dict(saved["state_dict"])
    return TrainedNetwork(network.eval(), recipe, heads, int(saved["epochs_done"]))
