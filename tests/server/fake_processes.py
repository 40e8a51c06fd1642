"""Processes that do what the bytes they are given say: answer, fail, hang or die. They start without mien, quickly.

`python fake_processes.py pictures` stands for the reading process, `... video` for the one that reads a video. The
messages are spelled out a second time here, so that both sides cannot be wrong together.
"""

import json
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

LENGTHS = struct.Struct(">IQ")


def receive() -> tuple[dict[str, Any], bytes] | None:
    lengths = sys.stdin.buffer.read(LENGTHS.size)
    if not lengths:
        return None
    head_bytes, body_bytes = LENGTHS.unpack(lengths)
    return json.loads(sys.stdin.buffer.read(head_bytes)), sys.stdin.buffer.read(body_bytes)


def send(head: dict[str, Any], body: bytes) -> None:
    text = json.dumps(head).encode()
    sys.stdout.buffer.write(LENGTHS.pack(len(text), len(body)) + text + body)
    sys.stdout.buffer.flush()


def say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def read_pictures() -> None:
    started = receive()
    assert started is not None
    if started[0]["model"] == "absent.onnx":
        send({"error": "absent.onnx is not there"}, b"")
        return
    send({}, b'{"label_sets": {"ferplus": {}}}')
    while (message := receive()) is not None:
        head, picture = message
        if picture == b"hang":
            time.sleep(600)
        elif picture == b"die":
            os.abort()
        elif picture == b"refuse":
            send({"error": "expected a picture, got none", "too_large": False}, b"")
        elif picture.startswith(b"sleep"):
            time.sleep(float(picture[5:]))
            send({}, picture)
        else:
            send({}, b"%s by %d" % (picture or head["do"].encode(), os.getpid()))


def read_video() -> None:
    message = receive()
    assert message is not None
    order = message[0]
    results = Path(order["results"])
    results.mkdir()
    (results / "readings.jsonl").write_text(json.dumps(order) + "\n")
    say({"frames": 1, "progress": 0.5})
    match Path(order["upload"]).read_bytes():
        case b"hang":
            time.sleep(600)
        case b"die":
            os.abort()
        case b"fail":
            say({"error": "expected a video, got a poem"})
        case b"slow":
            time.sleep(0.5)
        case b"crawl":
            for step in range(8):  # 1.6 s without a frame, and yet it comes forward
                time.sleep(0.2)
                say({"frames": 1, "progress": 0.5, "decoded_s": step})
    say({"frames": 2, "progress": 1.0})
    say({"done": True, "damage": None})


if __name__ == "__main__":
    {"pictures": read_pictures, "video": read_video}[sys.argv[1]]()
