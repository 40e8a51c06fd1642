"""How many photos a second does the service read, how long do clients wait, and are all answers right?

    python benchmarks/serve.py [--minutes 5] [--mixed-minutes 60]

The service runs as `mien serve` does, on this machine, with its own processes; the clients are threads here, and take
their share of the same cores. Three parts:

- photos: 1, 8 and 32 clients, each with one photo under way, for --minutes each. Every answer is compared with what
  the library reads in the same photo; one that is missing, refused or different is counted.
- live: 20 sockets, each with one frame under way; readings are compared with the library's own session.
- slow neighbours: one client alone, then the same beside connections that send half a head, uploads that drip, and
  sockets and downloads that take nothing; the longer wait is shown.
- mixed: photos, sockets and videos together for --mixed-minutes, and the memory of the service meanwhile.

The same photos go to DeepFace's own server, in an environment of its own (--peer, made if it is not there: TensorFlow,
1.5 GB). Its weights come from its authors' releases when it first answers; where they cannot be had, that is said.
"""

import argparse
import http.client
import io
import itertools
import json
import os
import platform
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from local_service import LocalService, is_flat, serving
from PIL import Image
from websockets.sync.client import connect

import mien

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "examples" / "astronaut.jpg"
CLIENTS = (1, 8, 32)
SOCKETS = 20
FRAMES_COMPARED = 60
FRAME_EVERY_MS = 100.0
LIMITS = {"MIEN_LIVE_CLIENTS": "64"}  # all sockets come from one address, which may have half
PEER_PACKAGES = ["deepface[api]==0.0.103", "tensorflow-cpu", "tf-keras", "gunicorn"]
PEER_START_S = 180


@dataclass
class Tally:
    """What clients saw; shared by threads."""

    waits_ms: list[float] = field(default_factory=list)
    wrong: int = 0
    lost: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, wait_ms: float, *, right: bool) -> None:
        with self._lock:
            self.waits_ms.append(wait_ms)
            self.wrong += not right

    def lose(self, why: object) -> None:
        with self._lock:
            self.lost += 1
            if self.lost == 1:
                print(f"    lost: {why}", flush=True)

    def line(self, name: str, seconds: float) -> str:
        """One row of the table."""
        if not self.waits_ms:
            return f"{name:30} no answer"
        p50, p95, p99 = (float(np.percentile(self.waits_ms, share)) for share in (50, 95, 99))
        rate = len(self.waits_ms) / seconds
        return (
            f"{name:30} {rate:7.1f} a second   p50 {p50:7.1f}  p95 {p95:7.1f}  p99 {p99:7.1f} ms   "
            f"{len(self.waits_ms):,} answers, {self.wrong} wrong, {self.lost} lost"
        )


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def sample_photos() -> list[bytes]:
    """One face large and small, two faces, a turned file, none."""
    photo = Image.open(PHOTO).convert("RGB")
    two = Image.new("RGB", (1024, 512))
    for left in (0, 512):
        two.paste(photo.resize((512, 512)), (left, 0))
    whole = photo.resize((640, 640))
    return [
        jpeg(whole.crop((0, 0, 640, 480))),
        jpeg(photo.resize((320, 320))),
        jpeg(two),
        jpeg(whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        jpeg(whole.crop((0, 340, 640, 640))),
    ]


def same(got: object, expected: object) -> bool:
    """Equal in form; numbers to what the number of threads can change."""
    if isinstance(expected, dict):
        return (
            isinstance(got, dict) and got.keys() == expected.keys() and all(map(same, got.values(), expected.values()))
        )
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, float) and isinstance(got, int | float):
        return abs(got - expected) <= 1e-4 + 1e-5 * abs(expected)
    return got == expected


class Known:
    """What the library reads in each photo; the same bytes need not be compared twice."""

    def __init__(self, photos: list[bytes]) -> None:
        analyzer = mien.Analyzer()
        self._expected = [_as_json(analyzer.read(mien.load_photo(photo))) for photo in photos]
        self._seen: list[set[bytes]] = [set() for _ in photos]

    def is_right(self, number: int, content: bytes) -> bool:
        if content not in self._seen[number]:
            if not same(json.loads(content), self._expected[number]):
                return False
            self._seen[number].add(content)
        return True


