"""What no reading may do: load what could run, start a program, ask the network."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import mien

SOURCE = Path(mien.__file__).parent
ROOT = Path(__file__).parents[1]
RUNS_WHAT_IT_LOADS = {"_pickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "skops", "torch"}

WATCHED = """
import json, sys
from pathlib import Path

happened = []
WATCHED = ("pickle.", "shelve.", "socket.connect", "socket.getaddrinfo", "urllib.", "subprocess.", "os.system",
           "os.exec", "os.posix_spawn", "os.fork")

import mien
from mien.batch.journal import Journal, Standing
from mien.cli.app import app
from mien.media.videos import open_video
from mien.streaming import StreamReader

sys.addaudithook(lambda event, arguments: happened.append(event) if event.startswith(WATCHED) else None)
photo, video, out = sys.argv[1:]
for detector in ("mtcnn", "haar"):
    assert mien.Analyzer(detector=detector).read(mien.load_photo(photo)).faces
analyzer = mien.Analyzer(detector="mtcnn")
with open_video(video) as frames, StreamReader(frames, analyzer.session()) as reader:
    readings = [next(reader)[1] for _ in range(12)]
    Journal(Path(out, "journal")).add(readings, Standing(reader.state(), None))
again = Journal(Path(out, "journal"))
analyzer.session().restore(again.last.stream.session)
assert list(again.readings()) == readings
app(["analyze", photo, video, "--detector", "mtcnn", "--out", str(Path(out, "results"))], standalone_mode=False)
print()
print(json.dumps(happened))
"""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """The packages that a module imports anywhere in it."""
    names = [each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}


def calls(tree: ast.Module) -> Iterator[tuple[str, Mapping[str, object]]]:
    """What is called, as it is written, with the keywords that are literals."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            literal = {
                key.arg: key.value.value for key in node.keywords if key.arg and isinstance(key.value, ast.Constant)
            }
            yield ast.unparse(node.func), literal


def test_outside_training_nothing_is_imported_that_runs_what_it_loads() -> None:
    found = {name: imported(tree) & RUNS_WHAT_IT_LOADS for name, tree in modules()}
    assert len(found) > 150
    offenders = {name for name, packages in found.items() if packages}
    assert {name for name in offenders if not name.startswith("learning/")} == set()
    assert "learning/classical.py" in offenders  # what is looked for would be found
    assert not any(packages & {"pickle", "dill", "cloudpickle", "shelve"} for packages in found.values())


def test_whatever_is_loaded_anywhere_is_loaded_as_data() -> None:
    loads = [(name, called, keywords) for name, tree in modules() for called, keywords in calls(tree)]
    for name, called, keywords in loads:
        if called in {"np.load", "numpy.load"}:
            assert keywords.get("allow_pickle") is False, name
        if called == "torch.load":
            assert keywords.get("weights_only") is True, name
        assert called not in {"eval", "exec", "joblib.load", "compile"}, name
        assert keywords.get("allow_pickle") is not True, name
    assert {called for _, called, _ in loads} >= {"np.load", "torch.load"}


def test_a_reading_loads_no_pickle_starts_no_program_and_asks_nobody(tmp_path: Path) -> None:
    """Photos by two detectors, a video with its journal, and the command for both, under Python's own audit."""
    script = tmp_path / "watched.py"
    script.write_text(WATCHED, "utf-8")
    arguments = [str(ROOT / "examples" / name) for name in ("astronaut.jpg", "astronaut.mp4")]
    done = subprocess.run(
        [sys.executable, str(script), *arguments, str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("event", ["pickle.loads(pickle.dumps(json.JSONDecoder))", "subprocess.run(['true'])"])
def test_the_audit_would_tell(event: str, tmp_path: Path) -> None:
    code = (
        WATCHED.partition("photo, video, out")[0] + f"import pickle, subprocess; {event}; print(json.dumps(happened))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)
