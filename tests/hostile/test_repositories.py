"""Repositories that make our git run, read or write something."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.archives import unpack
from blocks.git.block import BareGitHost
from blocks.git.command import git
from domain.errors import Broken, SlipwayError
from domain.patches import Commit
from domain.workers import Worker
from tests.hostile.attempts import shell
from tests.hostile.tars import archive, member

Held = Callable[[str], None]
NAMES = {
    "an option": "-rf",
    "an option of git": "--upload-pack=touch witness",
    "a pathspec": ":(glob)**",
    "a negated pathspec": ":!x",
    "quotes and dollars": "'\"$(touch witness)`touch witness`",
    "a backslash": "a\\b",
    "right-to-left text": "\u202egpj.py",
    "a device of Windows": "con",
    "spaces": " ",
}


@pytest.fixture
def host(tmp_path: Path) -> BareGitHost:
    return BareGitHost(folder=str(tmp_path / "repositories"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "app.py").write_text("print(1)\n")
    return folder


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """Return the file that is there when something of the project was run."""
    return tmp_path / "witness"


def is_there(path: Path) -> bool:
    return os.path.lexists(path)


async def commit(host: BareGitHost, folder: Path, parent: str | None = None, **more: str) -> Commit:
    await host.create("notes")
    facts = {"branch": "main", "message": "work", "author": "Developer <developer@slipway.invalid>"} | more
    return await host.commit_tree("notes", folder, parent=parent, **facts)


def ask(repository: Path, *arguments: str) -> str:
    words = ["git", "-C", str(repository), "-c", "core.quotePath=false", *arguments]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def bare(host: BareGitHost) -> Path:
    return Path(host.folder) / "notes.git"


async def all_of_ours(host: BareGitHost, work: Path, clone: Path) -> Commit:
    """Do everything that we do with a project's repository."""
    made = await commit(host, work)
    await host.patch("notes", None, made.sha)
    await host.checkout("notes", made.sha, clone)
    await host.read("notes", made.sha, ("app.json", ".gitattributes"))
    (work / "app.py").write_text("print(2)\n")
    second = await commit(host, work, made.sha, branch="run/r-abc")
    await host.patch("notes", made.sha, second.sha)
    await host.advance("notes", "main", second.sha)
    return second


async def test_hooks(host: BareGitHost, work: Path, tmp_path: Path, witness: Path, held: Held) -> None:
    await host.create("notes")
    names = ("pre-commit", "post-commit", "reference-transaction", "update", "post-checkout", "post-index-change", "post-merge")
    for folder in (bare(host) / "hooks", work / ".git" / "hooks", work / "hooks"):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text(f"#!/bin/sh\ntouch {witness}\n")
            (folder / name).chmod(0o755)
    await all_of_ours(host, work, tmp_path / "clone")
    assert not is_there(witness)
    held("core.hooksPath=/dev/null")


SETTINGS = (
    "core.fsmonitor",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "diff.external",
    "diff.evil.command",
    "diff.evil.textconv",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "merge.evil.driver",
    "gpg.program",
    "credential.helper",
    "uploadpack.packObjectsHook",
    "trailer.evil.command",
)


