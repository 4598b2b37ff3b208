"""The git host commits exactly what lies in a folder. Hostile ones stand in tests/hostile/test_repositories.py."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from blocks.git.block import READ_LIMIT, BareGitHost
from blocks.git.command import translated
from blocks.git.patches import DIFF_LIMIT, EXTENT_LIMIT, changed_files, shortened
from domain.errors import BadInput, Broken, TryAgain, UnknownObject
from domain.patches import ChangedFile, ChangedLines, Commit
from domain.protocols import GitHost

AUTHOR = "Developer <developer@slipway.invalid>"


@pytest.fixture
def host(tmp_path: Path) -> BareGitHost:
    return BareGitHost(folder=str(tmp_path / "repositories"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder with one file."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "app.py").write_text("print(1)\n")
    return folder


async def commit(host: BareGitHost, folder: Path, parent: str | None = None, branch: str = "main") -> Commit:
    return await host.commit_tree("notes", folder, branch=branch, parent=parent, message="work", author=AUTHOR)


def ask(repository: Path, *arguments: str) -> str:
    """What the plain git command, the one people use, says."""
    answer = subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def bare(host: BareGitHost) -> Path:
    return Path(host.folder) / "notes.git"


def files(host: BareGitHost, sha: str) -> list[str]:
    return ask(bare(host), "ls-tree", "-r", "--name-only", sha).split("\n")


def test_block_fulfils_the_protocol_of_the_domain(host: BareGitHost) -> None:
    fulfilled: GitHost = host
    assert fulfilled is host


async def test_repository_is_made_once_and_deleted_whole(host: BareGitHost, work: Path) -> None:
    assert await host.exists("notes") is False
    await host.create("notes")
    made = await commit(host, work)
    await host.create("notes")
    assert (await host.exists("notes"), await host.head("notes")) == (True, made.sha)
    await host.delete("notes")
    await host.delete("notes")
    assert await host.exists("notes") is False
    assert os.listdir(host.folder) == []


@pytest.mark.parametrize("name", ["../evil", "/etc", "a/b", "", ".", "-x", "Notes", "a b", "x" * 50])
async def test_name_that_is_no_slug_never_becomes_a_path(host: BareGitHost, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        await host.create(name)
    with pytest.raises(BadInput):
        await host.delete(name)
    assert os.listdir(tmp_path) == []


async def test_missing_repository_and_commit_are_named(host: BareGitHost, work: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownObject, match="repository 'notes'"):
        await host.head("notes")
    await host.create("notes")
    for name in ("f" * 40, "main", "--output=/tmp/x"):
        with pytest.raises(UnknownObject, match="commit"):
            await host.checkout("notes", name, tmp_path / "clone")
    with pytest.raises(UnknownObject, match="commit"):
        await commit(host, work, parent="f" * 40)


async def test_commit_holds_the_files_author_and_message(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    (work / ".gitignore").write_text("*.log\nbuild/\n")
    (work / "noise.log").write_text("x")
    (work / "sub").mkdir()
    (work / "sub" / "имя файла.txt").write_text("x")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    (work / "link").symlink_to("/etc/passwd")
    made = await commit(host, work)
    assert made == Commit(sha=made.sha, parent=None, changed=True)
    listed = ask(bare(host), "-c", "core.quotePath=false", "ls-tree", "-r", "--format=%(objectmode) %(path)", made.sha)
    assert listed.split("\n") == [
        "100644 .gitignore",
        "100644 app.py",
        "120000 link",
        "100755 run.sh",
        "100644 sub/имя файла.txt",
    ]
    said = ask(bare(host), "log", "-1", "--format=%an|%ae|%cn|%ce|%s", made.sha)
    assert said == "Developer|developer@slipway.invalid|Slipway|slipway@localhost|work"


async def test_unchanged_files_are_the_parents_own_commit(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    assert await commit(host, work, first.sha) == Commit(sha=first.sha, parent=first.sha, changed=False)
    on_branch = await commit(host, work, first.sha, branch="run/r-abc")
    assert (on_branch.changed, await host.head("notes", "run/r-abc")) == (False, first.sha)


async def test_changed_and_deleted_files_make_the_next_commit(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    (work / "app.py").unlink()
    (work / "new.py").write_text("1\n2\n")
    second = await commit(host, work, first.sha, branch="run/r-abc")
    assert (second.parent, second.changed, files(host, second.sha)) == (first.sha, True, ["new.py"])
    assert (await host.head("notes"), await host.head("notes", "run/r-abc")) == (first.sha, second.sha)


async def test_step_done_again_after_a_kill_finds_its_own_commit(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    assert await commit(host, work) == first
    (work / "app.py").write_text("print(2)\n")
    second = await commit(host, work, first.sha)
    assert await commit(host, work, first.sha) == second
    assert ask(bare(host), "rev-list", "--count", "main") == "2"


async def test_file_that_is_tracked_stays_when_gitignore_names_it_later(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    (work / ".gitignore").write_text("app.py\n")
    second = await commit(host, work, first.sha)
    assert files(host, second.sha) == [".gitignore", "app.py"]


async def test_folder_without_files_is_a_commit_too(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    (work / "app.py").unlink()
    made = await commit(host, work)
    assert files(host, made.sha) == [""]


# branches


async def test_of_two_who_commit_onto_one_parent_one_wins(host: BareGitHost, work: Path, tmp_path: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    folders = [tmp_path / f"work{n}" for n in range(6)]
    for n, folder in enumerate(folders):
        folder.mkdir()
        (folder / "app.py").write_text(f"print({n + 10})\n")
    results = await asyncio.gather(*(commit(host, folder, first.sha) for folder in folders), return_exceptions=True)
    winners = [result for result in results if isinstance(result, Commit)]
    assert [winner.sha for winner in winners] == [await host.head("notes")]
    assert sum(isinstance(result, TryAgain | Broken) for result in results) == 5
    (work / "app.py").write_text("too late\n")
    with pytest.raises(Broken, match="stands at"):
        await commit(host, work, first.sha)


async def test_branch_advances_forward_only(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    (work / "app.py").write_text("print(2)\n")
    second = await commit(host, work, first.sha, branch="run/r-abc")
    await host.advance("notes", "main", second.sha)
    await host.advance("notes", "main", second.sha)
    assert await host.head("notes") == second.sha
    with pytest.raises(Broken, match="does not build on"):
        await host.advance("notes", "main", first.sha)
    await host.advance("notes", "stable", first.sha)
    assert (await host.head("notes", "stable"), await host.head("notes", "none")) == (first.sha, None)


async def test_branch_is_taken_back_from_where_it_is_said_to_stand_and_from_nowhere_else(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    (work / "app.py").write_text("print(2)\n")
    second = await commit(host, work, first.sha)
    await host.take_back("notes", "main", first.sha, first.sha)
    assert await host.head("notes") == second.sha
    for _ in range(2):
        await host.take_back("notes", "main", second.sha, first.sha)
        assert await host.head("notes") == first.sha


@pytest.mark.parametrize("branch", ["main~1", "-x", "a..b", "main@{1}", "", "../x"])
async def test_branch_is_a_plain_name(host: BareGitHost, branch: str) -> None:
    await host.create("notes")
    with pytest.raises(Broken, match="cannot name a branch"):
        await host.head("notes", branch)


# clones


async def test_clone_stands_alone(host: BareGitHost, work: Path, tmp_path: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    (work / "app.py").write_text("print(2)\n")
    second = await commit(host, work, first.sha)
    (work / "secret.py").write_text("x\n")
    other = await commit(host, work, second.sha, branch="run/r-other")
    clone = tmp_path / "clone"
    await host.checkout("notes", second.sha, clone)
    moved = clone.rename(tmp_path / "moved")
    os.rename(host.folder, tmp_path / "gone")
    assert ask(moved, "fsck", "--full") == ""
    assert (ask(moved, "status", "--porcelain"), ask(moved, "remote"), ask(moved, "branch", "--format=%(refname)")) == (
        "",
        "",
        f"(HEAD detached at {second.sha[:7]})",
    )
    assert ask(moved, "rev-list", "HEAD").split() == [second.sha, first.sha]
    assert ask(moved, "cat-file", "--batch-check", "--batch-all-objects").count(other.sha) == 0
    assert not (moved / ".git" / "objects" / "info" / "alternates").exists()
    traces = [path for path in moved.rglob("*") if path.is_file() and os.fsencode(host.folder) in path.read_bytes()]
    assert traces == []


async def test_checkout_into_a_folder_with_files_is_refused(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    made = await commit(host, work)
    with pytest.raises(Broken, match="not empty"):
        await host.checkout("notes", made.sha, work)


# patches


async def test_patch_counts_lines_and_shows_the_diff(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    (work / "old.txt").write_text("same text\n" * 9)
    first = await commit(host, work)
    (work / "old.txt").rename(work / "new name.txt")
    (work / "app.py").write_text("print(2)\nprint(3)\n")
    (work / "picture").write_bytes(bytes(range(256)))
    second = await commit(host, work, first.sha)
    patch = await host.patch("notes", first.sha, second.sha)
    assert (patch.base, patch.commit) == (first.sha, second.sha)
    assert patch.files == (
        ChangedFile(path="app.py", added=2, removed=1),
        ChangedFile(path="new name.txt", added=9, removed=0),
        ChangedFile(path="old.txt", added=0, removed=9),
        ChangedFile(path="picture", added=0, removed=0),
    )
    assert "-print(1)\n+print(2)\n+print(3)\n" in patch.diff
    whole = await host.patch("notes", None, first.sha)
    assert [file.path for file in whole.files] == ["app.py", "old.txt"]


async def test_long_diff_is_cut_and_says_so(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    (work / "long.txt").write_text("a line of a long file\n" * 200_000)
    made = await commit(host, work)
    patch = await host.patch("notes", None, made.sha)
    assert len(patch.diff) < DIFF_LIMIT + 100
    assert patch.diff.endswith("[the diff is cut here, after 60,000 characters]\n")
    assert patch.files[-1] == ChangedFile(path="long.txt", added=200_000, removed=0)
    assert patch.cut


async def test_changed_lines_are_known_beyond_what_is_shown_of_the_diff(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    (work / "late.py").write_text("one\ntwo\nthree\nfour\n")
    first = await commit(host, work)
    (work / "early.txt").write_text("a line of a long file\n" * 10_000)
    (work / "late.py").write_text("one\nthree\nfour\nfive\n")
    (work / "größer name.py").write_text("neu\n")
    second = await commit(host, work, first.sha)

    assert "late.py" not in (await host.patch("notes", first.sha, second.sha)).diff
    extent = await host.extent("notes", first.sha, second.sha)
    assert not extent.cut
    assert extent.lines["late.py"] == ChangedLines(added=frozenset({4}), beside=frozenset({1, 2}))
    assert extent.lines["größer name.py"].added == {1}
    assert len(extent.lines["early.txt"].added) == 10_000
    assert set((await host.extent("notes", None, first.sha)).lines) == {"app.py", "late.py"}


async def test_a_change_too_large_to_be_read_whole_says_so(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    (work / "long.txt").write_text("a line of a long file\n" * (EXTENT_LIMIT // 20))
    made = await commit(host, work)
    extent = await host.extent("notes", None, made.sha)
    assert extent.cut
    assert len(extent.lines["long.txt"].added) > 100_000


def test_numstat_and_cut_are_read_as_git_writes_them() -> None:
    assert changed_files(b"1\t0\ta\tb\n.py\x00-\t-\tx.png\x00") == (
        ChangedFile(path="a\tb\n.py", added=1, removed=0),
        ChangedFile(path="x.png", added=0, removed=0),
    )
    assert shortened(b"x" * DIFF_LIMIT) == ("x" * DIFF_LIMIT, False)


# failures


@pytest.mark.parametrize(
    ("stderr", "family", "said"),
    [
        (
            "fatal: Unable to create '/r/notes.git/refs/heads/main.lock': File exists.\n\nAnother git process seems to run",
            TryAgain,
            "main.lock",
        ),
        ("", Broken, "it said nothing"),
    ],
)
def test_failure_says_the_command_the_exit_code_and_what_git_said(stderr: str, family: type[Exception], said: str) -> None:
    error = translated("add", Path("/r/notes.git"), 128, stderr)
    assert type(error) is family
    assert str(error).startswith("git add on notes.git ended with 128: ")
    assert said in str(error)


def test_full_disk_is_worth_another_try_and_says_what_to_do() -> None:
    stderr = "fatal: unable to write loose object file: No space left on device\n"  # git 2.39 on a full tmpfs
    error = translated("hash-object", Path("/r/notes.git"), 128, stderr)
    assert isinstance(error, TryAgain)
    assert str(error).startswith("the disk of /r/notes.git is full: free some space on it")


async def test_commit_that_two_branches_build_on_is_found(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    first = await commit(host, work)
    (work / "a.py").write_text("a = 1\n")
    one = await commit(host, work, first.sha, "run/r-1")
    (work / "b.py").write_text("b = 1\n")
    other = await commit(host, work, first.sha, "run/r-2")
    alone = await commit(host, work, None, "run/r-3")
    assert await host.fork("notes", one.sha, other.sha) == first.sha
    assert await host.fork("notes", first.sha, one.sha) == first.sha
    assert await host.fork("notes", one.sha, alone.sha) is None
    with pytest.raises(UnknownObject):
        await host.fork("notes", one.sha, "--all")


async def test_folder_that_cannot_be_written_is_told_in_gits_words(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    objects = bare(host) / "objects"
    objects.rename(objects.with_name("moved"))
    with pytest.raises(Broken, match=r"git .* on notes.git ended with 128: fatal: not a git repository"):
        await commit(host, work)


async def test_files_of_a_commit_are_read_as_text_and_links_and_folders_are_none(host: BareGitHost, work: Path) -> None:
    (work / ".env.example").write_bytes("NAME=Ж\n".encode() + b"\xff")
    (work / "huge.txt").write_text("x" * (READ_LIMIT + 5))
    (work / "link.json").symlink_to("/etc/hostname")
    (work / "app").mkdir()
    (work / "app" / "main.py").write_text("pass\n")
    await host.create("notes")
    made = await commit(host, work)
    read = await host.read("notes", made.sha, (".env.example", "app/main.py", "huge.txt", "link.json", "app", "none", "*.py"))
    assert read.pop("huge.txt") == "x" * READ_LIMIT
    assert read == {".env.example": "NAME=Ж\n\ufffd", "app/main.py": "pass\n"}


async def test_reading_from_an_unknown_commit_is_an_error(host: BareGitHost, work: Path) -> None:
    await host.create("notes")
    with pytest.raises(UnknownObject):
        await host.read("notes", "0" * 40, ("app.json",))
