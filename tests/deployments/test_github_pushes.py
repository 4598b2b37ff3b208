"""A person pushed to the main branch at GitHub: fetched by real git, one run for one commit, and nothing is forced."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from blocks.github.git import GitHubRemote
from deployments.github.listener import Listener
from deployments.github.missed import hear_missed
from deployments.github.pushes import take_push
from domain.allowances import OwnLimits
from domain.github import CommitCheck
from domain.github_errors import GitHubRefused
from domain.runs import Origin, RunState
from domain.webhooks import Webhook
from tests.deployments.api_bench import ANN
from tests.deployments.github_bench import NAME, NOW, Bench, fields, github_bench, push
from tests.fakes.desk import a_brief
from tests.fakes.git_server import IDENTITY, git
from tests.tasks.conftest import request

START = {"README": "notes"}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Main is the same commit here and there."""
    async with github_bench(tmp_path) as made:
        await made.desk.git.create("notes")
        first = made.commit(START, None)
        await made.place.remote.fetch("notes", NAME, "main")
        await made.desk.git.advance("notes", "main", first)
        yield made


async def main_of(bench: Bench) -> str:
    head = await bench.desk.git.head("notes")
    assert head is not None
    return head


async def test_push_is_fetched_and_one_run_tests_it_before_main_moves(bench: Bench) -> None:
    first = await main_of(bench)
    pushed = bench.commit({**START, "app.py": "1"}, first)
    told = push(pushed)
    outcomes = {*await bench.hear(told, told), await take_push(told, bench.place)}
    [asked] = bench.pushed
    assert outcomes == {f"run {asked.run} tests {pushed[:12]}"}
    assert (asked.commit, asked.change, asked.request) == (pushed, True, f"wanda pushed {pushed[:12]}: Pins")
    assert await bench.desk.git.read("notes", pushed, ("app.py",)) == {"app.py": "1"}
    assert await main_of(bench) == first
    lines = [(line.actor, line.what) for line in await bench.registry.history("notes")]
    assert lines == [("github:wanda", f"pushed {pushed[:12]}")]


async def test_four_deliveries_of_a_commit_taken_by_two_processes_at_once_are_one_run(bench: Bench) -> None:
    pushed = bench.commit({**START, "app.py": "1"}, await main_of(bench))
    for number in range(4):
        webhook = Webhook(id=f"e-{number}", digest=f"{number:064}", event=push(pushed), at=NOW)
        assert await bench.registry.hear(webhook)
    await asyncio.gather(*(Listener(bench.place).take_waiting() for _ in range(2)))
    await Listener(bench.place).take_waiting()  # what met the other's fetch is taken up again
    assert len({await bench.outcome(f"e-{number}") for number in range(4)}) == 1
    assert len(await bench.registry.runs("notes")) == 1


async def test_two_pushes_before_the_first_was_looked_at_are_one_run_of_the_newest(bench: Bench) -> None:
    one = bench.commit({**START, "app.py": "1"}, await main_of(bench))
    two = bench.commit({**START, "app.py": "2"}, one)
    await bench.hear(push(one), push(two))
    assert [each.commit for each in bench.pushed] == [two]


async def test_what_is_known_here_already_begins_nothing(bench: Bench) -> None:
    first = await main_of(bench)
    assert await bench.hear(push(first)) == [f"{first[:12]} is known already"]
    assert bench.pushed == []


async def test_push_that_lacks_what_is_live_is_told_at_the_commit_and_to_the_owner(bench: Bench, tmp_path: Path) -> None:
    first = await main_of(bench)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "ours").write_text("live")
    made = await bench.desk.git.commit_tree(
        "notes", tmp_path / "work", branch="main", parent=first, message="ours", author="a <a@b>"
    )
    origin = Origin(channel="telegram", chat="1001", person=ANN)
    await bench.registry.add_run(request("r-000007", origin=origin), NOW)
    theirs = bench.commit({**START, "app.py": "1"}, first)
    for _ in range(2):
        assert await bench.hear(push(theirs)) == [f"{theirs[:12]} lacks what is live"]
    [told] = await bench.registry.unsent("telegram")
    assert (told.chat, f"({theirs[:12]}) lacks what is online of notes" in told.text) == ("1001", True)
    assert bench.remote.api.count("POST", "/check-runs") >= 1
    assert (bench.pushed, await main_of(bench)) == ([], made.sha)


