"""A training recipe: every choice of a run in one frozen value, read from TOML."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from mien.errors import RecipeError

__all__ = ["Recipe", "load_recipe", "shipped_recipes"]


@dataclass(frozen=True)
class Recipe:
    """How to train the two-headed network.

    Args:
        epochs: Passes over the training part.
        small_epochs: How many of them, at the start, see views of `small_px`; they cost a third less.
        small_px: Side of the early views.
        view_px: Side of the later views.
        batch: Faces per step.
        learning_rate: Peak rate of SGD with Nesterov momentum 0.9, after warm-up.
        warmup_epochs: Epochs over which the rate rises to its peak; it then falls to 0 along one cosine.
        weight_decay: Not applied to biases and batch normalisation.
        ema_decay: Decay per step of the averaged weights, which are what is kept.
        dropout: Before the heads.
        label_weight: Weight of the FER-2013 head's loss beside the vote head's.
        label_smoothing: Of the FER-2013 head.
        validation: Share of Training kept aside, near copies on one side.
        seed: Of the split, the initial weights, the order and the views.
    """

    epochs: int
    small_epochs: int
    small_px: int = 36
    view_px: int = 44
    batch: int = 128
    learning_rate: float = 0.1
    warmup_epochs: float = 5.0
    weight_decay: float = 5e-4
    ema_decay: float = 0.999
    dropout: float = 0.2
    label_weight: float = 0.5
    label_smoothing: float = 0.1
    validation: float = 0.08
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.small_epochs <= self.epochs:
            raise RecipeError(f"small_epochs must lie in 0..{self.epochs} (epochs), got {self.small_epochs}")
        if self.epochs < 1 or self.batch < 2:
            raise RecipeError(f"epochs must be >= 1 and batch >= 2, got {self.epochs} and {self.batch}")
        if not 0 < self.validation < 1:
            raise RecipeError(f"validation must be a share between 0 and 1, got {self.validation}")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values."""
        return asdict(self)


def shipped_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with mien, sorted."""
    folder = resources.files("mien.learning") / "recipes"
    return tuple(sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_recipe(name_or_path: str, *, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a shipped recipe by name, or a TOML file by path.

    Raises:
        RecipeError: no such recipe, an unknown field, or a value of the wrong type or range.
    """
    if name_or_path in shipped_recipes():
        text = (resources.files("mien.learning") / "recipes" / f"{name_or_path}.toml").read_text("utf-8")
    elif Path(name_or_path).is_file():
        text = Path(name_or_path).read_text("utf-8")
    else:
        raise RecipeError(f"no recipe {name_or_path!r}: expected a TOML file or one of {', '.join(shipped_recipes())}")
    try:
        values = {**tomllib.loads(text), **(overrides or {})}
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name_or_path} is not valid TOML: {error}") from None
    types = {field.name: field.type for field in fields(Recipe)}
    for key, value in values.items():
        if key not in types:
            raise RecipeError(f"{name_or_path}: unknown field {key!r}; a recipe has {', '.join(types)}")
        if isinstance(value, bool) or not isinstance(value, int | float if types[key] is float else int):
            raise RecipeError(f"{name_or_path}: {key} must be a number, got {value!r}")
    return Recipe(**values)
