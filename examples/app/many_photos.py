from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mien

analyzer = mien.Analyzer()
Path("not-a-photo.jpg").write_text("no photo at all")
paths = [Path("examples/astronaut.jpg"), Path("not-a-photo.jpg")] * 3


def read(path: Path) -> mien.FrameReading | mien.MediaError:
    try:
        return analyzer.read(mien.load_photo(path))
    except mien.MediaError as error:  # one sentence: what was expected, what came, what to do
        return error


with ThreadPoolExecutor(4) as pool:
    for path, result in zip(paths, pool.map(read, paths), strict=True):
        print(path.name, "failed" if isinstance(result, mien.MediaError) else f"{len(result.faces)} face")
