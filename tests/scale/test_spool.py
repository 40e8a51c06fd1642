"""What a worker that is killed leaves behind."""

from pathlib import Path

from mien.scale.reading import Failure
from mien.scale.spool import Spool

ROWS = [{"input": "ä\udcff.jpg", "frame": 0, "happy": 1 / 3}, {"input": "2.jpg", "frame": 1, "happy": 0.1}]
FAILURE = Failure("3.jpg", "decode", "3.jpg: expected a photo")


def test_what_was_finished_is_kept_and_the_rest_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with Spool(path) as spool:
        assert spool.done == 0
        spool.add(ROWS[0])
        spool.finish_item()
        spool.add(ROWS[1])
        spool.finish_item()
        spool.add(ROWS[0])
    path.write_bytes(path.read_bytes() + b'r{"half')
    with Spool(path) as spool:
        assert spool.done == 2
        spool.add(FAILURE)
        spool.finish_item()
        assert list(spool.records()) == [*ROWS, FAILURE]
    path.write_bytes(path.read_bytes()[:-1])  # the last number may not be whole
    with Spool(path) as spool:
        assert spool.done == 2
