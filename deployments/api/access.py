"""Who asks, and what of the registry is theirs. Another's object is as unknown as none."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Path, Request

from deployments.api.broadcasts import Broadcasts
from deployments.api.hook import Hook
from deployments.api.knocking import Doorkeeper
from deployments.api.tags import found
from deployments.desk.allowances import Allowances
from deployments.desk.takedown import take_down
from deployments.place_values import GoneBack
from deployments.prefect_server.flow_results import outcome_of
from deployments.web.sessions import Keeper
from domain.admission import Rules
from domain.attachments import Limits
from domain.doors import DoorRegistry
from domain.keys import ApiKey
from domain.limits import Counters
from domain.names import Slug
from domain.ownership import is_theirs
from domain.runs import Project, Run

if TYPE_CHECKING:
    from deployments.desk.requests import Desk


@dataclass(frozen=True, kw_only=True)
class House:
    """What stands behind the gate: the desk that the command line and the bot have too, and what only the API needs."""

    desk: "Desk"
    registry: DoorRegistry
    counters: Counters
    rate: int = 600
    """Requests a minute of one key, or of one browser."""
    pepper: bytes
    allowances: Allowances
    """What one person may begin, whichever of their keys they use."""
    rules: Rules = field(default_factory=Rules)
    """Whom of the messenger the page lets in: whom the bot does."""
    files: Limits = field(default_factory=Limits)
    """How much one request may bring by the page."""
    bot_token: str = field(default="", repr=False)
    """Of the bot by whose signature Telegram names people; empty: it names nobody here."""
    busy: set[tuple[str, str]] = field(default_factory=set)
    """Idempotency keys that are being worked on in this process."""
    hook: Hook = field(default_factory=Hook)
    """What GitHub's webhooks are known by."""
    take_down: Callable[[str, str, "Desk"], Awaitable[None]] = take_down
    """Ends all that works on a project, and removes it."""
    broadcasts: Broadcasts = field(default_factory=Broadcasts)
    outcome: Callable[[str, str], Awaitable[GoneBack | None]] = outcome_of
    """Says what came of a rollback of a project."""

    @property
    def doorkeeper(self) -> Doorkeeper:
        """Return who looks at what callers show."""
        keeper = Keeper(registry=self.registry, pepper=self.pepper, rules=self.rules, bot_token=self.bot_token)
        return Doorkeeper(keeper, self.counters, self.rate)


class Theirs:
    """What the caller may see: an operator's key everything, any other what is its owner's."""

    def __init__(self, registry: DoorRegistry, caller: ApiKey) -> None:
        self._registry = registry
        self.caller = caller

    @property
    def person(self) -> str | None:
        """Return whose things alone are seen; None for everybody's."""
        return None if self.caller.is_operator else self.caller.owner

    async def projects(self) -> Sequence[Project]:
        """Return the projects, oldest first."""
        return [each for each in await self._registry.projects() if self.person in (None, each.owner)]

    async def project(self, slug: str) -> Project:
        project = await self._registry.project(slug)
        return cast(Project, found(project if project and self.person in (None, project.owner) else None))

    async def run(self, id: str) -> Run:
        run = found(await self._registry.run(id))
        project = await self._registry.project(run.project)
        return cast(Run, found(run if self.person is None or is_theirs(run, project, self.person) else None))


def house_of(request: Request) -> House:
    return cast(House, request.app.state.house)


async def _house(request: Request) -> House:
    """Do the same, for routes: what is no coroutine they ask in another thread."""
    return house_of(request)


async def theirs_of(request: Request) -> Theirs:
    return Theirs(house_of(request).registry, request.state.caller)


TheHouse = Annotated[House, Depends(_house)]
Owned = Annotated[Theirs, Depends(theirs_of)]
SlugInPath = Annotated[Slug, Path(description="Name of the project.", examples=["short-links"])]
RunInPath = Annotated[str, Path(pattern=r"^r-[a-z0-9]{6,32}$", description="Id of the run.", examples=["r-0123456789"])]


async def project_of(project: SlugInPath, theirs: Owned) -> Project:
    return await theirs.project(project)


async def run_of(run: RunInPath, theirs: Owned) -> Run:
    return await theirs.run(run)


TheProject = Annotated[Project, Depends(project_of)]
TheRun = Annotated[Run, Depends(run_of)]
