"""What answers GitHub's webhooks: the desk, GitHub itself, and what is said there once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deployments.allowances import Allowances
from deployments.pushing import start_pushed
from deployments.wording import say
from domain.doors import DoorRegistry
from domain.github import GitHub, Reaction, RemoteGit
from domain.github_commands import harmless
from domain.heard import Commented, Labelled
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Origin, Project, Run
from domain.trimming import cut

if TYPE_CHECKING:
    from deployments.requests import Desk

COMMENT_LIMIT = 60_000
"""Characters of one comment; GitHub takes 65,536."""

StartPush = Callable[[Project, str, str, Origin, Registry], Awaitable[Run]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """What those who answer share."""

    desk: "Desk"
    registry: DoorRegistry
    wakeups: Wakeups
    github: GitHub
    remote: RemoteGit
    allowances: Allowances
    label: str
    start_push: StartPush = start_pushed
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def project_of(self, repository: str) -> Project | None:
        """Return the project whose repository this is; GitHub makes no difference of capitals."""
        named = repository.lower()
        return next((each for each in await self.registry.projects() if each.repository.lower() == named), None)

    async def say(self, repository: str, issue: int, key: str, text: str) -> None:
        """Say it at the issue once: what a killed process said already is found by its mark, in a comment of ours."""
        mark, ours = f"<!-- slipway {key} -->", await self.github.who()
        said = await self.github.talk.comments(repository, issue)
        if any(mark in each.body and each.author in (ours, f"{ours}[bot]") for each in said):
            return
        await self.github.talk.comment(repository, issue, f"{mark}\n{cut(harmless(text), COMMENT_LIMIT)}")

    async def refuse_stranger(self, event: Labelled | Commented, project: Project) -> None:
        """Say in one polite sentence who may have something done; once at each issue."""
        text = say(project.brief.language, "github_stranger", person=event.sender)
        await self.say(event.repository, event.issue, "stranger", text)

    async def react(self, event: Commented, *, done: bool) -> None:
        reaction: Reaction = "+1" if done else "confused"
        await self.github.talk.react(event.repository, reaction, comment=event.comment)
