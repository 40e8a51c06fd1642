"""Which photos and videos people mean by files, folders, patterns and addresses."""

import glob
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mien.errors import MediaError
from mien.media.photos import PHOTO_SUFFIXES, has_photo_signature, is_folder, kind_of, moves
from mien.media.videos import VIDEO_SUFFIXES

__all__ = ["find_media", "find_photos", "is_address", "is_video"]


def find_photos(paths: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """Every photo that `paths` name, in their order, each once.

    Args:
        paths: Files, kept whatever they are called; folders, searched with all folders in them for files with
            one of `PHOTO_SUFFIXES`, in natural order ("2.jpg" before "10.jpg"); and patterns with `*`, `?`,
            `[...]` or `**`, for shells that leave them as they are. What starts with a dot is passed over, and
            links to folders are not followed.

    Returns:
        What was found. A file that does not exist, a folder that cannot be listed and a pattern that fits
        nothing stay in the list, so that `load_photo` says so in their turn.

    Raises:
        MediaError: nothing at all was found.
    """
    named = [paths] if isinstance(paths, str | Path) else list(paths)
    found, anything = _found(named, PHOTO_SUFFIXES)
    if not anything:
        raise MediaError(
            f"expected photos, found none in {', '.join(map(str, named)) or 'an empty list'}:"
            " name a photo, a folder with photos, or a pattern such as photos/*.jpg"
        )
    return found


def find_media(paths: Iterable[str | Path]) -> tuple[Path | str, ...]:
    """Every photo and video that `paths` name, in their order, each once, as `find_photos` finds photos.

    Args:
        paths: Files, folders and patterns; and addresses, which come back as they are.

    Returns:
        Paths of files, and addresses as strings.

    Raises:
        MediaError: nothing at all was found.
    """
    named = list(paths)
    found: dict[Path | str, None] = {}
    anything = False
    for name in named:
        if is_address(name):
            found[str(name)], anything = None, True
        else:
            files, some = _found([name], PHOTO_SUFFIXES | VIDEO_SUFFIXES)
            found |= dict.fromkeys(files)
            anything |= some
    if not anything:
        raise MediaError(
            f"expected photos or videos, found none in {', '.join(map(str, named)) or 'an empty list'}:"
            " name one, a folder with some, or a pattern such as clips/*.mp4"
        )
    places: dict[str, Path | str] = {}
    for source in found:
        places.setdefault(source if isinstance(source, str) else _place(source), source)
    return tuple(places.values())


def is_address(name: str | Path) -> bool:
    """Whether it is an address of the web and not a file.

    Example:
        >>> is_address("https://example.org/clip.mp4"), is_address("clips/https.mp4")
        (True, False)
    """
    return isinstance(name, str) and name.lower().startswith(("http://", "https://"))


def is_video(source: Path | str, content: bytes | None = None) -> bool:
    """Whether it is to be read as a video: by its content, or where that says nothing, by its name.

    A GIF or PNG that moves is a video. An address is one unless its name is a photo's.

    Args:
        source: A file or an address.
        content: Its bytes, where they are at hand.
    """
    if content is not None:
        return _shows_video(content[:64], Path(source).suffix.lower(), lambda: moves(io.BytesIO(content)))
    if isinstance(source, str):
        return Path(unquote(urlsplit(source).path)).suffix.lower() not in PHOTO_SUFFIXES
    suffix = source.suffix.lower()
    try:
        with source.open("rb") as file:
            start = file.read(64)
    except (OSError, ValueError):
        return suffix in VIDEO_SUFFIXES
    return _shows_video(start, suffix, lambda: moves(source))


def _shows_video(start: bytes, suffix: str, does_move: Callable[[], bool]) -> bool:
    """Whether a file that starts so and is called so is a video."""
    if has_photo_signature(start):
        return start.startswith((b"GIF8", b"\x89PNG")) and does_move()
    if suffix in PHOTO_SUFFIXES or suffix in VIDEO_SUFFIXES:
        return suffix in VIDEO_SUFFIXES
    return kind_of(start) in {"a video", "data of an unknown kind"}


def _found(named: Iterable[str | Path], suffixes: frozenset[str]) -> tuple[tuple[Path, ...], bool]:
    """The files that are meant, each once, and whether anything is there or was named as one file."""
    found: dict[str, Path] = {}
    anything = False
    for name in named:
        path = Path(name)
        is_pattern = glob.has_magic(str(path)) and not os.path.lexists(path)
        files = list(_matches(path, suffixes)) if is_pattern else _files_of(path, suffixes)
        anything |= bool(files)
        for file in files or ([path] if is_pattern else []):
            found.setdefault(_place(file), file)
    return tuple(found.values()), anything


def _place(path: Path) -> str:
    return os.path.normcase(os.path.normpath(path.absolute()))


def _files_of(path: Path, suffixes: frozenset[str]) -> list[Path]:
    """`path` itself, or what is wanted of the folder that it is, with the folders in it that cannot be listed."""
    if not is_folder(path):
        return [path]
    files_in: list[Path] = []
    closed: list[OSError] = []
    for folder, folders, files in os.walk(path, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files_in += [Path(folder, name) for name in files if _is_wanted(Path(name), suffixes)]
    return sorted([*files_in, *(Path(error.filename) for error in closed)], key=natural_order)


def _matches(pattern: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    """The files that a pattern names; such with other suffixes only if it spells out theirs."""
    fixed = next(index for index, part in enumerate(pattern.parts) if glob.has_magic(part))
    root, rest = Path(*pattern.parts[:fixed]), Path(*pattern.parts[fixed:])
    any_suffix = bool(rest.suffix) and not glob.has_magic(rest.suffix)
    try:
        matches = sorted(root.glob(str(rest)), key=natural_order)
    except (ValueError, NotImplementedError) as error:
        raise MediaError(f"{pattern}: expected a pattern such as photos/**/*.jpg, got a wrong one: {error}") from error
    hidden_wanted = any(part.startswith(".") for part in rest.parts)
    for path in matches:
        if not hidden_wanted and any(part.startswith(".") for part in path.relative_to(root).parts):
            continue
        if is_folder(path):
            yield from _files_of(path, suffixes)
        elif any_suffix or _is_wanted(path, suffixes):
            yield path


def _is_wanted(path: Path, suffixes: frozenset[str]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def natural_order(path: Path) -> tuple[list[list[tuple[int, str]]], str]:
    """Sorts folder by folder, numbers by value, without regard to case."""
    parts = [
        [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"(\d+)", part.casefold())]
        for part in path.parts
    ]
    return parts, str(path)
