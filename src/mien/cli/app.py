"""The `mien` command: one verb a file; each translates words into one call."""

import sys
from typing import Annotated

import typer

from mien import __version__
from mien.cli.analyze import analyze
from mien.cli.batch import batch
from mien.cli.bench import bench
from mien.cli.calibrate import calibrate
from mien.cli.conditions import conditions
from mien.cli.convert import convert
from mien.cli.data import data_app
from mien.cli.evaluate import evaluate
from mien.cli.explain import explain
from mien.cli.export import export
from mien.cli.label import label
from mien.cli.live import live
from mien.cli.models import models_app
from mien.cli.personalize import personalize
from mien.cli.serve import serve
from mien.cli.tracks import tracks_app
from mien.cli.train import train
from mien.cli.tune import tune
from mien.errors import MienError

__all__ = ["app", "main"]

app = typer.Typer(
    name="mien",
    help="Read facial expressions from photos, videos and cameras, and train the models that do it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mien {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that stand before a verb."""


app.command("analyze")(analyze)
app.command("batch")(batch)
app.command("bench")(bench)
app.command("calibrate")(calibrate)
app.command("conditions")(conditions)
app.command("convert")(convert)
app.command("evaluate")(evaluate)
app.command("explain")(explain)
app.add_typer(data_app, name="data")
app.command("export")(export)
app.command("label")(label)
app.command("live")(live)
app.command("personalize")(personalize)
app.command("serve")(serve)
app.add_typer(tracks_app, name="tracks")
app.command("train")(train)
app.command("tune")(tune)
app.add_typer(models_app, name="models")


def main() -> None:
    """Run the command; an expected error is one sentence on standard error and exit status 1."""
    try:
        app()
    except (MienError, OSError) as error:  # OSError: a folder that cannot be written, a full disk
        typer.echo(f"mien: {error}", err=True)
        sys.exit(1)
