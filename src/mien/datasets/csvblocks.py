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

_SEGMENT = 3 << 18  # bytes of the file that are parsed at once
_LONGEST_LINE = 1 << 14  # bytes; longer ones are no rows, and are read all the same
_THREADS = min(4, os.cpu_count() or 1)
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
        rest = b"" if last else file.readline()
    if rest:
        return _lines(buffer[first:size] + rest)
    if not last:  # the file ends here, with a newline or without
        last = size + (buffer[size - 1] != _NEWLINE)
        buffer[last - 1] = _NEWLINE
    if first == last:
        return []
    block = parser.parse(first, last) if well_formed else None
    return block or _lines(buffer[first:last])


def _lines(text: bytearray) -> list[bytes]:
    return bytes(text).replace(b"\r", b"").removesuffix(b"\n").split(b"\n")


class BlockParser:
    """Reads well-formed lines `emotion,pixels,Usage` at once, many times faster than row by row.

    The pixels of all lines are put into one text, a space after each number. At every byte of it the number is worked
    out that the one to three digits up to there make; those before a space are wanted. All steps run over whole
    arrays, which are kept from block to block, since fresh ones would cost more than the arithmetic.

    Args:
        size: The most bytes that a block has.
    """

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(size + 1)
        """Where the lines are put, at any place; one byte at its end is for a newline that the file lacks."""
        self._scratch = np.empty((5, -(-len(self.buffer) // 64) * 64), np.uint8)  # each row begins on a cache line

    def parse(self, first: int, last: int) -> Block | None:
        """The rows of the whole lines at `buffer[first:last]`; None if any is not exactly as it should be."""
        texts: list[bytes | memoryview] = []
        labels, usages, buffer, view = [], [], self.buffer, memoryview(self.buffer)
        while first < last:
            newline = buffer.find(b"\n", first, last)
            comma = buffer.rfind(b",", first, newline)
            labels.append(buffer[first] - _ZERO)
            texts.append(view[first + 2 : comma])
            usages.append(buffer[comma + 1 : newline].strip(b' "\r'))
            if buffer[first + 1] != _COMMA or not 0 <= labels[-1] < len(FER2013) or not usages[-1]:
                return None
            first = newline + 1
        ends = np.cumsum([len(text) + 1 for text in texts])
        texts.append(b"0" if ends[-1] % 2 else b"")  # the bytes are looked at in pairs; no space comes after this one
        text = np.frombuffer(b" ".join(texts), np.uint8)
        pairs = self._pairs_with_spaces(text, ends)
        numbers = None if pairs is None else self._numbers(text, pairs)
        if numbers is None or _shortest_length(numbers) != ends[-1]:
            return None
        return Block(numbers, labels, [bytes(usage) for usage in usages])

    def _pairs_with_spaces(self, text: NDArray[np.uint8], ends: NDArray[np.intp]) -> NDArray[np.intp] | None:
        """Which pairs of bytes hold what is no digit, `(rows, 2304)`; None if a row has more or fewer, or two in turn.

        Since no two stand side by side, a pair holds one at most, and a search among half as many is faster.
        """
        is_digit, is_space, scratch, *_ = self._scratch[:, : len(text)]
        np.greater(text, _ZERO - 1, out=is_digit.view(np.bool_))
        np.bitwise_xor(is_digit, 1, out=is_space)
        np.bitwise_and(is_space[1:], is_space[:-1], out=scratch[1:])
        if is_space[0] or scratch[1:].max():  # the highest of bytes is found faster than any truth among booleans
            return None
        holds_space = scratch[: len(text) // 2].view(np.bool_)
        pairs = np.flatnonzero(np.not_equal(is_space.view(np.uint16), 0, out=holds_space))
        if len(pairs) != PIXELS * len(ends) or (pairs[PIXELS - 1 :: PIXELS] != (ends - 1) // 2).any():
            return None
        return pairs.reshape(-1, PIXELS)

    def _numbers(self, text: NDArray[np.uint8], pairs: NDArray[np.intp]) -> NDArray[np.uint8] | None:
        """The last three digits before each space as a number, modulo 256, `(rows, 2304)`.

        None if one is 300 or more, or if there is another character than digits and spaces.
        """
        is_digit, is_space, digit, hundreds, number = self._scratch[:, : len(text)]
        np.bitwise_xor(text, _ZERO, out=digit)  # a digit's number, 16 for a space, more for all else up to the nine
        if text.max() > _ZERO + 9 or digit.max() > _SPACE ^ _ZERO:
            return None
        digit &= 15
        tens = np.multiply(digit, 10, out=hundreds)
        number[0] = digit[0]
        np.add(digit[1:], tens[:-1], out=number[1:])
        hundreds[:2] = 0
        np.multiply(digit[:-2], is_digit[1:-1], out=hundreds[2:])
        hundreds *= is_digit
        if hundreds.max() > 2:
            return None
        hundreds *= 100
        hundreds += number
        number[0] = 0
        np.multiply(hundreds[:-1], is_space[1:], out=number[1:])
        both = number.view(np.uint16).take(pairs)  # of each pair's two bytes at least one is 0
        either: NDArray[np.uint8] = (both | both >> 8).astype(np.uint8)
        return either


def _shortest_length(numbers: NDArray[np.uint8]) -> int:
    """The bytes in which numbers can be written, each with a space after it.

    A text of the same numbers that is longer has numbers with a nought before them, of four digits, or of 256 and more.
    """
    return int(2 * numbers.size + np.count_nonzero(numbers > 9) + np.count_nonzero(numbers > 99))
