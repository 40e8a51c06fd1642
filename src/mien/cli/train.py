"""`mien train`: a recipe and labelled faces in, a run's folder out."""

import re
import signal
import sys
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mien.classifier import DEFAULT_MODEL
from mien.errors import MissingExtraError

if TYPE_CHECKING:
    from mien.datasets.faceset import FaceSet
    from mien.learning.training import Outcome

__all__ = ["read_faces", "seconds", "train"]

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def train(
    recipe: Annotated[str | None, typer.Argument(help="Name of a shipped recipe, or a TOML file.")] = None,
    data: Annotated[Path | None, typer.Option(help="Labelled faces, in any layout that `mien data` knows.")] = None,
    votes: Annotated[
        Path | None, typer.Option(help="FER+ votes for the same rows; found beside the data if left out.")
    ] = None,
    extra: Annotated[
        list[Path] | None,
        typer.Option(help="More labelled faces to learn from, as mien label --export writes them; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/RECIPE if left out.", file_okay=False)
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a field of the recipe; repeatable.")
    ] = None,
    finetune: Annotated[
        bool,
        typer.Option(
            "--finetune",
            help="In place of a recipe: teach a finished model the rows of --extra, unless it would lose what it "
            "knows of --data.",
        ),
    ] = False,
    model: Annotated[
        str, typer.Option(help="What --finetune starts from: an embedded model, or a file that mien export wrote.")
    ] = DEFAULT_MODEL,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    start: Annotated[
        Path | None,
        typer.Option(help="Start from the weights of this earlier run of the same network.", file_okay=False),
    ] = None,
    distill: Annotated[
        list[Path] | None,
        typer.Option(help="Also learn from what this earlier run answers; repeatable.", file_okay=False),
    ] = None,
    max_time: Annotated[
        str | None, typer.Option(help="Stop after this long, such as 90s, 45m or 2h; --resume goes on.")
    ] = None,
    drop: Annotated[Path | None, typer.Option(help="Rows to leave out, as `mien data leaks --drop` writes.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Go on without the rows that cannot be used, and name them.")
    ] = False,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[str, typer.Option(help="How many devices, or which: 2, or 0,3.")] = "1",
    nodes: Annotated[int, typer.Option(help="Machines that take part.", min=1)] = 1,
    strategy: Annotated[str, typer.Option(help="Lightning's name of a parallel strategy: auto or ddp.")] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the network for the device; worth its minute on a GPU.")
    ] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write figures for TensorBoard.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="Show the shipped recipes and exit.")] = False,
) -> None:
    """Train a model on labelled faces, as a recipe says.

    Ctrl-C or SIGTERM ends the step, keeps what is learnt and says where; --resume goes on to the same result.
    Exit status: 0 finished or out of time, 130 after Ctrl-C, 143 after SIGTERM.
    """
    if show_list:
        _print_recipes()
        return
    if finetune:
        _finetune(model, data, votes, extra, recipe=recipe, out=out, skip_bad=skip_bad)
        return
    if recipe is None or data is None:
        raise typer.BadParameter("give a RECIPE and --data SOURCE, or --list to see the recipes")
    deadline_s = None if max_time is None else seconds(max_time)
    try:
        from mien.learning.classical import train_classical
        from mien.learning.progress import quiet_lightning
        from mien.learning.recipe import ClassicalRecipe
        from mien.learning.recipe_files import load_recipe, parse_setting
        from mien.learning.training import Execution
        from mien.learning.training import train as train_network
    except ImportError as error:
        raise MissingExtraError("training", extra="train") from error
    quiet_lightning()
    chosen = load_recipe(recipe, overrides=dict(map(parse_setting, settings or [])))
    if isinstance(chosen, ClassicalRecipe):
        of_networks = {
            "--start": start,
            "--distill": distill,
            "--tensorboard": tensorboard,
            "--compile": compiled,
        }
        if given := [name for name, value in of_networks.items() if value]:
            raise typer.BadParameter(
                f"{recipe} trains no network, so {' and '.join(given)} would change nothing: leave it out"
            )
    run = out or Path("runs") / Path(recipe).stem
    faces = read_faces(data, votes=votes, drop=drop, skip_bad=skip_bad)
    more = _read_extra(extra or [], skip_bad=skip_bad)
    if isinstance(chosen, ClassicalRecipe):
        kept = "The scores of the search are in it; the same command with --resume goes on"
        try:
            result = train_classical(
                faces, chosen, run, extra=more, resume=resume, max_time_s=deadline_s, show_progress=True
            )
        except KeyboardInterrupt:
            typer.echo(f"{run}: stopped (Ctrl-C). {kept}")
            raise typer.Exit(128 + signal.SIGINT) from None
        except TimeoutError:
            typer.echo(f"{run}: stopped (time is up). {kept}")
            return
        typer.echo(f"{run}: validation accuracy {result['val_accuracy']:.4f} after {result['minutes']} minutes")
        return
    execution = Execution(
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
        strategy=strategy,
        compiled=compiled,
        max_time_s=deadline_s,
        tensorboard=tensorboard,
        show_progress=True,
    )
    outcome = train_network(
        faces, chosen, run, extra=more, resume=resume, start=start, teachers=distill or (), execution=execution
    )
    if outcome.is_first_process:
        _report(outcome)
    if outcome.stopped is not None and outcome.signal_number is not None:
        raise typer.Exit(128 + outcome.signal_number)


