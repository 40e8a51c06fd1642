"""`mien tune`: search for better values of a recipe's fields."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.train import read_faces, seconds
from mien.errors import MissingExtraError

__all__ = ["tune"]


def tune(
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe, or a TOML file, with a [search] table.")],
    data: Annotated[Path, typer.Option(help="Labelled faces, in any layout that `mien data` knows.")],
    trials: Annotated[int, typer.Option(help="How many trials the study is to have in all.", min=1)],
    votes: Annotated[
        Path | None, typer.Option(help="FER+ votes for the same rows; found beside the data if left out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the search; searches/RECIPE if left out.", file_okay=False)
    ] = None,
    storage: Annotated[
        str | None, typer.Option(help="URL of a database that several machines share; a journal file if left out.")
    ] = None,
    study: Annotated[str | None, typer.Option(help="Name of the study; the recipe's if left out.")] = None,
    workers: Annotated[int, typer.Option(help="Processes on this machine.", min=1)] = 1,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a field of the recipe; repeatable.")
    ] = None,
    max_time: Annotated[str | None, typer.Option(help="Stop after this long, such as 90s, 45m or 2h.")] = None,
    drop: Annotated[Path | None, typer.Option(help="Rows to leave out, as `mien data leaks --drop` writes.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Go on without the rows that cannot be used, and name them.")
    ] = False,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Search a recipe's fields, judged by a validation part of Training; the best recipe is written as TOML.

    The same command goes on with a study that was stopped.
    """
    deadline_s = None if max_time is None else seconds(max_time)
    try:
        from mien.learning.progress import quiet_lightning
        from mien.learning.recipe import Recipe
        from mien.learning.recipe_files import load_recipe, parse_setting
        from mien.learning.tuning import Study
        from mien.learning.tuning import tune as tune_recipe
    except ImportError as error:
        raise MissingExtraError("tuning", extra="train") from error
    quiet_lightning()
    chosen = load_recipe(recipe, overrides=dict(map(parse_setting, settings or [])))
    if not isinstance(chosen, Recipe):
        raise typer.BadParameter(f"{recipe} searches its own [grid]: use mien train", param_hint="RECIPE")
    name = Path(recipe).stem
    where = Study(
        folder=out or Path("searches") / name,
        name=study or name,
        storage=storage,
        workers=workers,
        accelerator=accelerator,
        max_time_s=deadline_s,
        show_progress=True,
    )
    outcome = tune_recipe(read_faces(data, votes=votes, drop=drop, skip_bad=skip_bad), chosen, where, trials=trials)
    found = "no trial has finished" if outcome.best is None else f"best validation accuracy {outcome.accuracy:.4f}"
    state = "finished" if outcome.stopped is None else f"stopped ({outcome.stopped}); the same command goes on"
    typer.echo(f"{where.folder}: {outcome.trials} of {trials} trials, {state}; {found}")
    if outcome.best is not None:
        typer.echo(f"mien train {where.folder / 'best.toml'} --data {data}")
    if outcome.stopped in {"Ctrl-C", "SIGTERM"}:
        raise typer.Exit(128 + (signal.SIGINT if outcome.stopped == "Ctrl-C" else signal.SIGTERM))