async def test_branch_that_is_gone_and_forced_history_begin_nothing(bench: Bench) -> None:
    other = bench.commit({"other": "history"}, None)
    assert await bench.hear(push(other)) == [f"{other[:12]} lacks what is live"]
    gone = push(other).model_copy(update={"branch": "gone"})
    assert await bench.hear(gone) == [f"{NAME} has no branch gone any more"]
    assert bench.pushed == []


async def test_push_waits_while_its_owner_may_begin_nothing_and_is_tested_after(bench: Bench) -> None:
    await bench.registry.add_run(request("r-000007", origin=Origin(channel="telegram", chat="1001", person=ANN)), NOW)
    await bench.registry.limit_member(ANN, OwnLimits(runs=1))
    pushed = bench.commit({**START, "app.py": "1"}, await main_of(bench))
    listener = Listener(bench.place, clock=lambda: bench.heard * 1000.0)
    await bench.hear(push(pushed), push(pushed))
    [told] = await bench.registry.unsent("telegram")
    assert (told.chat, "is tested by itself later" in told.text, bench.pushed) == ("1001", True, [])
    [check] = bench.remote.state.checks[NAME]
    assert (check["conclusion"], check["head_sha"]) == ("neutral", pushed)
    await bench.registry.update_run("r-000007", state=RunState.DELIVERED, ended=NOW)
    await listener.take_waiting()
    assert [each.commit for each in bench.pushed] == [pushed]
    assert check["external_id"] == bench.pushed[0].run


class NoChecks:
    """GitHub for an App without the permission to make checks."""

    @property
    def reports(self) -> "NoChecks":
        return self

    async def report(self, name: str, check: CommitCheck) -> None:
        raise GitHubRefused(f"the check of {check.commit} at {name}", 403, "Resource not accessible by integration")


async def test_push_that_waits_is_not_lost_where_github_takes_no_check_of_it(bench: Bench) -> None:
    await bench.registry.add_run(request("r-000007", origin=Origin(channel="telegram", chat="1001", person=ANN)), NOW)
    await bench.registry.limit_member(ANN, OwnLimits(runs=1))
    bench.place = replace(bench.place, github=NoChecks())  # type: ignore[arg-type]
    assert await bench.hear(push(bench.commit({**START, "app.py": "1"}, await main_of(bench)))) == [""]
    assert len(await bench.registry.unhandled()) == 1
    assert ["is tested by itself later" in told.text for told in await bench.registry.unsent("telegram")] == [True]


async def test_history_that_is_too_large_is_told_and_leaves_nothing_here(bench: Bench) -> None:
    small = GitHubRemote(Path(bench.desk.git.folder), bench.remote.git.url, bench.remote.app, most=100_000)
    bench.place = replace(bench.place, remote=small)
    await bench.registry.set_brief("notes", a_brief("notes", "Notes").model_copy(update={"language": "ru"}))
    large = bench.commit({**START, "film": "".join(map(str, range(100_000)))}, await main_of(bench))
    outcome = f"{NAME} has more than 0 MB, which is too much: take large files out of its history"
    assert await bench.hear(push(large)) == [outcome]
    [check] = bench.remote.state.checks[NAME]
    assert (check["conclusion"], "в нём больше 0 МБ. Уберите" in check["output"]["title"]) == ("failure", True)
    assert "\ngarbage: 0\n" in git(Path(bench.desk.git.folder) / "notes.git", "count-objects", "-v")


