"""FER-2013's CSV in blocks: well-formed ones parsed at once and side by side, others as lines to look at one by one.

A quarter of a gigabyte of decimal numbers is read many times faster this way than by a text parser per row.
"""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local

import numpy as np
from numpy.typing import NDArray

from mien.taxonomy import FER2013

__all__ = ["PIXELS", "Block", "BlockParser", "read_blocks"]

PIXELS = 48 * 48

_SEGMENT = 1 << 19  # bytes of the file that are parsed at once
_LONGEST_LINE = 1 << 14  # bytes; longer ones are no rows, and are read all the same
_THREADS = min(4, os.cpu_count() or 1)
_COLUMNS = PIXELS + 2  # emotion, pixels, Usage: what stands before one of a line's separators
_SPACE, _COMMA, _NEWLINE, _ZERO = b" ,\n0"


@dataclass(frozen=True)
class Block:
    """Some rows: pixels `(n, 2304)` uint8, labels in 0..6, and `Usage` as it stands there."""

    pixels: NDArray[np.uint8]
    labels: list[int]
    usages: list[bytes]


def read_blocks(path: Path, *, start: int, well_formed: bool) -> Iterator[Block | list[bytes]]:
    """The lines of a file from the byte `start` on, in order.

    Args:
        path: The file.
        start: Where a line begins, after the first.
        well_formed: Whether the columns are `emotion,pixels,Usage`, so that it is worth trying to parse blocks.

    Returns:
        Blocks, and where any line of one is not exactly as it should be, its lines without their ends.
    """
    # glibc gives large blocks back to the system when they are freed, and taking them anew costs as much as parsing
    # them, until it has seen a larger one freed.
    np.empty(1 << 24, np.uint8)
    own = local()

    def prepare() -> None:
        own.parser = BlockParser(_SEGMENT + _LONGEST_LINE)

    def read(begin: int) -> Block | list[bytes]:
        return _read_segment(path, begin, own.parser, well_formed=well_formed)

    waiting: deque[Future[Block | list[bytes]]] = deque()
    with ThreadPoolExecutor(_THREADS, initializer=prepare) as pool:
        for begin in range(start, path.stat().st_size, _SEGMENT):
            waiting.append(pool.submit(read, begin))
            if len(waiting) > 2 * _THREADS:  # no more are kept in memory
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read_segment(path: Path, begin: int, parser: "BlockParser", *, well_formed: bool) -> Block | list[bytes]:
    """The lines that begin in a segment of the file."""
    buffer = parser.buffer
    with path.open("rb", buffering=0) as file:
        file.seek(begin - 1)  # a newline there means that a line begins with the segment
        size = file.readinto(memoryview(buffer)[:-1])
        first = buffer.find(b"\n", 0, min(size, _SEGMENT)) + 1
        if not first:
            return []
        last = buffer.find(b"\n", _SEGMENT, size) + 1
        if not last or buffer.find(b"\r", first, last) >= 0:
            lines = bytes(memoryview(buffer)[first : last or size]) + (b"" if last else file.readline())
            lines = lines.replace(b"\r", b"")
            lines += b"" if lines.endswith(b"\n") else b"\n"
            last = first + len(lines)
            if last >= len(buffer):
                return lines.split(b"\n")[:-1]
            buffer[first:last] = lines
    block = parser.parse(first, last) if well_formed else None
    return block or bytes(memoryview(buffer)[first:last]).split(b"\n")[:-1]


