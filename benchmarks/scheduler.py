"""The scheduler of `mien batch` with 10,000 workers, simulated: `python benchmarks/scheduler.py [--photos 1000000000]`.

One driver hands out shards and takes in counts; what that costs it is measured here first, by running its own loop over
an engine that answers at once. The rest is a queue in simulated time: workers of somewhat different speed, shards whose
time varies, workers that die and come back, and a driver that does one thing at a time. It tells where more workers
stop to help, which no machine at hand could show.
"""

import argparse
import heapq
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Self, cast

from mien.scale.plan import Plan, write_plan
from mien.scale.run import ScaleRun
from mien.scale.shards import Shard, ShardCount
from mien.scale.sources import Item
from mien.scale.storage import Store

RESTART_S = 30.0  # until a worker that died is back
PHOTO_SPREAD = 0.5  # of the time of one photo, as a share of its mean
WORKER_SPREAD = 0.1  # of the speeds of workers


@dataclass(frozen=True)
class Outcome:
    """What a simulated run came to."""

    hours: float
    used: float  # share of the workers' time in which they read
    driver: float  # share of the time in which the driver was busy
    repeated: float  # share of the work that was done again, since a worker died


def simulate(
    photos: int,
    workers: int,
    *,
    shard_size: int,
    photo_s: float,
    driver_s: float,
    deaths_per_hour: float,
    seed: int = 0,
) -> Outcome:
    """A run in simulated time.

    Args:
        photos: How many.
        workers: How many.
        shard_size: Photos of a shard.
        photo_s: Mean time of one.
        driver_s: Time of the driver for one shard.
        deaths_per_hour: Of one worker.
        seed: Of what is random.
    """
    dice = random.Random(seed)
    speeds = [dice.lognormvariate(0, WORKER_SPREAD) for _ in range(workers)]
    left, spent_s, repeated_s = -(-photos // shard_size), 0.0, 0.0
    driver_free_s, end_s = 0.0, 0.0
    asking = [(0.0, number) for number in range(workers)]
    mean_s, spread_s = shard_size * photo_s, shard_size**0.5 * photo_s * PHOTO_SPREAD
    while left:
        asked_s, number = heapq.heappop(asking)
        driver_free_s = max(driver_free_s, asked_s) + driver_s
        left -= 1
        takes_s = max(dice.gauss(mean_s, spread_s), photo_s) * speeds[number]
        dies_s = dice.expovariate(deaths_per_hour / 3600) if deaths_per_hour else float("inf")
        if dies_s < takes_s:
            left += 1
            repeated_s += dies_s
            heapq.heappush(asking, (driver_free_s + dies_s + RESTART_S, number))
            continue
        spent_s += takes_s
        end_s = max(end_s, driver_free_s + takes_s)
        heapq.heappush(asking, (driver_free_s + takes_s, number))
    handed_out = -(-photos // shard_size)
    return Outcome(end_s / 3600, spent_s / (workers * end_s), handed_out * driver_s / end_s, repeated_s / spent_s)


class AtOnce:
    """An engine whose workers take no time."""

    slots = 2

    def submit(self, shard: Shard) -> "Future[ShardCount]":
        promise: Future[ShardCount] = Future()
        promise.set_result(ShardCount(shard.name, len(shard.items), 0, 0))
        return promise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


def driver_seconds(shard_size: int, *, photos: int = 100_000) -> float:
    """What one shard costs the driver's own loop, in time of a core: its plan read, handed out, taken in."""

    def items() -> Iterator[Item]:
        for number in range(photos):
            yield Item(f"s3://bucket/photos/{number % 997:03d}/{number:09d}.jpg", is_video=False)

    with tempfile.TemporaryDirectory() as folder:
        run = cast(Any, object.__new__(ScaleRun))
        run.plan = cast(Plan, write_plan(Store(folder), items(), shard_size=shard_size))
        run.there, run._counts = frozenset(), {}
        began_s = time.process_time()
        shards = sum(1 for _ in run._read(run._unread(), AtOnce(), lambda: False))
        return (time.process_time() - began_s) / shards


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1_000_000_000)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--photo-ms", type=float, default=25.0, help="of one core, as benchmarks/batch.py measures it")
    parser.add_argument("--engine-ms", type=float, default=1.0, help="what the engine's own hand-out adds, a shard")
    parser.add_argument("--deaths-per-day", type=float, default=1.0, help="of one worker")
    parser.add_argument("--shard-sizes", default="500,2000,10000,50000")
    arguments = parser.parse_args()
    ideal_h = arguments.photos * arguments.photo_ms / 1000 / arguments.workers / 3600
    print(
        f"{arguments.photos:,} photos of {arguments.photo_ms:g} ms, {arguments.workers:,} workers:"
        f" {ideal_h:.2f} h at best"
    )
    print("shard  shards     driver ms  hours   of the best  workers used  driver busy  done again")
    for size in map(int, arguments.shard_sizes.split(",")):
        driver_s = driver_seconds(size) + arguments.engine_ms / 1000
        out = simulate(
            arguments.photos,
            arguments.workers,
            shard_size=size,
            photo_s=arguments.photo_ms / 1000,
            driver_s=driver_s,
            deaths_per_hour=arguments.deaths_per_day / 24,
        )
        print(
            f"{size:<6} {-(-arguments.photos // size):<10,} {1000 * driver_s:<10.2f} {out.hours:<7.2f}"
            f" {ideal_h / out.hours:<12.0%} {out.used:<13.0%} {out.driver:<12.0%} {out.repeated:.2%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