async def test_push_that_git_does_not_take_is_told_with_what_git_says_of_it(bench: Bench) -> None:
    bare = bench.remote.state.folder / f"{NAME}.git"
    blob = git(bare, "hash-object", "-w", "--stdin", given=b"notes")
    old = git(bare, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=b"0100644 a\0" + bytes.fromhex(blob))
    commit = git(bare, *IDENTITY, "commit-tree", old, "-p", await main_of(bench), "-m", "By an old client")
    git(bare, "update-ref", "refs/heads/main", commit)
    await bench.hear(push(commit))
    [told] = await bench.registry.unsent("api")
    [check] = bench.remote.state.checks[NAME]
    assert "could not be fetched" in told.text
    assert "zero-padded file modes" in told.text
    assert (check["conclusion"], check["output"]["summary"]) == ("failure", told.text)


async def test_repository_that_git_finds_elsewhere_is_told_with_the_cure(bench: Bench) -> None:
    pushed = bench.commit({**START, "app.py": "1"}, await main_of(bench))
    bench.remote.git.moved[NAME] = f"{bench.remote.git.url}/club/diary"
    [outcome] = await bench.hear(push(pushed))
    assert "`slipway repository PROJECT OWNER/NAME` says where it is now" in outcome


async def test_push_of_which_no_webhook_came_is_found_once(bench: Bench) -> None:
    pushed = bench.commit({**START, "app.py": "1"}, await main_of(bench))
    for _ in range(2):
        await hear_missed(bench.place)
        await Listener(bench.place).take_waiting()
    [asked] = bench.pushed
    assert (asked.commit, asked.request) == (pushed, f"wanda pushed {pushed[:12]}")
    assert bench.remote.api.count("GET", "/activity") == 1


async def test_what_is_ours_or_a_bots_or_cannot_be_asked_is_no_push_that_was_missed(bench: Bench) -> None:
    await bench.registry.add_project(a_brief("diary", "Diary"), ANN, "diary.localhost", NOW)
    await bench.registry.set_repository("diary", "club/gone")
    first = await main_of(bench)
    later = bench.commit({**START, "app.py": "1"}, first)
    await bench.place.remote.fetch("notes", NAME, "main")
    await bench.desk.git.advance("notes", "main", later)
    git(bench.remote.state.folder / f"{NAME}.git", "update-ref", "refs/heads/main", first)  # ours waits to be merged
    await hear_missed(bench.place)
    assert bench.remote.api.count("GET", "/activity") == 0
    bench.commit({**START, "app.py": "2"}, later)
    bench.remote.state.pusher = {"login": "octo[bot]", "type": "Bot"}
    await hear_missed(bench.place)
    assert (bench.remote.api.count("GET", "/activity"), await bench.registry.unhandled()) == (1, ())


async def test_fetch_that_breaks_off_leaves_nothing_here_and_is_tried_again(bench: Bench) -> None:
    large = bench.commit({**START, "film": "".join(map(str, range(100_000)))}, await main_of(bench))
    bench.remote.git.breaks_after = 60_000
    assert await bench.hear(push(large)) == [""]
    assert "\ngarbage: 0\n" in git(Path(bench.desk.git.folder) / "notes.git", "count-objects", "-v")
    await Listener(bench.place).take_waiting()
    assert [each.commit for each in bench.pushed] == [large]


async def test_news_of_the_run_go_where_the_owner_is_told_of_the_project(bench: Bench) -> None:
    first = await main_of(bench)
    for number, channel in enumerate(("telegram", "github")):
        origin = Origin.model_validate({"channel": channel, "chat": str(number), "person": ANN, "message": "9"})
        await bench.registry.add_run(request(f"r-00000{number}", origin=origin), NOW)
    await bench.hear(push(bench.commit({**START, "app.py": "1"}, first)))
    run = await bench.registry.run(bench.pushed[0].run)
    assert run is not None
    assert (fields(run), run.origin.message) == ({"channel": "telegram", "chat": "0", "person": ANN}, "")
    assert run.state is RunState.QUEUED
