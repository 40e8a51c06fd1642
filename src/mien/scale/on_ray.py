"""The same workers on Ray: an actor for every core of a machine or cluster, each with a worker process of its own.

An actor whose machine dies is started again elsewhere and reads its shard again; a file that kills the worker process
leaves the actor alive, which finds it as on one machine.
"""

import os
from collections import deque
from concurrent.futures import Future
from importlib import import_module
from typing import Any, Self

from mien.errors import EngineError, MienError, MissingExtraError
from mien.scale.reading import ReadSettings
from mien.scale.shards import Shard, ShardCount
from mien.scale.supervisor import Supervisor

__all__ = ["RayEngine"]

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent unless asked
    "RAY_agent_register_timeout_ms": "300000",  # a busy machine starts Ray in minutes, where Ray allows seconds
    "RAY_raylet_start_wait_time_s": "300",
}
_OBJECT_STORE_BYTES = 80_000_000  # shards and counts are all that goes through it


class RayEngine:
    """Actors of Ray.

    Args:
        settings: How the files are read; the model and the detector must be on every machine.
        place: Where the results go; every machine must reach it, and the sources too.
        address: Of a cluster, as `ray.init` takes it; None starts Ray on this machine alone.
        workers: How many actors; None for one for every core.
        stall_s: As `Supervisor` takes it.

    Raises:
        MissingExtraError: Ray is not installed.
        EngineError: there is no cluster at this address.
    """

    def __init__(
        self, settings: ReadSettings, place: str, *, address: str | None, workers: int | None, stall_s: float
    ) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            self._ray: Any = import_module("ray")
        except ImportError as error:
            raise MissingExtraError("the engine ray", extra="ray") from error
        own = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
        try:
            self._ray.init(address=address or "local", log_to_driver=False, **({} if address else own))
        except Exception as error:  # Ray raises what it likes, bare exceptions too
            where = f"at {address}" if address else "that starts on this machine"
            raise EngineError(f"expected a Ray cluster {where}, got none: {error}") from error
        count = workers or int(self._ray.cluster_resources().get("CPU", 1))
        actor = self._ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(_Actor)
        self._actors = [actor.remote(settings.to_dict(), place, stall_s) for _ in range(count)]
        self.slots = 2 * count  # one is at hand when an actor is through with its own
        self._free = deque([*range(count)] * 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._ray.shutdown()

    def submit(self, shard: Shard) -> "Future[ShardCount]":
        number = self._free.popleft()
        promise: Future[ShardCount] = Future()

        def settle(answered: "Future[dict[str, Any]]") -> None:
            self._free.append(number)
            error = answered.exception()
            if error is not None:
                promise.set_exception(EngineError(f"part {shard.name}: Ray lost it: {error}"))
                return
            answer = answered.result()
            if "error" in answer:
                promise.set_exception(EngineError(answer["error"]))
            else:
                promise.set_result(ShardCount(**answer["count"]))

        self._actors[number].read.remote(shard.to_dict()).future().add_done_callback(settle)
        return promise


class _Actor:
    """In a process of Ray's: a supervisor and its worker."""

    def __init__(self, settings: dict[str, Any], place: str, stall_s: float) -> None:
        self._supervisor = Supervisor(ReadSettings.from_dict(settings), place, stall_s=stall_s)

    def read(self, shard: dict[str, Any]) -> dict[str, Any]:
        """What came of a shard, or why the run cannot go on."""
        try:
            return {"count": vars(self._supervisor.read(Shard.from_dict(shard)))}
        except MienError as error:
            return {"error": str(error)}
