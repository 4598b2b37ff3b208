"""Projects and runs of the installation on this machine."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.desk.documents import (
    all_runs,
    cost_document,
    known,
    overview,
    proof_document,
    run_document,
    tell_document,
    whole,
)
from deployments.here.wishes import REPLAYED, patience, taken_in
from deployments.live import follow, rests
from deployments.news import show_news
from deployments.people import person
from deployments.place_values import Document, GoneBack, Offer, Output, Wish, begins, no_run
from domain.audit import AuditLine
from domain.briefs import as_markdown
from domain.escalations import Escalation
from domain.proposals import Proposal
from domain.releases import live
from domain.runs import Origin, Progress, Run

if TYPE_CHECKING:
    from rich.console import Console

    from deployments.data_folder import Up
    from deployments.desk.requests import Desk


class OwnProjects:
    """Fulfil `deployments.asked_place.Projects` over the desk."""

    def __init__(self, desk: "Desk", up: "Up") -> None:
        self._desk = desk
        self._up = up
        self._proposed: dict[str, Proposal] = {}

    async def overview(self) -> Document:
        return await overview(self._desk, self._up)

    async def project(self, slug: str) -> Document:
        return await whole(self._desk, await known(self._desk, slug), self._up)

    async def known(self, project: str) -> None:
        await known(self._desk, project)

    async def runs(self) -> Sequence[Document]:
        return await all_runs(self._desk, self._up)

    async def run(self, run: str) -> Document:
        return await run_document(self._desk, await self._run(run), self._up)

    async def last_run(self, project: str) -> tuple[str, str] | None:
        await known(self._desk, project)
        found = await self._desk.registry.runs(project, 1)
        return (found[0].id, begins(found[0])) if found else None

    async def progress(self, run: str, *, stay: bool) -> AsyncIterator[Progress]:
        shown = 0
        async for _, lines in follow(run, self._desk.registry, self._desk.wakeups, rests if stay else lambda _: True):
            for line in lines[shown:]:
                yield line
            shown = len(lines)

    async def output(self, project: str, lines: int) -> Output:
        serving = live(await self._desk.registry.releases(project))
        return Output(release=serving.number, text=await self._desk.look.output(project, lines)) if serving else Output()

    async def history(self, project: str) -> Sequence[AuditLine]:
        lines = await self._desk.registry.history(project)
        if not lines:  # the history of a project outlives it
            await known(self._desk, project)
        return lines

    async def costs(self, project: str) -> Document:
        await known(self._desk, project)
        return await cost_document(self._desk, project)

    async def proof(self, project: str, run: str | None) -> Document:
        return await proof_document(self._desk, await known(self._desk, project), run)

    async def archive(self, project: str, target: Path) -> None:
        from blocks.git.archives import write_zip
        from deployments.data_folder import DataFolder

        found = await known(self._desk, project)
        await write_zip(DataFolder(Path(self._desk.blocks.installation.home)).repositories, found.slug, target)

    async def cancel(self, run: str) -> tuple[Document, bool]:
        before = await self._run(run)
        ended = await self._desk.cancel(run, person())
        return await run_document(self._desk, ended, self._up), not before.state.ended

    async def tell(self, whom: str, text: str) -> Document:
        return await tell_document(self._desk, whom, text, person())

    async def propose(self, wish: Wish, screen: "Console") -> Offer:
        if self._up.replay:
            screen.print(REPLAYED, style="yellow")
        origin = Origin(channel="cli", person=person())
        attachments = await taken_in(wish.attach, origin.person, self._desk)
        more = wish.model_dump(include={"name", "kind", "project", "preview", "scratch"})
        with patience(screen):
            proposal = await self._desk.propose(wish.text, origin, **more, attachments=attachments)
        self._proposed[proposal.run] = proposal
        return Offer(mark=proposal.run, brief=as_markdown(proposal.brief))

    async def accept(self, offer: Offer) -> Document:
        return await run_document(self._desk, await self._desk.start(self._proposed[offer.mark]), self._up)

    async def decline(self, offer: Offer) -> None:
        del self._proposed[offer.mark]

    async def roll_back(self, project: str, reason: str, version: int | None, data: str) -> GoneBack:
        from deployments.prefect_server.flow_results import result_of

        return await result_of(await self._desk.rollback(project, reason, person(), version, data))

    async def question(self, run: str) -> Escalation:
        return await self._desk.question(run)

    async def answer(self, run: str, choice: str, text: str, number: int | None) -> Escalation:
        return await self._desk.answer(run, choice, text, person(), "cli", number)

    async def take_down(self, project: str) -> None:
        from deployments.desk.takedown import take_down

        await take_down(project, person(), self._desk)

    async def tell_news(self, screen: "Console") -> None:
        operator = not self._desk.blocks.installation.operator_chat
        await show_news(self._desk.registry, person(), screen, operator=operator)

    async def _run(self, run: str) -> Run:
        found = await self._desk.registry.run(run)
        if found is None:
            raise no_run(run)
        return found
