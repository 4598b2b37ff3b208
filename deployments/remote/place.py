"""An installation elsewhere, as commands ask it: each question is a call of its HTTP API."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from deployments.asked_place import GoneBack, Output
from deployments.remote.client import Server
from domain.audit import AuditLine
from domain.errors import BadInput
from domain.escalations import Escalation
from domain.runs import Progress, RunState

if TYPE_CHECKING:
    from rich.console import Console

LOOK_AGAIN = 1.0
"""Seconds between two looks at a run that is followed."""
LAST_RUNS = 5
"""So many stand beside a project."""
FIELDS = ("run", "number", "diagnosis", "asked", "deadline", "answer", "answered")


class RemotePlace:
    """Fulfil `deployments.asked_place.Place` by HTTP."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def overview(self) -> dict[str, Any]:
        return {"projects": await self._server.every("/v1/projects"), "ui": "", "apps": ""}

    async def project(self, slug: str) -> dict[str, Any]:
        found, page = await asyncio.gather(
            self._server.get(f"/v1/projects/{_safe(slug)}"), self._server.get("/v1/runs", project=slug, limit=LAST_RUNS)
        )
        return {**found, "runs": await self._whole(page["items"])}

    async def runs(self) -> Sequence[dict[str, Any]]:
        return await self._whole((await self._server.get("/v1/runs"))["items"])

    async def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._server.get(f"/v1/runs/{_safe(run)}")
        return found

    async def last_run(self, project: str) -> tuple[str, str] | None:
        await self._server.get(f"/v1/projects/{_safe(project)}/costs")  # 404 where there is no such project
        found = (await self._server.get("/v1/runs", project=project, limit=1))["items"]
        return (found[0]["run"], found[0]["request"]) if found else None

    async def progress(self, run: str, *, stay: bool) -> AsyncIterator[Progress]:
        after, rests = 0, not stay
        while True:
            if stay:
                rests = is_at_rest(await self.run(run))
            for line in await self._server.get(f"/v1/runs/{_safe(run)}/progress", after=after):
                yield Progress.model_validate({**line, "run": run})
                after = line["sequence"]
            if rests:
                return
            await asyncio.sleep(LOOK_AGAIN)

    async def output(self, project: str, lines: int) -> Output:
        return Output.model_validate(await self._server.get(f"/v1/projects/{_safe(project)}/output", lines=lines))

    async def history(self, project: str) -> Sequence[AuditLine]:
        lines = await self._server.every(f"/v1/projects/{_safe(project)}/history")
        return [AuditLine.model_validate({**line, "project": project}) for line in lines]

    async def costs(self, project: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._server.get(f"/v1/projects/{_safe(project)}/costs")
        return found

    async def cancel(self, run: str) -> tuple[dict[str, Any], bool]:
        before = await self.run(run)
        return await self._server.ask("POST", f"/v1/runs/{_safe(run)}/cancel"), before["ended"] is None

    async def roll_back(self, project: str, reason: str, version: int | None, data: str) -> GoneBack:
        wish = {"version": version, "data": data, "reason": reason}
        said = await self._server.ask("POST", f"/v1/projects/{_safe(project)}/rollback", body=wish, once=str(uuid4()))
        message = f"{said['message']}: `slipway history {project}` tells how it ended"
        return GoneBack(outcome="begun", project=project, message=message, is_done=True)

    async def question(self, run: str) -> Escalation:
        found = await self._server.get(f"/v1/runs/{_safe(run)}/escalations")
        if not found:
            raise BadInput(f"{run} asks nothing")
        return asked(found[-1])

    async def answer(self, run: str, choice: str, text: str, number: int | None) -> Escalation:
        wish = {"choice": choice, "text": text, "number": number}
        return asked(await self._server.ask("POST", f"/v1/runs/{_safe(run)}/answer", body=wish, once=str(uuid4())))

    async def set_secret(self, project: str, name: str, value: str, *, unchecked: bool) -> str:
        wish = {"value": value, "unchecked": unchecked}
        said = await self._server.ask("PUT", f"/v1/projects/{_safe(project)}/secrets/{_safe(name)}", body=wish)
        return str(said["message"])

    async def secrets(self, project: str) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._server.get(f"/v1/projects/{_safe(project)}/secrets")
        return found

    async def domains(self, project: str) -> Sequence[str]:
        found: list[str] = await self._server.get(f"/v1/projects/{_safe(project)}/domains")
        return found

    async def add_domain(self, project: str, host: str) -> str:
        """Let the host lead to the project; return the sentence on it."""
        at = f"/v1/projects/{_safe(project)}/domains"
        return str((await self._server.ask("POST", at, body={"host": host}, once=str(uuid4())))["message"])

    async def remove_domain(self, project: str, host: str) -> str:
        await self._server.ask("DELETE", f"/v1/projects/{_safe(project)}/domains/{_safe(host)}")
        return host

    async def tell_news(self, screen: "Console") -> None:
        """Tell nothing: the machine's own terminal and the bot tell it, each piece once."""

    async def begin(self, project: str | None, wish: dict[str, Any]) -> dict[str, Any]:
        """Have something built or changed, and return its run, whose Brief counts as accepted."""
        path = f"/v1/projects/{_safe(project)}/changes" if project else "/v1/projects"
        begun: dict[str, Any] = await self._server.ask("POST", path, body=wish, once=str(uuid4()))
        return begun

    async def _whole(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return list(await asyncio.gather(*(self.run(row["run"]) for row in rows)))


def is_at_rest(run: dict[str, Any]) -> bool:
    """Tell whether nothing more comes by itself."""
    return run["ended"] is not None or run["state"] == RunState.WAITING.value


def asked(document: dict[str, Any]) -> Escalation:
    return Escalation.model_validate({name: document.get(name) for name in FIELDS})


def _safe(name: str) -> str:
    """Return a name that stays one part of a path."""
    from urllib.parse import quote

    return quote(name, safe="")
