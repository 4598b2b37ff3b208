"""Commits and what they change."""

import re
from collections.abc import Iterator

from pydantic import Field

from domain.values import Value

PLATFORM_FILES = frozenset({"dockerfile", "app.json", "procfile", ".dockerignore", "dockerfile.dockerignore", ".github"})
"""What stands at the root and belongs to the platform; `.github` as a file or a link would lead its folder elsewhere."""
PLATFORM_NAMES = frozenset({"dockerfile", "procfile", ".dockerignore", "dockerfile.dockerignore"})
"""What belongs to the platform in every folder: a builder that is pointed there would take it."""
PLATFORM_FOLDERS = (".github/workflows", ".github/actions")
"""A change that touches these is refused. Case does not matter: on some disks it makes no difference."""


class Commit(Value):
    sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    parent: str | None
    changed: bool


class ChangedFile(Value):
    path: str
    added: int
    removed: int


class Patch(Value):
    base: str | None
    commit: str
    files: tuple[ChangedFile, ...]
    diff: str = ""
    """Unified diff, cut to a known length with the cut marked."""
    cut: bool = False
    """The diff goes on where it ends here."""


def is_locked(path: str) -> bool:
    """Tell whether the path is the platform's, or lies in, or in the place of, what is."""
    folded = path.casefold()
    first, _, below = folded.partition("/")
    if first in PLATFORM_FILES and (first != ".github" or not below):
        return True
    return folded.rpartition("/")[2] in PLATFORM_NAMES or f"{folded}/".startswith(
        tuple(f"{name}/" for name in PLATFORM_FOLDERS)
    )


def locked_files(patch: Patch) -> tuple[str, ...]:
    """Return the platform files that the patch touches."""
    return tuple(file.path for file in patch.files if is_locked(file.path))


class ChangedLines(Value):
    """The lines of one file that a patch wrote, as the new file counts them."""

    added: frozenset[int] = frozenset()
    beside: frozenset[int] = frozenset()
    """Lines next to which something was taken out; of a file that is gone, the lines that it had."""

    @property
    def touched(self) -> frozenset[int]:
        return self.added | self.beside


class Extent(Value):
    """Which lines a change touched, of all its files and not only of those that fit into a diff to be shown."""

    lines: dict[str, ChangedLines]
    cut: bool = False
    """The change is larger than what is read of one: more lines than these were touched."""


_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def changed_lines(diff: str) -> dict[str, ChangedLines]:
    """Return the changed lines by path, as far as the diff goes. Source: the unified format of git-diff."""
    found: dict[str, ChangedLines] = {}
    old_path, path, gone, lines = "", "", False, iter(diff.split("\n"))
    for line in lines:
        if line.startswith("--- "):
            old_path = _path(line)
        elif line.startswith("+++ "):
            new_path = _path(line)
            path, gone = new_path or old_path, not new_path
            found.setdefault(path, ChangedLines())
        elif path and (hunk := _HUNK.match(line)):
            known, new = found[path], _hunk(hunk, lines, gone=gone)
            found[path] = ChangedLines(added=known.added | new.added, beside=known.beside | new.beside)
    return found


def _path(line: str) -> str:
    """Return the path of a `---` or `+++` line without its `a/` or `b/`; empty for /dev/null."""
    named = line[4:].rstrip("\t")
    return "" if named == "/dev/null" else named.strip('"').partition("/")[2]


def _hunk(head: re.Match[str], lines: Iterator[str], *, gone: bool) -> ChangedLines:
    """Read exactly the lines that the head announces: one of them may look like a header."""
    old, new = int(head[1]), int(head[3])
    old_left, new_left = int(head[2] or 1), int(head[4] or 1)
    if not new_left:
        new += 1  # a head without new lines names the line before the loss
    added, beside = set[int](), set[int]()
    while (old_left or new_left) and (line := next(lines, None)) is not None:
        sign = line[:1]
        if sign == "+":
            added.add(new)
        elif sign == "-":
            beside |= {old} if gone else {max(new - 1, 1), new}
        old, old_left = (old, old_left) if sign in "+\\" and sign else (old + 1, old_left - 1)
        new, new_left = (new, new_left) if sign in "-\\" and sign else (new + 1, new_left - 1)
    return ChangedLines(added=frozenset(added), beside=frozenset(beside))
