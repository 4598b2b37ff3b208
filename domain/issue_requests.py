"""Requests that stand in issues of GitHub, and what was proposed there."""

import hashlib
from datetime import datetime
from typing import Protocol

from domain.briefs import Brief
from domain.proposals import Proposal
from domain.values import Value


class IssueRequest(Value):
    """One row of the registry: the newest proposal of an issue."""

    repository: str
    issue: int
    proposal: Proposal
    basis: str
    """Digest of the Brief that it changes: after another change it is old."""
    at: datetime


def basis_of(brief: Brief) -> str:
    return hashlib.sha256(brief.model_dump_json().encode()).hexdigest()


def issue_chat(repository: str, issue: int) -> str:
    """Name an issue as the chat that a run's news go to."""
    return f"{repository}#{issue}"


def issue_in(chat: str) -> tuple[str, int] | None:
    """Return repository and number of such a chat; None when it names no issue."""
    repository, _, number = chat.rpartition("#")
    return (repository, int(number)) if repository and number.isascii() and number.isdecimal() else None


class IssueRequests(Protocol):
    """What the registry knows of them."""

    async def keep_issue(self, request: IssueRequest) -> None:
        """Store it in the place of an earlier one of the same issue."""
        ...

    async def issue_request(self, repository: str, issue: int) -> IssueRequest | None: ...

    async def drop_issue(self, repository: str, issue: int) -> None:
        """Forget it; nothing happens when there is none."""
        ...
