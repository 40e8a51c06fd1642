"""The label file: faces that wait for a label, and who said what of them when; one SQLite file.

Every label is on the disk before the next face is shown: a killed process or a power cut loses nothing. Nothing is
overwritten either. A second label of the same person for a face comes after the first, and one that is taken back is
marked so; what counts is each person's last that stands.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError
from mien.taxonomy import FERPLUS, FERPLUS_VOTES

__all__ = ["FoundFace", "Given", "LabelStore", "check_answer"]

_VERSION = 1
_APPLICATION = 0x6D69656E  # "mien": what kind of SQLite file it is
_TABLES = """
    CREATE TABLE sources (source TEXT PRIMARY KEY, after_index INTEGER, after_s REAL, done INTEGER NOT NULL);
    CREATE TABLE faces (
        id INTEGER PRIMARY KEY, source TEXT NOT NULL, time_s REAL, box_xyxy TEXT NOT NULL, side_px INTEGER NOT NULL,
        pixels BLOB NOT NULL, picture BLOB NOT NULL
    );
    CREATE TABLE labels (
        id INTEGER PRIMARY KEY AUTOINCREMENT, face INTEGER NOT NULL REFERENCES faces (id), words TEXT NOT NULL,
        who TEXT NOT NULL, given_s REAL NOT NULL, model TEXT NOT NULL, model_sha256 TEXT NOT NULL, undone_s REAL
    );
    CREATE INDEX labels_of_face ON labels (face, who);
"""
_STANDING = "id IN (SELECT max(id) FROM labels WHERE undone_s IS NULL GROUP BY face, who)"


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face of a photo or video that may be labelled.

    Args:
        source: The file it is in.
        time_s: When, in a video; None in a photo.
        box_xyxy: Where, in the picture's pixels.
        pixels: `(side, side)` uint8 grey, as the model takes it and training learns it.
        picture: The face in colour as a JPEG, for people to look at.
    """

    source: str
    time_s: float | None
    box_xyxy: tuple[float, float, float, float]
    pixels: NDArray[np.uint8]
    picture: bytes


@dataclass(frozen=True)
class Given:
    """A label that stands.

    Args:
        face: Number of the face.
        words: What was said: one emotion, several, or "unknown" or "not_a_face" alone.
        who: By whom.
        given_s: When, in seconds since 1970.
        model: Name of the model that chose the face to be asked about.
        model_sha256: SHA-256 of its file.
    """

    face: int
    words: tuple[str, ...]
    who: str
    given_s: float
    model: str
    model_sha256: str


def check_answer(words: Sequence[str]) -> tuple[str, ...]:
    """What may be said of a face, in the order of FER+'s votes.

    Raises:
        DataError: nothing, an unknown word, or "unknown" or "not_a_face" beside others.

    Example:
        >>> check_answer(["fear", "surprise"])
        ('surprise', 'fear')
    """
    said = set(words)
    if not said or not said <= set(FERPLUS_VOTES) or (len(said) > 1 and not said <= set(FERPLUS.labels)):
        raise DataError(
            f"expected one or several of {', '.join(FERPLUS.labels)}, or one of "
            f"{', '.join(FERPLUS_VOTES[len(FERPLUS) :])}; got {', '.join(words) or 'nothing'}"
        )
    return tuple(word for word in FERPLUS_VOTES if word in said)


