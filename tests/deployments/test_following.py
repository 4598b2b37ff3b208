"""A run that is followed: nothing of it is missed, not even what it says as it ends."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from deployments.live import follow
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import DeliveryRequest, Origin, Progress, Run, RunState
from tests.fakes.desk import FakeDesk, a_brief


class Ending:
    """A registry in which the run says its last word and ends right after it was first looked at."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self._ended = False

    async def run(self, run: str) -> Run | None:
        return cast(Run | None, await self._then_end(run, await self._desk.registry.run(run)))

    async def progress(self, run: str, after: int = 0) -> Sequence[Progress]:
        return cast(Sequence[Progress], await self._then_end(run, await self._desk.registry.progress(run, after)))

    async def _then_end(self, run: str, found: Any) -> Any:
        if not self._ended:
            self._ended = True
            await self._desk.go_on(run, "deploy", "note", "the last word")
            await self._desk.end(run, RunState.DELIVERED, "it is online")
        return found


async def test_who_follows_a_run_to_its_end_has_its_last_word(desk: FakeDesk) -> None:
    brief = a_brief("notes", "Notes")
    request = DeliveryRequest(run="r-aaaaaa", project="notes", change=False, request="x", brief=brief, origin=Origin())
    await desk.registry.add_run(request, datetime.now(UTC))
    registry = cast(Registry, Ending(desk))
    followed = follow("r-aaaaaa", registry, cast(Wakeups, desk.wakeups), lambda now: now.state.ended)
    seen = [[line.text for line in lines] async for _, lines in followed]
    assert "the last word" in seen[-1]