async def test_settings_of_the_folder(host: BareGitHost, work: Path, tmp_path: Path, witness: Path, held: Held) -> None:
    (work / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    ask(work, "init", "--quiet")
    with (work / ".git" / "config").open("a") as config:
        for setting in SETTINGS:
            section, _, key = setting.rpartition(".")
            kind, _, name = section.partition(".")
            config.write(f'[{kind} "{name}"]\n' if name else f"[{kind}]\n")
            config.write(f"\t{key} = touch {witness}\n")
        config.write("[include]\n\tpath = evil\n")
    assert ask(work, "config", "filter.evil.smudge") == f"touch {witness}"
    (work / ".git" / "evil").write_text(f"[core]\n\tfsmonitor = touch {witness}\n")
    await all_of_ours(host, work, tmp_path / "clone")
    assert not is_there(witness)
    assert (tmp_path / "clone" / "app.py").read_text() == "print(1)\n"
    held(f"the folder's own .git is never looked at: {', '.join(SETTINGS)}")


async def test_filters_of_gitattributes_that_need_a_program(host: BareGitHost, work: Path, tmp_path: Path, held: Held) -> None:
    (work / ".gitattributes").write_text("*.py filter=lfs diff=lfs merge=lfs -text\n*.c ident\n*.x export-subst\n")
    await all_of_ours(host, work, tmp_path / "clone")
    assert (tmp_path / "clone" / "app.py").read_text() == "print(1)\n"
    held("no filter is configured: files stay as they are")


async def test_encodings_of_gitattributes(host: BareGitHost, work: Path, tmp_path: Path, held: Held) -> None:
    (work / ".gitattributes").write_text("*.py working-tree-encoding=UTF-32\n*.z working-tree-encoding=../../evil\n")
    (work / "a.z").write_text("x")
    with pytest.raises(Broken, match="failed to encode"):
        await commit(host, work)
    held("git refuses the file; nothing is committed")


async def test_submodules(host: BareGitHost, work: Path, tmp_path: Path, witness: Path, held: Held) -> None:
    (work / ".gitmodules").write_text(
        f'[submodule "../../evil"]\n\tpath = lib\n\turl = -u./touch {witness}\n\tupdate = !touch {witness}\n'
    )
    inner = work / "lib"
    inner.mkdir()
    ask(inner, "init", "--quiet")
    (inner / "lib.py").write_text("x\n")
    (work / "linked").mkdir()
    (work / "linked" / ".git").write_text(f"gitdir: {inner}/.git\n")
    made = await all_of_ours(host, work, tmp_path / "clone")
    assert "160000" not in ask(bare(host), "ls-tree", "-r", made.sha)
    assert not is_there(witness)
    held("nested repositories are committed as plain files; .gitmodules is a file like any other")


async def test_git_as_a_file_that_points_to_another_project(host: BareGitHost, work: Path, tmp_path: Path, held: Held) -> None:
    victim = BareGitHost(folder=host.folder)
    await victim.create("victim")
    (work / ".git").write_text(f"gitdir: {host.folder}/victim.git\n")
    await all_of_ours(host, work, tmp_path / "clone")
    assert await victim.head("victim") is None
    held("the git directory is always named by us")


async def test_alternates_and_refs_of_the_folder(host: BareGitHost, work: Path, tmp_path: Path, held: Held) -> None:
    ask(work, "init", "--quiet")
    (work / ".git" / "objects" / "info" / "alternates").write_text("/etc\n")
    (work / ".git" / "HEAD").write_text("ref: ../../../etc/passwd\n")
    (work / ".git" / "config").write_text("[core]\n\tworktree = /\n\tbare = false\n[extensions]\n\tevil = 1\n")
    made = await all_of_ours(host, work, tmp_path / "clone")
    assert ask(bare(host), "ls-tree", "-r", "--name-only", made.sha) == "app.py"
    held("never looked at")


@pytest.mark.parametrize("file", [".gitignore", ".gitattributes", "app.json"])
async def test_link_to_a_file_of_the_host_named(host: BareGitHost, work: Path, tmp_path: Path, held: Held, file: str) -> None:
    (tmp_path / "secret").write_text("app.py\nsecret\n")
    (work / file).symlink_to(tmp_path / "secret")
    made = await commit(host, work)
    assert await host.read("notes", made.sha, (file,)) == {}
    assert ask(bare(host), "ls-tree", "--name-only", made.sha).splitlines() == sorted([file, "app.py"])
    assert "secret\n" not in (await host.patch("notes", None, made.sha)).diff.replace(str(tmp_path / "secret"), "")
    held("stored as a link, followed by nobody")


async def test_link_in_place_of_gitmodules(host: BareGitHost, work: Path, tmp_path: Path, held: Held) -> None:
    (work / ".gitmodules").symlink_to(tmp_path / "secret")
    with pytest.raises(Broken, match=r"invalid path '\.gitmodules'"):
        await commit(host, work)
    held("git refuses it; nothing is committed")


async def test_links_in_place_of_folders(host: BareGitHost, work: Path, tmp_path: Path, held: Held) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (work / "a").mkdir()
    (work / "a" / "b").write_text("x")
    first = await commit(host, work)
    (work / "a" / "b").unlink()
    (work / "a").rmdir()
    (work / "a").symlink_to(outside)
    second = await commit(host, work, first.sha)
    await host.checkout("notes", second.sha, tmp_path / "clone")
    assert os.listdir(outside) == []
    held("git writes through no link")


async def test_file_names(host: BareGitHost, work: Path, tmp_path: Path, witness: Path, held: Held) -> None:
    for name in NAMES.values():
        (work / name).write_text("x\n")
    made = await all_of_ours(host, work, tmp_path / "clone")
    assert sorted(os.listdir(tmp_path / "clone")) == sorted([".git", "app.py", *NAMES.values()])
    assert {file.path for file in (await host.patch("notes", None, made.sha)).files} == {"app.py", *NAMES.values()}
    assert not is_there(witness)
    held(f"a name is never a word of a command line: {', '.join(NAMES)}")


@pytest.mark.parametrize("name", [".git ", "git~1", ".g\u200cit", "a\\.git\\x"], ids=ascii)
async def test_git_folder_from_a_worker_spelled(host: BareGitHost, tmp_path: Path, held: Held, name: str) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    unpack(archive(member("app.py", b"x"), member(f"{name}/config", b"[core]")), root, 10**6, 100)
    made = await commit(host, root)
    assert ask(bare(host), "ls-tree", "-r", "--name-only", made.sha) == "app.py"
    held("left out when the archive is unpacked")


@pytest.mark.parametrize(
    "message", ["--amend", "x\0y", "x\n\nReviewed-by: Owner <owner@example.org>", "\ud800", "-F/etc/passwd"], ids=ascii
)
async def test_message(host: BareGitHost, work: Path, held: Held, message: str) -> None:
    made = await commit(host, work, message=message)
    said = ask(bare(host), "log", "-1", "--format=%an|%cn", made.sha)
    assert said == "Developer|Slipway"
    assert "root:" not in ask(bare(host), "log", "-1", "--format=%B", made.sha)
    held("comes by standard input, and is text only")


@pytest.mark.parametrize("branch", ["../../evil", "-d", "main~1", "a..b", "refs/heads/main@{1}", "x\ny", "HEAD^{tree}"])
async def test_branch(host: BareGitHost, work: Path, held: Held, branch: str) -> None:
    with pytest.raises(SlipwayError):
        await commit(host, work, branch=branch)
    held("cannot name a branch")


@pytest.mark.parametrize("name", ["--output=/tmp/x", "HEAD", "main", "../../etc/passwd", "f" * 40])
async def test_commit_id(host: BareGitHost, work: Path, tmp_path: Path, held: Held, name: str) -> None:
    await commit(host, work)
    with pytest.raises(SlipwayError):
        await host.checkout("notes", name, tmp_path / "clone")
    held("no commit here")


async def test_replaced_objects(host: BareGitHost, work: Path, tmp_path: Path, held: Held) -> None:
    first = await commit(host, work)
    (work / "app.py").write_text("evil\n")
    second = await commit(host, work, first.sha, branch="run/r-abc")
    ask(bare(host), "replace", first.sha, second.sha)
    await host.checkout("notes", first.sha, tmp_path / "clone")
    assert (tmp_path / "clone" / "app.py").read_text() == "print(1)\n"
    held("GIT_NO_REPLACE_OBJECTS")


async def test_environment_of_git(
    host: BareGitHost, work: Path, witness: Path, monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    for name in ("GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "GIT_EDITOR", "GIT_ASKPASS", "GIT_PROXY_COMMAND"):
        monkeypatch.setenv(name, f"touch {witness}")
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"touch {witness}")
    made = await commit(host, work)
    await host.patch("notes", None, made.sha)
    assert not is_there(witness)
    held("git gets an environment of its own")


async def test_git_that_does_not_end(host: BareGitHost, held: Held, tmp_path: Path) -> None:
    await host.create("notes")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(Broken, match=r"did not end within 0\.5 s and was killed"):
        await git("hash-object", str(pipe), repository=bare(host), seconds=0.5)
    held("a deadline of 300 s for each command")


async def test_repository_of_thousands_of_files_and_one_huge_line(host: BareGitHost, work: Path, held: Held) -> None:
    for number in range(2_000):
        (work / f"{number}").write_text("x")
    (work / "line").write_text("x" * 5_000_000)
    made = await commit(host, work)
    patch = await host.patch("notes", None, made.sha)
    assert len(patch.diff) < 61_000
    held("a diff is cut at 60,000 characters")


@pytest.mark.docker
async def test_everything_that_an_agent_can_do_to_its_own_git(
    agent: Worker, host: BareGitHost, tmp_path: Path, witness: Path, held: Held
) -> None:
    evil = f"""
git init -q . && git config core.fsmonitor 'touch {witness}' && git config alias.add '!touch {witness}'
printf '#!/bin/sh\\ntouch {witness}\\n' >.git/hooks/post-checkout && chmod +x .git/hooks/post-checkout
mkdir -p deep/.git/hooks && cp .git/hooks/post-checkout deep/.git/hooks/ && echo 'gitdir: /etc' >deep/also && mkdir 'git~1'
echo '* filter=evil' >.gitattributes && echo 'print(1)' >app.py && touch 'git~1/config'
"""
    assert (await shell(agent, evil)).ok
    root = tmp_path / "tree"
    root.mkdir()
    unpack(await agent.get(), root, 10**7, 1000)
    await shell(agent, "find /workspace -mindepth 1 -delete")
    made = await all_of_ours(host, root, tmp_path / "clone")
    assert ask(bare(host), "ls-tree", "-r", "--name-only", made.sha).split() == [".gitattributes", "app.py", "deep/also"]
    assert not is_there(witness)
    held("no .git leaves the worker")
