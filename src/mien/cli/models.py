"""`mien models`: what is installed; its card; putting what was measured on it; pulling what can be added."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from mien.classifier import DEFAULT_MODEL, EmotionClassifier, embedded_models
from mien.errors import MissingExtraError
from mien.weights import WEIGHTS, is_present, path_of, pull

__all__ = ["models_app"]

models_app = typer.Typer(
    help="List the installed models, show their cards, or pull a detector's file.", invoke_without_command=True
)


@models_app.callback()
def list_models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole cards as JSON.")] = False,
) -> None:
    """List the emotion models, and the files that can be pulled."""
    if context.invoked_subcommand is not None:
        return
    classifiers = [EmotionClassifier.load(name) for name in embedded_models()]
    if as_json:
        cards = [{**asdict(c.card), "sha256": c.sha256, "size_bytes": c.path.stat().st_size} for c in classifiers]
        files = [{**asdict(weight), "present": is_present(weight.name)} for weight in WEIGHTS.values()]
        typer.echo(json.dumps({"models": cards, "files": files}, indent=2, ensure_ascii=False))
        return
    for classifier in classifiers:
        card = classifier.card
        note = ", the default" if card.name == DEFAULT_MODEL else f": choose it with --model {card.name}"
        typer.echo(f"{card.name} {card.version}  ({', '.join(head.taxonomy for head in card.heads)}){note}")
        typer.echo(f"  {classifier.path.stat().st_size / 1e6:.1f} MB, {card.parameters:,} parameters, {card.licence}")
        typer.echo(f"  sha256 {classifier.sha256}")
        for one in card.evaluations:
            low, high = one["full"]["accuracy_interval"]
            typer.echo(
                f"  {one['full']['accuracy']:.2%} ({low:.1%} to {high:.1%}) right: {one['protocol']}, "
                f"{one['data']['split']}, {one['full']['n']:,} rows"
            )
        typer.echo(f"  more: mien models card {card.name}" if card.evaluations else "  not scored")
    for weight in WEIGHTS.values():
        state = f"at {path_of(weight.name)}" if is_present(weight.name) else f"not here: mien models pull {weight.name}"
        typer.echo(f"{weight.name}  {weight.description}")
        typer.echo(f"  {weight.size_bytes / 1e6:.2f} MB, {weight.licence}, {state}")
        typer.echo(f"  sha256 {weight.sha256}")


@models_app.command("card")
def show_card(
    model: Annotated[str, typer.Argument(help="An embedded model or a file that mien export wrote.")] = DEFAULT_MODEL,
) -> None:
    """Print a model's card as a page of Markdown: data, scores, doubt, robustness, use, law."""
    from mien.evaluation.modelcard import model_page

    classifier = EmotionClassifier.load(model)
    page = model_page(classifier.card, sha256=classifier.sha256, size_bytes=classifier.path.stat().st_size)
    typer.echo(page, nl=False)


@models_app.command("record")
def record_evaluations(
    model: Annotated[Path, typer.Argument(help="A file that mien export wrote.", dir_okay=False)],
    reports: Annotated[
        list[Path], typer.Argument(help="Folders that mien evaluate wrote of it, one per label set.", file_okay=False)
    ],
    out: Annotated[Path | None, typer.Option(help="The file to write; the model itself if left out.")] = None,
) -> None:
    """Put what was measured of a model file on its card."""
    try:
        from mien.learning.recording import record
    except ImportError as error:
        raise MissingExtraError("writing on a card", extra="train") from error
    for one in record(model, reports, out or model).evaluations:
        typer.echo(f"{out or model}: {one['full']['accuracy']:.2%} right, {one['protocol']}, {one['data']['split']}")


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
