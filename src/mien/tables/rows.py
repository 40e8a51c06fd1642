"""Readings as rows of the table, and rows as readings.

Rows hold all of a reading but what its whole file shares, which the sidecar holds, and what belongs to the steady
emotions beyond their probabilities.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import groupby

from mien.errors import DataError
from mien.results import Emotions, FaceReading, FrameReading, Geometry, Landmarks, SourceResult
from mien.tables.columns import Row
from mien.tables.sidecar import ReadWith
from mien.taxonomy import FERPLUS, Taxonomy

__all__ = ["results_of", "rows_of"]


def rows_of(result: SourceResult) -> list[Row]:
    """One row per face; one with `success` 0 and empty cells for a frame without; none for what could not be read."""
    reading = result.reading
    if reading is None:
        return []
    frame: Row = {"input": result.source, "frame": reading.index, "timestamp": reading.time_s}
    frame["FrameWidth"], frame["FrameHeight"] = reading.size_wh
    if not reading.faces:
        return [{**frame, "success": 0}]
    return [{**frame, "face_idx": number, **_face_cells(face)} for number, face in enumerate(reading.faces)]


def _face_cells(face: FaceReading) -> Row:
    emotions = face.emotions
    x0, y0, x1, y1 = face.box_xyxy
    points = face.landmarks.to_dict() if face.landmarks else {}
    viewers = emotions.viewers or {}
    return {
        "track_id": face.track_id,
        "success": 1,
        "FaceScore": face.score,
        "FaceRectX": x0,
        "FaceRectY": y0,
        "FaceRectWidth": x1 - x0,
        "FaceRectHeight": y1 - y0,
        **emotions.probabilities,
        **{f"{label}_smooth": value for label, value in (face.smooth.probabilities if face.smooth else {}).items()},
        "certainty": emotions.certainty,
        "unsure": int(emotions.unsure),
        "not_a_face": emotions.not_a_face,
        "unknown": emotions.unknown,
        "plausible": " ".join(emotions.plausible) or None,
        "doubts": " ".join(emotions.doubts) or None,
        **{f"{label}_viewers": viewers.get(label) for label in FERPLUS.labels},
        **{f"{name}_{axis}": point[place] for name, point in points.items() for place, axis in enumerate("xy")},
        **{f"geometry_{name}": value for name, value in (face.geometry.to_dict() if face.geometry else {}).items()},
    }


def results_of(rows: Iterable[Row], taxonomy: Taxonomy, made: ReadWith, *, where: str) -> Iterator[SourceResult]:
    """The readings that rows came from, one by one.

    Args:
        rows: By native column name with a key for every column, the faces of a frame one after the other.
        taxonomy: Their label set.
        made: What all were read with.
        where: The table, for messages.

    Raises:
        DataError: a row holds no reading, such as probabilities that do not sum to 1; its input and frame are named.
    """
    for (source, index), group in groupby(rows, key=lambda row: (row["input"], row["frame"])):
        frame = list(group)
        try:
            reading = FrameReading(
                size_wh=(frame[0]["FrameWidth"], frame[0]["FrameHeight"]),
                faces=tuple(_face(row, taxonomy) for row in frame if row["success"]),
                options=made.options,
                model=made.model,
                model_sha256=made.model_sha256,
                index=index,
                time_s=frame[0]["timestamp"],
                stream=made.stream if frame[0]["timestamp"] is not None else None,  # a photo has none
            )
        except (ValueError, TypeError) as error:
            raise DataError(f"{where}: {source}, frame {index}: {error}") from error
        yield SourceResult(str(source), reading, None)


def _face(row: Row, taxonomy: Taxonomy) -> FaceReading:
    """The face of one row; a ValueError or TypeError says what is wrong with it."""
    viewers = [row[f"{label}_viewers"] for label in FERPLUS.labels] + [row["unknown"], row["not_a_face"]]
    points = {
        point.name: (row[f"{point.name}_x"], row[f"{point.name}_y"])
        for point in fields(Landmarks)
        if row[f"{point.name}_x"] is not None
    }
    distances = {each.name: row[f"geometry_{each.name}"] for each in fields(Geometry)}
    smooth = tuple(row[f"{label}_smooth"] for label in taxonomy.labels)
    x0, y0 = row["FaceRectX"], row["FaceRectY"]
    return FaceReading(
        box_xyxy=(x0, y0, x0 + row["FaceRectWidth"], y0 + row["FaceRectHeight"]),
        score=row["FaceScore"],
        landmarks=Landmarks(**points) if points else None,
        emotions=Emotions(
            taxonomy.name,
            tuple(row[label] for label in taxonomy.labels),
            votes=None if None in viewers else tuple(viewers),
            certainty=row["certainty"],
            plausible=tuple(row["plausible"].split()) if row["plausible"] else (),
            doubts=tuple(row["doubts"].split()) if row["doubts"] else (),
        ),
        track_id=row["track_id"],
        smooth=None if None in smooth else Emotions(taxonomy.name, smooth),
        geometry=None if None in distances.values() else Geometry(**distances),
    )
