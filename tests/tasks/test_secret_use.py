"""Old values go when nobody can need them any more, and not before."""

from datetime import timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import BadInput, LockTaken
from domain.releases import ReleaseState
from domain.vault import PATIENCE
from tasks.secret_use import forget_superseded, forget_values
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import NOW

LATER = NOW + PATIENCE + timedelta(seconds=1)


def vault() -> MemoryVault:
    return MemoryVault(clock=lambda: NOW)


async def release(registry: SqlRegistry, state: ReleaseState, **secrets: str) -> None:
    """Make a release of `notes` with these references, and bring it to the state."""
    fence = await registry.next_fence("notes")
    version = await registry.add_environment("notes", secrets, {})
    run = f"r-{len(await registry.releases('notes')):06}"
    made = await registry.add_release("notes", run, "c" * 40, "sha256:1", version.number, NOW, fence=fence)
    if state is ReleaseState.LIVE:
        await registry.promote("notes", made.number, "127.0.0.1:1", ReleaseState.KEPT, "", NOW, fence=fence)
    elif state is not ReleaseState.STARTING:
        await registry.move_release("notes", made.number, state, fence=fence)


async def test_replaced_value_goes_when_it_is_old_and_no_release_needs_it(registry: SqlRegistry) -> None:
    kept = vault()
    references = [kept.hold("notes", "TOKEN", value) for value in ("one", "two", "three")]
    kept.hold("notes", "UNUSED", "stays, since it is the newest")
    await release(registry, ReleaseState.LIVE, TOKEN=references[1])
    assert await forget_superseded.fn(registry, kept, NOW) == []
    assert await forget_superseded.fn(registry, kept, LATER) == [references[0]]
    assert sorted(kept.values.values()) == ["stays, since it is the newest", "three", "two"]


@pytest.mark.parametrize("state", [ReleaseState.STARTING, ReleaseState.LIVE])
async def test_value_of_a_release_that_may_be_started_again_stays(registry: SqlRegistry, state: ReleaseState) -> None:
    kept = vault()
    await release(registry, state, TOKEN=kept.hold("notes", "TOKEN", "one"))
    kept.hold("notes", "TOKEN", "two")
    assert await forget_superseded.fn(registry, kept, LATER) == []


async def test_value_of_a_release_that_failed_goes(registry: SqlRegistry) -> None:
    kept = vault()
    await release(registry, ReleaseState.FAILED, TOKEN=kept.hold("notes", "TOKEN", "one"))
    kept.hold("notes", "TOKEN", "two")
    assert await forget_superseded.fn(registry, kept, LATER) == ["slipway-notes-token"]


async def test_values_are_not_forgotten_while_a_deploy_is_under_way(registry: SqlRegistry) -> None:
    kept, wakeups = vault(), MemoryWakeups()
    reference = kept.hold("notes", "TOKEN", "one")
    await wakeups.lock("deploy:notes", "r-000001", 60)
    with pytest.raises(LockTaken):
        await forget_values("notes", [reference], "me", registry, FakeEngine(), kept, wakeups, patience=0)
    assert kept.held("notes") == {"TOKEN": "one"}


async def test_kept_release_that_nobody_has_given_up_keeps_its_value(registry: SqlRegistry) -> None:
    kept, wakeups, engine = vault(), MemoryWakeups(), FakeEngine()
    reference = kept.hold("notes", "TOKEN", "one")
    for secrets in ({"TOKEN": reference}, {"TOKEN": reference}, {}):
        await release(registry, ReleaseState.LIVE, **secrets)
    with pytest.raises(BadInput, match="release 2 of notes needs it, and nobody has said to give that up"):
        await forget_values("notes", [reference], "me", registry, engine, kept, wakeups, given_up=(1,))
    assert (kept.held("notes"), [each.state for each in await registry.releases("notes")]) == (
        {"TOKEN": "one"},
        [ReleaseState.LIVE, ReleaseState.KEPT, ReleaseState.KEPT],
    )
    lost = await forget_values("notes", [reference], "me", registry, engine, kept, wakeups, given_up=(1, 2))
    assert (sorted(each.number for each in lost), kept.held("notes")) == ([1, 2], {})


async def test_values_of_a_release_that_is_about_to_serve_are_not_forgotten(registry: SqlRegistry) -> None:
    kept, wakeups = vault(), MemoryWakeups()
    reference = kept.hold("notes", "TOKEN", "one")
    await release(registry, ReleaseState.STARTING, TOKEN=reference)
    with pytest.raises(BadInput, match="release 1 of notes is starting with it"):
        await forget_values("notes", [reference], "me", registry, FakeEngine(), kept, wakeups)
    assert (kept.held("notes"), wakeups.owners) == ({"TOKEN": "one"}, {})
