"""News at issues of GitHub: in the project's language, and with the commands of that door alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deployments.github.outbox import IssueOutbox, rollback_text
from deployments.wording.cards import Wanted
from domain.releases import ReleaseState
from domain.runs import Notification, RunState
from tasks.missing_secrets import wait_for_secrets
from tests.deployments.conftest import released
from tests.deployments.github_bench import NAME, NOW, Bench, github_bench, proposed
from tests.fakes.desk import a_brief


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path) as made:
        yield made


async def test_secrets_are_asked_for_by_name_in_the_projects_language_and_never_as_a_comment(bench: Bench) -> None:
    run = await proposed(bench)
    await bench.registry.set_brief("notes", a_brief("notes", "Notes").model_copy(update={"language": "ru"}))
    await wait_for_secrets.fn(run, "notes", ("API_KEY",), 1, bench.registry, bench.desk.wakeups)  # type: ignore[arg-type]
    await IssueOutbox(bench.place).send_waiting()
    assert bench.said()[-1].startswith("Чтобы разместить «Notes can be pinned")
    assert "нужно: API_KEY. Значения здесь не пишут" in bench.said()[-1]
    await wait_for_secrets.fn(run, "notes", ("API_KEY",), 2, bench.registry, bench.desk.wakeups)  # type: ignore[arg-type]
    await bench.registry.update_run(run, state=RunState.RUNNING, waits_for=())  # given meanwhile
    before = len(bench.said())
    await IssueOutbox(bench.place).send_waiting()
    assert (len(bench.said()), await bench.registry.unsent("github")) == (before, ())


async def test_what_a_rollback_came_to_is_told_in_the_projects_language_without_commands_of_another_door(bench: Bench) -> None:
    run = await proposed(bench)
    await bench.registry.set_brief("notes", a_brief("notes", "Notes").model_copy(update={"language": "ru"}))
    await released(bench.desk, "notes", 2)
    for key in ("notes:rollback-2-1", "notes:refused-2-1"):
        told = Notification(key=key, channel="github", chat=f"{NAME}#1", text="In English.", run=run, created=NOW)
        await bench.registry.add_notification(told)
    await IssueOutbox(bench.place).send_waiting()
    assert [said.split(":")[1].split(",")[0] for said in bench.said()[-2:]] == [" выпуск 2 не в порядке"] * 2
    release = next(each for each in await bench.registry.releases("notes") if each.number == 2)
    taken = release.model_copy(update={"state": ReleaseState.ROLLED_BACK, "reason": "it answers 503"})
    goal = Wanted(title="Notes", language="ru")
    assert rollback_text("notes:rollback-2-1", (taken,), "notes", goal).startswith(
        "↩️ Notes: выпуск 2 снят, снова работает выпуск 1."
    )
