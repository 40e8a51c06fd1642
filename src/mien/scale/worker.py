"""A process that reads shards: `python -m mien.scale.worker`, started by `supervisor` whatever the engine.

One JSON line in says what to read, one out what came of it. It ends when its input does, so that it never outlives who
asked.
"""

import json
import os
import queue
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import cv2

from mien.errors import MienError
from mien.scale.reading import ReadSettings
from mien.scale.shards import Shard, ShardReader

__all__ = ["main"]


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; whoever asked decides when to end
    cv2.setNumThreads(1)  # there is a worker for every core
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as sink:
        os.dup2(2, 1)  # whatever a library prints must not fall between two answers
        folder = Path(sys.argv[1])
        asked: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=_listen, args=(asked, folder), daemon=True).start()
        first = asked.get()
        try:
            reader = ShardReader(ReadSettings.from_dict(first["settings"]), first["place"], folder)
        except (MienError, ValueError, OSError) as error:
            _answer(sink, {"error": str(error)})
            return
        _answer(sink, {})
        while True:
            one = asked.get()
            try:
                count = reader.read(Shard.from_dict(one["shard"]), Path(one["spool"]), until=one["until"])
            except (MienError, OSError) as error:
                _answer(sink, {"error": str(error) or type(error).__name__})
            else:
                _answer(sink, {"count": None if count is None else vars(count)})


def _listen(asked: "queue.Queue[dict[str, Any]]", folder: Path) -> None:
    """In a thread: what is asked; at the end of the input all ends at once."""
    for line in sys.stdin:
        asked.put(json.loads(line))
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _answer(sink: Any, values: dict[str, Any]) -> None:
    sink.write(json.dumps(values) + "\n")
    sink.flush()


if __name__ == "__main__":
    main()
