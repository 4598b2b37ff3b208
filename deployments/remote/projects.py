"""Projects and runs of an installation elsewhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.attaching import read_file
from deployments.place_values import Document, GoneBack, Offer, Output, Wish, no_listener
from deployments.remote.answers import Missing
from deployments.remote.client import Server
from deployments.remote.paths import at, at_run, is_project, is_run, of_project, of_run
from deployments.remote.unanswered import Unanswered
from domain.audit import AuditLine
from domain.errors import AnsweredAlready, BadInput, ServiceUnreachable
from domain.escalations import Escalation
from domain.runs import Progress

if TYPE_CHECKING:
    from rich.console import Console

LAST_RUNS = 50
"""So many runs are listed, as on the machine itself."""
LOOK_AGAIN = 1.0
LARGEST = 2_000_000_000
"""Bytes of a file; no server can be set to take more, and what it takes it says itself."""
GOING_BACK = 300
"""Looks at a rollback, each after LOOK_AGAIN seconds."""
STANDS = ("ended", "waits")
"""Names of the events after which nothing more comes by itself."""


class RemoteProjects:
    """Fulfil `deployments.asked_place.Projects` by HTTP."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._asked: dict[str, Unanswered] = {}
        """By the mark of each offer: the request that it answers."""

    async def overview(self) -> Document:
        return {"projects": await self._server.every("/v1/projects"), "ui": "", "apps": ""}

    async def project(self, slug: str) -> Document:
        found: Document = await of_project(self._server, slug)
        return found

    async def known(self, project: str) -> None:
        await of_project(self._server, project, "domains")

    async def runs(self) -> Sequence[Document]:
        found: list[Document] = (await self._server.get("/v1/runs", limit=LAST_RUNS, whole="true"))["items"]
        return found

    async def run(self, run: str) -> Document:
        found: Document = await of_run(self._server, run)
        return found

    async def last_run(self, project: str) -> tuple[str, str] | None:
        await self.known(project)
        found = (await self._server.get("/v1/runs", project=project, limit=1))["items"]
        return (found[0]["run"], found[0]["request"]) if found else None

    async def progress(self, run: str, *, stay: bool) -> AsyncIterator[Progress]:
        if not stay:
            for line in await of_run(self._server, run, "progress"):
                yield Progress.model_validate({**line, "run": run})
            return
        await self.run(run)
        async for event in self._server.events(at_run(run, "events")):
            if event.name in STANDS:
                return
            yield Progress.model_validate({**json.loads(event.data), "run": run})

    async def output(self, project: str, lines: int) -> Output:
        return Output.model_validate(await of_project(self._server, project, "output", lines=lines))

    async def history(self, project: str) -> Sequence[AuditLine]:
        await self.known(project)
        return [AuditLine.model_validate(line) for line in await self._server.every(at(project, "history"))]

    async def costs(self, project: str) -> Document:
        found: Document = await of_project(self._server, project, "costs")
        return found

    async def proof(self, project: str, run: str | None) -> Document:
        await self.known(project)
        found: Document = await self._server.get(at(project, "proof"), run=run)
        return found

    async def proof_key(self) -> str:
        """Return the public key by which proofs are signed there; empty before the first."""
        return str((await self._server.get("/v1/proof-key"))["key"])

    async def archive(self, project: str, target: Path) -> None:
        await self.known(project)
        content = await self._server.file(at(project, "archive"))
        try:
            await asyncio.to_thread(_write_new, target, content)
        except FileExistsError:
            raise BadInput(f"there is a file {target} already: name another one") from None
        except OSError as error:
            raise BadInput(f"{target} cannot be written ({error.strerror}): name another file") from None

    async def cancel(self, run: str) -> tuple[Document, bool]:
        before = await self.run(run)
        return await of_run(self._server, run, "cancel", method="POST"), before["ended"] is None

    async def tell(self, whom: str, text: str) -> Document:
        paths = [at_run(whom, "tell")] if is_run(whom) else []
        paths += [at(whom, "tell")] if is_project(whom) else []  # one may be called as runs are
        for path in paths:
            with suppress(Missing):
                said: Document = await self._server.ask("POST", path, body={"text": text})
                return said
        raise no_listener(whom)

    async def propose(self, wish: Wish, screen: "Console") -> Offer:
        body = wish.model_dump(exclude={"attach"})
        if wish.attach:
            body["files"] = [await self._sent(path) for path in wish.attach]
        asked = Unanswered(self._server.address, json.dumps(body, sort_keys=True))
        with screen.status("The Product Owner reads your request…"), asked.sending():
            said = await self._server.ask("POST", "/v1/proposals", body=body, key=asked.key)
        self._asked[said["offer"]] = asked
        return Offer(mark=said["offer"], brief=said["brief"])

    async def accept(self, offer: Offer) -> Document:
        asked = self._asked[offer.mark]
        wish, key = {"offer": offer.mark}, f"{asked.key}-accepted"
        with asked.sending():
            begun: Document = await self._server.ask("POST", "/v1/proposals/accept", body=wish, key=key)
        asked.answered()
        return begun

    async def decline(self, offer: Offer) -> None:
        self._asked[offer.mark].answered()

    async def roll_back(self, project: str, reason: str, version: int | None, data: str) -> GoneBack:
        wish = {"version": version, "data": data, "reason": reason}
        begun = await of_project(self._server, project, "rollback", body=wish, once=True)
        for _ in range(GOING_BACK):
            done = await self._server.get(at(project, "rollbacks", begun["rollback"]))
            if done["outcome"] is not None:
                return GoneBack.model_validate(done)
            await asyncio.sleep(LOOK_AGAIN)
        raise ServiceUnreachable(self._server.address, f"rolling back {project}", "it did not end: see `slipway history`")

    async def question(self, run: str) -> Escalation:
        found = await of_run(self._server, run, "escalations")
        if not found:
            raise BadInput(f"{run} asks nothing")
        return asked(found[-1])

    async def answer(self, run: str, choice: str, text: str, number: int | None) -> Escalation:
        wish = {"choice": choice, "text": text, "number": number}
        try:
            return asked(await of_run(self._server, run, "answer", body=wish, once=True))
        except Missing:
            raise
        except BadInput as refused:
            if (await self.question(run)).answer is not None:
                raise AnsweredAlready(str(refused)) from None
            raise

    async def take_down(self, project: str) -> None:
        await of_project(self._server, project, method="DELETE")

    async def _sent(self, path: Path) -> str:
        """Send the file there, and return its mark."""
        content = await asyncio.to_thread(read_file, path, LARGEST)
        return str((await self._server.ask("PUT", "/v1/files", body=content, name=path.name[-255:]))["file"])

    async def tell_news(self, screen: "Console") -> None:
        """Tell nothing: the machine's own terminal and the bot tell it, each piece once."""


def asked(document: Document) -> Escalation:
    return Escalation.model_validate({name: document[name] for name in Escalation.model_fields})


def _write_new(target: Path, content: bytes) -> None:
    with target.open("xb") as file:
        file.write(content)
