"""`mien explain`: a photo in; a picture of where the evidence for a reading lies out."""

from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from mien.analyzer import Analyzer
from mien.classifier import DEFAULT_MODEL
from mien.cli.reading import DETECTOR, LABELS, MODEL
from mien.explain import explain as explained
from mien.explain import overlay
from mien.faces.align import face_crop
from mien.media.photos import load_photo
from mien.writing import replacing

__all__ = ["explain"]


def explain(
    photo: Annotated[Path, typer.Argument(help="The photo.")],
    out: Annotated[Path, typer.Option(help="The PNG to write.", dir_okay=False)],
    face: Annotated[int, typer.Option(help="Which face, by its number in the table of mien analyze.", min=0)] = 0,
    label: Annotated[str | None, typer.Option(help="The emotion to explain; what it looks if left out.")] = None,
    detector: Annotated[str | None, DETECTOR] = None,
    labels: Annotated[str | None, LABELS] = None,
    model: Annotated[str, MODEL] = DEFAULT_MODEL,
    balance: Annotated[
        float,
        typer.Option(help="Explain what mien analyze answers with as much balance; not with --label.", min=0, max=1),
    ] = 0,
) -> None:
    """Show where in a face the evidence for its reading lies.

    Exit status: 0 written, 1 the photo cannot be read or shows no such face, 2 wrong usage.
    """
    if out.suffix.lower() != ".png":
        raise typer.BadParameter(f"expected a name that ends in .png, got {out.name}", param_hint="--out")
    try:
        analyzer = Analyzer(model=model, detector=detector, labels=labels, balance=balance)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    frame_rgb = load_photo(photo)
    reading = analyzer.read(frame_rgb)
    if face >= len(reading.faces):
        typer.echo(f"mien: {photo} has no face {face} to explain: {len(reading.faces)} found", err=True)
        raise typer.Exit(1)
    box = reading.faces[face].box_xyxy
    # A reading's boxes are cut at the picture's edge, the crops are not: take the box that the detector gave.
    found = min(
        analyzer.detector.detect(frame_rgb),
        key=lambda one: sum(abs(a - b) for a, b in zip(one.box_xyxy, box, strict=True)),
    )
    label = label or reading.faces[face].emotions.top
    scale, label_set = analyzer.options.crop_scale, analyzer.options.labels
    try:
        result = explained(analyzer.classifier, face_crop(frame_rgb, found, scale=scale), label=label, labels=label_set)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--label") from None
    with replacing(out) as unfinished:
        Image.fromarray(overlay(frame_rgb, found, result, crop_scale=scale)).save(unfinished, format="PNG")
    typer.echo(f"face {face}: {result.legend}")
    typer.echo(f"picture: {out}")
