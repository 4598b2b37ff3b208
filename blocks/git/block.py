"""Repositories as bare ones in a folder, written by plumbing only: nothing a project holds is ever run by git."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field

from blocks.git.command import git
from blocks.git.patches import NOTHING, extent_between, patch_between
from domain.errors import Broken, UnknownObject
from domain.names import formed_slug
from domain.patches import Commit, Extent, Patch

READ_LIMIT = 200_000
"""Bytes read of one file: platform files are small, and a huge one must not fill our memory."""

ABSENT = "0" * 40
"""What `update-ref` takes as the old value of a branch that must not exist yet."""

COMMITTER = {"GIT_COMMITTER_NAME": "Slipway", "GIT_COMMITTER_EMAIL": "slipway@localhost"}


class BareGitHost(Block):
    """Fulfil `domain.protocols.GitHost` with bare repositories named `<folder>/<project>.git`.

    `delete(project)` is the Protocol's; the block document itself is deleted with `BareGitHost.adelete(name)`.
    """

    _block_type_slug = "slipway-git-host"
    _block_type_name = "Slipway git host"

    folder: str = Field(description="Absolute path of the folder that holds the repositories")

    async def create(self, project: str) -> None:
        """Make an empty repository; nothing happens when it is there."""
        path = self._path(project)
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        await git("init", "--bare", "--quiet", "--template=", "--initial-branch=main", repository=path)

    async def exists(self, project: str) -> bool:
        """Tell whether there is a repository."""
        return await asyncio.to_thread((self._path(project) / "HEAD").is_file)

    async def head(self, project: str, branch: str = "main") -> str | None:
        """Return the commit of the branch; None when it has none."""
        return await _head(await self._repository(project), branch)

    async def checkout(self, project: str, commit: str, folder: Path) -> None:
        """Put a clean clone at `commit`, detached, with history, into the empty `folder`.

        The clone stands alone: it holds what `commit` reaches and no path, remote or branch of the repository.
        """
        repository = await self._repository(project)
        await _require_commit(repository, project, commit)
        await asyncio.to_thread(_make_empty, folder)
        clone = folder / ".git"
        await git("init", "--quiet", "--template=", "--initial-branch=main", repository=clone)
        await git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(repository), commit, repository=clone)
        await git("--work-tree", str(folder), "checkout", "--quiet", "--detach", commit, repository=clone)

    async def read(self, project: str, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Return the text of each of `paths` that is a file in the commit; a link or a folder is none."""
        repository = await self._repository(project)
        await _require_commit(repository, project, commit)
        listed = await git("ls-tree", "-z", commit, "--", *paths, repository=repository)
        entries = (entry.decode("utf-8", "replace").partition("\t") for entry in listed.stdout.split(b"\0") if entry)
        blobs = {path: facts.split(" ")[2] for facts, _, path in entries if facts.startswith("100")}  # 120000 is a link
        return {path: await _text(repository, blob) for path, blob in blobs.items()}

    async def commit_tree(
        self, project: str, folder: Path, *, branch: str, parent: str | None, message: str, author: str
    ) -> Commit:
        """Commit exactly the files of `folder` (without any `.git`, by its .gitignore) onto `parent`; point `branch` at it.

        Files unchanged: the parent's own commit comes back. The branch must be new, or stand at `parent`, or at a commit
        equal to the wanted one (the step was done before); anywhere else raises Broken and moves nothing.
        """
        repository = await self._repository(project)
        if parent is not None:
            await _require_commit(repository, project, parent)
        tree = await _write_tree(repository, folder, parent)
        at = await _head(repository, branch)
        if at is not None and await _is_done(repository, at, tree, parent):
            return Commit(sha=at, parent=parent, changed=at != parent)
        if at not in (None, parent):
            raise Broken(f"branch {branch} of {project} stands at {at}, not at {parent}: commit onto its head")
        sha = parent
        if sha is None or await _tree_of(repository, sha) != tree:
            sha = await _write_commit(repository, tree, parent, message, author)
        await _point(repository, branch, sha, at)
        return Commit(sha=sha, parent=parent, changed=sha != parent)

    async def patch(self, project: str, base: str | None, commit: str) -> Patch:
        """Return what changed between two commits; `base` None means from nothing. Binary files count 0 lines."""
        return await patch_between(await self._holding(project, base or commit, commit), base, commit)

    async def extent(self, project: str, base: str | None, commit: str) -> Extent:
        """Return which lines changed between two commits; `base` None means from nothing."""
        return await extent_between(await self._holding(project, base or commit, commit), base, commit)

    async def fork(self, project: str, one: str, other: str) -> str | None:
        """Return the newest commit that both build on; None when they share none."""
        repository = await self._holding(project, one, other)
        return (await git("merge-base", one, other, repository=repository, accept=(0, 1))).line or None

    async def advance(self, project: str, branch: str, commit: str) -> None:
        """Fast-forward `branch`, or make it; raise Broken when it is not an ancestor. The same commit again changes nothing."""
        repository = await self._repository(project)
        await _require_commit(repository, project, commit)
        at = await _head(repository, branch)
        if at == commit:
            return
        if at is not None:
            forward = await git("merge-base", "--is-ancestor", at, commit, repository=repository, accept=(0, 1))
            if forward.exit_code:
                raise Broken(f"branch {branch} of {project} stands at {at}, which {commit} does not build on")
        await _point(repository, branch, commit, at)

    async def take_back(self, project: str, branch: str, commit: str, to: str) -> None:
        """Let `branch` stand at `to` again; nothing happens when it does not stand at `commit`."""
        repository = await self._repository(project)
        await _require_commit(repository, project, to)
        if await _head(repository, branch) == commit:
            await _point(repository, branch, to, commit)

    async def delete(self, project: str) -> None:  # type: ignore[override]
        """Delete the repository with its history; nothing happens when there is none."""
        await asyncio.to_thread(_remove, self._path(project))

    def _path(self, project: str) -> Path:
        return Path(self.folder) / f"{formed_slug(project)}.git"

    async def _repository(self, project: str) -> Path:
        if not await self.exists(project):
            raise UnknownObject("repository", project)
        return self._path(project)

    async def _holding(self, project: str, *commits: str) -> Path:
        """Return the repository; raise UnknownObject when it lacks one of the commits."""
        repository = await self._repository(project)
        for wanted in commits:
            await _require_commit(repository, project, wanted)
        return repository


