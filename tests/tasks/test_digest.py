"""The digest reads the registry, and is told once a day."""

from datetime import timedelta
from pathlib import Path

from blocks.registry.block import SqlRegistry
from domain.runs import RunState
from domain.usage import TokenUsage
from tasks.audit import record
from tasks.digest import day_until, tell_day
from tasks.notify import tell_operator
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import NOW, request
from tests.tasks.test_upkeep import release


async def test_the_day_is_read_since_the_last_digest_and_told_once(registry: SqlRegistry, tmp_path: Path) -> None:
    wakeups = MemoryWakeups()
    await release(registry, FakeEngine(), 1)
    await registry.update_run("r-000001", state=RunState.WAITING, message="it lacks API_TOKEN")
    await registry.add_run(request("r-000002", change=True), NOW)
    await registry.update_run("r-000002", state=RunState.FAILED, message="not delivered", ended=NOW)
    await record("notes", "me", "rollback of release 2 to 1", registry, at=NOW, version=1)
    await tell_operator("alarm:1", "nobody watches the apps", registry, wakeups, NOW)

    texts = [await tell_day.fn(tmp_path, NOW + timedelta(hours=hours), registry, wakeups) for hours in (1, 2)]

    assert [text.splitlines()[1:-2] for text in texts] == 2 * [
        [
            "Projects:",
            "  notes: release 1 serves; 1 went online; 1 rollback(s)",
            "Failed:",
            "  notes (r-000002): not delivered",
            "Alarms:",
            "  nobody watches the apps",
            "Waits for a person:",
            "  notes (r-000001): it lacks API_TOKEN",
        ]
    ]
    waiting = [news.key for news in await registry.unsent("operator")]
    assert waiting == ["alarm:1", "digest:2026-11-23"]


async def test_what_the_digest_before_told_is_not_told_again(registry: SqlRegistry, tmp_path: Path) -> None:
    await registry.update_run("r-000001", state=RunState.FAILED, message="not delivered", ended=NOW)
    await registry.reserve("call", "notes", "r-000001", "developer", "m", 400)
    await registry.settle("call", TokenUsage(), 300)
    spent_at = (await registry.usage())[0].at
    await tell_operator("digest:2026-11-24", "the day before", registry, MemoryWakeups(), NOW + timedelta(days=1))
    day = await day_until(tmp_path, NOW + timedelta(days=3), registry)
    assert (day.since, day.runs) == (NOW + timedelta(days=1), ())
    assert [line.micro_usd for line in await registry.usage(since=spent_at)] == [300]
    assert await registry.usage(since=spent_at + timedelta(seconds=1)) == ()
    assert day.disk_free > 0
