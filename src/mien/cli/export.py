"""`mien export`: a trained run as one file that mien reads with."""

from pathlib import Path
from typing import Annotated

import typer

from mien.errors import MissingExtraError

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run that mien train wrote.", file_okay=False)],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    name: Annotated[str | None, typer.Option(help="Name on the card; the file's name without one.")] = None,
    version: Annotated[str, typer.Option(help="Version on the card.")] = "1",
) -> None:
    """Write a run as one ONNX file with its card, if ONNX Runtime answers as the trained network does."""
    try:
        from mien.learning.export import export_run
    except ImportError as error:
        raise MissingExtraError("exporting", extra="train") from error
    card = export_run(run, out, name=name or out.stem, version=version)
    typer.echo(f"{out}: {card.name} {card.version}, {card.parameters:,} parameters")
