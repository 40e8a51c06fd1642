"""Small labelled faces and a model's answers to them, for the tests of evaluation."""

import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien.card import CARD_KEY, Head, InputSpec, ModelCard, Trust
from mien.classifier import EmotionClassifier
from mien.datasets.droplist import DropList
from mien.datasets.faceset import FaceSet
from mien.evaluation.judge import Exam, judge, set_exam
from mien.taxonomy import FER2013, FERPLUS, TAXONOMIES

VOTE_HEAD = Head("ferplus", "votes", ("unknown", "not_a_face"), 0.5)
HEAD = Head("fer2013", "labels", (), 2.0)
TRUSTED_HEAD = Head(
    "fer2013",
    "labels",
    (),
    1.2,
    frequencies=(0.3, 0.02, 0.08, 0.3, 0.1, 0.1, 0.1),
    trust=Trust(
        bias=-0.3,
        weights=(0.8, 1.1),
        lack_weights=(1.5, 0.5, 0.5),
        plausible_from=0.2,
        plausible_coverage=0.9,
        sure_from=0.6,
        sure_accuracy=0.8,
        rows=500,
    ),
)
CARD = ModelCard(
    name="sample",
    version="1",
    input=InputSpec(side_px=48, crop_scale=1.0),
    heads=(VOTE_HEAD, HEAD),
    embedding=None,
    parameters=1,
    licence="Apache-2.0",
)


def sample_faces() -> FaceSet:
    """20 Training and 60 PublicTest faces of noise with labels and votes; five of the latter have no majority."""
    random = np.random.default_rng(11)
    n = 80
    labels = random.integers(0, len(FER2013), n)
    votes = np.zeros((n, 10), np.uint8)
    winners = [FERPLUS.index(FER2013.labels[label]) for label in labels]
    votes[np.arange(n), winners] = 7
    votes[np.arange(n), (np.array(winners) + 1) % 8] = 3
    votes[70:75] = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
    return FaceSet(
        pixels=random.integers(0, 256, (n, 48, 48)).astype(np.uint8),
        labels=labels,
        votes=votes,
        split=np.array(["Training"] * 20 + ["PublicTest"] * 60),
        taxonomy=FER2013,
        source="sample.csv",
    )


def every_nth_row(faces: FaceSet, n: int) -> DropList:
    """A drop list of rows 0, n, 2n, ..."""
    rows = faces.select(slice(None, None, n))
    return DropList(frozenset(zip(rows.split.tolist(), rows.names.tolist(), strict=True)), source="drop.csv")


def answers_to(exam: Exam, *, seed: int, extra: int = 0) -> NDArray[np.float32]:
    """Logits that are right about two times in three, with random columns after the labels."""
    random = np.random.default_rng(seed)
    classes = len(exam.truth.taxonomy)
    logits = random.normal(size=(len(exam.faces), classes + extra))
    logits[np.arange(len(logits)), exam.truth.labels] += 1.5
    return logits.astype(np.float32)


def write_sample_model(path: Path, card: ModelCard = CARD) -> Path:
    """A model file that projects the pixels on fixed random directions; heads "votes" of 10 and "labels" of 7."""
    random = np.random.default_rng(8)
    weights = [random.normal(size=(2304, width)).astype(np.float32) / 2000 for width in (10, 7)]
    nodes = [
        helper.make_node("Cast", ["faces"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["grey"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w0"], ["votes"]),
        helper.make_node("MatMul", ["flat", "w1"], ["labels"]),
    ]
    graph = helper.make_graph(
        nodes,
        "sample",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["n", 48, 48])],
        [
            helper.make_tensor_value_info("votes", TensorProto.FLOAT, ["n", 10]),
            helper.make_tensor_value_info("labels", TensorProto.FLOAT, ["n", 7]),
        ],
        [numpy_helper.from_array(array, f"w{index}") for index, array in enumerate(weights)],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    proto.metadata_props.add(key=CARD_KEY, value=card.to_json())
    onnx.save(proto, str(path))
    return path


def evaluate_sample(folder: Path, model: Path, head: Head) -> Path:
    """Make a folder as `mien evaluate` makes it of a model, without its pictures; the answers are invented."""
    exam = set_exam(sample_faces(), split="PublicTest", taxonomy=TAXONOMIES[head.taxonomy])
    logits = answers_to(exam, extra=len(head.extra), seed=3)
    about = {"name": "sample", "version": "1", "sha256": EmotionClassifier(model).sha256}
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(judge(exam, logits, head=head, model=about).to_dict()))
    return folder
