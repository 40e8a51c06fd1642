"""A model file whose card says of doubt what a run's rows teach; the graph stays as it is."""

import shutil
from dataclasses import replace
from pathlib import Path

from mien.card import ModelCard
from mien.classifier import EmotionClassifier
from mien.learning.doubt import fit_heads
from mien.learning.export import write_card
from mien.learning.graphs import graph_answers
from mien.learning.runs import read_validation
from mien.writing import replacing

__all__ = ["calibrate"]


def calibrate(model: Path, run: Path, destination: Path) -> ModelCard:
    """Fit what a model's card says of doubt anew; what was measured of it before is taken off the card.

    Args:
        model: A file with a card.
        run: Folder of the run that the model is of, or of one that kept the same rows aside: a row that the model
            has learnt would make it look surer than it may be.
        destination: The file to write; may be `model`.

    Returns:
        The card that went into the file.

    Raises:
        WeightsMissingError, CardError: as `EmotionClassifier` raises them.
        OSError: the run kept no rows.
    """
    card = EmotionClassifier(model).card
    outputs = [head.output for head in card.heads]
    kept = read_validation(run)
    heads = fit_heads(card.heads, kept, read=lambda faces: graph_answers(model, outputs, faces))
    card = replace(card, heads=heads, evaluations=())  # what was measured of other promises holds no longer
    with replacing(destination) as unfinished:
        shutil.copyfile(model, unfinished)
        write_card(unfinished, card)
    return card
