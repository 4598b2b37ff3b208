"""The registry keeps what it was told, refuses what must never be true, and serves many writers."""

import asyncio
import threading
import warnings
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError

from blocks.registry import tables
from blocks.registry.block import SqlRegistry
from blocks.registry.schema import migrate
from blocks.registry.store import open_engine
from domain.audit import AuditLine
from domain.briefs import AcceptanceCheck, Brief
from domain.checks import CommandCheck, HttpCheck, HttpStep
from domain.conversations import Message, Opaque, Text, ToolUse
from domain.errors import BadInput, Broken, UnknownObject
from domain.escalations import Answer, Diagnosis
from domain.registry import Registry
from domain.runs import DeliveryRequest, Notification, Origin, RunState

STUCK = Diagnosis(kind="no progress", cause="stuck", reason="it stands still", choices=("guidance", "stop"))
NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def a_brief(slug: str = "notes", title: str = "Notes") -> Brief:
    check = AcceptanceCheck(id="adds", text="When I post a note, it is listed")
    return Brief(slug=slug, title=title, kind="web-service", language="en", summary="x", stories=("y",), checks=(check,))


def a_request(run: str = "r-aaaaaaaa", project: str = "notes") -> DeliveryRequest:
    return DeliveryRequest(run=run, project=project, request="keep my notes", brief=a_brief(project))


def a_check(name: str, covers: str = "adds", status: int = 200) -> HttpCheck:
    return HttpCheck(id=name, covers=covers, title=name, steps=(HttpStep(path="/", expect_status=status),))


def test_block_fulfils_the_protocol_of_the_domain() -> None:
    registry: Registry = SqlRegistry(url="sqlite+aiosqlite:////nowhere/x.db", budget_micro_usd=1)
    assert "nowhere" not in repr(registry)


async def test_kept_connections_serve_all_of_the_loop_and_another_loop_has_its_own(registry: SqlRegistry) -> None:
    url = registry.url.get_secret_value()
    common = open_engine(url)
    same = SqlRegistry(url=url, budget_micro_usd=1)
    async with registry.kept():
        assert open_engine(url) is not common
        await asyncio.gather(*(same.add_project(a_brief(f"notes-{n}"), "me", f"n{n}.localhost", NOON) for n in range(20)))
        elsewhere = await asyncio.to_thread(asyncio.run, _count(SqlRegistry(url=url, budget_micro_usd=1)))
        assert (len(await registry.projects()), elsewhere) == (20, 20)
    assert open_engine(url) is common
    assert len(await same.projects()) == 20


async def _count(registry: SqlRegistry) -> int:
    return len(await registry.projects())


# projects and checks


async def test_project_comes_back_as_it_was_stored(registry: SqlRegistry) -> None:
    made = await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    assert await registry.project("notes") == made
    assert (made.brief, made.created, made.domain) == (a_brief(), NOON, "notes.localhost")
    assert await registry.project("other") is None


