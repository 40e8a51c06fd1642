"""Recipes are read strictly, changed by name and written back without loss."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from mien.errors import RecipeError
from mien.learning.networks.registry import build_network
from mien.learning.recipe import Augmentation, ClassicalRecipe, Optimisation, Recipe, SearchRange
from mien.learning.recipe_files import (
    load_recipe,
    parse_setting,
    recipe_from_values,
    recipe_summaries,
    shipped_recipes,
    to_toml,
)

SHIPPED = {
    *("pesamaa-elu", "miele-cnn", "miele-svm-linear", "miele-svm-poly", "miele-svm-rbf", "miele-knn", "hog-svm"),
    *("study-cnn", "study-cnn-deep", "gap-cnn", "ferplus-votes", "vgg13-ferplus", "mini-xception", "resnet18-48"),
    *("vgg-gap", "mien-l", "mien-l-refine", "mien-m", "mien-m-refine", "mien-s"),
}


def test_every_recipe_is_shipped_and_says_what_it_is() -> None:
    assert set(shipped_recipes()) == SHIPPED
    assert all(len(summary) > 20 for summary in recipe_summaries().values())


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_recipe_survives_being_written_and_read(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe_from_values(tomllib.loads(to_toml(recipe)), source="written") == recipe


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_network_recipe_can_be_built(name: str) -> None:
    recipe = load_recipe(name)
    if isinstance(recipe, Recipe):
        outputs = None if recipe.target == "votes+labels" else 8
        build_network(recipe.network, outputs=outputs, side_px=recipe.view_px, options=recipe.options)
    else:
        assert recipe.grid


def test_the_study_has_the_values_that_its_search_found() -> None:
    recipe = load_recipe("study-cnn-deep")
    assert isinstance(recipe, Recipe)
    options = recipe.optimisation
    assert (options.optimiser, options.learning_rate, options.weight_decay) == ("adam", 4.848752e-4, 1.335e-9)
    assert (recipe.batch, recipe.epochs, options.step_epochs, options.gamma) == (64, 54, 1, 0.92517)
    assert set(recipe.search) == {
        *("learning_rate", "batch", "weight_decay", "options.activation", "step_epochs", "gamma", "optimiser"),
    }


def test_every_field_is_documented() -> None:
    for kind in (Recipe, ClassicalRecipe, Augmentation, Optimisation, SearchRange):
        for field in fields(kind):
            assert f"\n        {field.name}: " in (kind.__doc__ or ""), f"{kind.__name__}.{field.name}"


def test_fields_are_changed_by_their_own_name_or_with_their_table() -> None:
    changes = {"epochs": 3, "learning_rate": 1, "augmentation.scale": [0.5, 2], "options.dropout": 0.5}
    recipe = load_recipe("mien-m", overrides=changes)
    assert isinstance(recipe, Recipe)
    assert (recipe.epochs, recipe.optimisation.learning_rate) == (3, 1.0)
    assert recipe.augmentation.scale == (0.5, 2.0)
    assert recipe.options == {"dropout": 0.5}
    assert recipe.augmentation.rotation_deg == 15


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epochs=3", ("epochs", 3)),
        ("learning_rate = 1e-3", ("learning_rate", 1e-3)),
        ("flip=true", ("flip", True)),
        ("optimiser=adam", ("optimiser", "adam")),
        ('optimiser="adam"', ("optimiser", "adam")),
        ("scale=[0.9, 1.1]", ("scale", [0.9, 1.1])),
        ("grid.C=[1, 2]", ("grid.C", [1, 2])),
    ],
)
def test_settings_are_read_as_toml_or_text(text: str, expected: tuple[str, object]) -> None:
    assert parse_setting(text) == expected


@pytest.mark.parametrize("text", ["epochs", "=3", ""])
def test_a_setting_without_a_key_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="--set takes key=value"):
        parse_setting(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 1}, "mien-m: unknown field 'lr'; a recipe has network, epochs"),
        ({"optimisation.lr": 1}, "unknown field 'optimisation.lr'"),
        ({"epochs": 1.5}, "epochs must be a whole number, got 1.5"),
        ({"epochs": True}, "epochs must be a whole number, got True"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch": 1}, "batch must be at least 2"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"momentum": 1}, "momentum must lie in 0..1, below 1"),
        ({"optimiser": "lion"}, "optimiser must be one of sgd, nesterov, adam, adamw, nadam, rmsprop, got 'lion'"),
        ({"target": "emotions"}, "target must be one of labels, votes, soft"),
        ({"flip": 1}, "flip must be true or false, got 1"),
        ({"scale": [1]}, "scale must be a list of 2 numbers"),
        ({"scale": [1.2, 1]}, "smallest first"),
        ({"augmentation": 3}, "augmentation must be a table, got 3"),
        ({"shift": 2}, "shift must lie in 0..1, got 2.0"),
        ({"validation": 0}, "validation must be a share of Training between 0 and 1"),
        ({"label_smoothing": 1}, "label_smoothing must lie"),
        ({"search": {"lr": [1]}}, "mien-m, search: unknown field 'lr'"),
        ({"search": {"batch": 3}}, "search.batch must be a list of values to choose from, got 3"),
        ({"search": {"gamma": {"low": 2, "high": 1}}}, "low < high"),
        ({"imbalance": "oversample"}, "for votes\\+labels it must be none"),
    ],
)
def test_a_value_that_cannot_be_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("mien-m", overrides=changes)


@pytest.mark.parametrize("split", ["PrivateTest", "PublicTest"])
def test_choosing_by_a_test_split_is_refused_with_the_reason(split: str) -> None:
    with pytest.raises(RecipeError, match=f"got '{split}': whoever chooses by a test split cannot test on it any more"):
        load_recipe("mien-m", overrides={"validation": split})


def test_multi_target_has_no_class_weights() -> None:
    with pytest.raises(RecipeError, match="class-weights has no meaning"):
        load_recipe("ferplus-votes", overrides={"target": "multi-target", "imbalance": "class-weights"})


def test_files_are_read_by_path_and_their_mistakes_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('network = "study_cnn"\nepochs = 2\n\n[search]\noptions.activation = ["elu", "relu"]\n')
    recipe = load_recipe(str(path))
    assert isinstance(recipe, Recipe)
    assert recipe.search == {"options.activation": ("elu", "relu")}
    path.write_text("network = study_cnn")
    with pytest.raises(RecipeError, match=r"mine\.toml is not valid TOML"):
        load_recipe(str(path))
    path.write_text("epochs = 2")
    with pytest.raises(RecipeError, match="the field 'network' is missing"):
        load_recipe(str(path))
    path.write_text('network = "study_cnn"\nepochs = 2\nepoch = 3')
    with pytest.raises(RecipeError, match="unknown field 'epoch'; expected one of network, epochs"):
        load_recipe(str(path))
    with pytest.raises(RecipeError, match="no recipe 'mine': expected a TOML file or one of ferplus-votes, gap-cnn"):
        load_recipe("mine")


def test_classical_recipes_have_a_grid_of_lists() -> None:
    recipe = load_recipe("miele-knn", overrides={"folds": 2, "grid.p": [1]})
    assert isinstance(recipe, ClassicalRecipe)
    assert recipe.folds == 2
    assert recipe.grid["p"] == (1,)
    with pytest.raises(RecipeError, match=r"grid\.p must be a list of values to choose from, got 1"):
        load_recipe("miele-knn", overrides={"grid.p": 1})
    with pytest.raises(RecipeError, match="unknown field 'epochs'"):
        load_recipe("miele-knn", overrides={"epochs": 1})