def _as_json(reading: mien.FrameReading) -> Any:
    return json.loads(json.dumps(reading.to_dict()))


def together(number: int, work: Callable[[int], None]) -> float:
    """Run `work` in so many threads; the seconds until the last was done."""
    threads = [threading.Thread(target=work, args=[each]) for each in range(number)]
    began_s = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began_s


def ask_for_photos(port: int, photos: list[bytes], known: Known, tally: Tally, first: int, until_s: float) -> None:
    """One client: a photo, its answer, the next photo."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number in itertools.islice(itertools.cycle(range(len(photos))), first % len(photos), None):
        if time.monotonic() >= until_s:
            break
        began_s = time.monotonic()
        try:
            connection.request("POST", "/v1/read", photos[number], {"content-type": "image/jpeg"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            tally.lose(repr(error))
            connection.close()
            continue
        if answer.status != http.HTTPStatus.OK:
            tally.lose(f"{answer.status} {content!r}")
        else:
            tally.add(1000 * (time.monotonic() - began_s), right=known.is_right(number, content))
    connection.close()


def measure_photos(service: LocalService, photos: list[bytes], known: Known, clients: int, seconds: float) -> Tally:
    tally = Tally()
    until_s = time.monotonic() + seconds
    spent_s = together(clients, lambda each: ask_for_photos(service.port, photos, known, tally, each, until_s))
    print(tally.line(f"mien, {clients} client{'s'[: clients > 1]}", spent_s), flush=True)
    return tally


class Film:
    """A face that moves to and fro, as frames, and what the library reads in the first of them."""

    def __init__(self) -> None:
        face = Image.open(PHOTO).convert("RGB").resize((240, 240))
        self.frames = []
        for shift in [*range(0, 80, 8), *range(80, 0, -8)]:
            picture = Image.new("RGB", (320, 240), (90, 90, 90))
            picture.paste(face, (shift, 0))
            self.frames.append(jpeg(picture))
        session = mien.Analyzer().session()
        self.expected = [
            _as_json(session.read(mien.load_photo(self.frame(number)), time_s=self.time_ms(number) / 1000))
            for number in range(FRAMES_COMPARED)
        ]

    def frame(self, number: int) -> bytes:
        return self.frames[number % len(self.frames)]

    def time_ms(self, number: int) -> float:
        return FRAME_EVERY_MS * (number + 1)


def stream(port: int, film: Film, tally: Tally, until_s: float) -> None:
    """One page: a frame, its reading, the next frame."""
    with connect(f"ws://127.0.0.1:{port}/v1/live", compression=None, max_size=None) as web_socket:
        web_socket.recv(timeout=60)
        for number in itertools.count():
            if time.monotonic() >= until_s:
                return
            began_s = time.monotonic()
            web_socket.send(struct.pack(">d", film.time_ms(number)) + film.frame(number))
            try:
                answer = json.loads(web_socket.recv(timeout=60))
            except (OSError, EOFError) as error:
                tally.lose(repr(error))
                return
            wait_ms = 1000 * (time.monotonic() - began_s)
            right = answer.get("captured_ms") == film.time_ms(number) and answer["type"] == "reading"
            if right and number < FRAMES_COMPARED:
                right = same(answer["reading"], film.expected[number])
            tally.add(wait_ms, right=right)


def measure_live(service: LocalService, film: Film, seconds: float) -> Tally:
    tally = Tally()
    until_s = time.monotonic() + seconds
    spent_s = together(SOCKETS, lambda _: stream(service.port, film, tally, until_s))
    print(tally.line(f"mien, {SOCKETS} live sockets", spent_s), flush=True)
    return tally


@contextmanager
def slow_neighbours(service: LocalService, photo: bytes) -> Iterator[int]:
    """Connections that take as much and give as little as they can; how many there are."""
    head = f"POST /v1/read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(photo)}\r\n"
    ended = threading.Event()
    with ExitStack() as stack:

        def connected(start: bytes) -> socket.socket:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            connection.sendall(start)
            return connection

        for _ in range(100):
            connected(head.encode())  # and never the end of it
        dripping = [connected(head.encode() + b"\r\n" + photo[:100]) for _ in range(20)]
        for _ in range(20):  # asks for much and takes nothing
            connection = connected(b"")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with suppress(OSError):
                connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50)
        for _ in range(10):
            web_socket = stack.enter_context(connect(f"ws://127.0.0.1:{service.port}/v1/live"))
            web_socket.recv(timeout=60)  # and nothing more

        def drip() -> None:
            for place in itertools.count(100):
                if ended.wait(0.5):
                    return
                for connection in dripping:
                    with suppress(OSError):
                        connection.sendall(photo[place : place + 1])

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield 100 + 20 + 20 + 10
        finally:
            ended.set()
            thread.join()


def measure_beside_slow_clients(service: LocalService, photos: list[bytes], known: Known, seconds: float) -> Tally:
    """One client alone and beside slow ones, in turns, so that both meet the same machine."""
    alone, beside = Tally(), Tally()
    for _ in range(4):
        ask_for_photos(service.port, photos, known, alone, 0, time.monotonic() + seconds / 8)
        with slow_neighbours(service, photos[0]) as number:
            ask_for_photos(service.port, photos, known, beside, 0, time.monotonic() + seconds / 8)
    ratio = statistics.median(beside.waits_ms) / statistics.median(alone.waits_ms)
    print(
        beside.line(f"mien, beside {number} slow clients", seconds / 2),
        f"\n    {ratio:.2f} times the wait without them",
    )
    return beside


def video_of(film: Film) -> bytes:
    """The film as an MP4 file of two seconds."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        coded = container.add_stream("mpeg4", rate=Fraction(10))
        coded.width, coded.height, coded.pix_fmt = 320, 240, "yuv420p"
        for frame in film.frames:
            pixels = np.asarray(Image.open(io.BytesIO(frame)))
            container.mux(coded.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(coded.encode())
    return file.getvalue()


def send_videos(service: LocalService, video: bytes, frames: int, tally: Tally, until_s: float) -> None:
    """One client: a video, its readings, the next video."""
    client = mien.Client(service.url)
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        try:
            readings = client.read_video(video)
        except mien.MienError as error:
            tally.lose(error)
            continue
        right = len(readings) == frames and all(len(reading.faces) == 1 for reading in readings)
        tally.add(1000 * (time.monotonic() - began_s), right=right)


def measure_mixed(
    service: LocalService, photos: list[bytes], known: Known, film: Film, seconds: float
) -> tuple[list[Tally], bool]:
    """Everything at once; the tallies, and whether the memory stayed flat."""
    by_kind = {"photos, 4 clients": Tally(), "live, 4 sockets": Tally(), "videos, 1 client": Tally()}
    of_photos, of_live, of_videos = by_kind.values()
    until_s = time.monotonic() + seconds
    video = video_of(film)
    memory_mb: list[float] = []

    def work(each: int) -> None:
        if each < 4:
            ask_for_photos(service.port, photos, known, of_photos, each, until_s)
        elif each < 8:
            stream(service.port, film, of_live, until_s)
        elif each == 8:
            send_videos(service, video, len(film.frames), of_videos, until_s)
        else:
            while time.monotonic() < until_s:
                memory_mb.extend(mb for mb in [service.memory_mb()] if mb is not None)
                time.sleep(min(5.0, seconds / 60))

    spent_s = together(10, work)
    for name, tally in by_kind.items():
        print(tally.line(f"mixed: {name}", spent_s))
    return list(by_kind.values()), is_flat(memory_mb, seconds)


@contextmanager
def peer(folder: Path) -> Iterator[int | None]:
    """DeepFace's own server, and the port that it listens on; None where it cannot be had."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"installing DeepFace into {folder} ...", flush=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER_PACKAGES], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"DeepFace could not be installed: {error}")
            yield None
            return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(python), "-m", "gunicorn", "--workers=1", "--timeout=7200", f"--bind=127.0.0.1:{port}"]
    environment = {**os.environ, "DEEPFACE_HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [*command, "deepface.api.src.app:create_app()"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port if _answers(port, process) else None
    finally:
        process.terminate()
        process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether DeepFace's server reads the sample photo, once it is up and has its weights."""
    until_s = time.monotonic() + PEER_START_S
    why = "it did not start"
    while time.monotonic() < until_s and process.poll() is None:
        try:
            status, content = ask_peer(port, sample_photos()[0])
        except (OSError, http.client.HTTPException):
            time.sleep(1)
            continue
        if status == http.HTTPStatus.OK:
            return True
        why = content.decode("utf-8", "replace")[:300]
        break
    print(f"DeepFace's server cannot be compared with here; it says: {why}")
    return False


def ask_peer(port: int, photo: bytes) -> tuple[int, bytes]:
    """One photo to DeepFace's server: emotions alone, with its default detector."""
    boundary = "mien-benchmark"
    parts = [f'--{boundary}\r\ncontent-disposition: form-data; name="img"; filename="a.jpg"\r\n\r\n'.encode() + photo]
    for name, value in (("actions", "emotion"), ("detector_backend", "opencv")):
        parts.append(f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}'.encode())
    body = b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PEER_START_S)
    try:
        connection.request("POST", "/analyze", body, {"content-type": f"multipart/form-data; boundary={boundary}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def measure_peer(folder: Path, photo: bytes, seconds: float) -> None:
    with peer(folder) as port:
        if port is None:
            return
        for clients in (1, 8):
            tally = Tally()
            until_s = time.monotonic() + seconds

            def work(_: int, port: int = port, tally: Tally = tally, until_s: float = until_s) -> None:
                while time.monotonic() < until_s:
                    began_s = time.monotonic()
                    status, content = ask_peer(port, photo)
                    if status == http.HTTPStatus.OK:
                        tally.add(1000 * (time.monotonic() - began_s), right=True)
                    else:
                        tally.lose(content)

            print(tally.line(f"DeepFace, {clients} clients", together(clients, work)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.2, help="for each number of clients, and for the sockets")
    parser.add_argument("--mixed-minutes", type=float, default=0.5, help="of everything together")
    parser.add_argument("--peer", type=Path, default=ROOT / "build" / "peers" / "deepface", help="its environment")
    parser.add_argument("--no-peer", action="store_true", help="our own figures alone")
    args = parser.parse_args()
    seconds = 60 * args.minutes
    photos, film = sample_photos(), Film()
    known = Known(photos)
    with serving(LIMITS) as service:
        about = mien.Client(service.url).models()
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; "
            f"{about['card']['name']}, {about['detector']}; {len(photos)} photos of 320 to 1024 px"
        )
        tallies = [measure_photos(service, photos, known, clients, seconds) for clients in CLIENTS]
        tallies.append(measure_live(service, film, seconds))
        tallies.append(measure_beside_slow_clients(service, photos, known, seconds))
        mixed, flat = measure_mixed(service, photos, known, film, 60 * args.mixed_minutes)
        tallies += mixed
        replaced = service.metric("mien_readers_replaced")
        if not args.no_peer:
            alone = measure_photos(service, photos[:1], known, 1, seconds)
            print(f"    (the one photo that DeepFace's server gets too: {statistics.median(alone.waits_ms):.1f} ms)")
    if not args.no_peer:
        measure_peer(args.peer, photos[0], seconds)
    wrong, lost = sum(tally.wrong for tally in tallies), sum(tally.lost for tally in tallies)
    print(f"{wrong} wrong, {lost} lost; {replaced:.0f} reading processes replaced; memory {'flat' if flat else 'GREW'}")
    sys.exit(bool(wrong or lost or replaced or not flat))


if __name__ == "__main__":
    main()
