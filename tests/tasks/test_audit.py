"""Every change of the world leaves one line: who, what, which version, when and why."""

from datetime import timedelta

from blocks.registry.block import SqlRegistry
from domain.redaction import Redactor
from domain.workers import AppState, AppStatus
from tasks.audit import record
from tasks.readiness import publish_release
from tasks.redaction import install
from tasks.rollback import tell_rollback
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import NOW
from tests.tasks.test_deployer import World


async def lines(registry: SqlRegistry) -> list[tuple[str, str, int | None, str]]:
    return [(line.actor, line.what, line.version, line.why) for line in await registry.history("notes")]


async def test_the_same_change_told_twice_is_one_line_and_done_twice_is_two(registry: SqlRegistry) -> None:
    for at in (NOW, NOW, NOW + timedelta(hours=1)):
        await record("notes", "local:me", "release 1 is live", registry, version=1, at=at, once=True)
    for _ in range(2):
        await record("notes", "local:me", "secret TOKEN stored", registry, version=3, once=True)
    assert [line.at for line in await registry.history("notes")][:2] == [NOW, NOW + timedelta(hours=1)]
    assert len(await registry.history("notes")) == 3


async def test_a_line_holds_no_secret(registry: SqlRegistry) -> None:
    install(Redactor({"TOKEN": "Schwarzwurzel-11-audit"}))
    await record("notes", "local:me", "removed", registry, why="it printed Schwarzwurzel-11-audit")
    assert "Schwarzwurzel" not in (await registry.history("notes"))[0].why


async def test_a_delivery_leaves_who_asked_for_it_and_a_failed_one_why_it_failed(registry: SqlRegistry) -> None:
    world = World(registry)
    live = await world.deliver("r-000001", "sha256:1")
    for _ in range(2):
        await publish_release(live, "http://notes.localhost", registry)
    bad = await world.start("r-000002", "sha256:2")
    world.engine.app_states["notes-v2"] = [AppStatus(identity="notes-v2", project="notes", state=AppState.STOPPED, exit_code=3)]
    for _ in range(2):
        await world.gate("r-000002", bad)
    assert live.actor == "local:me"
    assert await lines(registry) == [
        ("local:me", "release 1 is live", 1, "r-000001: keep notes"),
        ("local:me", "release 2 failed", 2, "It ended by itself (exit code 3)."),
    ]


async def test_a_rollback_is_told_once_with_who_wanted_it(registry: SqlRegistry) -> None:
    for _ in range(2):
        await tell_rollback.fn("notes", 2, "1", "it answers 500", registry, MemoryWakeups(), "telegram:7")
    assert await lines(registry) == [("telegram:7", "rollback of release 2 to 1", 1, "it answers 500")]