class BlockParser:
    """Reads well-formed lines `emotion,pixels,Usage` at once, many times faster than row by row.

    At every byte it works out the number that the one to three digits before it make; those that stand before a
    separator are wanted. All steps run over whole arrays, which are kept from block to block, since fresh ones would
    cost more than the arithmetic.

    Args:
        size: The most bytes that a block has.
    """

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(size + 1)
        """Where the lines are put, at any place; one byte at its end is not for them."""
        self._text = np.frombuffer(self.buffer, np.uint8)
        self._scratch = np.empty((6, -(-len(self.buffer) // 64) * 64), np.uint8)  # each row begins on a cache line

    def parse(self, first: int, last: int) -> Block | None:
        """The rows of the whole lines at `buffer[first:last]`; None if any is not exactly as it should be."""
        if (last - first) % 2:  # the bytes are looked at in pairs
            self.buffer[last] = _ZERO
            last += 1
        text = self._text[first:last]
        pairs = self._pairs_with_separators(text)
        if pairs is None:
            return None
        commas, newlines = self._place(pairs[:, -2]), self._place(pairs[:, -1])
        marks = np.stack([self._place(pairs[:, 0]), commas, newlines])
        if not ((text[marks[:2]] == _COMMA).all() and (text[newlines] == _NEWLINE).all()):
            return None
        lengths = newlines - commas - 1
        offsets = np.cumsum(lengths) - lengths
        last_column = np.repeat(commas + 1 - offsets, lengths) + np.arange(lengths.sum())
        words = text[last_column].tobytes()
        text[last_column] = _SPACE  # what is left are digits and separators, if all is well
        numbers = self._numbers(text, marks, pairs)
        text[last_column] = np.frombuffer(words, np.uint8)
        if numbers is None or numbers[:, 0].max() >= len(FER2013):
            return None
        usages = [words[start : start + length] for start, length in zip(offsets, lengths, strict=True)]
        return Block(numbers[:, 1:-1], numbers[:, 0].tolist(), usages)

    def _pairs_with_separators(self, text: NDArray[np.uint8]) -> NDArray[np.intp] | None:
        """Which pairs of bytes hold a separator, `(rows, 2306)`; None if their number does not fit.

        No two separators stand side by side, so a pair holds one at most, and a search among half as many is faster.
        """
        is_inside, is_separator, scratch, *_ = self._scratch[:, : len(text)]
        np.greater(text, _ZERO - 1, out=is_inside.view(np.bool_))
        np.bitwise_xor(is_inside, 1, out=is_separator)
        np.bitwise_and(is_separator[1:], is_separator[:-1], out=scratch[1:])
        if is_separator[0] or scratch[1:].max():  # the highest of bytes is found faster than any truth among booleans
            return None
        holds_separator = scratch[: len(text) // 2].view(np.bool_)
        pairs = np.flatnonzero(np.not_equal(is_separator.view(np.uint16), 0, out=holds_separator))
        rows, beyond = divmod(len(pairs), _COLUMNS)
        return None if beyond else pairs.reshape(rows, _COLUMNS)

    def _place(self, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where in these pairs the separators stand."""
        places = 2 * pairs
        places += self._scratch[1, places + 1]
        return places

    def _numbers(
        self, text: NDArray[np.uint8], marks: NDArray[np.intp], pairs: NDArray[np.intp]
    ) -> NDArray[np.uint8] | None:
        """The numbers before the separators, `(rows, 2306)`; None if one is over 255 or there is another character."""
        if text.max() > _ZERO + 9:
            return None
        is_inside, is_separator, digit, tens, hundreds, number = self._scratch[:, : len(text)]
        np.bitwise_xor(text, _ZERO, out=digit)  # a digit's number, 16 for a space, more for all else
        digit[marks] = 0
        if digit.max() > 16:
            return None
        digit &= 15
        np.multiply(digit, 10, out=tens)
        number[0] = digit[0]
        np.add(digit[1:], tens[:-1], out=number[1:])
        hundreds[:2] = 0
        np.multiply(digit[:-2], is_inside[1:-1], out=hundreds[2:])
        hundreds *= is_inside
        if hundreds.max() > 2 or np.multiply(hundreds[:-1], is_inside[1:], out=digit[1:]).max():  # a fourth digit
            return None
        hundreds *= 100
        hundreds += number
        if np.less(hundreds, number, out=digit.view(np.bool_)).view(np.uint8).max():  # 256 became 0
            return None
        number[0] = 0
        np.multiply(hundreds[:-1], is_separator[1:], out=number[1:])
        both = number.view(np.uint16).take(pairs)  # of each pair's two bytes at least one is 0
        either: NDArray[np.uint8] = (both | both >> 8).astype(np.uint8)
        return either
