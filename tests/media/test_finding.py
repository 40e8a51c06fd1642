"""Files, folders, patterns and addresses: what is meant, once each and in order."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import SharedMedia
from mien.errors import MediaError
from mien.media.finding import find_media, find_photos, is_video, natural_order
from mien.media.photos import load_photo
from video_samples import evenly, write_video


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(photos: tuple[Path, ...], folder: Path) -> list[str]:
    return [photo.relative_to(folder).as_posix() for photo in photos]


def test_a_folder_gives_its_photos_innatural_order(tmp_path: Path) -> None:
    touch(tmp_path, "10.jpg", "9.JPG", "b/2.png", "b/11.png", "B2/x.webp", "a.heic", "notes.txt", "clip.mp4", "none")
    touch(tmp_path, ".hidden.jpg", ".thumbnails/1.jpg", "b/._2.png")
    expected = ["9.JPG", "10.jpg", "a.heic", "b/2.png", "b/11.png", "B2/x.webp"]
    assert names(find_photos(tmp_path), tmp_path) == expected
    assert names(find_photos([str(tmp_path)]), tmp_path) == expected


def test_named_files_stay_in_order_whatever_they_are_called(tmp_path: Path) -> None:
    touch(tmp_path, "b.txt", "a", ".c.jpg")
    wanted = [tmp_path / name for name in ("b.txt", "a", ".c.jpg", "missing.jpg")]
    assert find_photos(wanted) == tuple(wanted)


def test_each_photo_comes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "b.jpg", "a.jpg")
    monkeypatch.chdir(tmp_path)
    found = find_photos(["b.jpg", tmp_path, "./b.jpg", tmp_path / "x" / ".." / "a.jpg", "*.jpg"])
    assert found == (Path("b.jpg"), tmp_path / "a.jpg")


def test_patterns_that_the_shell_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.jpg", "b.png", "notes.txt", "sub/c.jpg", "sub/deep/d.jpg", "sub/.e.jpg", ".git/f.jpg", "1.dat")
    assert names(find_photos([f"{tmp_path}/*.jpg"]), tmp_path) == ["a.jpg"]
    assert names(find_photos([f"{tmp_path}/**/*.jpg"]), tmp_path) == ["a.jpg", "sub/c.jpg", "sub/deep/d.jpg"]
    assert names(find_photos([f"{tmp_path}/s*"]), tmp_path) == ["sub/c.jpg", "sub/deep/d.jpg"]
    assert names(find_photos([f"{tmp_path}/*"]), tmp_path) == ["a.jpg", "b.png", "sub/c.jpg", "sub/deep/d.jpg"]
    assert names(find_photos([f"{tmp_path}/?.dat"]), tmp_path) == ["1.dat"]
    assert names(find_photos([f"{tmp_path}/.git/*.jpg"]), tmp_path) == [".git/f.jpg"]
    monkeypatch.chdir(tmp_path)
    assert find_photos("[ab].*") == (Path("a.jpg"), Path("b.png"))


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    touch(tmp_path, "team [1].jpg", "team 1.jpg")
    assert names(find_photos([tmp_path / "team [1].jpg"]), tmp_path) == ["team [1].jpg"]


def test_a_pattern_without_a_match_loses_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    found = find_photos([tmp_path / "*.png", tmp_path / "a.jpg"])
    assert names(found, tmp_path) == ["*.png", "a.jpg"]
    with pytest.raises(MediaError, match="got no such file"):
        load_photo(found[0])


@pytest.mark.parametrize("paths", [[], ["empty"], ["empty", "*.jpg"], ["no/such/**/x*.jpg"]])
def test_nothing_at_all_is_a_media_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "empty/notes.txt")
    with pytest.raises(MediaError, match=r"expected photos, found none in .*: name a photo, a folder with photos, or"):
        find_photos(paths)


def test_an_impossible_pattern_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="expected"):
        find_photos([tmp_path / "**.jpg"])


def test_links_to_folders_do_not_lead_in_circles(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/photo.jpg")
    for name in ("one", "two", "three"):
        (tmp_path / "a" / "b" / name).symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    assert names(find_photos([tmp_path]), tmp_path) == ["a/b/photo.jpg", "self.jpg"]
    assert names(find_photos([tmp_path / "**" / "p*.jpg"]), tmp_path) == ["a/b/photo.jpg"]
    assert names(find_photos([tmp_path / "a" / "b" / "one" / "a" / "b" / "photo.jpg"]), tmp_path / "a" / "b" / "one")
    with pytest.raises(MediaError, match=r"cannot be opened .*symbolic links"):
        load_photo(tmp_path / "self.jpg")


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.jpg", "closed/b.jpg", "d.jpg")
    scandir: Callable[..., Any] = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_photos([tmp_path])
    assert names(found, tmp_path) == ["a.jpg", "closed", "d.jpg"]
    with pytest.raises(MediaError, match="got a folder: name the photos in it, and see that it can be read"):
        load_photo(found[1])


@given(
    st.sets(st.text(st.characters(exclude_characters="/\\*?[\0", exclude_categories=["Cs"]), min_size=1), min_size=1)
)
def test_any_name_can_be_ordered_and_found(names: set[str]) -> None:
    paths = [Path(f"{name}.jpg") for name in sorted(names)]
    assert find_photos(paths) == tuple(paths)
    assert all(one < other for one, other in pairwise(sorted(map(natural_order, paths))))


def test_long_paths_are_found(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["d" * 200] * 8)
    folder.mkdir(parents=True)
    path = folder / ("n" * 240 + ".bmp")
    path.touch()
    assert find_photos([tmp_path]) == (path,)


def test_videos_photos_and_addresses_mixed(tmp_path: Path) -> None:
    touch(tmp_path, "10.jpg", "9.MP4", "b/2.webm", "notes.txt", ".hidden.mp4")
    address = "https://example.org/clip.mp4?quality=*"
    found = find_media([str(tmp_path / "b"), address, str(tmp_path), f"{tmp_path}/*.MP4", address])
    assert found == (tmp_path / "b" / "2.webm", address, tmp_path / "9.MP4", tmp_path / "10.jpg")
    with pytest.raises(MediaError, match="expected photos or videos, found none in"):
        find_media([tmp_path / "nothing*"])


def moving(path: Path, frames: int, **options: Any) -> None:
    pictures = [Image.new("RGB", (40, 30), (60 * number, 0, 0)) for number in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)


def test_content_says_what_is_a_video_and_names_where_it_does_not(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", evenly(3))
    (tmp_path / "clip").write_bytes((tmp_path / "clip.mp4").read_bytes())
    write_video(tmp_path / "clip.mkv", evenly(3))
    (tmp_path / "clip.dat").write_bytes((tmp_path / "clip.mkv").read_bytes())
    moving(tmp_path / "moving.gif", 3)
    moving(tmp_path / "moving.png", 3)
    moving(tmp_path / "still.gif", 1)
    moving(tmp_path / "still.mp4", 1, format="PNG")
    for name in ("text.mp4", "text.jpg", "text"):
        (tmp_path / name).write_text("no picture")
    found = {path.name for path in tmp_path.iterdir() if is_video(path)}
    assert found == {"clip.mp4", "clip", "clip.mkv", "clip.dat", "moving.gif", "moving.png", "text.mp4"}
    assert is_video(tmp_path / "absent.mov")
    assert not is_video(tmp_path / "absent")
    assert is_video("https://example.org/watch?v=1")
    assert not is_video("https://example.org/a%20team.JPG?size=2")


def test_the_real_media_are_told_apart(shared_media: SharedMedia) -> None:
    for name in shared_media.manifest:
        moves = name.startswith("videos/") or name == "images/animated.gif"
        assert is_video(shared_media.path(name)) == moves, name
