"""The pictures: that they are pictures, show the worst first, and leave matplotlib's global state alone."""

import builtins
import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evaluation_samples import HEAD, answers_to, every_nth_row, sample_faces
from mien.errors import MissingExtraError
from mien.evaluation.figures import (
    confusion_png,
    mistakes_png,
    reliability_png,
    risk_coverage_png,
    robustness_png,
    worst_mistakes,
)
from mien.evaluation.judge import Evaluation, judge, set_exam
from mien.evaluation.robustness import Robustness, measure_robustness
from mien.taxonomy import FER2013

MODEL = {"name": "sample", "version": "1", "sha256": "0" * 64}


def evaluation(*, perfect: bool = False) -> Evaluation:
    faces = sample_faces()
    exam = set_exam(faces, split="PublicTest", taxonomy=FER2013, drop=every_nth_row(faces, 3))
    logits = answers_to(exam, seed=4)
    if perfect:
        logits[np.arange(len(logits)), exam.truth.labels] += 20
    return judge(exam, logits, head=HEAD, model=MODEL)


def changed(judged: Evaluation) -> Robustness:
    """Readings of changed faces by a model that takes light for emotion."""
    return measure_robustness(judged, lambda pixels: pixels[:, 0, :7].astype(float), faces=9)


@pytest.mark.parametrize("perfect", [False, True])
@pytest.mark.parametrize(
    "draw",
    [
        lambda e: confusion_png(e.full),
        lambda e: reliability_png(e.full),
        lambda e: risk_coverage_png(e.full, e.clean),
        lambda e: risk_coverage_png(e.full, None),
        mistakes_png,
        lambda e: robustness_png(changed(e)),
    ],
)
def test_each_picture_is_a_png_with_something_on_it(draw: Callable[[Evaluation], bytes], perfect: bool) -> None:
    picture = Image.open(io.BytesIO(draw(evaluation(perfect=perfect))))
    assert picture.format == "PNG"
    assert min(picture.size) >= 400
    assert np.asarray(picture.convert("L")).std() > 3


def test_worst_mistakes_are_wrong_and_surest_first() -> None:
    judged = evaluation()
    worst = worst_mistakes(judged, count=5)
    answers = judged.decision.values
    wrong = answers.argmax(axis=1) != judged.exam.truth.labels
    assert wrong[worst].all()
    surest = answers.max(axis=1)
    assert surest[worst].tolist() == sorted(surest[wrong], reverse=True)[:5]
    assert worst_mistakes(evaluation(perfect=True), count=5) == []


def test_without_matplotlib_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for module in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"mien\[data\]"):
        confusion_png(evaluation().full)
