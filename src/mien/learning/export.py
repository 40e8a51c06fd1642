"""From trained runs to the one file that mien reads with: an ONNX graph (`graphs`) with its card inside."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mien.card import CARD_KEY, Head, InputSpec, ModelCard
from mien.errors import ExportError
from mien.learning.classical import load_classical
from mien.learning.classical_graphs import write_classical_graph
from mien.learning.doubt import fit_heads
from mien.learning.graphs import FaceReader, graph_answers, write_graph
from mien.learning.members import Members
from mien.learning.quantisation import quantise
from mien.learning.recipe import ClassicalRecipe
from mien.learning.runs import RECIPE, TrainedNetwork, load_network, read_recipe, read_record, read_validation
from mien.taxonomy import TAXONOMIES
from mien.writing import replacing

__all__ = ["export_runs", "write_card"]

CROP_SCALE = 1.06
"""Side of the crop over the longer side of a detector's box that shows a face as FER-2013 does.

Measured with mien-l on 34 labelled photos (`benchmarks/media.py`), read as labelled with YuNet's and MTCNN's boxes: 28
and 27 at 1.0 and at 1.03, 29 and 29 at 1.06, 29 and 28 at 1.1. Mild smiles are what is lost: 11 and 10 of 15 at 1.0
and at 1.03, 12 and 12 at 1.06, 11 and 11 at 1.1.
"""

CHECK_FACES = 64
"""How many of the run's own faces torch and ONNX Runtime must agree on."""

RANGE_FACES = 512
"""How many of the rows kept aside set the ranges of 8-bit integers; their labels are not looked at."""

CLASSICAL_ROWS = 256
"""How many of the rows kept aside calibrate a classical model, which may take a tenth of a second for a face."""

SAME_DECISIONS = 0.95
"""Share of the decisions on the rows kept aside that 8-bit integers may not change."""

INTENDED_USE = (
    "Reading how faces look to viewers in photos and videos: research on expressions, art, games, teaching, and "
    "interfaces that people chose to use."
)
MISUSE = (
    "It does not know what a person feels, and no decision about a person should rest on it: not hiring, not "
    "schooling, not credit, not guilt, not health. It is not for watching people who do not know of it."
)
LIMITS = (
    "FER-2013's faces are grey 48-px web pictures from 2013, most of them near-frontal; what is right is what most of "
    "ten viewers said. Contempt, disgust and fear are rare in the data and often missed. Mild, closed-mouth smiles are "
    "often read as neutral. Boxes that are no face are rejected by the model's own share of \"no face\"; animals' "
    "faces and statues can pass."
)
NOT_MEASURED = (
    "The data carry no demographic labels, so differences between groups of people were not measured: score your "
    "own pictures of them with mien evaluate. Side views, glasses, masks, make-up, motion blur, and expressions "
    "acted otherwise than in web pictures were not measured either."
)
LAW = (
    "EU AI Act: inferring emotions at work and in education is prohibited, but for medical and safety reasons (Art. "
    "5(1)(f)); deployers must inform the people exposed (Art. 50(3)). Other places have laws of their own."
)
DATA = (
    "FER-2013's (Goodfellow et al. 2013) seven labels come from the words of web searches; FER+'s (Barsoum et al. "
    '2016) are ten viewers\' votes for eight emotions, "cannot tell" and "no face". The pictures are no part of this '
    "project."
)


def export_runs(
    runs: Sequence[Path],
    destination: Path,
    *,
    name: str,
    version: str = "1",
    contrast_floor: float = 0.0,
    int8: bool = False,
) -> ModelCard:
    """Export what one run has learnt, or several together, calibrated on the validation part that all kept aside.

    Args:
        runs: Folders that `train` wrote. Several must answer the same about the same view, and have kept the same
            rows aside; their networks go into one graph (`Members`).
        destination: The ONNX file to write.
        name: Name of the model, for its card.
        version: Version of its weights, for its card.
        contrast_floor: As `FaceReader` takes it. A network that saw faces of many contrasts while training reads flat
            ones better with it.
        int8: Compute in 8-bit integers (`quantisation`).

    Returns:
        The card that went into the file.

    Raises:
        RunError: a folder holds no trained network.
        ExportError: the runs do not fit together, ONNX Runtime does not answer as torch does, or 8-bit integers
            change too many answers; nothing is written.
    """
    if any(isinstance(read_recipe(run), ClassicalRecipe) for run in runs):
        if len(runs) > 1 or int8 or contrast_floor:
            raise ExportError(
                "a support vector machine or nearest neighbours are exported alone and as they are: give one run, "
                "without --int8 and --contrast-floor"
            )
        return _export_classical(runs[0], destination, name=name, version=version)
    trained = [load_network(run) for run in runs]
    kept = read_validation(runs[0])
    _check_fit(runs, trained, kept["pixels"])
    first = trained[0]
    reader = FaceReader(
        first.network if len(runs) == 1 else Members([each.network for each in trained]),
        view_px=first.recipe.view_px,
        view_share=first.recipe.view_share,
        contrast_floor=contrast_floor,
    )
    outputs = [*first.heads, *(["embedding"] if len(first.heads) > 1 else [])]
    heads = [
        Head(taxonomy, output, columns[len(TAXONOMIES[taxonomy]) :], temperature=1.0)
        for output, (taxonomy, columns) in first.heads.items()
    ]
    with replacing(destination) as unfinished:
        write_graph(reader, unfinished, outputs=outputs, check_faces=kept["pixels"][:CHECK_FACES])
        if int8:
            exact = graph_answers(unfinished, outputs, kept["pixels"])
            quantise(unfinished, faces=kept["pixels"][:RANGE_FACES])
            _check_same_decisions(exact, graph_answers(unfinished, outputs, kept["pixels"]), list(first.heads))
        card = _card(
            runs,
            name=name,
            version=version,
            heads=fit_heads(heads, kept, read=lambda faces: graph_answers(unfinished, outputs, faces)),
            embedding="embedding" if "embedding" in outputs else None,
            parameters=sum(parameter.numel() for parameter in reader.parameters()),
            training={
                "contrast_floor": contrast_floor,
                "arithmetic": "8-bit integers" if int8 else "32-bit floating point",
            },
        )
        write_card(unfinished, card)
    return card


