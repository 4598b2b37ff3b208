"""A run that many follow is read once, and each misses nothing."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager

import pytest

from deployments.api.broadcasts import Broadcast, Broadcasts
from deployments.api.problems import Refusal
from domain.errors import ServiceUnreachable
from domain.runs import Origin, Progress, Run, RunState
from tests.deployments.api_bench import ANN, BOB, NOON

LONG = 60.0


class Spoken:
    """A run that says what a test says, to whoever reads it."""

    def __init__(self) -> None:
        self.readers = 0
        self.said: list[Progress] = []
        self.asks = ""
        self._next: asyncio.Queue[RunState | Exception] = asyncio.Queue()

    def say(self, *texts: str, state: RunState = RunState.RUNNING) -> None:
        for text in texts:
            self.said.append(Progress(run="r-1", sequence=len(self.said) + 1, at=NOON, kind="note", text=text))
        self._next.put_nowait(state)

    def fail(self, error: Exception) -> None:
        self._next.put_nowait(error)

    async def follow(self) -> AsyncGenerator[tuple[Run, list[Progress]], None]:
        self.readers += 1
        try:
            state = RunState.RUNNING
            while not state.ended:
                found = await self._next.get()
                if isinstance(found, Exception):
                    raise found
                state = found
                yield a_run(state, self.asks), [*self.said]
        finally:
            self.readers -= 1


def a_run(state: RunState, message: str = "") -> Run:
    return Run(
        id="r-1", project="notes", change=False, request="it", state=state, message=message, origin=Origin(), created=NOON
    )


def deadline() -> float:
    return asyncio.get_running_loop().time() + LONG


def ids(events: Sequence[str]) -> list[str]:
    return [each.split("\n")[0] for each in events]


async def test_all_who_follow_hear_all_of_one_reading_wherever_they_begin() -> None:
    run, broadcasts = Spoken(), Broadcasts()
    heard = [list[str]() for _ in range(50)]

    async def listen(number: int) -> None:
        with broadcasts.followed("r-1", f"local:{number}", run.follow) as broadcast:
            async for said in broadcast.events(number % 2, deadline()):
                heard[number].append(said)

    async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(listen(number))
        run.say("one", "two")
        while not all(heard):  # noqa: ASYNC110  (lists have no event)
            await asyncio.sleep(0)
        assert run.readers == 1
        run.say("three", state=RunState.DELIVERED)
    assert ids(heard[0]) == ["id: 1", "id: 2", "id: 3", "id: 3"]
    assert ids(heard[1]) == ids(heard[0])[1:]
    assert all(each in (heard[0], heard[1]) for each in heard)
    assert heard[0][-1].startswith("id: 3\nevent: ended\n")
    assert (run.readers, broadcasts.streams) == (0, [])


async def test_run_is_read_while_somebody_listens_and_anew_for_who_comes_later() -> None:
    run, broadcasts = Spoken(), Broadcasts()
    run.say("one")
    for _ in range(2):
        with broadcasts.followed("r-1", ANN, run.follow) as broadcast:
            listening = broadcast.events(0, deadline())
            assert (await anext(listening)).startswith("id: 1\n")
            assert run.readers == 1
        async with asyncio.timeout(LONG):
            while run.readers:  # noqa: ASYNC110  (a number has no event)
                await asyncio.sleep(0)
        run.say()


async def test_what_ends_the_reading_is_told_to_all_and_the_next_ones_read_again() -> None:
    run, broadcasts = Spoken(), Broadcasts()
    with broadcasts.followed("r-1", ANN, run.follow) as first, broadcasts.followed("r-1", BOB, run.follow) as second:
        run.fail(ServiceUnreachable("registry", "reading", "r-1"))
        for broadcast in (first, second):
            with pytest.raises(ServiceUnreachable):
                await anext(broadcast.events(0, deadline()))
        run.say("one")  # the first two never read on, and have not gone yet
        with broadcasts.followed("r-1", ANN, run.follow) as broadcast:
            assert (await anext(broadcast.events(0, deadline()))).startswith("id: 1\n")


async def test_stream_ends_in_time_though_the_run_does_not() -> None:
    run, broadcasts = Spoken(), Broadcasts()
    with broadcasts.followed("r-1", ANN, run.follow) as broadcast:
        soon = asyncio.get_running_loop().time() + 0.01
        assert [said async for said in broadcast.events(0, soon)] in ([], [": it goes on\n\n"])


async def test_second_question_is_told_though_nobody_saw_the_run_between_the_two() -> None:
    run, broadcasts = Spoken(), Broadcasts()
    with broadcasts.followed("r-1", ANN, run.follow) as broadcast:
        listening, heard = broadcast.events(0, deadline()), list[str]()
        async with asyncio.timeout(LONG):
            for state, asks in ((RunState.WAITING, "which?"), (RunState.WAITING, "what?"), (RunState.DELIVERED, "")):
                run.asks = asks
                run.say(state=state)
                heard.append(await anext(listening))
    assert [each.split("\n")[1] for each in heard] == ["event: waits", "event: waits", "event: ended"]
    assert '"message":"what?"' in heard[1]


async def test_one_owner_has_half_of_all_streams_at_most() -> None:
    run, broadcasts = Spoken(), Broadcasts(4)

    def follow(owner: str) -> AbstractContextManager[Broadcast]:
        return broadcasts.followed("r-1", owner, run.follow)

    with follow(ANN), follow(ANN):
        with pytest.raises(Refusal), follow(ANN):
            raise AssertionError
        with follow(BOB), follow(BOB), pytest.raises(Refusal), follow("local:c"):
            raise AssertionError
    assert broadcasts.streams == []
