"""The installation on this machine, as commands ask it: its registry and its desk."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from deployments.asked_place import GoneBack, Output
from deployments.documents import all_runs, cost_document, known, overview, run_document, whole
from deployments.live import follow, rests
from deployments.news import show_news
from deployments.people import person
from deployments.secret_view import secret_documents
from deployments.secret_work import set_value
from domain.audit import AuditLine
from domain.errors import BadInput
from domain.escalations import Escalation
from domain.releases import live
from domain.runs import Progress, Run
from tasks.hosts import project_hosts

if TYPE_CHECKING:
    from rich.console import Console

    from deployments.data_folder import Up
    from deployments.requests import Desk


class LocalPlace:
    """Fulfil `deployments.asked_place.Place` over the desk."""

    def __init__(self, desk: "Desk", up: "Up") -> None:
        self._desk = desk
        self._up = up

    async def overview(self) -> dict[str, Any]:
        return await overview(self._desk, self._up)

    async def project(self, slug: str) -> dict[str, Any]:
        return await whole(self._desk, await known(self._desk, slug), self._up)

    async def runs(self) -> Sequence[dict[str, Any]]:
        return await all_runs(self._desk, self._up)

    async def run(self, run: str) -> dict[str, Any]:
        return await run_document(self._desk, await self._run(run), self._up)

    async def last_run(self, project: str) -> tuple[str, str] | None:
        await known(self._desk, project)
        found = await self._desk.registry.runs(project, 1)
        return (found[0].id, found[0].request.splitlines()[0][:100]) if found else None

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

    async def costs(self, project: str) -> dict[str, Any]:
        await known(self._desk, project)
        return await cost_document(self._desk, project)

    async def cancel(self, run: str) -> tuple[dict[str, Any], bool]:
        before = await self._run(run)
        ended = await self._desk.cancel(run, person())
        return await run_document(self._desk, ended, self._up), not before.state.ended

    async def roll_back(self, project: str, reason: str, version: int | None, data: str) -> GoneBack:
        from deployments.flow_results import result_of

        done = await result_of(await self._desk.rollback(project, reason, person(), version, data))
        is_done = done.outcome in ("rolled back", "data restored")
        return GoneBack(**done.model_dump(), is_done=is_done)

    async def question(self, run: str) -> Escalation:
        return await self._desk.question(run)

    async def answer(self, run: str, choice: str, text: str, number: int | None) -> Escalation:
        return await self._desk.answer(run, choice, text, person(), "cli", number)

    async def set_secret(self, project: str, name: str, value: str, *, unchecked: bool) -> str:
        return await set_value(self._desk, project, name, value, person(), unchecked=unchecked)

    async def secrets(self, project: str) -> Sequence[dict[str, Any]]:
        await known(self._desk, project)
        return await secret_documents(project, self._desk.registry, self._desk.vault)

    async def domains(self, project: str) -> Sequence[str]:
        await known(self._desk, project)
        return await project_hosts(project, self._desk.registry)

    async def remove_domain(self, project: str, host: str) -> str:
        await known(self._desk, project)
        return await self._desk.look.remove_host(project, host, person())

    async def tell_news(self, screen: "Console") -> None:
        operator = not self._desk.blocks.installation.operator_chat
        await show_news(self._desk.registry, person(), screen, operator=operator)

    async def _run(self, run: str) -> Run:
        found = await self._desk.registry.run(run)
        if found is None:
            raise BadInput(f"there is no run {run[:40]!r}: `slipway runs` lists what there is")
        return found
