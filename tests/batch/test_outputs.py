"""A folder for each video, and the files that were chosen in it."""

from pathlib import Path

from mien.batch.outputs import Animation, VideoOutputs, folders_for
from mien.media.videos import open_video
from mien.taxonomy import FERPLUS
from video_samples import evenly, write_video


def test_every_video_has_a_folder_of_its_own_and_none_is_written_over() -> None:
    out = Path("out")
    named: list[Path | str] = [
        Path("a/clip.mp4"),
        Path("b/clip.MOV"),
        Path("out/Clip_2/x.mp4"),
        "https://example.org/v/a%20clip.webm?key=1",
        "https://example.org/watch?v=dQw4w9WgXcQ",
        "https://example.org/",
        Path("..mp4"),
    ]
    expected = ["clip", "clip_3", "x", "a clip", "watch v=dQw4w9WgXcQ", "example", "video"]
    assert [folder.name for folder in folders_for(named, out).values()] == expected
    assert all(folder.parent == out for folder in folders_for(named, out).values())


def test_the_files_are_those_that_were_chosen(tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    write_video(video, evenly(3))
    everything = VideoOutputs(
        key_frames=True,
        timeline=True,
        subtitles=(".srt", ".vtt"),
        annotated=True,
        animations=(Animation(".gif", 0, 1), Animation(".webp", 0, 1)),
    )
    with open_video(video) as opened:
        all_names, few_names = (
            list(chosen.sinks(tmp_path, video, opened.info, FERPLUS, start_s=None, end_s=None))
            for chosen in (everything, VideoOutputs(report=False))
        )
    assert few_names == ["summary.json", "frequency.csv"]
    assert all_names == [
        *(*few_names, "report.html", "timeline.png", "subtitles.srt", "subtitles.vtt"),
        *("annotated.mp4", "animation.gif", "animation.webp"),
    ]
    assert everything.need_pictures
    assert not VideoOutputs(timeline=True, report=False, key_frames=True).need_pictures
