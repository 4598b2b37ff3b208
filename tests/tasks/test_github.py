"""What serves comes to GitHub whole and once, whatever was done before; what is others' is left alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from domain.errors import AnswerLost
from domain.github_errors import GitHubRefused
from domain.github_texts import check_of_push, check_of_report
from domain.outcomes import Escalated
from domain.redaction import Redactor
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from tasks.redaction import install
from tasks.round_commit import first_line
from tests.fakes.git_server import git
from tests.fakes.github_places import NAME, Place, github_place
from tests.tasks.github_bench import ADDRESS, Serving

RUN, LATER = "r-0000a1", "r-0000a2"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with github_place(tmp_path) as found:
        yield found


@pytest.fixture
def serving(place: Place, registry: SqlRegistry, tmp_path: Path) -> Serving:
    return Serving(place, registry, tmp_path)


async def test_delivery_is_a_repository_a_merged_pull_request_a_check_a_deployment_and_a_release(
    place: Place, serving: Serving
) -> None:
    serving.vault.hold("notes", "API_KEY", "sesame")
    commit = await serving.deliver(RUN, "one")
    assert await serving.bring() == f"https://github.com/{NAME}/pull/1 is merged"

    state = place.state
    assert state.repositories[NAME]["private"] is True
    [pull] = state.pulls[NAME]
    assert (pull["title"], pull["head"]["ref"], pull["base"]["ref"]) == ("Notes", f"slipway/{RUN}", "main")
    assert "- [x] Given a note, when it is saved, then it is listed." in pull["body"]
    assert "| cost | 0.0000 USD in 0 calls |" in pull["body"]
    [check] = state.checks[NAME]
    assert (check["name"], check["head_sha"], check["conclusion"]) == ("slipway/tests", commit, "success")
    [deployment] = state.deployments[NAME]
    [status] = state.deployment_statuses[NAME, 1]
    assert (deployment["sha"], status["state"], status["environment_url"]) == (commit, "success", ADDRESS)
    assert [each["tag_name"] for each in state.releases[NAME]] == ["v1"]
    assert state.head(NAME, "main") == state.head(NAME, "v1") == commit
    assert state.opened(NAME, "API_KEY") == "sesame"
    project = await serving.registry.project("notes")
    assert project is not None
    assert project.repository == NAME
    kept = place.kept_here()
    assert kept
    assert all(token.encode() not in kept for token in place.api.access.tokens)


async def test_again_changes_nothing_and_after_the_next_delivery_a_rollback_leaves_main(place: Place, serving: Serving) -> None:
    state, repeated = place.state, f"{NAME} at GitHub has what serves"
    first = await serving.deliver(RUN, "one")
    await serving.bring()
    assert await serving.bring() == repeated
    state.deployments.clear()  # as when GitHub was away after a person's push was tested: that was on main before
    assert [await serving.bring(only_if_missing=True) for _ in range(2)] == [repeated, ""]
    assert [len(kept[NAME]) for kept in (state.pulls, state.checks, state.deployments, state.releases)] == [1, 1, 1, 1]

    later = await serving.deliver(LATER, "two")
    assert await serving.bring() == f"https://github.com/{NAME}/pull/2 is merged"
    assert state.head(NAME, "main") == later
    assert [told[-1]["state"] for told in state.deployment_statuses.values()] == ["inactive", "success"]

    await serving.serve(RUN, first)
    assert await serving.bring() == repeated
    assert state.head(NAME, "main") == later
    assert [told[-1]["state"] for told in state.deployment_statuses.values()] == ["success", "inactive"]


async def test_killed_after_each_thing_it_made_it_is_all_there_once(place: Place, serving: Serving) -> None:
    commit = await serving.deliver(RUN, "one")
    killed = 0
    while True:
        place.api.loses_next_effect = True
        try:
            said = await serving.bring()
        except AnswerLost:
            killed += 1
        else:
            break
    assert killed == len(("repository", "pull request", "check", "deployment", "its status", "release", "merge"))
    assert (said, place.state.head(NAME, "main")) == (f"{NAME} at GitHub has what serves", commit)
    state = place.state
    assert list(state.repositories) == [NAME]
    assert [len(kept[NAME]) for kept in (state.pulls, state.checks, state.deployments, state.releases)] == [1, 1, 1, 1]
    assert len(state.deployment_statuses[NAME, 1]) == 1


async def test_with_approval_it_is_merged_only_once_somebody_approved_this_commit(
    place: Place, registry: SqlRegistry, tmp_path: Path
) -> None:
    serving = Serving(place, registry, tmp_path, github_approval=True, github_protect=True)
    commit = await serving.deliver(RUN, "one")
    waits = f"https://github.com/{NAME}/pull/1 waits for somebody's approval; what serves is not touched by it"
    assert await serving.bring() == waits
    place.state.approve(NAME, 1, commit, person="stranger", as_="NONE")
    place.state.approve(NAME, 1, "0" * 40)
    place.state.approve(NAME, 1, commit, person="reader")
    place.state.approve(NAME, 1, commit, person="carl", state="DISMISSED")
    place.state.people.update({(NAME, "anna"): "write", (NAME, "carl"): "admin", (NAME, "reader"): "read"})
    assert await serving.bring() == waits
    place.state.approve(NAME, 1, commit, person="carl", state="CHANGES_REQUESTED")
    assert place.state.head(NAME, "main") != commit
    place.state.approve(NAME, 1, commit, as_="CONTRIBUTOR")  # what GitHub calls a member who does not say so in public
    assert await serving.bring() == waits
    place.state.approve(NAME, 1, commit, person="carl", state="DISMISSED")
    assert (await serving.bring()).endswith("is merged")
    assert place.state.head(NAME, "main") == commit
    protected = place.state.protected[NAME]
    assert protected["required_status_checks"]["contexts"] == ["slipway/tests"]
    assert (protected["allow_force_pushes"], protected["allow_deletions"]) == (False, False)


async def test_pull_request_that_somebody_closed_is_not_merged(place: Place, registry: SqlRegistry, tmp_path: Path) -> None:
    serving = Serving(place, registry, tmp_path, github_approval=True)
    commit = await serving.deliver(RUN, "one")
    await serving.bring()
    place.state.people[NAME, "anna"] = "write"
    place.state.approve(NAME, 1, commit)
    place.state.pulls[NAME][0]["state"] = "closed"
    assert await serving.bring() == f"https://github.com/{NAME}/pull/1 was closed, and main stays where it is"
    assert place.state.head(NAME, "main") != commit
    place.state.pulls[NAME][0]["state"] = "open"
    assert (await serving.bring()).endswith("is merged")


async def test_repository_of_ours_takes_no_merge_that_makes_other_commits_of_what_serves(
    place: Place, serving: Serving
) -> None:
    await serving.deliver(RUN, "one")
    await serving.bring()
    asked = place.state.made[NAME]
    assert (asked["allow_squash_merge"], asked["allow_rebase_merge"]) == (False, False)


LARGE = "error: File film.mp4 is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB"


async def test_why_github_takes_no_push_is_told_in_its_words(place: Place, serving: Serving) -> None:
    place.state.make(NAME)
    await serving.registry.set_repository("notes", NAME)
    hook = place.state.folder / f"{NAME}.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\necho "{LARGE}" >&2\nexit 1\n')
    hook.chmod(0o755)
    await serving.deliver(RUN, "one")
    with pytest.raises(GitHubRefused) as refused:
        await serving.bring()
    assert LARGE in str(refused.value)


async def test_repository_that_somebody_else_made_is_not_taken(place: Place, serving: Serving) -> None:
    place.state.make(NAME, description="Mine")
    await serving.deliver(RUN, "one")
    with pytest.raises(GitHubRefused, match=f"slipway repository notes {NAME}"):
        await serving.bring()
    assert place.state.head(NAME, "main") == ""
    await serving.registry.set_repository("notes", NAME)
    assert (await serving.bring()).endswith("is merged")


async def test_what_people_pushed_to_main_is_never_overwritten(place: Place, serving: Serving) -> None:
    await serving.deliver(RUN, "one")
    await serving.bring()
    bare = place.state.folder / f"{NAME}.git"
    words = ("-c", "user.name=Anna", "-c", "user.email=a@b.c", "commit-tree", "main^{tree}", "-p", "main", "-m", "by hand")
    theirs = git(bare, *words)
    git(bare, "update-ref", "refs/heads/main", theirs)
    await serving.deliver(LATER, "two")
    with pytest.raises(GitHubRefused, match="not a fast forward"):
        await serving.bring()
    assert place.state.head(NAME, "main") == theirs
    assert [pull["head"]["ref"] for pull in place.state.pulls[NAME]] == [f"slipway/{RUN}", f"slipway/{LATER}"]


async def test_main_is_the_default_branch_there(place: Place, serving: Serving) -> None:
    place.state.first_branch = "ствол/2026#1"
    commit = await serving.deliver(RUN, "one")
    assert (await serving.bring()).endswith("is merged")
    assert (place.state.head(NAME, place.state.first_branch), place.state.head(NAME, "main")) == (commit, "")
    assert await serving.bring(only_if_missing=True) == ""


async def test_tag_of_a_person_is_left_alone_and_the_release_has_another(place: Place, serving: Serving) -> None:
    await serving.registry.set_repository("notes", NAME)
    place.state.make(NAME)
    bare = place.state.folder / f"{NAME}.git"
    words = ("-c", "user.name=Anna", "-c", "user.email=a@b.c", "commit-tree", git(bare, "mktree", given=b""), "-m", "mine")
    theirs = git(bare, *words)
    git(bare, "update-ref", "refs/tags/v1", theirs)
    commit = await serving.deliver(RUN, "one")
    assert (await serving.bring()).endswith("is merged")
    assert (place.state.head(NAME, "v1"), place.state.head(NAME, "slipway-v1")) == (theirs, commit)
    assert [each["tag_name"] for each in place.state.releases[NAME]] == ["slipway-v1"]


async def test_repository_that_is_gone_is_told_with_the_cure(serving: Serving) -> None:
    await serving.registry.set_repository("notes", NAME)
    await serving.deliver(RUN, "one")
    with pytest.raises(GitHubRefused, match="no such repository for us; the App must be installed"):
        await serving.bring()


async def test_while_main_waits_nothing_that_was_told_is_told_again(
    place: Place, registry: SqlRegistry, tmp_path: Path
) -> None:
    serving = Serving(place, registry, tmp_path, github_approval=True, github_protect=True)
    serving.vault.hold("notes", "API_KEY", "sesame")
    await serving.deliver(RUN, "one")
    first, again = [await serving.bring(only_if_missing=True) for _ in range(2)]
    assert (first, first.endswith("what serves is not touched by it")) == (again, True)
    assert [place.api.count("PUT", ending) for ending in ("/API_KEY", "/protection")] == [1, 1]


async def test_project_without_a_home_asks_nothing(place: Place, registry: SqlRegistry, tmp_path: Path) -> None:
    serving = Serving(place, registry, tmp_path, github_owner="")
    await serving.deliver(RUN, "one")
    assert await serving.bring() == ""
    assert place.api.asked == []


async def test_person_with_a_token_has_a_status_where_an_app_has_a_check(
    place: Place, registry: SqlRegistry, tmp_path: Path
) -> None:
    serving = Serving(place, registry, tmp_path, github_owner="octocat")
    commit = await serving.deliver(RUN, "one")
    assert (await serving.bring(as_person=True)).endswith("is merged")
    name = "octocat/notes"
    assert [(each["context"], each["state"], each["sha"]) for each in place.state.statuses[name]] == [
        ("slipway/tests", "success", commit)
    ]
    assert place.state.checks[name] == []


async def test_app_may_not_make_a_persons_repository_and_says_what_to_do(place: Place) -> None:
    with pytest.raises(GitHubRefused, match="install the App on it"):
        await place.app.repositories.create("octocat/notes", "Notes", private=True)


async def test_red_round_stands_at_its_commit_with_remarks_at_the_lines_that_failed(place: Place, serving: Serving) -> None:
    install(Redactor({"TOKEN": "Haferwurzel-12"}))
    base = await serving.commit("scaffold", None)
    red = await serving.commit("wrong", base, f"run/{RUN}")
    cases = tuple(
        TestCase(
            suite="tests.test_a", name=f"test_{number}", result=CaseResult.FAILED, message="assert 1 == 'Haferwurzel-12'",
            details=f"def test():\n>   assert 1 == 2\n\ntests/test_a.py:{number + 7}: AssertionError",
        )
        for number in range(120)
    )  # fmt: skip
    report = TestReport(outcome=Outcome.FAILED, cases=cases, summary="120 of 120 failed: Haferwurzel-12.", commit=red)
    await serving.registry.set_repository("notes", NAME)
    place.state.make(NAME)
    place.api.loses_next_effect = True
    with pytest.raises(AnswerLost):  # killed when the first fifty remarks were there
        await serving.show(check_of_report(RUN, report), base)
    await serving.show(check_of_report(RUN, report), base)
    [check] = place.state.checks[NAME]
    told = check["output"]["annotations"]
    assert (check["head_sha"], check["conclusion"]) == (red, "failure")
    assert [each["start_line"] for each in told] == list(range(7, 127))
    assert {each["path"] for each in told} == {"tests/test_a.py"}
    assert "Haferwurzel" not in str(check)
    assert place.state.head(NAME, f"slipway/{RUN}") == red
    assert place.state.head(NAME, "main") == base
    assert place.state.pulls[NAME] == []


async def test_commit_that_is_there_gets_its_check_and_no_branch(place: Place, serving: Serving) -> None:
    await serving.registry.set_repository("notes", NAME)
    await serving.commit("scaffold", None)
    place.state.make(NAME)
    for end in (Escalated(reason="it waits", digest="d" * 64), Escalated(reason="it does not pass")):
        told = check_of_push(RUN, "c" * 40, end)
        assert told is not None
        await serving.show(told, "")
    [check] = place.state.checks[NAME]
    assert (check["conclusion"], check["output"]["title"]) == ("failure", "it does not pass")
    assert place.state.head(NAME, f"slipway/{RUN}") == ""


def test_commit_of_a_developer_closes_no_issue() -> None:
    assert first_line("Fixes #3 for @anna\nand more") == "Fixes #\u200b3 for @\u200banna"


async def test_invitation_and_transfer(place: Place) -> None:
    place.state.make(NAME)
    await place.app.repositories.invite(NAME, "anna")
    await place.app.repositories.transfer(NAME, "annas-club")
    assert place.state.invited == [(NAME, "anna", "admin")]
    assert place.state.transferred == [(NAME, "annas-club")]


async def test_what_a_person_may_do(place: Place) -> None:
    place.state.make(NAME)
    place.state.people[NAME, "anna"] = "write"
    assert [await place.app.repositories.access(NAME, who) for who in ("anna", "stranger")] == ["write", "none"]


async def test_talk_at_an_issue(place: Place) -> None:
    place.state.make(NAME)
    place.state.open_issue(NAME, 3, "Dates", labels=("slipway",))
    talk = place.app.talk
    issue = await talk.issue(NAME, 3)
    assert issue is not None
    assert (issue.title, issue.labels, issue.author, issue.pull_request) == ("Dates", ("slipway",), "anna", False)
    said = await talk.comment(NAME, 3, "Which dates?")
    await talk.edit_comment(NAME, said.id, "Which end dates?")
    assert [(each.author, each.body) for each in await talk.comments(NAME, 3)] == [("octoapp[bot]", "Which end dates?")]
    await talk.react(NAME, "eyes", comment=said.id)
    await talk.react(NAME, "rocket", issue=3)
    assert place.state.reactions == {(NAME, "comment", said.id, "eyes"), (NAME, "issue", 3, "rocket")}
    assert await talk.issue(NAME, 4) is None


async def test_secret_is_sealed_for_the_repository(place: Place) -> None:
    place.state.make(NAME)
    await place.app.repositories.set_secret(NAME, "API_KEY", SecretStr("sesame"))
    assert "sesame" not in place.state.secrets[NAME, "API_KEY"]
    assert place.state.opened(NAME, "API_KEY") == "sesame"
