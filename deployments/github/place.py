"""What answers GitHub's webhooks: the desk, GitHub itself, and what is said there once."""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deployments.desk.allowances import Allowances
from deployments.desk.pushing import start_pushed
from deployments.wording.texts import say
from domain.doors import DoorRegistry
from domain.github import Reaction
from domain.github_commands import harmless
from domain.github_errors import GitHubRefused
from domain.github_protocols import GitHub, RemoteGit
from domain.heard import Commented, Labelled
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Notification, Origin, Project, Run
from domain.trimming import cut
from tasks.notify import OUTBOX
from tasks.progress import hint

if TYPE_CHECKING:
    from deployments.desk.requests import Desk

COMMENT_LIMIT = 60_000
"""Characters of one comment; GitHub takes 65,536."""

REMEMBERED = 1_000
"""So many things that were said are known without reading an issue's comments again."""

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
    said: deque[tuple[str, int, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Repository, issue and key of what this process said, or found said."""

    async def project_of(self, repository: str) -> Project | None:
        """Return the project whose repository this is; GitHub makes no difference of capitals."""
        named = repository.lower()
        return next((each for each in await self.registry.projects() if each.repository.lower() == named), None)

    async def say(self, repository: str, issue: int, key: str, text: str) -> None:
        """Say it at the issue once: what a killed process said already is found by its mark, in a comment of ours."""
        what = (repository.lower(), issue, key)
        if what in self.said:  # as for strangers, who may write as often as they like
            return
        mark, ours = f"<!-- slipway {key} -->", await self.github.who()
        said = await self.github.talk.comments(repository, issue)
        if not any(mark in each.body and each.author in (ours, f"{ours}[bot]") for each in said):
            await self.github.talk.comment(repository, issue, f"{mark}\n{cut(harmless(text), COMMENT_LIMIT)}")
        self.said.append(what)

    async def refuse_stranger(self, event: Labelled | Commented, project: Project) -> None:
        """Say in one polite sentence who may have something done; once at each issue."""
        text = say(project.brief.language, "github_stranger", person=event.sender)
        await self.say(event.repository, event.issue, "stranger", text)

    async def react(self, event: Labelled | Commented, reaction: Reaction) -> None:
        """Mark what was read; whoever wrote it may have taken it away, which costs nothing else."""
        comment = event.comment if isinstance(event, Commented) else None
        with suppress(GitHubRefused):
            await self.github.talk.react(event.repository, reaction, comment=comment, issue=event.issue)

    async def tell_owner(self, project: Project, key: str, text: str) -> None:
        """Say it to the project's owner, once for one key, where they were told of the project last."""
        origin, key = await self.origin_of(project), f"{project.slug}:{key}"
        told = Notification(key=key, channel=origin.channel, chat=origin.chat, text=text, created=self.clock())
        await self.registry.add_notification(told)
        await hint(self.wakeups, OUTBOX, key)

    async def origin_of(self, project: Project) -> Origin:
        """Return where the owner of the project was told of its newest run that came from them; else nowhere but here."""
        for run in await self.registry.runs(project.slug):
            if run.origin.person == project.owner and run.origin.channel in ("telegram", "cli"):
                return run.origin.model_copy(update={"message": ""})
        return Origin(channel="api", person=project.owner)

    async def language_of(self, project: Project) -> str:
        """Return in which language the owner is told of the project."""
        return (await self.registry.person(project.owner)).speaks(project.brief.language)
