"""Does the service ever fail, crash or grow, whatever is sent? `python benchmarks/fuzz.py [--pictures 10000]`.

Three floods against one running service:

- schemathesis over the whole OpenAPI document: requests that fit it and requests that do not, every answer checked
  against it;
- mutated pictures (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PPM), half of them to `/v1/read`, half as frames
  to live sockets, some with mutated headers.

Every picture must get exactly one answer: a reading that `mien.FrameReading` takes, or a refusal in one sentence. No
reading process may be replaced, which is what a crash or a hang in a decoder would need, and the memory of the service
in the last quarter of the pictures must not be above that in the second. Same seed, same pictures. What breaks the
service is kept in --keep. Exits with 1 if anything did.
"""

import argparse
import http.client
import io
import json
import math
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_service import LocalService, serving
from PIL import Image, features
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

import mien

PHOTO = Path(__file__).resolve().parents[1] / "examples" / "astronaut.jpg"
CLIENTS = 4
MOST_GROWTH = 0.1  # of the memory in the second quarter; the largest pictures so far leave steps in a heap
MAX_FRAME_BYTES = 200_000
LIMITS = {
    "MIEN_READERS": "2",
    "MIEN_MAX_FRAME_BYTES": str(MAX_FRAME_BYTES),
    "MIEN_KEEP_RESULTS_S": "1",
    "MIEN_VIDEO_QUEUE": "1000",  # schemathesis takes 503 for a failure
}
ODD_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# No document can say which bytes are a picture, nor which label sets the model has: a valid request may get 422.
LEFT_OUT = "positive_data_acceptance"


