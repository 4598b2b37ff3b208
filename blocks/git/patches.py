"""What changed between two commits of a bare repository: a diff to be shown, and the lines of all of it."""

import asyncio
from pathlib import Path

from blocks.git.command import Output, git
from domain.patches import ChangedFile, Extent, Patch, changed_lines

DIFF_LIMIT = 60_000
"""Characters of a patch's diff: what people and models read."""

EXTENT_LIMIT = 3_000_000
"""Bytes of a diff without context that are read to learn which lines changed. Each may be a line, and costs 70 bytes then."""

NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Git's empty tree, known to every repository."""


async def patch_between(repository: Path, base: str | None, commit: str) -> Patch:
    """Return the files that changed, and the diff as far as it is shown."""
    counts = await _difference(repository, base, commit, "--numstat", "-z")
    diff = await _difference(repository, base, commit, "--patch", limit=DIFF_LIMIT * 4)
    text, cut = shortened(diff.stdout, cut=diff.cut)
    return Patch(base=base, commit=commit, files=changed_files(counts.stdout), diff=text, cut=cut)


async def extent_between(repository: Path, base: str | None, commit: str) -> Extent:
    """Return the lines that changed, of at most `EXTENT_LIMIT` bytes of changes."""
    diff = await _difference(repository, base, commit, "--patch", "--unified=0", limit=EXTENT_LIMIT)
    lines = await asyncio.to_thread(changed_lines, diff.stdout.decode("utf-8", "replace"))
    return Extent(lines=lines, cut=diff.cut)


async def _difference(repository: Path, base: str | None, commit: str, *options: str, limit: int | None = None) -> Output:
    """Ask git for what changed, as text for programs: without renames and without anybody's drivers."""
    how = ("-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", *options)
    return await git("diff-tree", *how, base or NOTHING, commit, repository=repository, limit=limit)


def changed_files(numstat: bytes) -> tuple[ChangedFile, ...]:
    """Read `git diff-tree --numstat -z` without renames: `added TAB removed TAB path NUL`, dashes for a binary file."""
    lines = (entry.decode("utf-8", "replace").split("\t", 2) for entry in numstat.split(b"\0") if entry)
    return tuple(ChangedFile(path=path, added=_count(added), removed=_count(removed)) for added, removed, path in lines)


def shortened(diff: bytes, *, cut: bool = False) -> tuple[str, bool]:
    """Return the diff cut to `DIFF_LIMIT` characters, which its last line then says, and whether it was cut."""
    text = diff.decode("utf-8", "replace")
    if not cut and len(text) <= DIFF_LIMIT:
        return text, False
    return f"{text[:DIFF_LIMIT]}\n[the diff is cut here, after {DIFF_LIMIT:,} characters]\n", True


def _count(number: str) -> int:
    return 0 if number == "-" else int(number)
