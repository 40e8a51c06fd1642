"""Recipes: every choice of a training run in one frozen value. `recipe_files` reads and writes them as TOML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mien.errors import RecipeError

__all__ = [
    "Augmentation",
    "ClassicalRecipe",
    "Distillation",
    "Imbalance",
    "Optimisation",
    "Optimiser",
    "Precision",
    "Recipe",
    "Schedule",
    "SearchRange",
    "Target",
]

Target = Literal["labels", "votes", "soft", "majority", "probability", "multi-target", "votes+labels"]
Imbalance = Literal["none", "oversample", "class-weights", "logit-adjustment"]
Optimiser = Literal["sgd", "nesterov", "adam", "adamw", "nadam", "rmsprop"]
Schedule = Literal["constant", "step", "cosine", "plateau"]
Precision = Literal["auto", "bf16-mixed", "32-true"]


@dataclass(frozen=True)
class Augmentation:
    """How far random views stray from the stored face; all 0 by default, so that a recipe says what it does.

    Args:
        rotation_deg: Largest turn to either side.
        shift: Largest shift, as a share of the view's side.
        scale: Smallest and largest zoom.
        shear: Largest shear.
        flip: Mirror half of the views.
        sharpness: Largest share of a blurred copy (5x5 binomial) that is mixed in, or taken away, which sharpens:
            cameras and scaling make real faces softer or crisper than the stored ones.
        brightness: Largest offset, as a share of the grey range 0..255, halved.
        contrast: Largest change of contrast, as a factor around 1.
        noise: Largest standard deviation of added Gaussian noise, as a share of 0..255; drawn per view from 0 on.
        erase_probability: Share of the views that lose a rectangle.
        erase_area: Smallest and largest share of the view that it takes.
    """

    rotation_deg: float = 0.0
    shift: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0
    flip: bool = False
    sharpness: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    erase_probability: float = 0.0
    erase_area: tuple[float, float] = (0.02, 0.2)

    def __post_init__(self) -> None:
        _check_range("rotation_deg", self.rotation_deg, 0, 180)
        for name in ("shift", "shear", "sharpness", "brightness", "contrast", "noise", "erase_probability"):
            _check_range(name, getattr(self, name), 0, 1)
        if not 0 < self.scale[0] <= self.scale[1]:
            raise RecipeError(f"scale must be two zooms above 0, smallest first, got {list(self.scale)}")
        if not 0 < self.erase_area[0] <= self.erase_area[1] <= 1:
            raise RecipeError(f"erase_area must be two shares in 0..1, smallest first, got {list(self.erase_area)}")


@dataclass(frozen=True)
class Optimisation:
    """How weights move.

    Args:
        optimiser: "sgd" and "nesterov" have momentum; "adam", "adamw", "nadam" and "rmsprop" are torch's.
        learning_rate: The rate at its peak.
        weight_decay: Not applied to biases and batch normalisation.
        momentum: Of sgd and nesterov.
        gradient_clip: Largest norm of all gradients together; 0 leaves them.
        ema_decay: Decay per step of averaged weights, which are then validated and kept; 0 keeps the plain ones.
        schedule: "constant"; "step" multiplies by `gamma` every `step_epochs`; "cosine" falls to 0 at the last epoch;
            "plateau" multiplies by `gamma` when validation accuracy has not risen for `plateau_epochs`.
        warmup_epochs: Epochs over which the rate first rises from 0.
        step_epochs: See `schedule`.
        plateau_epochs: See `schedule`.
        gamma: See `schedule`.
    """

    optimiser: Optimiser = "nesterov"
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    momentum: float = 0.9
    gradient_clip: float = 0.0
    ema_decay: float = 0.0
    schedule: Schedule = "constant"
    warmup_epochs: float = 0.0
    step_epochs: int = 1
    plateau_epochs: int = 5
    gamma: float = 0.5

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise RecipeError(f"learning_rate must be above 0, got {self.learning_rate}")
        for name in ("weight_decay", "gradient_clip", "warmup_epochs"):
            _check_range(name, getattr(self, name), 0, float("inf"))
        for name in ("momentum", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise RecipeError(f"{name} must lie in 0..1, below 1, got {getattr(self, name)}")
        for name in ("step_epochs", "plateau_epochs"):
            _check_range(name, getattr(self, name), 1, float("inf"))
        _check_range("gamma", self.gamma, 0, 1)


@dataclass(frozen=True)
class Distillation:
    """How a run listens to its teachers (`mien train --distill`); without any, it does not matter.

    Args:
        weight: Share of the loss that compares with the teacher; the rest compares with the data.
        temperature: Softens both answers before they are compared.
    """

    weight: float = 0.7
    temperature: float = 2.0

    def __post_init__(self) -> None:
        _check_range("weight", self.weight, 0, 1)
        if not self.temperature > 0:
            raise RecipeError(f"temperature must be above 0, got {self.temperature}")


@dataclass(frozen=True)
class SearchRange:
    """Numbers that a search draws from.

    Args:
        low: Smallest value; whole if the field is.
        high: Largest value.
        log: Draw evenly in the logarithm.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and not self.low > 0):
            raise RecipeError(f"a search range needs low < high, and low > 0 with log, got {self.low} and {self.high}")


