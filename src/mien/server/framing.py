"""Messages between the service and its processes: a JSON head and bytes, each with its length before it."""

import json
import struct
from typing import Any, BinaryIO

__all__ = ["LENGTHS", "pack", "read_message"]

LENGTHS = struct.Struct(">IQ")
"""Bytes of the head, then bytes of the body; both big-endian."""


def pack(head: dict[str, Any], body: bytes = b"") -> tuple[bytes, bytes]:
    """A message as two pieces to write one after the other; the body is not copied."""
    text = json.dumps(head).encode()
    return LENGTHS.pack(len(text), len(body)) + text, body


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next message of a blocking stream; None at its end."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_bytes, body_bytes = LENGTHS.unpack(lengths)
    head = json.loads(stream.read(head_bytes))
    return head, stream.read(body_bytes)