def _finetune(
    model: str,
    data: Path | None,
    votes: Path | None,
    extra: Sequence[Path] | None,
    *,
    recipe: str | None,
    out: Path | None,
    skip_bad: bool,
) -> None:
    if recipe is not None or data is None or not extra:
        raise typer.BadParameter("--finetune takes --data SOURCE and --extra FILE, and no recipe")
    try:
        from mien.learning.finetuning import finetune
    except ImportError as error:
        raise MissingExtraError("fine-tuning", extra="train") from error
    general = read_faces(data, votes=votes, drop=None, skip_bad=skip_bad)
    more = _read_extra(extra, skip_bad=skip_bad)
    assert more is not None
    destination = (out or Path("runs") / "finetuned") / "model.onnx"
    console = Console(stderr=True, highlight=False)
    with console.status("") as status:
        tuned = finetune(model, general, more, destination, on_step=status.update)
    typer.echo(f"{destination}: {tuned.card.name}")
    for title, scores in (("general set", tuned.general), ("held-out extra rows", tuned.held_out)):
        for labels, (before, after) in scores.items():
            typer.echo(f"  {title}, {labels}: accuracy {before:.4f} before, {after:.4f} after")


def read_faces(data: Path, *, votes: Path | None, drop: Path | None, skip_bad: bool) -> "FaceSet":
    """Read labelled faces of any layout, less the rows of a drop list; says what was left out."""
    from mien.datasets.droplist import read_drop_list
    from mien.datasets.reading import read

    dropped = None if drop is None else read_drop_list(drop)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading data", total=None)
        faces = read(
            data,
            votes=votes,
            skip_bad=skip_bad,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for sentence in (*faces.notes, *faces.skipped):
        typer.echo(sentence, err=True)
    return faces if dropped is None else faces.without(dropped)


def _read_extra(sources: Sequence[Path], *, skip_bad: bool) -> "FaceSet | None":
    """The labelled faces of all files, in the words of the first; None without any."""
    from mien.datasets.joining import add_rows

    sets = [read_faces(source, votes=None, drop=None, skip_bad=skip_bad) for source in sources]
    return reduce(add_rows, sets) if sets else None


def _print_recipes() -> None:
    from mien.learning.recipe_files import recipe_summaries

    table = Table("recipe", "what it is", box=None, padding=(0, 2, 0, 0))
    for name, summary in recipe_summaries().items():
        table.add_row(name, summary)
    width = None if sys.stdout.isatty() else 120
    Console(highlight=False, width=width).print(table)


def seconds(text: str) -> float:
    """A time such as 90s, 45m or 2h, in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None:
        raise typer.BadParameter(f"expected a time such as 90s, 45m or 2h, got {text!r}", param_hint="--max-time")
    return float(match[1]) * _UNITS_S[match[2]]


def _report(outcome: "Outcome") -> None:
    score = ""
    if outcome.best is not None:
        accuracy = outcome.epochs[outcome.best - 1]["val_accuracy"]
        score = f"; best validation accuracy {accuracy:.4f}, in epoch {outcome.best}"
    if outcome.stopped is None:
        typer.echo(f"{outcome.run}: finished after {outcome.epochs_done} epochs{score}")
        return
    typer.echo(
        f"{outcome.run}: stopped ({outcome.stopped}) after {outcome.epochs_done} epochs and {outcome.steps_done} steps"
        f"{score}. What it has learnt is in {outcome.run}; the same command with --resume goes on"
    )
