"""`mien evaluate`: what a model is worth on labelled faces, by the path that the product takes."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from mien.classifier import DEFAULT_MODEL, EmotionClassifier, embedded_models
from mien.cli.reading import BALANCE
from mien.errors import MissingExtraError
from mien.taxonomy import TAXONOMIES

if TYPE_CHECKING:
    from mien.evaluation.judge import Exam

__all__ = ["evaluate"]

_BATCH = 64


def evaluate(
    model: Annotated[
        str, typer.Argument(help="Name of an embedded model, a model file, or the folder of a run.")
    ] = DEFAULT_MODEL,
    *,
    data: Annotated[Path, typer.Option(help="Labelled faces, in any layout that `mien data` knows.")],
    out: Annotated[Path, typer.Option(help="Folder for the report; made if absent.")],
    votes: Annotated[
        Path | None, typer.Option(help="FER+ votes for the same rows; found beside the data if left out.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Name of the split to score; PublicTest if left out.")] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Label set to score: ferplus where there are votes, else the data's own, if left out."),
    ] = None,
    drop: Annotated[
        Path | None, typer.Option(help="Rows to leave out of the clean scores, as `mien data leaks --drop` writes.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Go on without the rows that cannot be used, and name them.")
    ] = False,
    balance: Annotated[float, BALANCE] = 0,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also read the faces darker, blurred, turned, cut out elsewhere, ...")
    ] = False,
    robustness_faces: Annotated[
        int,
        typer.Option(help="How many faces, drawn at random, --robustness changes; 1,000 take about a minute.", min=1),
    ] = 1000,
) -> None:
    """Score a model on labelled faces: metrics, figures, worst mistakes, one page."""
    from mien.datasets.droplist import read_drop_list
    from mien.datasets.reading import read
    from mien.evaluation.judge import default_labels, default_split, judge, set_exam
    from mien.evaluation.report import headline, sides, write_report
    from mien.evaluation.robustness import measure_robustness, robustness_text

    with _loaded(model) as classifier:
        card = classifier.card
        if labels is not None and labels not in {head.taxonomy for head in card.heads}:
            answers = ", ".join(head.taxonomy for head in card.heads)
            raise typer.BadParameter(f"{card.name} answers in {answers}, not in {labels!r}", param_hint="--labels")
        dropped = None if drop is None else read_drop_list(drop)
        with _bar() as bar:
            task = bar.add_task("reading data", total=None)
            faces = read(
                data,
                votes=votes,
                side_px=card.input.side_px,
                skip_bad=skip_bad,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        for sentence in (*faces.notes, *faces.skipped):
            typer.echo(sentence, err=True)
        head = card.head(labels or default_labels(faces, card))
        if balance and head.frequencies is None:
            raise typer.BadParameter(
                f"the card of {card.name} does not say how frequent {head.taxonomy}'s labels are",
                param_hint="--balance",
            )
        exam = set_exam(faces, split=split or default_split(faces), taxonomy=TAXONOMIES[head.taxonomy], drop=dropped)
        evaluation = judge(
            exam,
            _answers(classifier, exam),
            head=head,
            model={"name": card.name, "version": card.version, "sha256": classifier.sha256},
            balance=balance,
        )
        changed = None
        if robustness:
            with _bar() as bar:
                task = bar.add_task("reading changed faces", total=None)
                changed = measure_robustness(
                    evaluation,
                    lambda pixels: _logits(classifier, pixels, head.taxonomy),
                    faces=robustness_faces,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
    typer.echo(f"{card.name} on {exam.split} of {exam.faces.source}, {exam.truth.title}")
    for name, scores in sides(evaluation):
        typer.echo(name)
        for key, value in headline(scores).items():
            typer.echo(f"  {key:<36}{value}")
    if changed is not None:
        typer.echo(robustness_text(changed))
    page = write_report(evaluation, out, robustness=changed)
    typer.echo(f"report: {page}")


@contextmanager
def _loaded(model: str) -> Iterator[EmotionClassifier]:
    """The model; a run is exported first, so that it is judged as the file that it will be."""
    if model in embedded_models() or not Path(model).is_dir():
        yield EmotionClassifier.load(model)
        return
    try:
        from mien.learning.export import export_runs
    except ImportError as error:
        raise MissingExtraError("evaluating a run", extra="train") from error
    name = Path(model).resolve().name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        export_runs([Path(model)], path, name=name)
        yield EmotionClassifier(path)


def _answers(classifier: EmotionClassifier, exam: "Exam") -> NDArray[np.float32]:
    """The head's logits for every row of the exam, under a progress bar."""
    pixels = exam.faces.pixels
    with _bar() as bar:
        starts = bar.track(range(0, len(pixels), _BATCH), description="reading faces")
        return _logits(classifier, pixels, exam.truth.taxonomy.name, starts)


def _logits(
    classifier: EmotionClassifier, pixels: NDArray[np.uint8], labels: str, starts: Iterable[int] | None = None
) -> NDArray[np.float32]:
    """A head's logits, a batch at a time."""
    batches = range(0, len(pixels), _BATCH) if starts is None else starts
    return np.concatenate([classifier.logits(list(pixels[start : start + _BATCH]))[labels] for start in batches])


def _bar() -> Progress:
    """A progress bar on standard error, for people only."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)
