"""Pushes of people to the main branch at GitHub: what is done about one, and what of it needs its owner's word."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum

from domain.patches import Patch
from domain.trimming import cut, plain

SHOWN = 1_400
"""Characters of a change that its owner is shown with the question."""
DIGEST_SHOWN = 12
"""Hex digits by which a change may be named: a person copies them."""


class Push(StrEnum):
    KNOWN = "known"
    """It has nothing that our main has not: it is our own, or an older one."""
    FORWARD = "forward"
    """It builds on our main: it is tested, and delivered when it passes."""
    DIVERGED = "diverged"
    """It lacks commits that are live here; nothing is done about it."""


def judged_push(head: str, ours: str | None, fork: str | None) -> Push:
    """Decide from the commit there, our main, and the newest commit that both build on."""
    if ours is None or fork is None:
        return Push.DIVERGED
    if fork == head:
        return Push.KNOWN
    return Push.FORWARD if fork == ours else Push.DIVERGED


def approval_digest(base: str, commit: str, paths: Sequence[str]) -> str:
    """Return what an approval is bound to: these files, from this commit to that one. A commit's id is that of its content."""
    text = "\n".join((base, commit, *sorted(paths)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def names_digest(digest: str, words: str) -> bool:
    """Tell whether the words name this very change: all of its digest, or as much of it as people are shown, or more."""
    return len(words) >= DIGEST_SHOWN and digest.startswith(words.lower())


def shown_change(patch: Patch, paths: Sequence[str], digest: str) -> str:
    """Return the change of these files for its owner to read, with what it is called."""
    parts = patch.diff.split("diff --git ")[1:]
    wanted = [part for part in parts if any(f" b/{path}" in part.split("\n", 1)[0] for path in paths)]
    return f"{', '.join(paths)}\ndigest {digest[:DIGEST_SHOWN]}\n" + cut(plain("".join(wanted)).strip(), SHOWN, head=0.8)
