"""Addons of a plan: the platform writes them into app.json, a file that no agent may change. Blocks: git host."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from domain.addons import with_addons
from domain.protocols import GitHost
from domain.resources import ResourceKind

MANIFEST = "app.json"


async def write_addons(project: str, root: Path, commits: Sequence[str], addons: Sequence[ResourceKind], git: GitHost) -> bool:
    """Put the planned addons into the tree's app.json; tell whether the platform has changed that file, and nobody else.

    `commits` are the base, whose text counts, and the one that the developer began with.
    """
    base, *others = [(await git.read(project, commit, (MANIFEST,))).get(MANIFEST, "") for commit in commits]
    planned = with_addons(base, addons)
    if planned == base:
        return False
    return await asyncio.to_thread(_written, root / MANIFEST, (base, *others), planned)


def _written(file: Path, known: Sequence[str], planned: str) -> bool:
    if file.is_symlink() or file.is_dir():
        return False
    found = file.read_text("utf-8", "replace") if file.exists() else ""
    if found not in (*known, planned):  # the developer's own change stays, and is refused
        return False
    file.write_text(planned, "utf-8")
    file.chmod(0o644)
    return True
