"""The reviewer against the scripted Messages API, with a real repository behind its tools."""

from pathlib import Path
from typing import Any

import pytest_asyncio

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.conversations import ToolUse
from domain.reviews import Review
from tasks.commit_reader import CommitReader
from tasks.preparer import AUTHOR
from tasks.reviewer import review_change
from tests.fakes.messages_api import Asked, ScriptedMessagesAPI, text, use
from tests.fakes.messages_api import Say as Answer
from tests.tasks.conftest import request
from tests.tasks.test_roles import MODEL, claude, say

FIRST = {"app/notes.py": "notes = []\n\n\ndef add(note):\n    notes.append(note)\n", "README.md": "Notes\n"}
SECOND = {**FIRST, "app/notes.py": FIRST["app/notes.py"] + "\n\ndef page():\n    return f'<p>{notes}</p>'\n"}
THIRD = {**SECOND, "app/notes.py": SECOND["app/notes.py"].replace("{notes}", "{escape(notes)}")}


class Repository:
    """A real bare repository with three commits of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git = BareGitHost(folder=str(folder / "git"))
        self.commits: list[str] = []

    async def commit(self, files: dict[str, str]) -> str:
        tree = self.folder / f"tree-{len(self.commits)}"
        for name, content in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(content)
        parent = self.commits[-1] if self.commits else None
        made = await self.git.commit_tree("notes", tree, branch="main", parent=parent, message="m", author=AUTHOR)
        self.commits.append(made.sha)
        return made.sha

    async def review(self, number: int, api: ScriptedMessagesAPI, registry: SqlRegistry) -> Review:
        commit = self.commits[number]
        return await review_change.fn(request(), number, self.commits[0], commit, MODEL, self.git, claude(api), registry)


@pytest_asyncio.fixture
async def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    await made.git.create("notes")
    for files in (FIRST, SECOND, THIRD):
        await made.commit(files)
    return made


def finding(line: int, severity: str = "blocking", path: str = "app/notes.py") -> dict[str, Any]:
    return {"path": path, "line": line, "severity": severity, "sentence": "Notes are not escaped: escape them."}


def handed_in(*findings: dict[str, Any]) -> Answer:
    return say(use("submit_review", findings=list(findings)))


async def test_reviewer_gets_brief_words_and_diff_and_its_findings_must_point_at_changed_lines(
    repository: Repository, registry: SqlRegistry
) -> None:
    with ScriptedMessagesAPI([handed_in(finding(9), finding(5), finding(1, "advice", "README.md"))]) as api:
        review = await repository.review(1, api, registry)

    assert [each.line for each in review.blocking] == [9]
    assert (len(review.findings), review.dropped, review.commit) == (1, 2, repository.commits[1])
    told = str(api.requests[0].body["messages"])
    assert "keep notes" in told
    assert "+def page():" in told
    assert {tool["name"] for tool in api.requests[0].body["tools"]} == {"view", "search", "submit_review"}


async def test_a_later_round_is_reviewed_in_the_same_conversation(repository: Repository, registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([handed_in(finding(9)), handed_in()]) as api:
        await repository.review(1, api, registry)
        review = await repository.review(2, api, registry)

    assert review.findings == ()
    said = str(api.requests[1].body["messages"])
    assert "Round 2" in said
    assert "{escape(notes)}" in said
    assert "Notes are not escaped" in said


async def test_findings_beyond_what_is_shown_of_a_long_diff_count_and_the_cut_is_told(
    tmp_path: Path, registry: SqlRegistry
) -> None:
    made = Repository(tmp_path)
    await made.git.create("notes")
    await made.commit(FIRST)
    await made.commit({**SECOND, "app/a_table.py": '"a name that changes nothing"\n' * 3_000})
    with ScriptedMessagesAPI([handed_in(finding(9), finding(5))]) as api:
        review = await made.review(1, api, registry)

    assert ([each.line for each in review.blocking], review.dropped) == ([9], 1)
    assert review.sentence.endswith("; the diff shown was cut")
    told = str(api.requests[0].body["messages"])
    assert "def page()" not in told
    assert "- app/notes.py (+4 -0)" in told


async def test_a_killed_review_goes_on_where_it_was_and_asks_nothing_twice(
    repository: Repository, registry: SqlRegistry
) -> None:
    def die(_: Asked) -> Answer:
        raise AssertionError("the model was asked for what it had answered")

    with ScriptedMessagesAPI([handed_in(finding(9))]) as api:
        first = await repository.review(1, api, registry)
    with ScriptedMessagesAPI(die) as api:
        assert await repository.review(1, api, registry) == first


async def test_a_reviewer_that_comes_to_nothing_is_a_note_and_blocks_nothing(
    repository: Repository, registry: SqlRegistry
) -> None:
    with ScriptedMessagesAPI([say(text("hm"))] * 12) as api:
        review = await repository.review(1, api, registry)
    assert review.findings == ()
    assert review.sentence.startswith("no review: the reviewer stopped")


async def asked(repository: Repository, name: str, **given: Any) -> tuple[str, bool]:
    reader = CommitReader(repository.git, "notes", repository.commits[1])
    result = await reader.run(ToolUse(id="t", name=name, input=given))
    return result.text, result.is_error


async def test_reviewer_sees_the_commits_files_and_can_do_nothing_else(repository: Repository) -> None:
    listed, _ = await asked(repository, "view", path=".")
    shown, _ = await asked(repository, "view", path="app/notes.py", view_range=[8, 9])
    found, _ = await asked(repository, "search", text="append(")
    assert listed.split() == ["README.md", "app/notes.py"]
    assert "return f'<p>{notes}</p>'" in shown
    assert "escape" not in shown, "that is a later commit"
    assert found == "app/notes.py:5: notes.append(note)"
    for name, given in (
        ("bash", {"command": "id"}),
        ("view", {"path": "../git/notes.git/config"}),
        ("view", {"path": "/etc/passwd"}),
        ("view", {"path": "app/notes.py", "view_range": [90, 99]}),
        ("search", {}),
    ):
        assert (await asked(repository, name, **given))[1], (name, given)
