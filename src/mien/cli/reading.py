"""Options of the verbs that read faces, in the same words everywhere: for `Annotated[type, MODEL]` and its like."""

import typer

__all__ = ["BALANCE", "DETECTOR", "LABELS", "MODEL", "PROFILE"]

BALANCE = typer.Option(help="Favour rare emotions: 0 not at all, 1 as if all were equally frequent.", min=0, max=1)
DETECTOR = typer.Option(help="mtcnn, yunet or haar; yunet where it has been pulled, else mtcnn.")
LABELS = typer.Option(help="ferplus (8 emotions) or fer2013 (7).")
MODEL = typer.Option(help="An embedded model or a file that mien export wrote.")
PROFILE = typer.Option(help="One person's profile, as mien personalize makes it.", dir_okay=False)