def whole_pictures() -> list[bytes]:
    """The sample photo, small, in every format that can be read here, with and without a turn in its EXIF."""
    photo = Image.open(PHOTO).convert("RGB").resize((160, 160))
    turned = Image.Exif()
    turned[0x0112] = 6
    formats = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]
    formats += [name for name, feature in (("AVIF", "avif"), ("JPEG2000", "jpg_2000")) if features.check(feature)]
    pictures = []
    for name in formats:
        file = io.BytesIO()
        photo.save(file, name)
        pictures.append(file.getvalue())
    for name, options in (
        ("JPEG", {"progressive": True, "exif": turned}),
        ("PNG", {"exif": turned}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
    ):
        file = io.BytesIO()
        photo.save(file, name, **options)
        pictures.append(file.getvalue())
    for mode in ("L", "P", "RGBA", "I;16", "1"):
        file = io.BytesIO()
        (photo.convert("L") if mode == "I;16" else photo).convert(mode).save(file, "PNG")
        pictures.append(file.getvalue())
    return pictures


class Mutator:
    """Breaks whole files in the ways in which files break, and in some in which only enemies break them."""

    def __init__(self, seed: str, files: list[bytes]) -> None:
        self._random, self._files = random.Random(seed), files
        self._ways: list[Callable[[bytearray], bytearray]] = [
            self._flip_bits,
            self._set_number,
            self._cut,
            self._repeat,
            self._drop,
            self._insert_noise,
            self._splice,
        ]

    def picture(self) -> bytes:
        """A file with one to six things wrong, mostly near its start, where its sizes are."""
        content = bytearray(self._random.choice(self._files))
        for _ in range(self._random.choice((1, 1, 2, 3, 6))):
            content = self._random.choice(self._ways)(content) if content else content
        return bytes(content)

    def header(self, time_ms: float) -> bytes:
        """What stands before a frame: mostly right."""
        kind = self._random.random()
        if kind < 0.9:
            return struct.pack(">d", time_ms)
        if kind < 0.95:
            return struct.pack(">d", self._random.choice((math.nan, math.inf, -math.inf, -1.0, 0.0, 5e-324)))
        return self._random.randbytes(self._random.randrange(9))

    def _place(self, content: bytearray) -> int:
        reach = min(len(content), self._random.choice((64, 512, len(content), len(content))))
        return self._random.randrange(max(1, reach))

    def _flip_bits(self, content: bytearray) -> bytearray:
        for _ in range(self._random.choice((1, 4, 32))):
            content[self._place(content)] ^= 1 << self._random.randrange(8)
        return content

    def _set_number(self, content: bytearray) -> bytearray:
        form = self._random.choice(("B", ">H", "<H", ">I", "<I"))
        number = self._random.choice(ODD_NUMBERS) & (256 ** struct.calcsize(form) - 1)
        place = self._place(content)
        content[place : place + struct.calcsize(form)] = struct.pack(form, number)
        return content

    def _cut(self, content: bytearray) -> bytearray:
        return content[: self._place(content)]

    def _span(self, content: bytearray) -> slice:
        place = self._place(content)
        return slice(place, place + self._random.choice((1, 4, 16, 256, 4096)))

    def _repeat(self, content: bytearray) -> bytearray:
        span = self._span(content)
        content[span.stop : span.stop] = content[span] * self._random.choice((1, 2, 50))
        return content

    def _drop(self, content: bytearray) -> bytearray:
        del content[self._span(content)]
        return content

    def _insert_noise(self, content: bytearray) -> bytearray:
        place = self._place(content)
        content[place:place] = self._random.randbytes(self._random.choice((1, 4, 16, 256)))
        return content

    def _splice(self, content: bytearray) -> bytearray:
        other = self._random.choice(self._files)
        place = self._place(content)
        return content[:place] + other[self._random.randrange(len(other)) :]


class Findings:
    """What went wrong, and how often each kind of answer came; shared by threads."""

    def __init__(self, keep: Path) -> None:
        self.wrong: list[str] = []
        self.answers: Counter[str] = Counter()
        self._keep, self._lock = keep, threading.Lock()

    def count(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] += 1

    def add(self, sentence: str, content: bytes = b"") -> None:
        with self._lock:
            self.wrong.append(sentence)
            if content:
                self._keep.mkdir(parents=True, exist_ok=True)
                path = self._keep / f"{len(self.wrong)}"
                path.write_bytes(content)
                sentence += f" (kept as {path})"
        print("WRONG:", sentence, flush=True)


def fuzz_api(service: LocalService, *, examples: int, seed: int, findings: Findings) -> None:
    """Let schemathesis ask."""
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"]
    command += [f"{service.url}/openapi.json", "--max-examples", str(examples), "--seed", str(seed), "--mode", "all"]
    command += ["--exclude-checks", LEFT_OUT, "--continue-on-failure", "--warnings", "off", "--suppress-health-check"]
    command += ["all", "--request-timeout", "60"]
    with tempfile.TemporaryDirectory() as folder:  # it leaves files where it runs
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    cases = next((line.strip() for line in done.stdout.splitlines() if "generated" in line), "no summary")
    print(f"schemathesis: {cases}", flush=True)
    if done.returncode:
        findings.add(f"schemathesis found something:\n{done.stdout}\n{done.stderr}")


def fuzz_photos(service: LocalService, mutator: Mutator, number: int, findings: Findings) -> None:
    """Post pictures one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    for _ in range(number):
        picture = mutator.picture()
        try:
            connection.request("POST", "/v1/read", picture, {"content-type": "image/jpeg"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            findings.add(f"a photo got no answer: {error!r}", picture)
            connection.close()
            continue
        findings.count(f"photo {answer.status}")
        if answer.status == 200:
            _check_reading(json.loads(content), picture, findings)
        elif answer.status in {413, 422}:
            _check_refusal(json.loads(content)["error"], picture, findings)
        else:
            findings.add(f"a photo was answered with {answer.status}: {content!r}", picture)
    connection.close()


def fuzz_frames(service: LocalService, mutator: Mutator, number: int, findings: Findings) -> None:
    """Send frames on a live socket, each after the answer to the one before."""
    left = iter(range(number))
    while not _stream_frames(service, mutator, left, findings):
        pass  # go on with another socket


def _stream_frames(service: LocalService, mutator: Mutator, left: Iterator[int], findings: Findings) -> bool:
    with connect(f"ws://127.0.0.1:{service.port}/v1/live", max_size=None, compression=None) as web_socket:
        web_socket.recv(timeout=60)
        for time_ms in left:
            picture = mutator.picture()
            message = mutator.header(time_ms + 1.0) + picture
            if not _ask(web_socket, message, picture, findings):
                return False
    return True


def _ask(web_socket: ClientConnection, message: bytes, picture: bytes, findings: Findings) -> bool:
    """Whether the socket goes on after a frame."""
    try:
        web_socket.send(message)
        answer = json.loads(web_socket.recv(timeout=60))
        findings.count(f"frame {answer['type']}")
        if answer["type"] == "reading":
            _check_reading(answer["reading"], picture, findings)
        else:
            _check_refusal(answer["error"], picture, findings)
        if "later than" in answer.get("error", ""):
            return False  # one header held a time far off: all others would come too early now
        if len(message) > MAX_FRAME_BYTES + 8:
            web_socket.recv(timeout=60)  # there must be none
            findings.add("a frame that was too large left its socket open", picture)
    except ConnectionClosedError as error:
        if len(message) <= MAX_FRAME_BYTES:
            findings.add(f"a frame closed its socket: {error!r}", message)
        return False
    except TimeoutError as error:
        findings.add(f"a frame got no answer: {error!r}", message)
        return False
    return True


def _check_reading(values: dict[str, object], picture: bytes, findings: Findings) -> None:
    try:
        reading = mien.FrameReading.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        findings.add(f"a reading is none: {error!r}", picture)
        return
    if any(abs(sum(face.emotions.probabilities.values()) - 1) > 1e-6 for face in reading.faces):
        findings.add("probabilities do not sum to 1", picture)


def _check_refusal(sentence: str, picture: bytes, findings: Findings) -> None:
    if "stopped the process" in sentence or "took too long" in sentence:
        findings.add(f"a picture broke its reading process: {sentence}", picture)
    if not sentence.startswith("expected") or "\n" in sentence:
        findings.add(f"a refusal is no sentence: {sentence}", picture)


def flood(service: LocalService, number: int, seed: int, findings: Findings) -> None:
    """Send that many mutated pictures, and watch the memory."""
    files = whole_pictures()
    rounds = 20
    memory_mb = []
    each = max(1, number // (rounds * CLIENTS))
    frames = [file for file in files if file.startswith((b"\xff\xd8", b"\x89PNG", b"RIFF"))]  # what sockets take
    mutators = [Mutator(f"{seed}.{client}", frames if client % 2 else files) for client in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(rounds):
            tasks = [
                pool.submit(fuzz_frames if client % 2 else fuzz_photos, service, mutator, each, findings)
                for client, mutator in enumerate(mutators)
            ]
            for task in tasks:
                task.result()
            memory_mb.append(service.memory_mb())
    print(f"{rounds * CLIENTS * each:,} mutated pictures:", dict(sorted(findings.answers.items())))
    _check_growth([each for each in memory_mb if each is not None], findings)


def _check_growth(memory_mb: list[float], findings: Findings) -> None:
    if not memory_mb:
        print("memory: this system does not say")
        return
    quarter = len(memory_mb) // 4
    early, late = statistics.median(memory_mb[quarter : 2 * quarter]), statistics.median(memory_mb[-quarter:])
    print(f"memory of the service and its processes: {early:.0f} MB in the second quarter, {late:.0f} MB in the last")
    if late > early * (1 + MOST_GROWTH):
        findings.add(f"the memory grew by {late / early - 1:.1%}: {[round(each) for each in memory_mb]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000, help="mutated pictures, half of them frames")
    parser.add_argument("--examples", type=int, default=100, help="schemathesis' cases per operation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for what breaks the service")
    args = parser.parse_args()
    findings = Findings(args.keep)
    with serving(LIMITS) as service:
        flood(service, args.pictures, args.seed, findings)
        fuzz_api(service, examples=args.examples, seed=args.seed, findings=findings)
        replaced = service.metric("mien_readers_replaced")
        print(f"reading processes that had to be replaced: {replaced:.0f}")
        if replaced:
            findings.add(f"{replaced:.0f} reading processes were replaced")
        for line in service.log_lines("Traceback"):
            findings.add(f"the log has a traceback: {line}")
    print("nothing failed" if not findings.wrong else f"{len(findings.wrong)} things went wrong")
    sys.exit(bool(findings.wrong))


if __name__ == "__main__":
    main()
