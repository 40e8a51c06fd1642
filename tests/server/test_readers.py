"""The pool: order, turns, full queues, and processes that hang or die."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MediaError, ServiceBusyError, ServiceError, SettingsError
from mien.server.readers import Readers
from mien.server.settings import Settings

FAKE = (sys.executable, str(Path(__file__).with_name("fake_processes.py")), "pictures")


def with_readers(body: Callable[[Readers], Awaitable[Any]], **settings: Any) -> Readers:
    """Run `body` with a started pool of fake processes."""

    async def run() -> Readers:
        readers = Readers(Settings(**{"readers": 1, **settings}), command=FAKE)
        await readers.start()
        try:
            await body(readers)
        finally:
            await readers.stop()
        return readers

    return asyncio.run(run())


def test_photos_are_answered_and_the_model_is_known() -> None:
    async def body(readers: Readers) -> None:
        assert (await readers.read_photo(b"a")).startswith(b"a by ")
        assert "label_sets" in readers.about
        assert readers.is_ready

    assert not with_readers(body).is_ready


def test_every_process_takes_photos() -> None:
    async def body(readers: Readers) -> None:
        answers = await asyncio.gather(*(readers.read_photo(b"sleep0.1") for _ in range(2)), readers.read_photo(b"a"))
        assert len(answers) == 3
        pids = {(await readers.read_photo(b"x")).split()[-1] for _ in range(20)}
        assert len(pids) <= 2

    with_readers(body, readers=2)


def test_a_picture_that_hangs_is_given_up_and_the_next_is_read() -> None:
    async def body(readers: Readers) -> None:
        hanging, next_one = readers.read_photo(b"hang"), readers.read_photo(b"b")
        results = await asyncio.gather(hanging, next_one, return_exceptions=True)
        assert isinstance(results[0], MediaError)
        assert "took too long" in str(results[0])
        assert isinstance(results[1], bytes)
        assert results[1].startswith(b"b by ")

    assert with_readers(body, read_timeout_s=0.5).replaced == 1


def test_a_picture_that_kills_its_process_is_named_and_the_next_is_read() -> None:
    async def body(readers: Readers) -> None:
        with pytest.raises(MediaError, match="stopped the process"):
            await readers.read_photo(b"die")
        assert (await readers.read_photo(b"b")).startswith(b"b by ")

    assert with_readers(body).replaced == 1


def test_a_refusal_is_raised_and_keeps_the_process() -> None:
    async def body(readers: Readers) -> None:
        with pytest.raises(MediaError, match="got none"):
            await readers.read_photo(b"refuse")

    assert with_readers(body).replaced == 0


def test_a_full_queue_says_when_to_come_back() -> None:
    async def body(readers: Readers) -> None:
        busy = [asyncio.create_task(readers.read_photo(b"sleep0.2"))]
        await asyncio.sleep(0.1)  # it is being read
        busy += [asyncio.create_task(readers.read_photo(b"a")) for _ in range(2)]
        await asyncio.sleep(0)
        assert readers.waiting == 2
        with pytest.raises(ServiceBusyError) as caught:
            await readers.read_photo(b"b")
        assert caught.value.retry_after_s > 0
        assert len(await asyncio.gather(*busy)) == 3

    with_readers(body, photo_queue=4)


def test_clients_take_turns() -> None:
    async def body(readers: Readers) -> None:
        order: list[str] = []

        async def note(name: str, client: str) -> None:
            await readers.read_photo(b"a", client=client)
            order.append(name)

        first = asyncio.create_task(readers.read_photo(b"sleep0.2"))
        await asyncio.sleep(0.1)
        photos = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")]
        await asyncio.gather(first, *(note(*photo) for photo in photos))
        assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]

    with_readers(body)


def test_a_client_that_fills_its_half_leaves_room_for_others() -> None:
    async def body(readers: Readers) -> None:
        tasks = [asyncio.create_task(readers.read_photo(b"sleep0.2"))]
        await asyncio.sleep(0.1)
        tasks += [asyncio.create_task(readers.read_photo(b"a", client="a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceBusyError):
            await readers.read_photo(b"a", client="a")
        assert (await readers.read_photo(b"b", client="b")).startswith(b"b by ")
        await asyncio.gather(*tasks)

    with_readers(body, photo_queue=4)


def test_photos_and_frames_take_turns() -> None:
    async def body(readers: Readers) -> None:
        order: list[bytes] = []

        async def note(reading: Awaitable[bytes]) -> None:
            order.append((await reading).split()[0])

        async with readers.open_live() as live:
            first = asyncio.create_task(note(readers.read_photo(b"sleep0.2")))
            await asyncio.sleep(0.1)
            rest = [note(readers.read_photo(b"photo")) for _ in range(3)]
            rest += [note(live.read(b"frame", time_s=number)) for number in range(3)]
            await asyncio.gather(first, *rest)
        assert order[1:] in ([b"photo", b"frame"] * 3, [b"frame", b"photo"] * 3)

    with_readers(body)


def test_live_sessions_spread_over_the_processes() -> None:
    async def body(readers: Readers) -> None:
        async with readers.open_live() as one, readers.open_live() as other:
            pids = [(await live.read(b"f", time_s=0.0)).split()[-1] for live in (one, other, one, other)]
            assert pids[0] == pids[2] != pids[1] == pids[3]

    with_readers(body, readers=2)


def test_those_who_left_are_not_read() -> None:
    async def body(readers: Readers) -> None:
        busy = asyncio.create_task(readers.read_photo(b"sleep0.2"))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(readers.read_photo(b"hang"))
        await asyncio.sleep(0)
        gone.cancel()
        await busy
        assert (await readers.read_photo(b"b")).startswith(b"b by ")

    assert with_readers(body, read_timeout_s=1.0).replaced == 0


def test_stopping_refuses_what_waits() -> None:
    async def run() -> list[Any]:
        readers = Readers(Settings(readers=1), command=FAKE)
        await readers.start()
        waiting = [asyncio.create_task(readers.read_photo(b"hang")) for _ in range(2)]
        await asyncio.sleep(0.1)
        await readers.stop()
        with pytest.raises(ServiceError):
            await readers.read_photo(b"a")
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert all(isinstance(result, ServiceError) for result in asyncio.run(run()))


def test_a_model_that_is_not_there_is_said_at_the_start() -> None:
    async def run() -> None:
        await Readers(Settings(model="absent.onnx", readers=2), command=FAKE).start()

    with pytest.raises(SettingsError, match=r"absent\.onnx is not there"):
        asyncio.run(run())


def test_a_process_that_does_not_start_is_said() -> None:
    async def run() -> None:
        await Readers(Settings(readers=1), command=(sys.executable, "-c", "raise SystemExit(3)")).start()

    with pytest.raises(SettingsError, match="did not start"):
        asyncio.run(run())


def test_the_real_process_answers_in_json() -> None:
    async def run() -> dict[str, Any]:
        readers = Readers(Settings(readers=1, balance=0.5))
        await readers.start()
        photo = (Path(__file__).parents[2] / "examples" / "astronaut.jpg").read_bytes()
        async with readers.open_live(labels="fer2013") as live:
            for number in range(12):
                reading: dict[str, Any] = json.loads(await live.read(photo, time_s=number / 10))
        await readers.stop()
        return reading

    reading = asyncio.run(run())
    assert (reading["index"], reading["time_s"]) == (11, 1.1)
    assert reading["faces"][0]["track_id"] == 0
    assert reading["faces"][0]["smooth"]["taxonomy"] == "fer2013"
    assert reading["options"]["balance"] == 0.5
