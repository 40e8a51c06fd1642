"""Recipes as TOML: those that come with mien, those in files, and single fields changed on the way."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mien.errors import RecipeError
from mien.learning.recipe import ClassicalRecipe, Recipe, SearchRange

__all__ = ["load_recipe", "parse_setting", "recipe_from_values", "recipe_summaries", "shipped_recipes", "to_toml"]


def shipped_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with mien, sorted."""
    folder = resources.files("mien.learning") / "recipes"
    return tuple(sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".toml")))


def recipe_summaries() -> dict[str, str]:
    """Name of each shipped recipe -> its summary."""
    return {name: load_recipe(name).summary for name in shipped_recipes()}


def load_recipe(name_or_path: str, *, overrides: Mapping[str, Any] | None = None) -> Recipe | ClassicalRecipe:
    """Read a shipped recipe by name, or a TOML file by path.

    Args:
        name_or_path: As `mien train` takes it.
        overrides: Field -> value; fields of a table by their own name or as `table.field`.

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
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name_or_path} is not valid TOML: {error}") from None
    return recipe_from_values(values, source=name_or_path, overrides=overrides)


def recipe_from_values(
    values: Mapping[str, Any], *, source: str, overrides: Mapping[str, Any] | None = None
) -> Recipe | ClassicalRecipe:
    """Check plain values and make a recipe of them: a `ClassicalRecipe` if they name a `classifier`.

    Raises:
        RecipeError: as `load_recipe`.
    """
    kind = ClassicalRecipe if "classifier" in values else Recipe
    merged = dict(values)
    for key, value in (overrides or {}).items():
        table, name = _place(kind, key, source=source)
        if table:
            merged[table] = {**merged.get(table, {}), name: value}
        else:
            merged[name] = value
    recipe: Recipe | ClassicalRecipe = _build(kind, merged, where=source)
    if isinstance(recipe, Recipe):
        for key in recipe.search:
            _place(Recipe, key, source=f"{source}, search")
    return recipe


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` as `--set` takes it; the value is read as TOML, and as a text where it is none.

    Raises:
        RecipeError: there is no `=`.

    Example:
        >>> parse_setting("learning_rate=1e-3"), parse_setting("scale=[0.9, 1.1]"), parse_setting("optimiser=adam")
        (('learning_rate', 0.001), ('scale', [0.9, 1.1]), ('optimiser', 'adam'))
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set takes key=value, got {text!r}")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def to_toml(recipe: Recipe | ClassicalRecipe) -> str:
    """The recipe with every field, as `load_recipe` reads it."""
    lines: list[str] = []
    tables: list[str] = []
    for name, value in asdict(recipe).items():
        if isinstance(value, dict):
            tables += ["", f"[{name}]", *(f"{key} = {_toml(item)}" for key, item in value.items())]
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines + tables) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)  # JSON's texts and booleans are TOML's too
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return repr(value)


def _place(kind: type, key: str, *, source: str) -> tuple[str, str]:
    """The table that holds a field, "" for none, and the field's name."""
    hints = get_type_hints(kind)
    tables = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    maps = {name for name, hint in hints.items() if _is_mapping(hint)}
    table, _, name = key.rpartition(".")
    if table in maps or (table in tables and name in _names(tables[table])):
        return table, name
    if not table and name in hints:
        return "", name
    owners = [owner for owner, hint in tables.items() if name in _names(hint)]
    if not table and owners:
        return owners[0], name
    known = [*hints, *(name for hint in tables.values() for name in _names(hint))]
    raise RecipeError(f"{source}: unknown field {key!r}; a recipe has {', '.join(known)}, options.<name>")


def _build(kind: Any, values: Mapping[str, Any], *, where: str) -> Any:
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise RecipeError(f"{where}: unknown field {unknown[0]!r}; expected one of {', '.join(hints)}")
    missing = [f.name for f in fields(kind) if f.name not in values and f.default is f.default_factory is MISSING]
    if missing:
        raise RecipeError(f"{where}: the field {missing[0]!r} is missing")
    if isinstance(values.get("validation"), str):
        raise RecipeError(
            f"{where}: validation must be a share of Training, got {values['validation']!r}: whoever chooses by a test "
            "split cannot test on it any more. Choose on a part of Training, and score PublicTest or PrivateTest "
            "with `mien evaluate`"
        )
    converted = {key: _convert(hints[key], value, where=f"{where}: {key}") for key, value in values.items()}
    try:
        return kind(**converted)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _convert(hint: Any, value: Any, *, where: str) -> Any:
    """`value`, which TOML knows, as the type that a field declares."""
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise RecipeError(f"{where} must be a table, got {value!r}")
        return _build(hint, value, where=where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise RecipeError(f"{where} must be one of {', '.join(get_args(hint))}, got {value!r}")
        return value
    if _is_mapping(hint):
        if not isinstance(value, dict):
            raise RecipeError(f"{where} must be a table, got {value!r}")
        item = get_args(hint)[1]
        return value if item is Any else _convert_items(item, value, where=where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple) or not all(map(_is_number, value)) or len(value) != len(get_args(hint)):
            raise RecipeError(f"{where} must be a list of {len(get_args(hint))} numbers, got {value!r}")
        return tuple(map(float, value))
    if hint is float and _is_number(value):
        return float(value)
    if hint is not float and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
    raise RecipeError(f"{where} must be {words[hint]}, got {value!r}")


def _convert_items(item: Any, table: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """A table of choices, `[a, b]`, and, where `item` allows it, of ranges, `{ low, high, log }`."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if key == "options" and isinstance(value, dict):  # TOML reads `options.activation` as a table in a table
            flat |= {f"options.{name}": choices for name, choices in value.items()}
        else:
            flat[key] = value
    converted: dict[str, Any] = {}
    for key, value in flat.items():
        if isinstance(value, list | tuple) and value:
            converted[key] = tuple(value)
        elif isinstance(value, dict) and SearchRange in get_args(item):
            converted[key] = _build(SearchRange, value, where=f"{where}.{key}")
        else:
            raise RecipeError(f"{where}.{key} must be a list of values to choose from, got {value!r}")
    return converted


def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _is_mapping(hint: Any) -> bool:
    return get_origin(hint) is Mapping


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
