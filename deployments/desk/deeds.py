"""What the Product Owner's tools have done by the desk, and the notes that the bot's cards need."""

from datetime import UTC, datetime
from typing import Protocol

from deployments.bot.talk_cards import secret_question
from deployments.bot.talk_telling import Telling
from deployments.desk.allowances import Allowances
from deployments.desk.looking import Look
from deployments.wording.cards import noted
from domain.proposals import Proposal
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Origin, Run


class Acting(Protocol):
    """The part of `deployments.desk.requests.Desk` that acts."""

    registry: Registry
    wakeups: Wakeups
    look: Look

    async def start(self, proposal: Proposal) -> Run: ...
    async def cancel(self, run: str, who: str) -> Run: ...
    async def rollback(self, project: str, reason: str, who: str, *, key: str | None = None) -> str: ...
    async def add_domain(self, project: str, host: str, who: str) -> str: ...


class DeskDeeds:
    """The deeds of one desk, within what its people may begin."""

    def __init__(self, desk: Acting, allowances: Allowances) -> None:
        self._desk = desk
        self._allowances = allowances

    async def start(self, proposal: Proposal) -> Run:
        """Start the run; of a change, write down once what it is to bring: the project keeps its Brief until it is online.

        Raises LimitReached when its person may begin nothing more now.
        """
        async with self._allowances.starting(proposal.origin.person, proposal.run):
            run = await self._desk.start(proposal)
        if proposal.change and not [line for line in await self._desk.registry.progress(run.id) if "checks" in line.data]:
            brief = proposal.brief
            await self._desk.registry.add_progress(run.id, "note", brief.title, datetime.now(UTC), "brief", noted(brief))
        return run

    async def cancel(self, run: str, who: str) -> Run:
        """End the run as cancelled."""
        return await self._desk.cancel(run, who)

    async def rollback(self, project: str, reason: str, who: str, *, key: str | None = None) -> str:
        """Start going back to the release before."""
        return await self._desk.rollback(project, reason, who, key=key)

    async def ask_secret(self, project: str, name: str, why: str, origin: Origin, *, key: str) -> None:
        """Put the question into the outbox, in the language that the person chose, else in that of the project."""
        registry = self._desk.registry
        found, person = await registry.project(project), await registry.person(origin.person)
        language = person.speaks(found.brief.language if found else "en")
        question = secret_question(project, name, why, key, language, origin, datetime.now(UTC))
        await Telling(self._desk).tell(question)

    async def output(self, project: str) -> str:
        """Return the last lines that the project's app printed, redacted; empty when nothing of it is online."""
        return await self._desk.look.output(project)

    async def add_domain(self, project: str, host: str, who: str) -> str:
        """Let the host lead to the project as well and return its address."""
        return await self._desk.add_domain(project, host, who)