async def test_taken_slug_is_refused_with_the_cure_and_the_first_project_stays(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    with pytest.raises(BadInput, match="slipway change notes"):
        await registry.add_project(a_brief(title="Mine"), "you", "notes.localhost", NOON)
    assert [project.owner for project in await registry.projects()] == ["me"]


async def test_of_many_who_want_one_slug_exactly_one_gets_it(registry: SqlRegistry) -> None:
    wanting = (registry.add_project(a_brief(), str(n), "notes.localhost", NOON) for n in range(8))
    results = await asyncio.gather(*wanting, return_exceptions=True)
    assert sum(isinstance(result, BadInput) for result in results) == 7


async def test_new_brief_replaces_the_old_and_the_title(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    await registry.set_brief("notes", a_brief(title="Better notes"))
    project = await registry.project("notes")
    assert project is not None
    assert (project.title, project.brief.title) == ("Better notes", "Better notes")
    with pytest.raises(UnknownObject):
        await registry.set_brief("other", a_brief("other"))


async def test_project_has_the_repository_that_was_set_and_none_at_first(registry: SqlRegistry) -> None:
    made = await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    await registry.set_repository("notes", "anna/notes")
    named = await registry.project("notes")
    assert (made.repository, named) == ("", made.model_copy(update={"repository": "anna/notes"}))
    await registry.set_repository("notes", "")
    assert await registry.project("notes") == made
    with pytest.raises(UnknownObject):
        await registry.set_repository("other", "anna/notes")


async def test_repository_is_one_projects_alone_whatever_its_capitals(registry: SqlRegistry) -> None:
    for slug in ("notes", "other"):
        await registry.add_project(a_brief(slug), "me", f"{slug}.localhost", NOON)
    await registry.set_repository("notes", "anna/notes")
    with pytest.raises(BadInput, match="slipway repository notes --none"):
        await registry.set_repository("other", "Anna/Notes")
    await registry.set_repository("notes", "anna/Notes")
    for slug in ("notes", "other"):
        await registry.set_repository(slug, "")
    await registry.set_repository("other", "Anna/Notes")


async def test_checks_are_replaced_by_id_keep_their_order_and_retire_by_what_they_cover(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    command = CommandCheck(id="c", covers="counts", title="c", command="true")
    await registry.set_checks("notes", "r-1", [a_check("a"), a_check("b", covers="lists"), command], [])
    await registry.set_checks("notes", "r-2", [a_check("a", status=201), a_check("d")], ["lists"])
    assert await registry.checks("notes") == (a_check("a", status=201), command, a_check("d"))
    await registry.set_checks("notes", "r-3", [a_check("b")], [])
    assert [check.id for check in await registry.checks("notes")] == ["a", "b", "c", "d"]
    with pytest.raises(UnknownObject):
        await registry.set_checks("other", "r-1", [], [])


async def test_removed_project_leaves_its_runs_ledger_and_audit(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    await registry.add_release("notes", "r-000001", "c" * 40, "sha256:1", 1, NOON, fence=await registry.fence("notes"))
    await registry.add_run(a_request(), NOON)
    await registry.set_checks("notes", "r-1", [a_check("a")], [])
    await registry.add_environment("notes", {}, {"PORT": "1"})
    await registry.reserve("call", "notes", "r-aaaaaaaa", "developer", "m", 5)
    await registry.audit(AuditLine(project="notes", at=NOON, actor="me", what="removed"))
    await registry.remove_project("notes")
    await registry.remove_project("notes")
    assert (await registry.project("notes"), await registry.releases("notes"), await registry.checks("notes")) == (None, (), ())
    assert await registry.environment("notes", 1) is None
    assert len(await registry.runs("notes")) == len(await registry.history("notes")) == 1
    assert (await registry.cost("notes")).reserved_micro_usd == 5


async def test_equal_environment_is_the_same_version(registry: SqlRegistry) -> None:
    await registry.add_project(a_brief(), "me", "notes.localhost", NOON)
    first = await registry.add_environment("notes", {"KEY": "slipway-notes-key"}, {"B": "2", "A": "1"})
    assert await registry.add_environment("notes", {"KEY": "slipway-notes-key"}, {"A": "1", "B": "2"}) == first
    second = await registry.add_environment("notes", {}, {"A": "1"})
    back = await registry.add_environment("notes", first.secrets, first.plain)
    assert [first.number, second.number, back.number] == [1, 2, 3]
    assert await registry.environment("notes", 2) == second


# runs


async def test_run_is_stored_once(registry: SqlRegistry) -> None:
    first = await registry.add_run(a_request(), NOON)
    again = await registry.add_run(a_request(), NOON + timedelta(hours=1))
    assert again == first == await registry.run("r-aaaaaaaa")
    assert (first.state, first.created) == (RunState.QUEUED, NOON)


async def test_runs_come_newest_first_and_at_most_as_many_as_asked(registry: SqlRegistry) -> None:
    for number in range(4):
        await registry.add_run(a_request(f"r-00000{number}", "notes" if number else "other"), NOON + timedelta(seconds=number))
    assert [run.id for run in await registry.runs(limit=2)] == ["r-000003", "r-000002"]
    assert [run.id for run in await registry.runs("other")] == ["r-000000"]


async def test_runs_of_one_person_are_found_however_many_others_have(registry: SqlRegistry) -> None:
    for number in range(4):
        origin = Origin(channel="telegram", chat="1", person=f"telegram:{number % 2}")
        request = a_request(f"r-00000{number}", "notes" if number else "other").model_copy(update={"origin": origin})
        await registry.add_run(request, NOON + timedelta(seconds=number))
    assert [run.id for run in await registry.runs(person="telegram:0")] == ["r-000002", "r-000000"]
    assert [run.id for run in await registry.runs(limit=1, person="telegram:0")] == ["r-000002"]
    assert [run.id for run in await registry.runs("other", person="telegram:0")] == ["r-000000"]
    assert await registry.runs("other", person="telegram:1") == ()


async def test_open_runs_are_found_behind_however_many_that_ended(registry: SqlRegistry) -> None:
    person = Origin(channel="telegram", person="telegram:1")
    for number in range(6):
        asked = a_request(f"r-{number:06}").model_copy(update={"origin": person})
        await registry.add_run(asked, NOON + timedelta(minutes=number))
    for number in range(1, 6):
        await registry.update_run(f"r-{number:06}", state=RunState.FAILED, ended=NOON)
    assert [run.id for run in await registry.runs(limit=2, person="telegram:1", ended=False)] == ["r-000000"]
    assert [run.id for run in await registry.runs("notes", 2, ended=True)] == ["r-000005", "r-000004"]
    assert await registry.runs(person="telegram:2", ended=False) == ()


async def test_update_changes_only_what_is_given(registry: SqlRegistry) -> None:
    await registry.add_run(a_request(), NOON)
    origin = Origin(channel="telegram", chat="1", message="2")
    await registry.update_run("r-aaaaaaaa", state=RunState.WAITING, waits_for=["TOKEN"], message="needs TOKEN", origin=origin)
    run = await registry.update_run("r-aaaaaaaa", state=RunState.RUNNING, round=2, waits_for=(), step="test")
    assert run == await registry.run("r-aaaaaaaa")
    assert (run.message, run.waits_for, run.round, run.origin) == ("needs TOKEN", (), 2, origin)
    with pytest.raises(UnknownObject):
        await registry.update_run("r-bbbbbbbb", step="x")


async def test_end_of_a_run_is_final(registry: SqlRegistry) -> None:
    await registry.add_run(a_request(), NOON)
    await registry.update_run("r-aaaaaaaa", state=RunState.DELIVERED, message="it runs", ended=NOON)
    late = NOON + timedelta(hours=1)
    run = await registry.update_run("r-aaaaaaaa", state=RunState.CANCELLED, message="cancelled", ended=late, flow_run="f")
    assert (run.state, run.message, run.ended, run.flow_run) == (RunState.DELIVERED, "it runs", NOON, "f")
    again = await registry.update_run("r-aaaaaaaa", state=RunState.DELIVERED, address="http://x", ended=late)
    assert (again.address, again.ended) == ("http://x", NOON)


async def test_progress_of_many_writers_is_numbered_without_gaps(registry: SqlRegistry) -> None:
    await registry.add_run(a_request(), NOON)
    await asyncio.gather(*(registry.add_progress("r-aaaaaaaa", "log", str(n), NOON, data={"n": n}) for n in range(20)))
    told = await registry.progress("r-aaaaaaaa")
    assert [line.sequence for line in told] == list(range(1, 21))
    assert {line.data["n"] for line in told} == set(range(20))
    assert await registry.progress("r-aaaaaaaa", after=18) == told[18:]
    with pytest.raises(UnknownObject):
        await registry.add_progress("r-bbbbbbbb", "log", "x", NOON)


async def test_cancelled_writers_leave_neither_gap_nor_lock(registry: SqlRegistry) -> None:
    await registry.add_run(a_request(), NOON)
    for turns in range(30):
        writer = asyncio.create_task(registry.add_progress("r-aaaaaaaa", "log", "x", NOON))
        for _ in range(turns):
            await asyncio.sleep(0)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    last = await registry.add_progress("r-aaaaaaaa", "end", "x", NOON)
    assert [line.sequence for line in await registry.progress("r-aaaaaaaa")] == list(range(1, last.sequence + 1))


async def test_text_that_databases_refuse_is_kept_readable(registry: SqlRegistry) -> None:
    await registry.add_run(a_request(), NOON)
    line = await registry.add_progress("r-aaaaaaaa", "log", "a\x00b \udce4 é 🚢", NOON)
    assert line.text == "a\ufffdb ? é 🚢"


async def test_times_come_back_in_utc_and_bare_ones_are_refused(registry: SqlRegistry) -> None:
    moscow = NOON.astimezone(timezone(timedelta(hours=3)))
    run = await registry.add_run(a_request(), moscow)
    stored = await registry.run("r-aaaaaaaa")
    assert stored is not None
    assert (run.created, stored.created, stored.created.utcoffset()) == (NOON, NOON, timedelta(0))
    with pytest.raises(Broken, match="without a zone"):
        await registry.add_run(a_request("r-bbbbbbbb"), NOON.replace(tzinfo=None))


# outbox, audit, transcripts


async def test_notification_is_stored_once_and_leaves_the_outbox_when_sent(registry: SqlRegistry) -> None:
    note = Notification(key="r-1/end", channel="cli", chat="c", text="done", created=NOON)
    assert [await registry.add_notification(note), await registry.add_notification(note)] == [True, False]
    assert (await registry.unsent("cli"), await registry.unsent("telegram")) == ((note,), ())
    await registry.mark_sent("r-1/end", NOON)
    assert await registry.unsent("cli") == ()
    assert await registry.add_notification(note) is False


async def test_history_is_in_the_order_of_writing_and_can_be_asked_for_since_when(registry: SqlRegistry) -> None:
    back = AuditLine(project="notes", at=NOON, actor="me", what="rolled back", why="answers 500", version=1)
    seen = AuditLine(project="notes", at=NOON - timedelta(hours=1), actor="watch", what="saw it healthy")
    other = AuditLine(project="other", at=NOON + timedelta(hours=1), actor="me", what="removed")
    for line in (back, seen, other):
        await registry.audit(line)
    assert await registry.history("notes") == (back, seen)
    assert await registry.history(since=NOON) == (back, other)
    assert await registry.history("notes", NOON) == (back,)


async def test_transcript_grows_by_one_and_never_changes(registry: SqlRegistry) -> None:
    first = Message(role="user", parts=(Text(text="nul \x00, é"),))
    use = ToolUse(id="t", name="bash", input={"command": "ls", "deep": {"a": [1, 2.5, None]}})
    second = Message(role="assistant", parts=(Opaque(raw={"type": "thinking", "signature": "x"}), use))
    await registry.append("r-1/developer", 0, first)
    await registry.append("r-1/developer", 1, second)
    await registry.append("r-1/developer", 1, second)
    assert await registry.load("r-1/developer") == (first, second)
    assert await registry.load("r-1/tester") == ()
    with pytest.raises(Broken, match="another message"):
        await registry.append("r-1/developer", 1, first)
    with pytest.raises(Broken, match="next position is 2"):
        await registry.append("r-1/developer", 3, first)


# the database itself


async def test_migration_makes_exactly_the_tables_that_the_code_uses(registry: SqlRegistry) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))

    async with registry.engine().connect() as db:
        assert await db.run_sync(differences) == []


async def test_migration_by_many_at_once_and_again_is_safe(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    await migrate(empty_url)
    assert await SqlRegistry(url=empty_url, budget_micro_usd=1).projects() == ()


async def test_missing_tables_and_missing_folder_say_what_to_do(empty_url: str) -> None:
    with pytest.raises(Broken, match="slipway up"):
        await SqlRegistry(url=empty_url, budget_micro_usd=1).projects()
    with pytest.raises(Broken, match="unable to open"):
        await migrate("sqlite+aiosqlite:////nowhere/at/all.db")


async def test_sqlite_is_set_for_several_processes(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/r.db"
    await migrate(url)
    async with open_engine(url).connect() as db:
        wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 30_000}
        assert {name: (await db.execute(text(f"PRAGMA {name}"))).scalar() for name in wanted} == wanted
        with pytest.raises(IntegrityError):
            await db.execute(
                insert(tables.progress).values(run="none", sequence=1, at=NOON, kind="", step="", text="", data={})
            )


def test_file_that_cannot_be_opened_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with pytest.raises(Broken, match="unable to open"):
        asyncio.run(SqlRegistry(url="sqlite+aiosqlite:////nowhere/r.db", budget_micro_usd=1).projects())
    assert threading.active_count() == before


def test_one_block_serves_several_event_loops_without_leftovers(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/r.db"
    registry = SqlRegistry(url=url, budget_micro_usd=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(migrate(url))
        for number in range(3):
            asyncio.run(registry.add_run(a_request(f"r-00000{number}"), NOON))
        assert len(asyncio.run(registry.runs())) == 3


# questions to people


async def test_of_many_answers_at_once_one_counts_and_the_question_is_asked_once(registry: SqlRegistry) -> None:
    await registry.add_run(a_request(), NOON)
    asked = await registry.add_escalation("r-aaaaaaaa", 1, STUCK, NOON, NOON + timedelta(hours=1))
    assert asked == await registry.add_escalation("r-aaaaaaaa", 1, STUCK, NOON + timedelta(days=1), NOON + timedelta(days=2))
    answers = [Answer(choice="more_budget", usd=n, by=str(n), door="cli") for n in range(1, 9)]
    counted = await asyncio.gather(*(registry.answer_escalation("r-aaaaaaaa", 1, each, NOON) for each in answers))
    assert counted.count(True) == 1
    [question] = await registry.escalations("r-aaaaaaaa")
    assert question.answer == answers[counted.index(True)]
    with pytest.raises(UnknownObject, match="question"):
        await registry.answer_escalation("r-aaaaaaaa", 2, answers[0], NOON)


async def test_an_answer_with_money_raises_the_limit_of_its_project(registry: SqlRegistry) -> None:
    await registry.add_run(a_request(), NOON)
    before = await registry.budget("notes")
    await registry.add_escalation("r-aaaaaaaa", 1, STUCK, NOON, NOON)
    assert await registry.budget("notes") == before
    await registry.answer_escalation("r-aaaaaaaa", 1, Answer(choice="more_budget", usd=1.5, by="me", door="cli"), NOON)
    assert await registry.budget("notes") == before + 1_500_000
    assert await registry.budget("other") == before
