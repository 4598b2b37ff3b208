"""What nobody owns is removed with a reason, and everything else stays."""

from datetime import timedelta
from pathlib import Path

from blocks.kept_records import KeptRecords
from blocks.registry.block import SqlRegistry
from domain.candidates import Built
from domain.inventory import Held
from domain.leftovers import RECEIPT_AGE, YOUNG
from domain.previews import PreviewState
from domain.workers import AppSpec
from tasks.leftovers import remove_leftovers
from tasks.previews import start_preview_copy
from tests.fakes.engine import FakeEngine
from tests.tasks.conftest import NOW
from tests.tasks.preview_bench import Stage
from tests.tasks.test_upkeep import build, release

LATER = NOW + YOUNG
GHOSTS = Held(kind="volume", name="slipway-ours-ghost-data", installation="ours", projects=("ghost",), made=NOW)
THEIRS = Held(kind="volume", name="slipway-theirs-ghost-data", installation="theirs", projects=("ghost",), made=NOW)


async def test_what_belongs_to_no_project_goes_with_its_reason_and_all_else_stays(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    engine = FakeEngine()
    await build(engine, tmp_path, "sha256:1")
    await build(engine, tmp_path, "sha256:9", project="ghost")
    await release(registry, engine, 1)
    await engine.start(AppSpec(identity="ghost-v1", project="ghost", run="r-000009", candidate="sha256:9"))
    engine.other = [GHOSTS, THEIRS]

    removed = await remove_leftovers.fn(registry, [engine], "ours", LATER)

    assert [(left.held.kind, left.held.name) for left in removed] == [
        ("release", "ghost-v1"), ("volume", GHOSTS.name), ("image", "sha256:9"),
    ]  # fmt: skip
    assert {left.why for left in removed} == {"there is no project ghost"}
    assert (set(engine.live_apps), set(engine.made), engine.other) == ({"notes-v1"}, {"sha256:1"}, [THEIRS])
    told = [(line.actor, line.what, line.why) for line in await registry.history("ghost")]
    assert told[1] == ("janitor", "volume slipway-ours-ghost-data removed", "there is no project ghost")
    assert await remove_leftovers.fn(registry, [engine], "ours", LATER) == []


async def test_copy_of_a_preview_that_ended_while_it_was_started_goes_and_that_of_an_open_one_stays(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    stage = Stage(registry, tmp_path, "127.0.0.1:1")
    base = await stage.serve()
    dropped, stays = [await stage.announce(await stage.change(base, f"r-change{number}")) for number in (1, 2)]
    await registry.move_preview("notes", dropped.number, PreviewState.REMOVED)
    assert await stage.clear() == ["notes-p1"]
    for late in (dropped, stays):  # it was open when start_preview looked
        await start_preview_copy(late, "web", registry, stage.engine, stage.vault)

    removed = await remove_leftovers.fn(registry, [stage.engine], "ours", LATER)

    assert [(left.held.name, left.why) for left in removed] == [("notes-p1", "it is no open preview's copy")]
    assert set(stage.engine.live_apps) == {"notes-v1", "notes-p2"}


async def test_nothing_is_judged_where_nobody_says_which_installation_this_is(registry: SqlRegistry) -> None:
    engine = FakeEngine(builds=[Built(candidate="sha256:9")])
    engine.other = [GHOSTS.model_copy(update={"installation": None})]
    assert await remove_leftovers.fn(registry, [engine], "", LATER) == []
    assert len(engine.other) == 1


async def test_old_records_of_ended_runs_go_and_those_of_open_ones_stay(registry: SqlRegistry, tmp_path: Path) -> None:
    names = ["egress/r-000001.jsonl", "egress/r-000009.jsonl", "egress/git/r-000009.jsonl", "logs/runs/some-flow-run.log"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a line\n")
    records = KeptRecords(tmp_path, "ours")
    written = {thing.name: thing.made for thing in await records.held()}
    assert sorted(written) == sorted(names)
    newest = max(made for made in written.values() if made)

    assert await remove_leftovers.fn(registry, [records], "ours", newest + RECEIPT_AGE - timedelta(hours=1)) == []
    removed = await remove_leftovers.fn(registry, [records], "ours", newest + RECEIPT_AGE + timedelta(seconds=1))

    assert sorted(left.held.name for left in removed) == sorted(names[1:])
    assert {left.why for left in removed} == {"nothing was added for 30 days"}
    assert [thing.name for thing in await records.held()] == names[:1]
    assert await records.discard(removed[0].held) is False