@dataclass(frozen=True)
class Recipe:
    """How to train a network.

    Args:
        network: A key of `networks.registry.NETWORKS`.
        epochs: Passes over the training part, at most.
        summary: One line for `mien train --list`.
        target: What the network learns: the data set's "labels"; FER+'s ten columns of "votes" as they are; the
            eight emotions as Barsoum et al. make them of the votes ("soft", "majority", "probability",
            "multi-target", see `targets`); or "votes+labels" with one head each.
        label_weight: Weight of the label head's loss beside the vote head's, for "votes+labels".
        label_smoothing: Share of a label's probability that is spread evenly; labels only, not votes.
        imbalance: "oversample" repeats rows of rare classes until all are as common as the commonest;
            "class-weights" weighs the loss by 1 / frequency; "logit-adjustment" adds the log frequency to the logits
            while training (Menon et al. 2021, arXiv 2007.07314).
        view_px: Side of the pictures that the network sees.
        view_share: Share of the stored face's side that they show; the border is where shifted views come from.
        small_share: Share of the epochs, at the start, that see views of `small_px`; they cost less.
        small_px: Side of the early views.
        batch: Faces per step, over all devices.
        patience: Stop when validation accuracy has not risen for so many epochs; 0 goes to the end.
        keep: Weights of the epoch with the "best" validation accuracy, or of the "last".
        validation: Share of Training kept aside to choose by, near copies on one side.
        precision: Lightning's name of the arithmetic; "auto" is "bf16-mixed" where the device computes with it and
            "32-true" elsewhere (`devices`). "32-true" is repeatable to the bit.
        seed: Of the initial weights, the order and the views.
        split_seed: Of the draw of the validation part; runs that are to be compared or merged share it.
        options: What else the network's constructor takes.
        augmentation: Random views.
        optimisation: How weights move.
        distillation: How it learns from teachers, where there are any.
        search: What `mien tune` may change: field -> range or choices, `options.<name>` for the network's own.
    """

    network: str
    epochs: int
    summary: str = ""
    target: Target = "labels"
    label_weight: float = 0.5
    label_smoothing: float = 0.0
    imbalance: Imbalance = "none"
    view_px: int = 48
    view_share: float = 1.0
    small_share: float = 0.0
    small_px: int = 36
    batch: int = 64
    patience: int = 0
    keep: Literal["best", "last"] = "best"
    validation: float = 0.1
    precision: Precision = "auto"
    seed: int = 0
    split_seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimisation: Optimisation = field(default_factory=Optimisation)
    distillation: Distillation = field(default_factory=Distillation)
    search: Mapping[str, SearchRange | tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_range("epochs", self.epochs, 1, float("inf"))
        _check_range("batch", self.batch, 2, float("inf"))
        _check_range("patience", self.patience, 0, float("inf"))
        _check_range("small_share", self.small_share, 0, 1)
        _check_range("label_weight", self.label_weight, 0, float("inf"))
        for name in ("view_px", "small_px"):
            _check_range(name, getattr(self, name), 16, 1024)
        if not 0.2 <= self.view_share <= 1:
            raise RecipeError(f"view_share must lie in 0.2..1, got {self.view_share}")
        if not 0 <= self.label_smoothing < 1:
            raise RecipeError(f"label_smoothing must lie in 0..1, below 1, got {self.label_smoothing}")
        if self.imbalance == "class-weights" and self.target == "multi-target":
            raise RecipeError("class-weights has no meaning for multi-target: choose oversample or logit-adjustment")
        if self.imbalance != "none" and self.target == "votes+labels":
            raise RecipeError("imbalance is for targets with one head; for votes+labels it must be none")
        _check_validation(self.validation)


@dataclass(frozen=True)
class ClassicalRecipe:
    """How to train a support vector machine or a nearest-neighbour classifier, with a grid search over folds.

    Args:
        classifier: "svm" or "knn".
        summary: One line for `mien train --list`.
        features: "pixels" as they are in 0..1, or "hog", histograms of oriented gradients (Dalal & Triggs 2005).
        pca_components: Principal components kept of the features, whitened; 0 keeps the features.
        grid: Parameter of `svm.KernelSVM` or of scikit-learn's `KNeighborsClassifier` -> the values to try.
        folds: Folds of the search and of the calibration; near copies stay in one fold.
        grid_rows: Rows that the search uses, drawn at random; 0 uses all. The final fit uses all in any case.
        validation: Share of Training kept aside, near copies on one side; neither search nor fit sees it.
        seed: Of the draws.
        split_seed: Of the draw of the validation part.
    """

    classifier: Literal["svm", "knn"]
    summary: str = ""
    features: Literal["pixels", "hog"] = "pixels"
    pca_components: int = 0
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    folds: int = 3
    grid_rows: int = 0
    validation: float = 0.1
    seed: int = 0
    split_seed: int = 0

    def __post_init__(self) -> None:
        _check_range("pca_components", self.pca_components, 0, float("inf"))
        _check_range("grid_rows", self.grid_rows, 0, float("inf"))
        _check_range("folds", self.folds, 2, 20)
        _check_validation(self.validation)


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        bound = f"lie in {low}..{high}" if high != float("inf") else f"be at least {low}"
        raise RecipeError(f"{name} must {bound}, got {value}")


def _check_validation(share: float) -> None:
    if not 0 < share < 1:
        raise RecipeError(f"validation must be a share of Training between 0 and 1, got {share}")
