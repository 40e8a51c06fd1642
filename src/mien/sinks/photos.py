"""Where readings of photos go: CSV, JSON, counts, annotated pictures."""

import csv
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from mien.draw import draw
from mien.results import NOTICE, FaceReading, Geometry, Landmarks, SourceResult
from mien.sinks.sink import FileSink, check_taxonomy
from mien.taxonomy import FERPLUS, Taxonomy
from mien.writing import replacing

__all__ = ["AnnotatedPhotoSink", "CsvSink", "FrequencySink", "JsonSink"]

_LONGEST_JPEG_SIDE_PX = 65_500
_LONGEST_STEM_BYTES = 240  # file systems take 255, and a number and a suffix follow


class CsvSink(FileSink):
    """One row per face; a photo without a face has one row with 0 faces, one that could not be read, with its error.

    Columns: source, width_px, height_px, faces (how many), face (which, from 0), score, x0_px .. y1_px (the box),
    the landmarks, the geometry (empty unless asked for), top, one per emotion (its probability), one per answer of
    viewers (the share expected to give it: neutral_viewers .. contempt_viewers, unknown, not_a_face), certainty,
    plausible (labels), unsure (0 or 1), doubts (words: why), model, error. Numbers are at full precision; words of one
    cell have a space between.

    Args:
        path: The file to write; its folder is made.
        taxonomy: The label set of the readings.
    """

    def __init__(self, path: str | Path, taxonomy: Taxonomy) -> None:
        super().__init__(path)
        self.taxonomy = taxonomy

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Add the rows of one photo.

        Raises:
            ValueError: it was read in another label set.
        """
        check_taxonomy(result, self.taxonomy)
        row: dict[str, Any] = {"source": result.source, "error": result.error}
        if result.reading is None:
            self._rows.writerow(row)
            return
        row["width_px"], row["height_px"] = result.reading.size_wh
        row |= {"faces": len(result.reading.faces), "model": result.reading.model}
        for number, face in enumerate(result.reading.faces):
            self._rows.writerow({**row, "face": number, **_face_cells(face)})
        if not result.reading.faces:
            self._rows.writerow(row)

    def _begin(self) -> None:
        points = [f"{point.name}_{axis}_px" for point in fields(Landmarks) for axis in "xy"]
        before = ["source", "width_px", "height_px", "faces", "face", "score", "x0_px", "y0_px", "x1_px", "y1_px"]
        viewers = [f"{label}_viewers" for label in FERPLUS.labels]
        after = [*viewers, "unknown", "not_a_face", "certainty", "plausible", "unsure", "doubts", "model", "error"]
        distances = [f"geometry_{each.name}" for each in fields(Geometry)]
        columns = [*before, *points, *distances, "top", *self.taxonomy.labels, *after]
        self._rows = csv.DictWriter(self._file, columns, restval="")
        self._rows.writeheader()


class JsonSink(FileSink):
    """`{"mien": version, "notice": ..., "photos": [...]}` with one `SourceResult.to_dict()` a line.

    Nothing is kept in memory, however many photos there are.

    Args:
        path: The file to write; its folder is made.
    """

    _separator: str

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Add one photo."""
        self._file.write(self._separator + json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False))
        self._separator = ",\n"

    def _begin(self) -> None:
        from importlib.metadata import version  # a tenth of what `import mien` may take

        head = {"mien": version("mien"), "notice": NOTICE}
        self._file.write(json.dumps(head)[:-1] + ', "photos": [')
        self._separator = "\n"

    def _end(self) -> None:
        self._file.write("\n]}\n")


class FrequencySink(FileSink):
    """`emotion,count`: how many faces look like each emotion most; every label in order, also those with none.

    Args:
        path: The file to write; its folder is made.
        taxonomy: The label set of the readings.
    """

    def __init__(self, path: str | Path, taxonomy: Taxonomy) -> None:
        super().__init__(path)
        self.taxonomy = taxonomy
        self._counts: Counter[str] = Counter()

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Count the faces of one photo.

        Raises:
            ValueError: it was read in another label set.
        """
        check_taxonomy(result, self.taxonomy)
        if result.reading is not None:
            self._counts.update(face.emotions.top for face in result.reading.faces)

    def _end(self) -> None:
        rows = csv.writer(self._file)
        rows.writerow(("emotion", "count"))
        rows.writerows((label, self._counts[label]) for label in self.taxonomy.labels)


class AnnotatedPhotoSink:
    """A copy of every photo that was read, with its reading drawn on it.

    It is called as the photo is, with a number where two have one name; PNG for a PNG, else JPEG. A picture of an
    earlier run is replaced, a photo never.

    Args:
        folder: Where the pictures go; it is made.
        photos: All photos of the run, which must not be overwritten; the one just read never is.
    """

    def __init__(self, folder: str | Path, *, photos: Iterable[str | Path] = ()) -> None:
        self.folder = Path(folder)
        self._taken = {_place(photo) for photo in photos}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to do: each picture is complete once it is written."""

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Write the picture, if the photo could be read."""
        if result.reading is None or frame_rgb is None:
            return
        as_png = Path(result.source).suffix.lower() == ".png" or max(result.reading.size_wh) > _LONGEST_JPEG_SIDE_PX
        target = self._free_name(result.source, ".png" if as_png else ".jpg")
        picture = Image.fromarray(draw(frame_rgb, result.reading))
        with replacing(target) as unfinished:
            if as_png:
                texts = PngImagePlugin.PngInfo()
                texts.add_text("Comment", NOTICE)
                picture.save(unfinished, "PNG", pnginfo=texts)
            else:
                # full colour resolution: halved, coloured lines and letters would fray
                picture.save(unfinished, "JPEG", quality=92, subsampling=0, comment=NOTICE)

    def _free_name(self, source: str, suffix: str) -> Path:
        """A name in the folder that no photo and no picture of this run has; it is taken from now on."""
        self._taken.add(_place(source))
        stem = Path(source).stem.encode("utf-8", "surrogateescape")[:_LONGEST_STEM_BYTES].decode("utf-8", "ignore")
        number = 1
        while True:
            target = self.folder / f"{stem or 'photo'}{'' if number == 1 else f'_{number}'}{suffix}"
            if _place(target) not in self._taken:
                self._taken.add(_place(target))
                return target
            number += 1


def _face_cells(face: FaceReading) -> dict[str, Any]:
    """The cells of one face's row by column."""
    points = face.landmarks.to_dict() if face.landmarks else {}
    viewers = face.emotions.viewers or {}
    return {
        "score": face.score,
        **dict(zip(("x0_px", "y0_px", "x1_px", "y1_px"), face.box_xyxy, strict=True)),
        **{
            f"{name}_{axis}_px": value
            for name, point in points.items()
            for axis, value in zip("xy", point, strict=True)
        },
        **{f"geometry_{name}": value for name, value in (face.geometry.to_dict() if face.geometry else {}).items()},
        "top": face.emotions.top,
        **face.emotions.probabilities,
        **{f"{label}_viewers": viewers.get(label) for label in FERPLUS.labels},
        "unknown": face.emotions.unknown,
        "not_a_face": face.emotions.not_a_face,
        "certainty": face.emotions.certainty,
        "plausible": " ".join(face.emotions.plausible),
        "unsure": int(face.emotions.unsure),
        "doubts": " ".join(face.emotions.doubts),
    }


def _place(path: str | Path) -> tuple[str, str]:
    """What two paths have in common if one would overwrite the other, on file systems that fold case too."""
    path = Path(path)
    return os.path.realpath(path.parent), unicodedata.normalize("NFC", path.name).casefold()
