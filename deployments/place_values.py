"""What goes between commands and an installation: documents, wishes, outcomes, and what is said of what is not there."""

from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import BadInput
from domain.runs import Run
from domain.values import Value

Document = dict[str, Any]
"""One of those of deployments/desk/documents.py, to the letter what `--json` prints and the HTTP API answers."""


def stamp(at: datetime) -> str:
    """Return a moment as all documents have it (RFC 3339)."""
    return at.isoformat().replace("+00:00", "Z")


def begins(run: Run) -> str:
    """Return the first line of the request, cut."""
    return next(iter(run.request.splitlines()), "")[:100]


class Output(Value):
    """What a project's app printed, and which release of it; None of what is not online."""

    release: int | None = None
    text: str = ""


class GoneBack(Value):
    """What came of a rollback, as far as it is known when the command ends."""

    outcome: str
    project: str
    bad: int | None = None
    """Release that served, if one did."""
    good: int | None = None
    """Release that it went back to, if that is known."""
    message: str
    is_done: bool


class Led(Value):
    """A host name that leads to a project now: the sentences on it, and what is to be seen to."""

    message: str
    warning: str = ""


class Wish(Value):
    """What somebody wants built or changed."""

    text: str
    name: str | None = None
    kind: str | None = None
    project: str | None = None
    """What is to be changed; None for something new."""
    preview: bool | None = None
    scratch: bool = False
    attach: tuple[Path, ...] = ()


class Offer(Value):
    """A Brief that its person may accept; nothing is started or reserved yet."""

    mark: str
    """What the place knows it by."""
    brief: str
    """For people, as Markdown."""


def no_project(slug: str) -> BadInput:
    return BadInput(f"there is no project {slug[:60]!r}: `slipway status` lists what there is")


def no_listener(whom: str) -> BadInput:
    return BadInput(f"there is no run or project {whom[:40]!r}: `slipway runs` lists what there is")


def no_run(run: str) -> BadInput:
    return BadInput(f"there is no run {run[:40]!r}: `slipway runs` lists what there is")
