"""How the service talks to its processes, and ends them.

A message is a JSON head and bytes, with the lengths of both before them.
"""

import json
import struct
from asyncio.subprocess import Process
from contextlib import suppress
from typing import Any, BinaryIO

__all__ = ["LENGTHS", "end_process", "pack", "read_message"]

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


async def end_process(process: Process) -> None:
    """Kill a process, if it lives, and close its pipes."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    if process.stdin is not None:
        process.stdin.close()
        with suppress(OSError):
            await process.stdin.wait_closed()
    if process.stdout is not None:
        await process.stdout.read()  # to its end, at which the pipe is closed
