"""`mien models`: what is installed, and `mien models pull`: what can be added."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from mien.classifier import EmotionClassifier, embedded_models
from mien.weights import WEIGHTS, is_present, path_of, pull

__all__ = ["models_app"]

models_app = typer.Typer(help="List the installed models, or pull a detector's file.", invoke_without_command=True)


@models_app.callback()
def list_models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole cards as JSON.")] = False,
) -> None:
    """List the emotion models with their cards, and the files that can be pulled."""
    if context.invoked_subcommand is not None:
        return
    classifiers = [EmotionClassifier(path) for path in embedded_models().values()]
    if as_json:
        cards = [{**asdict(c.card), "sha256": c.sha256, "size_bytes": c.path.stat().st_size} for c in classifiers]
        files = [{**asdict(weight), "present": is_present(weight.name)} for weight in WEIGHTS.values()]
        typer.echo(json.dumps({"models": cards, "files": files}, indent=2, ensure_ascii=False))
        return
    for classifier in classifiers:
        card = classifier.card
        typer.echo(f"{card.name} {card.version}  ({', '.join(head.taxonomy for head in card.heads)})")
        typer.echo(f"  {classifier.path.stat().st_size / 1e6:.1f} MB, {card.parameters:,} parameters, {card.licence}")
        typer.echo(f"  sha256 {classifier.sha256}")
        typer.echo(f"  {card.protocol}:" if card.scores else "  not scored")
        for name, value in card.scores.items():
            typer.echo(f"    {name} {value:.4f}")
    for weight in WEIGHTS.values():
        state = f"at {path_of(weight.name)}" if is_present(weight.name) else f"not here: mien models pull {weight.name}"
        typer.echo(f"{weight.name}  {weight.description}")
        typer.echo(f"  {weight.size_bytes / 1e6:.2f} MB, {weight.licence}, {state}")
        typer.echo(f"  sha256 {weight.sha256}")


@models_app.command("pull")
def pull_model(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(WEIGHTS)}.")],
    mirror: Annotated[str | None, typer.Option(help="Take the file from this address instead.")] = None,
) -> None:
    """Fetch a file once, checked against its pinned SHA-256; an interrupted transfer goes on where it stopped."""
    if name not in WEIGHTS:
        raise typer.BadParameter(f"expected one of {', '.join(WEIGHTS)}, got {name!r}")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(name, total=WEIGHTS[name].size_bytes)
        path = pull(name, mirror=mirror, progress=lambda done, total: bar.update(task, completed=done, total=total))
    typer.echo(f"{name} is at {path}")
