"""Files from a web that breaks off, refuses and changes; pages by yt-dlp; always a whole file or one sentence."""

import errno
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mien.errors import DiskFullError, MediaError, MissingExtraError
from mien.media import downloads
from mien.media.downloads import download
from mien.media.videos import open_video
from video_samples import evenly, write_video
from web_samples import Web, serving

CONTENT = np.random.default_rng(3).bytes(700_000)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(downloads, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("MIEN_OFFLINE", raising=False)
    with serving() as web:
        web.files["/clip.mp4"] = ("video/mp4", CONTENT)
        yield web


def test_a_file_comes_whole_and_is_fetched_once(web: Web, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    for _ in range(2):
        path = download(f"{web.url}/clip.mp4?key=1", tmp_path / "new", told=lambda *sizes: told.append(sizes))
        assert path.read_bytes() == CONTENT
    assert path.suffix == ".mp4"
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [arrived for arrived, _ in told] == sorted(arrived for arrived, _ in told)
    assert len(web.asked) == 1


def test_what_breaks_off_goes_on_where_it_was(web: Web, tmp_path: Path) -> None:
    web.break_offs = [300_000, 0, 100_000, 250_000]
    assert download(f"{web.url}/clip.mp4", tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted in web.asked] == [
        *(None, "bytes=300000-", "bytes=300000-", "bytes=400000-", "bytes=650000-"),
    ]


def test_the_next_run_goes_on_too(web: Web, tmp_path: Path) -> None:
    web.break_offs = [300_000, 0, 0, 0]
    with pytest.raises(MediaError, match=r"got 300,000 of 700,000 bytes: check the address, or try again"):
        download(f"{web.url}/clip.mp4", tmp_path)
    assert download(f"{web.url}/clip.mp4", tmp_path).read_bytes() == CONTENT
    assert web.asked[-1][1] == "bytes=300000-"


@pytest.mark.parametrize("change", ["another file", "a shorter file", "no parts", "no tag and another file"])
def test_a_file_that_changed_is_fetched_from_its_start(web: Web, tmp_path: Path, change: str) -> None:
    address = f"{web.url}/clip.mp4"
    if change.startswith("no tag"):
        web.tag = None
    web.break_offs = [300_000, 0, 0, 0]
    with pytest.raises(MediaError):
        download(address, tmp_path)
    if change == "no parts":
        web.knows_parts = False
    elif change == "a shorter file":
        web.files["/clip.mp4"], web.tag = ("video/mp4", CONTENT[:1000]), '"two"'
    elif change == "another file":
        web.files["/clip.mp4"], web.tag = ("video/mp4", CONTENT[::-1]), '"two"'
    assert download(address, tmp_path).read_bytes() == web.files["/clip.mp4"][1]


def test_a_server_that_is_busy_is_asked_again_and_one_that_says_no_is_not(web: Web, tmp_path: Path) -> None:
    web.failures = [503, 429, 500]
    assert download(f"{web.url}/clip.mp4", tmp_path / "busy").read_bytes() == CONTENT
    asked = len(web.asked)
    with pytest.raises(MediaError, match=rf"^{web.url}/absent.mp4: expected a video, got 404 Not Found: check"):
        download(f"{web.url}/absent.mp4", tmp_path / "absent")
    assert len(web.asked) == asked + 1


def test_without_a_length_the_end_is_the_end(web: Web, tmp_path: Path) -> None:
    web.says_length = False
    assert download(f"{web.url}/clip.mp4", tmp_path).read_bytes() == CONTENT


def test_nobody_there_is_one_sentence(web: Web, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(MediaError, match="expected a video, got Connection refused: check the address"):
        download(f"http://127.0.0.1:{port}/clip.mp4", tmp_path)


def test_offline_is_offline(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    with pytest.raises(MediaError, match="MIEN_OFFLINE is set, got an address"):
        download(f"{web.url}/clip.mp4", tmp_path)
    assert web.asked == []


def test_whoever_is_told_may_end_it(web: Web, tmp_path: Path) -> None:
    def told(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(f"{web.url}/clip.mp4", tmp_path, told=told)
    assert download(f"{web.url}/clip.mp4", tmp_path).read_bytes() == CONTENT
    assert web.asked[-1][1] is not None


def test_a_full_disk_is_one_sentence(web: Web, tmp_path: Path) -> None:
    def told(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFullError, match="expected room for what is written to"):
        download(f"{web.url}/clip.mp4", tmp_path, told=told)


# ---------------------------------------------------------------- pages


@pytest.fixture
def page(web: Web, tmp_path: Path) -> str:
    """The address of a page with a video in it."""
    write_video(tmp_path / "clip.mp4", evenly(20), options={"movflags": "faststart"})
    web.files["/clip.mp4"] = ("video/mp4", (tmp_path / "clip.mp4").read_bytes())
    html = '<html><head><title>A talk</title></head><body><video src="/clip.mp4"></video></body></html>'
    web.files["/talk"] = ("text/html; charset=utf-8", html.encode())
    web.files["/empty"] = ("text/html", b"<html><body>Nothing to see</body></html>")
    return f"{web.url}/talk"


def test_the_video_of_a_page(page: str, tmp_path: Path) -> None:
    told: list[int] = []
    path = download(page, tmp_path / "new", told=lambda arrived, expected: told.append(arrived))
    with open_video(path) as video:
        assert len(list(video)) == 20
    assert told
    assert path.parent == tmp_path / "new"


def test_a_page_without_a_video_is_one_sentence(page: str, web: Web, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=rf"^{web.url}/empty: expected a video or a page with one, got neither") as got:
        download(f"{web.url}/empty", tmp_path / "new")
    assert "\n" not in str(got.value)


def test_without_yt_dlp_the_line_to_install_it_is_named(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    with pytest.raises(MissingExtraError, match=r'is a page and no video: .* run pip install "mien\[url\]"'):
        download(page, tmp_path / "new")
