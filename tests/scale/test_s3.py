"""From S3 to S3, through a real server of its protocol in a process of its own."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

from mien.errors import MediaError
from mien.scale.engines import LocalEngine
from mien.scale.run import ScaleRun
from mien.scale.sources import find_items
from mien.scale.storage import Store
from scale_samples import CLIP, SETTINGS, portraits


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server with an empty bucket "faces"; what speaks S3 in this process and below speaks to it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while server.poll() is None:
                try:
                    put(f"{url}/faces", b"")
                except OSError:
                    time.sleep(0.1)
                else:
                    break
            yield url
        finally:
            server.terminate()


def put(url: str, content: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}  # urllib's own would have the server read a form
    with urllib.request.urlopen(urllib.request.Request(url, content, headers, method="PUT"), timeout=60):
        pass


def test_from_s3_to_s3_and_again(s3: str, tmp_path: Path) -> None:
    for path in portraits(tmp_path, 6):
        put(f"{s3}/faces/in/{path.name}", path.read_bytes())
    put(f"{s3}/faces/in/deep/clip.mp4", CLIP.read_bytes())
    put(f"{s3}/faces/in/text.jpg", b"no photo")
    with pytest.raises(MediaError, match="found none"):
        list(find_items("s3://faces/elsewhere"))
    place = "s3://faces/out"
    for attempt in range(2):
        run = ScaleRun("s3://faces/in", place, SETTINGS, shard_size=4)
        assert len(run.there) == 3 * attempt
        with LocalEngine(SETTINGS, place, workers=1, stall_s=300) as engine:
            read = [count for count in run.counts(engine) if count is not None]
        assert len(read) == 3 * (1 - attempt)
        assert run.manifest is not None
        assert (run.manifest["inputs"], run.manifest["failures"]) == (8, 1)
    store = Store(place)
    assert store.names("") == ["_manifest.json", "_plan.parquet", "failures", "readings"]
    inputs: list[str] = []
    for name in store.names("readings"):
        with store.open(f"readings/{name}") as file:
            inputs += parquet.read_table(file).column("input").to_pylist()
    assert set(inputs) == {*(f"s3://faces/in/{number}.png" for number in range(6)), "s3://faces/in/deep/clip.mp4"}
    (name,) = store.names("failures")
    with store.open(f"failures/{name}") as file:
        (failure,) = parquet.read_table(file).to_pylist()
    assert (failure["input"], failure["stage"]) == ("s3://faces/in/text.jpg", "decode")
    store.remove("_plan.parquet")
    assert store.names("") == ["_manifest.json", "failures", "readings"]