class LabelStore:
    """Faces and their labels in one file; safe to share between threads.

    Args:
        path: The SQLite file; made if it is not there.
        clock: Seconds since 1970.

    Raises:
        DataError: the file cannot be opened, or is another kind of file.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._clock = clock
        self._lock = threading.Lock()
        expected = f"{path}: expected a label file of mien label"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
            self._database.execute("PRAGMA synchronous = FULL")
            (application,) = self._database.execute("PRAGMA application_id").fetchone()
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            (tables,) = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables == 0:
                self._database.executescript(
                    f"BEGIN; {_TABLES} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; COMMIT"
                )
            elif application != _APPLICATION or version != _VERSION:
                raise DataError(f"{expected}, version {_VERSION}, got another database: choose another name")
        except (OSError, sqlite3.Error) as error:
            raise DataError(f"{expected}: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- faces

    def progress_of(self, source: str) -> tuple[tuple[int, float] | None, bool]:
        """Index and time of the last frame of a source that was looked at, and whether the source is done."""
        rows = self._rows("SELECT after_index, after_s, done FROM sources WHERE source = ?", source)
        if not rows:
            return None, False
        index, time_s, done = rows[0]
        return (None if index is None else (index, time_s)), bool(done)

    def add(
        self, source: str, faces: Iterable[FoundFace], *, after: tuple[int, float] | None = None, done: bool = False
    ) -> None:
        """Add faces of a source and how far it has been looked at, together or not at all."""
        index, time_s = after or (None, None)
        with self._lock, self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO faces (source, time_s, box_xyxy, side_px, pixels, picture) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        face.source,
                        face.time_s,
                        " ".join(f"{value:.1f}" for value in face.box_xyxy),
                        len(face.pixels),
                        face.pixels.tobytes(),
                        face.picture,
                    )
                    for face in faces
                ],
            )
            self._database.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)", (source, index, time_s, done))

    def __len__(self) -> int:
        return int(self._rows("SELECT count(*) FROM faces")[0][0])

    def faces(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """All faces: numbers `(n,)` and pixels `(n, side, side)`, in the order in which they were found.

        Raises:
            DataError: they are of different sides: two models gathered them.
        """
        rows = self._rows("SELECT id, side_px, pixels FROM faces ORDER BY id")
        sides = {side for _, side, _ in rows} or {1}
        if len(sides) > 1:
            raise DataError(
                f"{self.path} holds faces of {sorted(sides)} px: gather those of each model in a file of their own"
            )
        (side,) = sides
        pixels = np.frombuffer(b"".join(pixels for *_, pixels in rows), np.uint8).reshape(-1, side, side)
        return np.array([number for number, *_ in rows], np.int64), pixels

    def picture(self, face: int) -> bytes | None:
        """A face as a JPEG; None if there is no such face."""
        rows = self._rows("SELECT picture FROM faces WHERE id = ?", face)
        return bytes(rows[0][0]) if rows else None

    def where(self, face: int) -> tuple[str, float | None]:
        """The source of a face, and when in it.

        Raises:
            DataError: there is no such face.
        """
        rows = self._rows("SELECT source, time_s FROM faces WHERE id = ?", face)
        if not rows:
            raise DataError(f"{self.path} has no face {face}")
        return rows[0][0], rows[0][1]

    # -- labels

    def give(self, face: int, words: Sequence[str], *, who: str, model: str, model_sha256: str) -> None:
        """Write down what somebody says of a face; it is on the disk when this returns.

        Raises:
            DataError: it is no answer, or there is no such face.
        """
        said = check_answer(words)
        self.where(face)
        with self._lock:
            self._database.execute(
                "INSERT INTO labels (face, words, who, given_s, model, model_sha256) VALUES (?, ?, ?, ?, ?, ?)",
                (face, " ".join(said), who, self._clock(), model, model_sha256),
            )

    def undo(self, *, who: str) -> int | None:
        """Take back the last label of somebody that stands; its face, or None if there is none."""
        with self._lock:
            rows = self._database.execute(
                "UPDATE labels SET undone_s = ? WHERE id = (SELECT max(id) FROM labels WHERE who = ? "
                "AND undone_s IS NULL) RETURNING face",
                (self._clock(), who),
            ).fetchall()
        return int(rows[0][0]) if rows else None

    def given(self, *, who: str | None = None) -> tuple[Given, ...]:
        """The labels that stand, in the order of their faces: each person's last of each face.

        Args:
            who: Only this person's; None for everybody's.
        """
        rows = self._rows(
            f"SELECT face, words, who, given_s, model, model_sha256 FROM labels WHERE {_STANDING} "  # noqa: S608  our own words
            "AND (? IS NULL OR who = ?) ORDER BY face, id",
            who,
            who,
        )
        return tuple(Given(face, tuple(words.split()), *rest) for face, words, *rest in rows)

    def votes(self) -> Mapping[int, NDArray[np.float64]]:
        """Face -> `(10,)` in the order of `FERPLUS_VOTES`: everybody has one vote, shared among several emotions."""
        votes: dict[int, NDArray[np.float64]] = {}
        for label in self.given():
            row = votes.setdefault(label.face, np.zeros(len(FERPLUS_VOTES)))
            for word in label.words:
                row[FERPLUS_VOTES.index(word)] += 1 / len(label.words)
        return votes

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()