async def _head(repository: Path, branch: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", branch) or ".." in branch:
        raise Broken(f"{branch!r} cannot name a branch")
    found = await git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", repository=repository, accept=(0, 1))
    return found.line or None


async def _require_commit(repository: Path, project: str, commit: str) -> None:
    """Refuse what is not the id of a commit here; so a name can never be read as an option."""
    known = re.fullmatch(r"[0-9a-f]{40}", commit) and await git(
        "cat-file", "-e", f"{commit}^{{commit}}", repository=repository, accept=(0, 1, 128)
    )
    if not known or known.exit_code:
        raise UnknownObject("commit", f"{project}@{commit}")


async def _text(repository: Path, blob: str) -> str:
    return (await git("cat-file", "blob", blob, repository=repository, limit=READ_LIMIT)).stdout.decode("utf-8", "replace")


async def _tree_of(repository: Path, commit: str) -> str:
    return (await git("rev-parse", "--verify", f"{commit}^{{tree}}", repository=repository)).line


async def _is_done(repository: Path, at: str, tree: str, parent: str | None) -> bool:
    """Tell whether the branch's head is what is wanted already: the unchanged parent, or the same tree on it."""
    parents = (await git("rev-list", "--parents", "--max-count=1", at, repository=repository)).line.split()[1:]
    return await _tree_of(repository, at) == tree and (at == parent or parents == ([parent] if parent else []))


async def _write_tree(repository: Path, folder: Path, parent: str | None) -> str:
    """Store the files of `folder` and return their tree. An index of its own keeps writers apart.

    The index starts from `parent`, so that a file that is tracked stays so when .gitignore names it later.
    """
    with tempfile.TemporaryDirectory(prefix="slipway-index-") as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        clean = await asyncio.to_thread(_without_nested, folder, Path(scratch) / "files")
        await git("read-tree", parent or NOTHING, repository=repository, environment=index)
        await git("--work-tree", str(clean), "add", "--all", ".", repository=repository, environment=index)
        return (await git("write-tree", repository=repository, environment=index)).line


def _without_nested(folder: Path, copy: Path) -> Path:
    """Return `folder` itself, or a copy without any `.git` when one lies deeper: git would take it for a submodule."""
    if not _has_nested(folder):
        return folder
    shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    return copy


def _has_nested(folder: Path) -> bool:
    for root, folders, files in os.walk(folder):
        if Path(root) == folder and ".git" in folders:
            folders.remove(".git")
        elif Path(root) != folder and ".git" in (*folders, *files):
            return True
    return False


async def _write_commit(repository: Path, tree: str, parent: str | None, message: str, author: str) -> str:
    name, _, address = author.partition("<")
    written_by = {
        "GIT_AUTHOR_NAME": name.strip() or COMMITTER["GIT_COMMITTER_NAME"],
        "GIT_AUTHOR_EMAIL": address.strip(" >") or COMMITTER["GIT_COMMITTER_EMAIL"],
    }
    text = message.replace("\0", "").encode("utf-8", "replace")
    onto = ("-p", parent) if parent else ()
    environment = {**written_by, **COMMITTER}
    return (await git("commit-tree", tree, *onto, "-F", "-", repository=repository, environment=environment, stdin=text)).line


async def _point(repository: Path, branch: str, sha: str, at: str | None) -> None:
    """Move the branch if it still stands where it was seen; of two who try, git lets one."""
    await git("update-ref", f"refs/heads/{branch}", sha, at or ABSENT, repository=repository)


def _make_empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Broken(f"cannot check out into {folder}: it is not empty")


def _remove(path: Path) -> None:
    """Take it out of sight in one step first: a kill half way leaves no half repository under its name."""
    if path.is_dir():
        aside = Path(tempfile.mkdtemp(prefix=".deleted-", dir=path.parent))
        path.rename(aside / path.name)
        shutil.rmtree(aside)
