"""The front door: what `import mien` offers, and what it costs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mien

HEAVY = ("torch", "ray", "fastapi", "matplotlib", "pandas", "sklearn", "lightning", "h5py", "pyarrow")

PROBE = f"""
import json, resource, sys
before = resource.getrusage(resource.RUSAGE_SELF)
import mien
after = resource.getrusage(resource.RUSAGE_SELF)
cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({{"cpu_s": cpu_s, "heavy": [name for name in {HEAVY!r} if name in sys.modules]}}))
"""


def probe() -> tuple[float, list[str], str]:
    """CPU seconds of `import mien`, heavy modules it loaded, and what it printed besides."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    *printed, last = done.stdout.splitlines()
    answer = json.loads(last)
    return answer["cpu_s"], answer["heavy"], "".join(printed) + done.stderr


def test_all_names_exactly_what_can_be_imported() -> None:
    submodules = {name for name in vars(mien) if f"mien.{name}" in sys.modules and name not in mien.__all__}
    public = {name for name in vars(mien) if not name.startswith("_")} - submodules
    assert public == set(mien.__all__)
    assert mien.__all__ == sorted(mien.__all__, key=lambda name: (not name.isupper() and not name[:4].isupper(), name))


def test_every_public_name_is_documented() -> None:
    assert [name for name in mien.__all__ if not getattr(mien, name).__doc__] == []


def test_importing_is_silent_and_light() -> None:
    runs = [probe() for _ in range(3)]
    assert runs[0][1] == []
    assert runs[0][2] == ""
    assert min(cpu_s for cpu_s, _, _ in runs) < 0.4


def test_reading_a_photo_writes_nothing_anywhere(tmp_path: Path) -> None:
    # What a library might keep goes here; on build servers some keep nothing, so this must not look like one.
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH", "SYSTEMROOT"}}
    folders = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "TMPDIR", "LOCALAPPDATA"), str(tmp_path))
    photo = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
    code = f"import mien; assert mien.Analyzer(detector='mtcnn').read(mien.load_photo({str(photo)!r})).faces"
    subprocess.run([sys.executable, "-B", "-c", code], check=True, env={**kept, **folders})
    assert list(tmp_path.rglob("*")) == []
