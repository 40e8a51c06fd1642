"""`mien calibrate`: what a model file says of doubt, fitted anew."""

from pathlib import Path
from typing import Annotated

import typer

from mien.errors import MissingExtraError

__all__ = ["calibrate"]


def calibrate(
    model: Annotated[Path, typer.Argument(help="A file that mien export wrote.", dir_okay=False)],
    run: Annotated[Path, typer.Option(help="Folder of the run it is of: the rows kept aside there teach doubt.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; the model itself if left out.")] = None,
) -> None:
    """Fit temperatures, certainty and plausible labels of a model file on rows that it has not learnt."""
    try:
        from mien.learning.calibrate import calibrate
    except ImportError as error:
        raise MissingExtraError("calibrating", extra="train") from error
    card = calibrate(model, run, out or model)
    for head in card.heads:
        if head.trust is None:
            continue
        sure = "no answer is sure" if head.trust.sure_from is None else f"sure from {head.trust.sure_from:.1%}"
        typer.echo(
            f"{head.taxonomy}: temperature {head.temperature:.3f}, plausible from {head.trust.plausible_from:.1%}, "
            f"{sure} ({head.trust.sure_accuracy:.1%} right promised), on {head.trust.rows:,} rows"
        )