def _export_classical(run: Path, destination: Path, *, name: str, version: str) -> ModelCard:
    """As `export_runs`, for a run of a classical recipe."""
    model, kept = load_classical(run), read_validation(run)
    some = {column: values[:CLASSICAL_ROWS] for column, values in kept.items()}
    with replacing(destination) as unfinished:
        numbers = write_classical_graph(model, unfinished, output="labels", check_faces=kept["pixels"][:CHECK_FACES])
        head = Head(model.taxonomy, "labels", (), temperature=1.0)
        card = _card(
            [run],
            name=name,
            version=version,
            heads=fit_heads([head], some, read=lambda faces: graph_answers(unfinished, ["labels"], faces)),
            embedding=None,
            parameters=numbers,
            training={},
        )
        write_card(unfinished, card)
    return card


def _card(
    runs: Sequence[Path],
    *,
    name: str,
    version: str,
    heads: tuple[Head, ...],
    embedding: str | None,
    parameters: int,
    training: Mapping[str, Any],
) -> ModelCard:
    """The card of a file made of runs that kept the same rows aside."""
    members = [_history(run) for run in runs]
    return ModelCard(
        name=name,
        version=version,
        input=InputSpec(side_px=read_validation(runs[0])["pixels"].shape[1], crop_scale=CROP_SCALE),
        heads=heads,
        embedding=embedding,
        parameters=parameters,
        licence="Apache-2.0",
        data=_data(members[0]),
        training={**training, "members": members},
        intended_use=INTENDED_USE,
        misuse=MISUSE,
        limits=LIMITS,
        not_measured=NOT_MEASURED,
        law=LAW,
    )


def _check_fit(runs: Sequence[Path], trained: Sequence[TrainedNetwork], pixels: NDArray[np.uint8]) -> None:
    """Raise unless several runs can answer as one."""
    wanted = (trained[0].heads, trained[0].recipe.view_px, trained[0].recipe.view_share)
    for run, each in zip(runs[1:], trained[1:], strict=True):
        if (each.heads, each.recipe.view_px, each.recipe.view_share) != wanted:
            raise ExportError(
                f"{run} has other heads or another view of the face than {runs[0]}: export them apart, or train them "
                "with the same target, view_px and view_share"
            )
        if not np.array_equal(read_validation(run)["pixels"], pixels):
            raise ExportError(
                f"{run} kept other rows aside than {runs[0]}, so no row is left that none has learnt: train them with "
                "the same data, validation share and split_seed"
            )


def _data(member: Mapping[str, Any]) -> str:
    """What a run has learnt from, in words."""
    heads = " and ".join(f"{head['name']} in {head['taxonomy']}" for head in member["heads"])
    rows = member["rows"]
    return (
        f"{member['data']['source']}: {heads}; {rows['training']} rows to learn from, {rows['validation']} kept aside "
        f"to choose and calibrate by. {DATA}"
    )


def _history(run: Path) -> dict[str, Any]:
    """How a run came to be, for the card."""
    record = read_record(run)
    for source in filter(None, (record["data"], record["data"].get("extra"))):
        source["source"] = Path(source["source"]).name  # a card travels: whose folder it was is not told
    return {"run": run.name, **record, "recipe": (run / RECIPE).read_text("utf-8")}


def _check_same_decisions(
    exact: Mapping[str, NDArray[np.float32]], answers: Mapping[str, NDArray[np.float32]], heads: Sequence[str]
) -> None:
    """Raise if 8-bit integers decide differently too often."""
    for head in heads:
        same = float((exact[head].argmax(axis=1) == answers[head].argmax(axis=1)).mean())
        if same < SAME_DECISIONS:
            raise ExportError(
                f"in 8-bit integers only {same:.1%} of the decisions of {head} stay the same (expected at least "
                f"{SAME_DECISIONS:.0%}): nothing was written; export without --int8"
            )


def write_card(path: Path, card: ModelCard) -> None:
    """Put a card into an ONNX file, in place of all else it says of itself: torch notes source files by their path."""
    model = onnx.load(str(path))
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.metadata_props.add(key=CARD_KEY, value=card.to_json())
    onnx.save(model, str(path))
