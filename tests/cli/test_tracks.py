"""`mien tracks`: persons of a table listed, joined and parted."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mien.cli.app import app
from mien.errors import DataError
from mien.sinks.tables import TableSink
from mien.summary.summarizer import summarize
from mien.tables.files import read_table
from mien.tables.sidecar import read_sidecar
from mien.taxonomy import FERPLUS
from reading_samples import face_of, frame, results

# person 0 is lost after a second and comes back as person 2; person 1 is in sight throughout
LOOKS = [
    frame(index / 10, face_of("happy", track_id=0 if index < 10 else 2), face_of("sad", track_id=1), index=index)
    for index in range(20)
]


def run(*arguments: object) -> Result:
    """Run the command; raise what it raised."""
    return CliRunner().invoke(app, ["tracks", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    with TableSink(path, FERPLUS) as sink:
        for result in [*results("a.mp4", LOOKS), *results("b.mp4", LOOKS[:10])]:
            sink.write(result, None)
    return path


def tracks(table: Path, source: str) -> set[int]:
    return {row["track_id"] for row in read_table(table).rows() if row["input"] == source}


def test_the_persons_are_listed(table: Path) -> None:
    lines = [line.split("│")[1:-1] for line in run("list", table).stdout.splitlines() if "mp4" in line]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["a.mp4", "0", "0:00.0", "0:00.9", "10"],
        ["a.mp4", "1", "0:00.0", "0:01.9", "20"],
        ["a.mp4", "2", "0:01.0", "0:01.9", "10"],
        ["b.mp4", "0", "0:00.0", "0:00.9", "10"],
        ["b.mp4", "1", "0:00.0", "0:00.9", "10"],
    ]


def test_two_tracks_of_one_person_are_joined(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.parquet"
    result = run("merge", table, 0, 2, "--input", "a.mp4", "--out", out)
    assert "a.mp4: tracks 0, 2 joined as track 0, 20 frames in all" in result.stdout
    assert (tracks(out, "a.mp4"), tracks(out, "b.mp4")) == ({0, 1}, {0, 1})
    assert tracks(table, "a.mp4") == {0, 1, 2}
    meta = read_sidecar(out)
    assert meta is not None
    assert meta["changes"] == ["a.mp4: tracks 0, 2 joined as track 0"]
    readings = [item.reading for item in read_table(out).results() if item.source == "a.mp4" and item.reading]
    assert [track.looks.frames for track in summarize(readings).tracks] == [20, 20]


def test_a_track_of_two_persons_is_parted_in_place_and_joined_again(table: Path) -> None:
    before = list(read_table(table).rows())
    result = run("split", table, 1, "--at", "0:00.5", "--input", "b.mp4", "--out", table)
    assert "b.mp4: track 1 is track 2 from 0.5 s on" in result.stdout
    assert (tracks(table, "a.mp4"), tracks(table, "b.mp4")) == ({0, 1, 2}, {0, 1, 2})
    run("merge", table, 1, 2, "--input", "b.mp4", "--out", table)
    assert list(read_table(table).rows()) == before


def test_two_persons_of_one_frame_are_not_joined(table: Path) -> None:
    before = table.read_bytes()
    with pytest.raises(DataError, match=r"tracks 0 and 1 are both seen in frame 0 of a\.mp4"):
        run("merge", table, 0, 1, "--input", "a.mp4", "--out", table)
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("merge", 0, 2), "expected --input to say which video, there are a.mp4, b.mp4"),
        (("merge", 0, 2, "--input", "c.mp4"), "expected an input of a.mp4, b.mp4, got 'c.mp4'"),
        (("merge", 0, 7, "--input", "a.mp4"), "expected tracks of 0, 1, 2 in a.mp4, got 7"),
        (("split", 2, "--at", "1.0", "--input", "a.mp4"), "expected a time after 0:01.0 and up to 0:01.9"),
        (("split", 1, "--at", "5", "--input", "a.mp4"), "between which track 1 is seen, got 0:05.0"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(table: Path, arguments: tuple[object, ...], message: str) -> None:
    verb, *rest = arguments
    with pytest.raises(DataError, match=message):
        run(verb, table, *rest, "--out", table)


def test_wrong_usage(table: Path) -> None:
    assert run("merge", table, 1, "--out", table).exit_code == 2
    assert run("split", table, 1, "--at", "noon", "--out", table).exit_code == 2
