"""`mien export`: what was trained as one file that mien reads with."""

from pathlib import Path
from typing import Annotated

import typer

from mien.errors import MissingExtraError

__all__ = ["export"]


def export(
    runs: Annotated[
        list[Path], typer.Argument(help="Folder of a run that mien train wrote; several become one.", file_okay=False)
    ],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    name: Annotated[str | None, typer.Option(help="Name on the card; the file's name without one.")] = None,
    version: Annotated[str, typer.Option(help="Version on the card.")] = "1",
    contrast_floor: Annotated[
        float,
        typer.Option(help="Lift faces flatter than this standard deviation, in grey levels; 0 lifts none.", min=0),
    ] = 0.0,
    int8: Annotated[bool, typer.Option("--int8", help="In 8-bit integers: a quarter of the size, faster.")] = False,
) -> None:
    """Write runs as one ONNX file with its card, if ONNX Runtime answers as the trained models do."""
    try:
        from mien.learning.export import export_runs
    except ImportError as error:
        raise MissingExtraError("exporting", extra="train") from error
    card = export_runs(
        runs,
        out,
        name=name or out.stem,
        version=version,
        contrast_floor=contrast_floor,
        int8=int8,
    )
    typer.echo(f"{out}: {card.name} {card.version}, {card.parameters:,} parameters")
