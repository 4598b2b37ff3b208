"""Previews end once: promoted, dropped, expired or never up; what is the project's own changes at a confirmation alone."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from blocks.registry.block import SqlRegistry
from domain.errors import BadInput
from domain.outcomes import Escalated
from domain.previews import Preview, PreviewState
from domain.runs import RunState
from tasks.leases import claim
from tasks.preview_ends import (
    NEVER_UP,
    accept_preview,
    decline_preview,
    drop_preview,
    expire_previews,
    preview_numbered,
)
from tests.tasks.conftest import NOW
from tests.tasks.preview_bench import CHECK, RUN, Stage
from tests.tasks.test_upkeep import release
from tests.tasks.test_watch import app


@pytest_asyncio.fixture
async def stage(registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Stage]:
    with app(200) as (address, _):
        yield Stage(registry, tmp_path, address)


async def test_confirmed_change_becomes_the_projects_own_and_its_preview_is_gone(stage: Stage) -> None:
    change = await stage.change(await stage.serve())
    preview = await stage.up(change)
    for _ in range(2):  # a process that was killed in between goes through the same steps
        await stage.confirm(preview)
    assert await stage.git.head("notes") == change.commit
    assert await stage.registry.checks("notes") == (CHECK,)
    [project] = await stage.registry.projects()
    assert project.title == "Better notes"
    row = await stage.row()
    assert row.state is PreviewState.PROMOTED
    assert row.cleared is not None
    assert (set(stage.engine.live_apps), stage.proxy.held) == ({"notes-v1"}, {})


async def test_preview_of_a_main_that_moved_is_refused_and_changes_nothing(stage: Stage) -> None:
    base = await stage.serve()
    preview = await stage.up(await stage.change(base))
    other = await stage.commit("other", base)
    refused = await accept_preview.fn("r-live1", "notes", preview.number, stage.registry, stage.git)
    assert isinstance(refused, Escalated)
    assert refused.reason == (
        "another change of notes went live since preview 1 of notes was made: "
        'make the change again with `slipway change notes "..." --preview`'
    )
    assert (await stage.git.head("notes"), await stage.registry.checks("notes")) == (other, ())
    assert (await stage.row()).state is PreviewState.UP


async def test_of_two_previews_the_second_is_refused_once_the_first_is_live(stage: Stage) -> None:
    base = await stage.serve()
    first, second = await stage.up(await stage.change(base)), await stage.up(await stage.change(base, "r-change2"))
    await stage.confirm(first)
    assert isinstance(await accept_preview.fn("r-live2", "notes", second.number, stage.registry, stage.git), Escalated)


async def test_dropped_preview_is_gone_and_the_history_says_who(stage: Stage) -> None:
    base = await stage.serve()
    preview = await stage.up(await stage.change(base))
    await drop_preview(preview, "local:me", stage.registry)
    assert await stage.clear() == ["notes-p1"]
    assert await stage.clear() == []
    assert (set(stage.engine.live_apps), stage.proxy.held) == ({"notes-v1"}, {})
    assert ("local:me", "preview 1 dropped") in [(line.actor, line.what) for line in await stage.registry.history("notes")]
    with pytest.raises(BadInput, match="preview 1 of notes is removed already: nothing was changed"):
        await drop_preview(await stage.row(), "local:me", stage.registry)
    assert await stage.git.head("notes") == base


async def test_what_an_engine_that_is_away_keeps_is_cleared_later(stage: Stage) -> None:
    preview = await stage.up(await stage.change(await stage.serve()))
    await drop_preview(preview, "local:me", stage.registry)
    stage.engine.reachable = False
    with pytest.raises(Exception, match="fake engine"):
        await stage.clear()
    stage.engine.reachable = True
    assert await stage.clear() == ["notes-p1"]
    assert stage.wakeups.owners == {}


async def test_preview_of_a_project_that_is_deployed_is_cleared_later(stage: Stage) -> None:
    await drop_preview(await stage.up(await stage.change(await stage.serve())), "local:me", stage.registry)
    await claim("notes", "r-other", stage.registry, stage.wakeups)
    assert await stage.clear() == []
    await stage.wakeups.unlock("deploy:notes", "r-other")
    assert await stage.clear() == ["notes-p1"]


async def test_preview_that_was_confirmed_shortly_before_its_end_stays_while_its_run_can_wait(stage: Stage) -> None:
    preview = await stage.up(await stage.change(await stage.serve()), days=0.001)
    accepted = await accept_preview.fn("r-live1", "notes", preview.number, stage.registry, stage.git)
    assert isinstance(accepted, Preview)
    for days, ended in ((7, []), (9, ["notes-p1"])):
        at = preview.created + timedelta(days=days)
        assert await expire_previews.fn(stage.registry, stage.wakeups, at) == ended


async def test_preview_that_cannot_go_live_is_not_up_for_longer(stage: Stage) -> None:
    base = await stage.serve()
    preview = await stage.up(await stage.change(base))
    await stage.commit("other", base)
    assert isinstance(await accept_preview.fn("r-live1", "notes", 1, stage.registry, stage.git), Escalated)
    assert (await stage.row()).expires == preview.expires


@pytest.mark.parametrize("end", [PreviewState.REMOVED, PreviewState.EXPIRED])
async def test_change_that_was_confirmed_in_vain_and_ended_is_not_in_the_next_one(stage: Stage, end: PreviewState) -> None:
    base = await stage.serve()
    preview = await stage.up(await stage.change(base))
    await accept_preview.fn("r-live1", "notes", preview.number, stage.registry, stage.git)
    assert await stage.git.head("notes") == preview.commit
    await stage.registry.move_preview("notes", preview.number, end)
    await stage.clear()
    assert await stage.git.head("notes") == base


async def test_change_that_was_confirmed_in_vain_is_off_main_and_can_be_confirmed_again(stage: Stage) -> None:
    base = await stage.serve()
    preview = await stage.up(await stage.change(base))
    await accept_preview.fn("r-live1", "notes", preview.number, stage.registry, stage.git)
    for _ in range(2):
        await decline_preview.fn(preview, stage.registry, stage.git)
        assert await stage.git.head("notes") == base
    await stage.confirm(preview)
    assert await stage.git.head("notes") == preview.commit


async def test_main_is_left_alone_where_the_change_serves_or_another_came_after_it(stage: Stage) -> None:
    preview = await stage.up(await stage.change(await stage.serve()))
    await accept_preview.fn("r-live1", "notes", preview.number, stage.registry, stage.git)
    await release(stage.registry, stage.engine, 2, preview.commit)
    await decline_preview.fn(preview, stage.registry, stage.git)
    assert await stage.git.head("notes") == preview.commit
    other = await stage.commit("other", preview.commit)
    await release(stage.registry, stage.engine, 3, other)
    await decline_preview.fn(preview, stage.registry, stage.git)
    assert await stage.git.head("notes") == other


async def test_deploy_that_comes_between_leaves_one_preview_for_the_next_time_and_clears_the_others(stage: Stage) -> None:
    base = await stage.serve()
    for run in (RUN, "r-change2"):
        await drop_preview(await stage.up(await stage.change(base, run)), "local:me", stage.registry)
    stage.proxy.fences["notes.p2"] += 1000  # who came between had a higher fence
    assert await stage.clear() == ["notes-p1"]
    assert ((await stage.row(2)).cleared, stage.wakeups.owners) == (None, {})
    stage.proxy.fences.clear()
    assert await stage.clear() == ["notes-p2"]


async def test_preview_expires_and_its_person_is_told_once_before_and_once_after(stage: Stage) -> None:
    preview = await stage.up(await stage.change(await stage.serve()), days=4)
    for hours, ended in ((71, []), (73, []), (73, []), (97, ["notes-p1"]), (97, [])):
        at = preview.created + timedelta(hours=hours)
        assert await expire_previews.fn(stage.registry, stage.wakeups, at) == ended
    row = await stage.row()
    assert (row.state, await stage.clear()) == (PreviewState.EXPIRED, ["notes-p1"])
    soon, over = [note for note in await stage.registry.unsent("cli") if note.run == RUN]
    assert soon.text == (
        f"Better notes: preview 1 ends at {row.expires:%Y-%m-%d %H:%M} UTC. Put it online: `slipway preview confirm notes 1`"
    )
    assert over.text == (
        "Better notes: preview 1 has ended, nobody confirmed it in time. To see it again, "
        'make the change again with `slipway change notes "..." --preview`'
    )


async def test_preview_whose_run_ended_before_it_was_up_fails_and_frees_its_host(stage: Stage) -> None:
    preview = await stage.announce(await stage.change(await stage.serve()))
    assert await expire_previews.fn(stage.registry, stage.wakeups, NOW) == []
    await stage.registry.update_run(RUN, state=RunState.CANCELLED, ended=NOW)
    assert await expire_previews.fn(stage.registry, stage.wakeups, NOW) == [preview.identity]
    assert ((await stage.row()).state, (await stage.row()).reason) == (PreviewState.FAILED, NEVER_UP)


async def test_preview_that_is_not_there_is_said(stage: Stage) -> None:
    for number, which in ((None, "preview"), (3, "preview 3")):
        with pytest.raises(BadInput, match=f"notes has no {which}: `slipway preview list notes`"):
            await preview_numbered("notes", number, stage.registry)
