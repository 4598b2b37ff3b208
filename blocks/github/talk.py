"""Issues, comments and reactions at GitHub. Fulfils `domain.github.Talk`."""

from collections.abc import Sequence
from typing import Any

from blocks.github.wire import Wire
from domain.github import Reaction, Remark, RemoteIssue
from domain.github_permissions import ISSUES


class RemoteTalk:
    """Each method is one call, and one more for each hundred comments."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def issue(self, name: str, number: int) -> RemoteIssue | None:
        """Return the issue; None when there is none."""
        found = await self._wire.ask("GET", name, f"/issues/{number}", ISSUES, f"looking at issue {number} of {name}")
        return _issue(found) if found else None

    async def comments(self, name: str, number: int) -> Sequence[Remark]:
        """Return all comments of the issue, oldest first."""
        attempted = f"reading issue {number} of {name}"
        return tuple(map(_remark, await self._wire.every(name, f"/issues/{number}/comments", ISSUES, attempted)))

    async def comment(self, name: str, number: int, body: str) -> Remark:
        """Say something at an issue."""
        attempted = f"to comment on issue {number} of {name}"
        return _remark(await self._wire.ask("POST", name, f"/issues/{number}/comments", ISSUES, attempted, {"body": body}))

    async def edit_comment(self, name: str, comment: int, body: str) -> None:
        """Give a comment of ours other words."""
        attempted = f"to change a comment at {name}"
        await self._wire.ask("PATCH", name, f"/issues/comments/{comment}", ISSUES, attempted, {"body": body})

    async def react(self, name: str, reaction: Reaction, *, comment: int | None = None, issue: int | None = None) -> None:
        """React to a comment, or to an issue; the same reaction again changes nothing."""
        place = f"/issues/{issue}" if comment is None else f"/issues/comments/{comment}"
        await self._wire.ask("POST", name, f"{place}/reactions", ISSUES, f"to react at {name}", {"content": reaction})


def _remark(found: dict[str, Any]) -> Remark:
    return Remark(id=found["id"], author=_login(found), body=found.get("body") or "", url=found["html_url"])


def _issue(found: dict[str, Any]) -> RemoteIssue:
    return RemoteIssue(
        number=found["number"],
        title=found["title"],
        body=found.get("body") or "",
        author=_login(found),
        labels=tuple(each if isinstance(each, str) else each.get("name") or "" for each in found.get("labels", ())),
        open=found["state"] == "open",
        pull_request="pull_request" in found,
    )


def _login(found: dict[str, Any]) -> str:
    """Return who wrote it; nobody when their account is gone."""
    return str((found.get("user") or {}).get("login", ""))
