"""A machine in words."""

import json

from mien.benchmark.machine import describe_machine, machine_line


def test_the_machine_is_described_in_plain_values() -> None:
    machine = json.loads(json.dumps(describe_machine()))
    assert machine["cores"] >= 1
    assert machine["processor"]
    assert machine["versions"]["mien"]
    assert str(machine["cores"]) in machine_line(machine)


def test_a_busy_machine_is_called_one() -> None:
    machine = describe_machine() | {"cores": 2}
    assert "other work" in machine_line(machine | {"load": 5.0})
    assert "other work" not in machine_line(machine | {"load": 0.2})
    assert "other work" not in machine_line(machine | {"load": None})
